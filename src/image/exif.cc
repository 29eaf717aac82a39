#include "image/exif.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "image/unicode.h"

namespace sd35 {
namespace {

constexpr std::uint16_t kImageDescription = 0x010E;
constexpr std::uint16_t kOrientation = 0x0112;
constexpr std::uint16_t kExifDirectory = 0x8769;
constexpr std::uint16_t kUserComment = 0x9286;

constexpr std::uint16_t kAscii = 2;
constexpr std::uint16_t kShort = 3;
constexpr std::uint16_t kLong = 4;
constexpr std::uint16_t kUndefined = 7;

constexpr std::string_view kPrefix("Exif\0\0", 6);
constexpr std::string_view kUnicode("UNICODE\0", 8);
constexpr std::size_t kEntryBytes = 12;  // tag, type, count, value or offset

struct Entry {
  std::uint16_t tag;
  std::uint16_t type;
  std::string value;
};

std::string big_endian(std::uint32_t value, int bytes) {
  std::string text;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) text += static_cast<char>(value >> shift);
  return text;
}

// A directory that starts at `start` of the block, followed by the values that do not fit their entry.
std::string directory(const std::vector<Entry>& entries, std::size_t start) {
  std::string table = big_endian(static_cast<std::uint32_t>(entries.size()), 2);
  const std::size_t values_start = start + 2 + kEntryBytes * entries.size() + 4;
  std::string values;
  for (const Entry& entry : entries) {
    const std::size_t unit = entry.type == kLong ? 4 : 1;
    table += big_endian(entry.tag, 2) + big_endian(entry.type, 2);
    table += big_endian(static_cast<std::uint32_t>(entry.value.size() / unit), 4);
    if (entry.value.size() <= 4) {
      table += entry.value + std::string(4 - entry.value.size(), '\0');
      continue;
    }
    table += big_endian(static_cast<std::uint32_t>(values_start + values.size()), 4);
    values += entry.value;
    if (values.size() % 2 != 0) values += '\0';
  }
  return table + big_endian(0, 4) + values;  // 0: no next directory
}

// A bounds-checked view of a TIFF block.
class TiffReader {
 public:
  explicit TiffReader(std::span<const std::uint8_t> block) : block_(block) {
    if (block.size() < 8) return;
    big_endian_ = block[0] == 'M' && block[1] == 'M';
    const bool little_endian = block[0] == 'I' && block[1] == 'I';
    valid_ = (big_endian_ || little_endian) && number(2, 2) == 42;
  }

  bool valid() const { return valid_; }

  // The unsigned number of `bytes` bytes at `offset`, 0 when it is outside.
  std::uint32_t number(std::size_t offset, int bytes) const {
    std::uint32_t value = 0;
    for (int i = 0; i < bytes; ++i) {
      const std::size_t at = offset + (big_endian_ ? i : bytes - 1 - i);
      value = (value << 8) | (at < block_.size() ? block_[at] : 0u);
    }
    return value;
  }

  // Calls visit(tag, type, offset of the value, its bytes) for the valid entries of the directory.
  template <class Visit>
  void each_entry(std::size_t start, Visit visit) const {
    const std::size_t count = number(start, 2);
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t entry = start + 2 + i * kEntryBytes;
      if (entry + kEntryBytes > block_.size()) return;
      const std::uint32_t type = number(entry + 2, 2);
      const std::size_t unit = type == kLong ? 4 : type == kShort ? 2 : 1;
      const std::size_t bytes = unit * number(entry + 4, 4);
      const std::size_t value = bytes <= 4 ? entry + 8 : number(entry + 8, 4);
      if (value <= block_.size() && bytes <= block_.size() - value)
        visit(number(entry, 2), type, value, bytes);
    }
  }

  std::string_view text(std::size_t offset, std::size_t bytes) const {
    return {reinterpret_cast<const char*>(block_.data()) + offset, bytes};
  }

 private:
  std::span<const std::uint8_t> block_;
  bool big_endian_ = false;
  bool valid_ = false;
};

// The byte order is not that of the TIFF block in practice: most writers of this field put big-endian text in
// either. A byte order mark decides; else the order in which more units are below U+0100; else big-endian.
std::string from_utf16_bytes(std::string_view bytes) {
  const auto decode = [&](bool big) {
    std::u16string units;
    for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
      const auto high = static_cast<unsigned char>(bytes[big ? i : i + 1]);
      const auto low = static_cast<unsigned char>(bytes[big ? i + 1 : i]);
      units += static_cast<char16_t>(high << 8 | low);
    }
    return units;
  };
  const std::u16string big = decode(true);
  const std::u16string little = decode(false);
  const auto plain = [](const std::u16string& units) {
    return std::ranges::count_if(units, [](char16_t c) { return c < 0x100; });
  };
  std::u16string units = plain(big) >= plain(little) ? big : little;
  if (big.starts_with(u'\uFEFF')) units = big.substr(1);
  if (little.starts_with(u'\uFEFF')) units = little.substr(1);
  return utf8_from_utf16(units);
}

// The first 8 bytes name the encoding.
std::string from_user_comment(std::string_view value) {
  if (value.starts_with(kUnicode)) return from_utf16_bytes(value.substr(kUnicode.size()));
  if (value.size() < kUnicode.size()) return {};
  value.remove_prefix(kUnicode.size());
  while (value.ends_with('\0')) value.remove_suffix(1);
  return clean_utf8(value);
}

}  // namespace

std::vector<std::uint8_t> build_exif(std::string_view description, std::string_view comment) {
  constexpr std::size_t kHeaderBytes = 8;
  std::vector<Entry> main;
  std::vector<Entry> exif;
  if (!description.empty()) main.push_back({kImageDescription, kAscii, std::string(description) + '\0'});
  if (!comment.empty()) {
    std::string value(kUnicode);
    for (const char16_t unit : utf16_from_utf8(comment)) value += big_endian(unit, 2);
    exif.push_back({kUserComment, kUndefined, value});
    main.push_back({kExifDirectory, kLong, big_endian(0, 4)});
    const std::size_t exif_start = kHeaderBytes + directory(main, kHeaderBytes).size();
    main.back().value = big_endian(static_cast<std::uint32_t>(exif_start), 4);
  }
  std::string block = "MM" + big_endian(42, 2) + big_endian(kHeaderBytes, 4) + directory(main, kHeaderBytes);
  if (!exif.empty()) block += directory(exif, block.size());
  return {block.begin(), block.end()};
}

Exif parse_exif(std::span<const std::uint8_t> block) {
  if (std::ranges::equal(block.first(std::min(block.size(), kPrefix.size())), kPrefix))
    block = block.subspan(kPrefix.size());
  Exif exif;
  const TiffReader tiff(block);
  if (!tiff.valid()) return exif;
  // Texts may overlap in thousands of entries: only the last of each kind is decoded.
  std::string_view description, comment;
  std::size_t exif_start = 0;
  tiff.each_entry(tiff.number(4, 4),
                  [&](std::uint32_t tag, std::uint32_t type, std::size_t value, std::size_t bytes) {
                    if (tag == kImageDescription && type == kAscii) {
                      description = tiff.text(value, bytes);
                    } else if (tag == kOrientation && type == kShort && bytes == 2) {
                      const std::uint32_t orientation = tiff.number(value, 2);
                      if (orientation >= 1 && orientation <= 8)
                        exif.orientation = static_cast<int>(orientation);
                    } else if (tag == kExifDirectory && type == kLong && bytes == 4) {
                      exif_start = tiff.number(value, 4);
                    }
                  });
  exif.description = clean_utf8(description.substr(0, description.find('\0')));
  if (exif_start == 0) return exif;
  tiff.each_entry(exif_start, [&](std::uint32_t tag, std::uint32_t, std::size_t value, std::size_t bytes) {
    if (tag == kUserComment) comment = tiff.text(value, bytes);
  });
  exif.comment = from_user_comment(comment);
  return exif;
}

}  // namespace sd35
