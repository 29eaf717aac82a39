#include "serving/dialects/pictures_in.h"

#include <span>
#include <utility>

#include "core/error.h"
#include "image/image_size.h"
#include "serving/http/base64.h"
#include "serving/request_error.h"

namespace sd35::serving {
namespace {

void check_size(std::span<const std::byte> bytes, const std::string& name, const RequestLimits& limits) {
  const std::optional<ImageSize> size = image_size(bytes, bytes.size(), name);
  if (!size) throw FileError(name + ": its size is not known");
  const auto pixels = static_cast<std::uint64_t>(size->width) * static_cast<std::uint64_t>(size->height);
  if (pixels <= limits.uploaded_pixels && size->width <= limits.uploaded_side &&
      size->height <= limits.uploaded_side)
    return;
  throw RequestError(400, "picture_too_large",
                     name + " is " + std::to_string(size->width) + " x " + std::to_string(size->height) +
                         "; sides up to " + std::to_string(limits.uploaded_side) + " and " +
                         std::to_string(limits.uploaded_pixels) + " pixels are taken",
                     name);
}

}  // namespace

Picture picture_of_bytes(std::string_view bytes, const std::string& name, const RequestLimits& limits) {
  try {
    const std::span file(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    check_size(std::as_bytes(file), name, limits);
    return decode(file, name);
  } catch (const RequestError&) {
    throw;
  } catch (const Error& error) {
    throw RequestError(400, "invalid_picture", error.what(), name);
  }
}

Picture picture_of_text(std::string_view text, const std::string& name, const RequestLimits& limits) {
  const std::optional<std::string> bytes = bytes_of_data_url(text);
  if (!bytes)
    throw RequestError(
        400, "invalid_picture",
        name + " must be a picture in base64, bare or as a data URL; addresses are not fetched", name);
  return picture_of_bytes(*bytes, name, limits);
}

InputPicture input_of(Picture picture, const std::string& name) {
  return {name, std::make_shared<const Picture>(std::move(picture))};
}

}  // namespace sd35::serving
