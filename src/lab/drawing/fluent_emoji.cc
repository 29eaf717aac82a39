#include "lab/drawing/fluent_emoji.h"

#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <unordered_map>

#include "image/image_file.h"

// Made by the build: for each file its code point and its length, four bytes each, and its bytes.
extern "C" const std::byte sd35_fluent_emoji[];
extern "C" const std::byte sd35_fluent_emoji_end[];

namespace sd35 {
namespace {

using FluentFiles = std::unordered_map<char32_t, std::span<const std::byte>>;

std::uint32_t number_at(const std::byte* bytes) {
  std::uint32_t number = 0;
  std::memcpy(&number, bytes, sizeof(number));
  return number;
}

const FluentFiles& fluent_files() {
  static const FluentFiles kFiles = [] {
    FluentFiles files;
    for (const std::byte* at = sd35_fluent_emoji; at != sd35_fluent_emoji_end;) {
      const std::span<const std::byte> file(at + 8, number_at(at + 4));
      files.emplace(static_cast<char32_t>(number_at(at)), file);
      at = file.data() + file.size();
    }
    return files;
  }();
  return kFiles;
}

}  // namespace

std::optional<Surface> fluent_picture(char32_t character) {
  const auto found = fluent_files().find(character);
  if (found == fluent_files().end()) return std::nullopt;
  const TransparentImage image = read_transparent_image(found->second, "a picture of assets/fluent-emoji");
  Surface surface = make_surface(image.width, image.height);
  cairo_surface_flush(surface.get());
  unsigned char* pixels = cairo_image_surface_get_data(surface.get());
  const int stride = cairo_image_surface_get_stride(surface.get());
  const std::uint8_t* from = image.rgba.data();
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x, from += 4) {
      const std::uint32_t alpha = from[3];
      const auto premultiplied = [alpha](std::uint32_t value) { return (value * alpha + 127) / 255; };
      const std::uint32_t pixel =
          alpha << 24 | premultiplied(from[0]) << 16 | premultiplied(from[1]) << 8 | premultiplied(from[2]);
      std::memcpy(pixels + static_cast<std::ptrdiff_t>(y) * stride + std::ptrdiff_t{4} * x, &pixel, 4);
    }
  }
  cairo_surface_mark_dirty(surface.get());
  return surface;
}

}  // namespace sd35
