// Reads the input as a picture (its size, its metadata, and few enough pixels), a PNG also with checksums
// made right, and as a block of Exif. Only Error may come out.
#include <algorithm>
#include <optional>
#include <span>

#include "image/exif.h"
#include "image/image_file.h"
#include "image/image_size.h"
#include "tests/fuzz/allow_errors.h"
#include "tests/fuzz/input_file.h"
#include "tests/fuzz/sealed.h"

namespace sd35 {
namespace {

constexpr std::int64_t kMostPixels = 1 << 20;  // a few bytes of WebP can hold 2^28

bool same_sides(const Image& image, const ImageSize& size) {
  // A PNG may say after its pixels that it is to be turned.
  return std::minmax(image.width, image.height) == std::minmax(size.width, size.height);
}

void read_picture(std::string_view picture) {
  const auto bytes = std::as_bytes(std::span(picture));
  std::optional<ImageSize> size;
  allow_errors([&] { size = image_size(bytes.first(bytes.size() / 2), bytes.size(), "fuzz"); });
  allow_errors([&] { size = image_size(bytes, bytes.size(), "fuzz"); });
  allow_errors([&] { (void)read_metadata(InputFile(picture).path()); });
  if (!size || std::int64_t{size->width} * size->height > kMostPixels) return;
  allow_errors([&] { require(same_sides(read_image(bytes, "fuzz"), *size)); });
  allow_errors([&] { (void)read_transparent_image(bytes, "fuzz"); });
}

}  // namespace
}  // namespace sd35

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sd35;
  const std::string_view bytes = text_of(data, size);
  read_picture(bytes);
  if (bytes.starts_with("\x89PNG")) read_picture(sealed_png(std::string(bytes)));
  (void)parse_exif({data, size});
  return 0;
}
