// jpeglib.h needs FILE and size_t declared before it.
#include <csetjmp>
#include <cstddef>
#include <cstdio>
//
#include <jerror.h>
#include <jpeglib.h>

#include <algorithm>
#include <new>
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

constexpr std::size_t kMaxMarkerBytes = 65533;
constexpr std::string_view kExifPrefix("Exif\0\0", 6);
constexpr std::string_view kXmpPrefix("http://ns.adobe.com/xap/1.0/\0", 29);
constexpr std::string_view kSettingsPrefix = "sd35:";
constexpr std::string_view kParametersPrefix = "parameters:";
// Huffman codes take at least a bit for a block of 64 pixels; eight times that for arithmetic coding.
constexpr std::uint64_t kMaxPixelsPerByte = 4096;
constexpr int kMaxScans = 500;  // a progressive file has about ten; each costs a pass over the picture

// libjpeg's error manager with a place to return to. libjpeg points to the base.
struct Failure : jpeg_error_mgr {
  std::jmp_buf target;
  char message[JMSG_LENGTH_MAX] = "";
};

void on_error(j_common_ptr info) {
  auto* failure = static_cast<Failure*>(info->err);
  failure->format_message(info, failure->message);
  std::longjmp(failure->target, 1);
}

// libjpeg goes on with grey pixels after these; a picture with a hole is worse than an error.
bool is_damage(int code) {
  constexpr int kDamage[] = {JWRN_HIT_MARKER, JWRN_JPEG_EOF, JWRN_HUFF_BAD_CODE, JWRN_MUST_RESYNC,
                             JWRN_BOGUS_PROGRESSION};
  return std::ranges::find(kDamage, code) != std::end(kDamage);
}

void on_message(j_common_ptr info, int level) {
  if (level < 0 && is_damage(info->err->msg_code)) on_error(info);
}

void set_failure(Failure& failure) {
  jpeg_std_error(&failure);
  failure.error_exit = on_error;
  failure.emit_message = on_message;
}

struct Marker {
  int code;
  std::string payload;
};

// Appends to a vector through a block of fixed size.
struct Destination : jpeg_destination_mgr {
  std::vector<std::uint8_t> bytes;
  JOCTET block[1 << 15];

  // Whether the first `count` bytes of the block went to `bytes`.
  bool drain(std::size_t count) noexcept {
    try {
      bytes.insert(bytes.end(), block, block + count);
    } catch (const std::bad_alloc&) {
      return false;
    }
    next_output_byte = block;
    free_in_buffer = sizeof block;
    return true;
  }
};

struct Writer {
  jpeg_compress_struct info{};
  Failure failure;
  Destination destination;
  const Image* image = nullptr;
  int quality = 0;
  std::vector<Marker> markers;

  Writer() {
    set_failure(failure);
    info.err = &failure;
  }
  ~Writer() { jpeg_destroy_compress(&info); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
};

void on_start(j_compress_ptr info) { static_cast<Destination*>(info->dest)->drain(0); }

boolean on_full(j_compress_ptr info) {
  auto* destination = static_cast<Destination*>(info->dest);
  if (!destination->drain(sizeof destination->block)) ERREXIT1(info, JERR_OUT_OF_MEMORY, 0);
  return TRUE;
}

void on_end(j_compress_ptr info) {
  auto* destination = static_cast<Destination*>(info->dest);
  if (!destination->drain(sizeof destination->block - destination->free_in_buffer))
    ERREXIT1(info, JERR_OUT_OF_MEMORY, 0);
}

// Full colour resolution and Huffman tables made for the picture: a few per cent more bytes for visibly
// cleaner edges.
bool run(Writer& writer) noexcept {
  if (setjmp(writer.failure.target) != 0) return false;
  jpeg_compress_struct& info = writer.info;
  jpeg_create_compress(&info);
  writer.destination.init_destination = on_start;
  writer.destination.empty_output_buffer = on_full;
  writer.destination.term_destination = on_end;
  info.dest = &writer.destination;
  info.image_width = static_cast<JDIMENSION>(writer.image->width);
  info.image_height = static_cast<JDIMENSION>(writer.image->height);
  info.input_components = 3;
  info.in_color_space = JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, writer.quality, TRUE);
  info.optimize_coding = TRUE;
  info.comp_info[0].h_samp_factor = 1;
  info.comp_info[0].v_samp_factor = 1;
  jpeg_start_compress(&info, TRUE);
  for (const Marker& marker : writer.markers)
    jpeg_write_marker(&info, marker.code, reinterpret_cast<const JOCTET*>(marker.payload.data()),
                      static_cast<unsigned>(marker.payload.size()));
  while (info.next_scanline < info.image_height) {
    auto* row = const_cast<JSAMPROW>(writer.image->rgb.data() +
                                     std::size_t{3} * info.image_width * info.next_scanline);
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  return true;
}

// Comments, each with the prefix, that together hold `text`.
void add_comments(std::vector<Marker>& markers, std::string_view prefix, std::string_view text) {
  while (!text.empty()) {
    const std::size_t part = std::min(text.size(), kMaxMarkerBytes - prefix.size());
    markers.push_back({JPEG_COM, std::string(prefix) + std::string(text.substr(0, part))});
    text.remove_prefix(part);
  }
}

std::vector<Marker> markers_of(const Metadata& metadata) {
  std::vector<Marker> markers;
  std::string_view in_comments = metadata.parameters;
  if (!metadata.parameters.empty()) {
    const std::vector<std::uint8_t> exif = build_exif({}, metadata.parameters);
    if (kExifPrefix.size() + exif.size() <= kMaxMarkerBytes) {
      markers.push_back({JPEG_APP0 + 1, std::string(kExifPrefix) + std::string(exif.begin(), exif.end())});
      in_comments = {};
    }
  }
  if (!metadata.digital_source_type.empty())
    markers.push_back({JPEG_APP0 + 1, std::string(kXmpPrefix) + xmp_packet(metadata.digital_source_type)});
  add_comments(markers, kParametersPrefix, in_comments);
  add_comments(markers, kSettingsPrefix, metadata.settings_json);
  return markers;
}

struct Reader {
  jpeg_decompress_struct info{};
  jpeg_progress_mgr progress{};
  Failure failure;
  Bytes file;
  std::uint8_t* pixels = nullptr;

  explicit Reader(Bytes bytes) : file(bytes) {
    set_failure(failure);
    info.err = &failure;
  }
  ~Reader() { jpeg_destroy_decompress(&info); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
};

void on_progress(j_common_ptr info) {
  const auto* decompress = reinterpret_cast<j_decompress_ptr>(info);
  if (decompress->input_scan_number > kMaxScans) {
    info->err->msg_code = JERR_BAD_PROGRESSION;
    on_error(info);
  }
}

bool read_header(Reader& reader) noexcept {
  if (setjmp(reader.failure.target) != 0) return false;
  jpeg_create_decompress(&reader.info);
  reader.progress.progress_monitor = on_progress;
  reader.info.progress = &reader.progress;
  jpeg_mem_src(&reader.info, reader.file.data(), reader.file.size());
  jpeg_save_markers(&reader.info, JPEG_COM, 0xFFFF);
  jpeg_save_markers(&reader.info, JPEG_APP0 + 1, 0xFFFF);
  jpeg_read_header(&reader.info, TRUE);
  const bool has_black = reader.info.jpeg_color_space == JCS_CMYK || reader.info.jpeg_color_space == JCS_YCCK;
  reader.info.out_color_space = has_black ? JCS_CMYK : JCS_RGB;
  return true;
}

bool read_pixels(Reader& reader) noexcept {
  if (setjmp(reader.failure.target) != 0) return false;
  jpeg_decompress_struct& info = reader.info;
  jpeg_start_decompress(&info);
  while (info.output_scanline < info.output_height) {
    JSAMPROW row =
        reader.pixels + std::size_t{info.output_width} * info.output_components * info.output_scanline;
    jpeg_read_scanlines(&info, &row, 1);
  }
  jpeg_finish_decompress(&info);
  return true;
}

void open(Reader& reader) {
  if (!read_header(reader)) throw FileError(std::string("JPEG: ") + reader.failure.message);
}

// a * b / 255, rounded.
std::uint8_t scaled(unsigned a, unsigned b) { return static_cast<std::uint8_t>((a * b + 127) / 255); }

// Adobe's files store inks inverted (255: none); files without an Adobe marker store them as they are.
std::vector<std::uint8_t> rgb_from_cmyk(const std::vector<std::uint8_t>& cmyk, bool inverted) {
  const auto light = [inverted](std::uint8_t ink) {
    return static_cast<unsigned>(inverted ? ink : 255 - ink);
  };
  std::vector<std::uint8_t> rgb;
  rgb.reserve(cmyk.size() / 4 * 3);
  for (std::size_t i = 0; i < cmyk.size(); i += 4)
    for (std::size_t channel = 0; channel < 3; ++channel)
      rgb.push_back(scaled(light(cmyk[i + channel]), light(cmyk[i + 3])));
  return rgb;
}

std::string_view payload_of(const jpeg_marker_struct& marker) {
  return {reinterpret_cast<const char*>(marker.data), marker.data_length};
}

Exif exif_of(const Reader& reader) {
  for (const jpeg_marker_struct* marker = reader.info.marker_list; marker != nullptr; marker = marker->next)
    if (marker->marker == JPEG_APP0 + 1 && payload_of(*marker).starts_with(kExifPrefix))
      return parse_exif({marker->data, marker->data_length});
  return {};
}

}  // namespace

bool is_jpeg(Bytes file) { return file.size() >= 3 && file[0] == 0xFF && file[1] == 0xD8 && file[2] == 0xFF; }

std::vector<std::uint8_t> encode_jpeg(const Image& image, const Metadata& metadata, int quality) {
  Writer writer;
  writer.image = &image;
  writer.quality = quality;
  writer.markers = markers_of(metadata);
  if (!run(writer)) throw Error(std::string("JPEG: ") + writer.failure.message);
  return std::move(writer.destination.bytes);
}

StoredImage decode_jpeg(Bytes file) {
  Reader reader(file);
  open(reader);
  const std::size_t width = reader.info.image_width;
  const std::size_t height = reader.info.image_height;
  check_stored_size(width, height, kMaxPixelsPerByte * file.size());
  const bool cmyk = reader.info.out_color_space == JCS_CMYK;
  StoredImage stored{{static_cast<int>(width), static_cast<int>(height), {}}, exif_of(reader).orientation};
  stored.image.rgb.resize((cmyk ? 4 : 3) * width * height);
  reader.pixels = stored.image.rgb.data();
  if (!read_pixels(reader)) throw FileError(std::string("JPEG: ") + reader.failure.message);
  if (cmyk) stored.image.rgb = rgb_from_cmyk(stored.image.rgb, reader.info.saw_Adobe_marker != 0);
  return stored;
}

Metadata jpeg_metadata(Bytes file) {
  Reader reader(file);
  open(reader);
  Metadata metadata{exif_of(reader).comment, {}};
  for (const jpeg_marker_struct* marker = reader.info.marker_list; marker != nullptr; marker = marker->next) {
    const std::string_view payload = payload_of(*marker);
    if (marker->marker == JPEG_APP0 + 1 && payload.starts_with(kXmpPrefix))
      metadata.digital_source_type = digital_source_type_in(payload);
    if (marker->marker != JPEG_COM) continue;
    if (payload.starts_with(kSettingsPrefix))
      metadata.settings_json += payload.substr(kSettingsPrefix.size());
    if (payload.starts_with(kParametersPrefix))
      metadata.parameters += payload.substr(kParametersPrefix.size());
  }
  return {clean_utf8(metadata.parameters), clean_utf8(metadata.settings_json),
          std::move(metadata.digital_source_type)};
}

}  // namespace sd35
