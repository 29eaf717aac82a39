#include <png.h>

#include <algorithm>
#include <cstdio>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "image/codec.h"
#include "image/exif.h"
#include "image/provenance.h"
#include "image/unicode.h"

namespace sd35 {
namespace {

constexpr char kParametersKey[] = "parameters";
constexpr char kSettingsKey[] = "sd35";
constexpr char kGraphKey[] = "prompt";
constexpr char kXmpKey[] = "XML:com.adobe.xmp";
constexpr std::size_t kSignatureBytes = 8;
// Deflate reaches 1032:1 and a byte packs up to 8 pixels.
constexpr png_uint_32 kMostTexts = 32;
constexpr std::uint64_t kMaxPixelsPerByte = 1032 * 8;

struct Failure {
  char message[160] = "";
};

void on_error(png_structp png, png_const_charp message) {
  auto* failure = static_cast<Failure*>(png_get_error_ptr(png));
  std::snprintf(failure->message, sizeof failure->message, "%s", message);
  png_longjmp(png, 1);
}

// Warnings are about chunks that we do not need.
void on_warning(png_structp, png_const_charp) {}

struct Writer {
  std::vector<std::uint8_t> bytes;
  std::vector<png_text> texts;
  const Image* image = nullptr;
  Failure failure;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &failure, on_error, on_warning);
  png_infop info = png == nullptr ? nullptr : png_create_info_struct(png);

  Writer() = default;
  ~Writer() { png_destroy_write_struct(&png, &info); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
};

bool append(std::vector<std::uint8_t>& bytes, const std::uint8_t* data, std::size_t count) noexcept {
  try {
    bytes.insert(bytes.end(), data, data + count);
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

void on_write(png_structp png, png_bytep data, std::size_t count) {
  auto* writer = static_cast<Writer*>(png_get_io_ptr(png));
  if (!append(writer->bytes, data, count)) png_error(png, "out of memory");
}

void on_flush(png_structp) {}

bool run(Writer& writer) noexcept {
  if (setjmp(png_jmpbuf(writer.png)) != 0) return false;
  png_set_write_fn(writer.png, &writer, on_write, on_flush);
  const auto width = static_cast<png_uint_32>(writer.image->width);
  const auto height = static_cast<png_uint_32>(writer.image->height);
  png_set_IHDR(writer.png, writer.info, width, height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_set_text(writer.png, writer.info, writer.texts.data(), static_cast<int>(writer.texts.size()));
  png_write_info(writer.png, writer.info);
  for (png_uint_32 y = 0; y < height; ++y)
    png_write_row(writer.png, writer.image->rgb.data() + std::size_t{3} * width * y);
  png_write_end(writer.png, writer.info);
  return true;
}

// `value` must outlive the result. libpng copies neither key nor text before png_set_text.
png_text text_chunk(const char* key, std::string& value, bool latin1) {
  static char empty[] = "";
  png_text text{};
  text.compression = latin1 ? PNG_TEXT_COMPRESSION_NONE : PNG_ITXT_COMPRESSION_NONE;
  text.key = const_cast<char*>(key);
  text.text = value.data();
  text.lang = empty;
  text.lang_key = empty;
  (latin1 ? text.text_length : text.itxt_length) = value.size();
  return text;
}

struct Reader {
  Bytes rest;
  std::vector<png_bytep> rows;
  Failure failure;
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &failure, on_error, on_warning);
  png_infop info = png == nullptr ? nullptr : png_create_info_struct(png);

  explicit Reader(Bytes file) : rest(file) {}
  ~Reader() { png_destroy_read_struct(&png, &info, nullptr); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
};

void on_read(png_structp png, png_bytep data, std::size_t count) {
  auto* reader = static_cast<Reader*>(png_get_io_ptr(png));
  if (count > reader->rest.size()) png_error(png, "the file is truncated");
  std::copy_n(reader->rest.data(), count, data);
  reader->rest = reader->rest.subspan(count);
}

bool read_header(Reader& reader) noexcept {
  if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
  png_set_read_fn(reader.png, &reader, on_read);
  // Sizes are checked separately, with a message that names them.
  png_set_user_limits(reader.png, 0x7fffffff, 0x7fffffff);
  // A thousand texts, as libpng allows, may unpack to 8 MB each from a thousandth of that.
  png_set_chunk_cache_max(reader.png, kMostTexts);
  png_read_info(reader.png, reader.info);
  return true;
}

// Every kind of PNG as 8-bit RGB, or RGBA.
bool prepare(Reader& reader, bool with_alpha) noexcept {
  if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
  png_set_expand(reader.png);
  png_set_strip_16(reader.png);
  png_set_gray_to_rgb(reader.png);
  if (with_alpha)
    png_set_add_alpha(reader.png, 0xff, PNG_FILLER_AFTER);
  else
    png_set_strip_alpha(reader.png);
  png_set_interlace_handling(reader.png);
  png_read_update_info(reader.png, reader.info);
  return true;
}

bool read_pixels(Reader& reader) noexcept {
  if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
  png_read_image(reader.png, reader.rows.data());
  png_read_end(reader.png, reader.info);
  return true;
}

void check(bool done, const Failure& failure) {
  if (!done) throw FileError(std::string("PNG: ") + failure.message);
}

// libpng allocates what a chunk says it holds before it reads it, up to 2 GiB; so every length must fit the
// file first.
void check_chunks(Bytes file) {
  constexpr std::size_t kFrameBytes = 12;  // length, type, checksum
  Bytes rest = file.subspan(kSignatureBytes);
  for (bool ended = false; !ended;) {
    if (rest.size() < kFrameBytes) throw FileError("PNG: the file is truncated");
    const std::size_t length = png_get_uint_32(rest.data());
    if (length > rest.size() - kFrameBytes) throw FileError("PNG: the file ends inside a chunk");
    const auto is_kind = [&](std::string_view name) { return std::ranges::equal(rest.subspan(4, 4), name); };
    // APNG: the number of frames, which other readers of PNG do not see.
    if (is_kind("acTL") && length >= 4 && png_get_uint_32(rest.data() + 8) > 1)
      throw FileError("PNG: it is an animation; use a still image");
    ended = is_kind("IEND");
    rest = rest.subspan(kFrameBytes + length);
  }
}

void open(Reader& reader) {
  check_chunks(reader.rest);
  if (reader.info == nullptr) throw std::bad_alloc();
  check(read_header(reader), reader.failure);
}

int orientation_of(Reader& reader) {
  png_bytep block = nullptr;
  png_uint_32 size = 0;
  if (png_get_eXIf_1(reader.png, reader.info, &size, &block) == 0) return 1;
  return parse_exif({block, size}).orientation;
}

struct Decoded {
  int width, height;
  std::vector<std::uint8_t> pixels;
  int orientation;
};

// 3 or 4 channels.
Decoded decode(Bytes file, std::size_t channels) {
  Reader reader(file);
  open(reader);
  const png_uint_32 width = png_get_image_width(reader.png, reader.info);
  const png_uint_32 height = png_get_image_height(reader.png, reader.info);
  check_stored_size(width, height, kMaxPixelsPerByte * file.size());
  check(prepare(reader, channels == 4), reader.failure);
  const std::size_t stride = channels * width;
  if (png_get_rowbytes(reader.png, reader.info) != stride) throw FileError("PNG: an unknown kind of pixels");
  std::vector<std::uint8_t> pixels(stride * height);
  for (png_uint_32 y = 0; y < height; ++y) reader.rows.push_back(pixels.data() + stride * y);
  check(read_pixels(reader), reader.failure);
  return {static_cast<int>(width), static_cast<int>(height), std::move(pixels), orientation_of(reader)};
}

}  // namespace

bool is_png(Bytes file) {
  return file.size() >= kSignatureBytes && png_sig_cmp(file.data(), 0, kSignatureBytes) == 0;
}

std::vector<std::uint8_t> encode_png(const Image& image, const Metadata& metadata) {
  Writer writer;
  if (writer.info == nullptr) throw std::bad_alloc();
  writer.image = &image;
  std::vector<std::string> values;
  values.reserve(3);  // the chunks point into it
  for (const auto& [key, text] :
       {std::pair<const char*, const std::string&>{kParametersKey, metadata.parameters},
        std::pair<const char*, const std::string&>{kSettingsKey, metadata.settings_json}}) {
    if (text.empty()) continue;
    const std::optional<std::string> latin1 = latin1_from_utf8(text);
    writer.texts.push_back(text_chunk(key, values.emplace_back(latin1.value_or(text)), latin1.has_value()));
  }
  if (!metadata.digital_source_type.empty())
    writer.texts.push_back(
        text_chunk(kXmpKey, values.emplace_back(xmp_packet(metadata.digital_source_type)), false));
  if (!run(writer)) throw Error(std::string("PNG: ") + writer.failure.message);
  return std::move(writer.bytes);
}

StoredImage decode_png(Bytes file) {
  auto [width, height, pixels, orientation] = decode(file, 3);
  return {{width, height, std::move(pixels)}, orientation};
}

StoredTransparentImage decode_transparent_png(Bytes file) {
  auto [width, height, pixels, orientation] = decode(file, 4);
  return {{width, height, std::move(pixels)}, orientation};
}

Metadata png_metadata(Bytes file) {
  Reader reader(file);
  open(reader);
  Metadata metadata;
  png_textp texts = nullptr;
  const int count = png_get_text(reader.png, reader.info, &texts, nullptr);
  for (int i = 0; i < count; ++i) {
    const png_text& text = texts[i];
    const bool international =
        text.compression == PNG_ITXT_COMPRESSION_NONE || text.compression == PNG_ITXT_COMPRESSION_zTXt;
    const std::string_view raw(text.text, international ? text.itxt_length : text.text_length);
    const std::string value = international ? clean_utf8(raw) : utf8_from_latin1(raw);
    if (std::string_view(text.key) == kParametersKey) metadata.parameters = value;
    if (std::string_view(text.key) == kSettingsKey) metadata.settings_json = value;
    if (std::string_view(text.key) == kGraphKey) metadata.comfy_graph = value;
    if (std::string_view(text.key) == kXmpKey) metadata.digital_source_type = digital_source_type_in(value);
  }
  return metadata;
}

}  // namespace sd35
