#include "weights/files/gguf_header.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <vector>

#include "core/error.h"
#include "core/messages.h"

namespace sd35 {
namespace {

static_assert(std::endian::native == std::endian::little, "GGUF files are little-endian and read in place");

constexpr std::array<std::pair<std::uint32_t, GgufType>, 18> kTypes = {{
    {0, DType::f32},
    {1, DType::f16},
    {30, DType::bf16},
    {28, DType::f64},
    {24, DType::i8},
    {25, DType::i16},
    {26, DType::i32},
    {27, DType::i64},
    {2, BlockType::q4_0},
    {3, BlockType::q4_1},
    {6, BlockType::q5_0},
    {7, BlockType::q5_1},
    {8, BlockType::q8_0},
    {10, BlockType::q2_k},
    {11, BlockType::q3_k},
    {12, BlockType::q4_k},
    {13, BlockType::q5_k},
    {14, BlockType::q6_k},
}};

constexpr std::string_view kMagic = "GGUF";
constexpr std::uint32_t kMostDimensions = 8;  // ggml has 4
constexpr std::string_view kAlignmentKey = "general.alignment";
constexpr std::string_view kShapeKey =
    "comfy.gguf.orig_shape.";  // of a tensor that was stored in another one

// The types of metadata, by number.
enum Kind : std::uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, string, array, u64, i64, f64 };

constexpr std::array kKindNames = {"u8",      "i8",     "u16",  "i16", "u32", "i32", "f32",
                                   "boolean", "string", "list", "u64", "i64", "f64"};
constexpr std::array<std::size_t, 13> kKindBytes = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

class HeaderReader {
 public:
  HeaderReader(std::span<const std::byte> file, const std::string& path) : file_(file), path_(path) {}

  GgufHeader read() {
    const std::uint64_t tensors = read_start();
    where_ = "the metadata";
    for (std::uint64_t i = 0; i < pairs_; ++i) read_pair();
    for (std::uint64_t i = 0; i < tensors; ++i) {
      where_ = "tensor " + std::to_string(i + 1) + " of " + std::to_string(tensors);
      read_tensor();
    }
    apply_shapes();
    find_data();
    return std::move(header_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { throw FileError(path_ + ": " + what, {}, path_); }

  std::span<const std::byte> take(std::uint64_t count) {
    if (count > file_.size() - at_)
      fail("the file ends inside " + where_ + "; it is cut off or damaged (download it again)");
    const auto bytes = file_.subspan(at_, count);
    at_ += count;
    return bytes;
  }

  template <class T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
  }

  std::string text() {
    const std::span<const std::byte> bytes = take(number<std::uint64_t>());
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  // Up to the counts; returns that of the tensors.
  std::uint64_t read_start() {
    if (file_.size() < kMagic.size() || std::memcmp(file_.data(), kMagic.data(), kMagic.size()) != 0)
      fail("it does not begin with 'GGUF', so it is not a GGUF file");
    at_ = kMagic.size();
    where_ = "the header";
    const auto version = number<std::uint32_t>();
    if (version != 2 && version != 3)
      fail((version & 0xffff) == 0 ? "a GGUF file of a big-endian machine; only little-endian ones are read"
                                   : "version " + std::to_string(version) + " of GGUF; 2 and 3 are read");
    const auto tensors = number<std::uint64_t>();
    pairs_ = number<std::uint64_t>();
    return tensors;
  }

  Kind kind(const std::string& key) {
    const auto number_of_kind = number<std::uint32_t>();
    if (number_of_kind >= kKindNames.size())
      fail("metadata " + in_quotes(key) + " is of unknown type " + std::to_string(number_of_kind));
    return static_cast<Kind>(number_of_kind);
  }

  void read_pair() {
    const std::string key = text();
    where_ = "metadata " + in_quotes(key);
    const Kind type = kind(key);
    std::string value = type == array ? list(key) : scalar(type);
    if (key == kAlignmentKey) set_alignment(type, value);
    if (!header_.metadata.emplace(key, std::move(value)).second) fail(where_ + " is there twice");
    where_ = "the metadata after " + in_quotes(key);
  }

  std::string scalar(Kind type) {
    switch (type) {
      case u8:
        return std::to_string(number<std::uint8_t>());
      case i8:
        return std::to_string(number<std::int8_t>());
      case u16:
        return std::to_string(number<std::uint16_t>());
      case i16:
        return std::to_string(number<std::int16_t>());
      case u32:
        return std::to_string(number<std::uint32_t>());
      case i32:
        return std::to_string(number<std::int32_t>());
      case u64:
        return std::to_string(number<std::uint64_t>());
      case i64:
        return std::to_string(number<std::int64_t>());
      case f32:
        return std::to_string(number<float>());
      case f64:
        return std::to_string(number<double>());
      case boolean:
        return number<std::uint8_t>() != 0 ? "true" : "false";
      case string:
        return text();
      case array:
        break;
    }
    fail(where_ + " is a list of lists; only lists of numbers and strings are read");
  }

  std::string list(const std::string& key) {
    constexpr std::uint64_t shown = 8;
    const Kind type = kind(key);
    const auto count = number<std::uint64_t>();
    if (type == i32 && count <= shown && key.starts_with(kShapeKey)) {
      std::vector<std::int64_t>& dims = shapes_[key.substr(kShapeKey.size())];
      while (dims.size() < count) dims.push_back(number<std::int32_t>());
      return Shape(dims).to_string();
    }
    if (count <= shown && type != string) {
      std::string values;
      for (std::uint64_t i = 0; i < count; ++i) values += (i == 0 ? "" : ", ") + scalar(type);
      return "[" + values + "]";
    }
    if (kKindBytes[type] != 0) {
      if (count > file_.size()) take(count);  // fails, and the product below cannot overflow
      take(count * kKindBytes[type]);
    } else {
      for (std::uint64_t i = 0; i < count; ++i) scalar(type);
    }
    return std::to_string(count) + " " + kKindNames[type] + "s";
  }

  void set_alignment(Kind type, const std::string& value) {
    const std::uint64_t alignment = type == u32 ? std::stoull(value) : 0;
    if (!std::has_single_bit(alignment))
      fail(where_ + " is " + kKindNames[type] + " " + in_quotes(value) +
           "; it must be a u32 and a power of two");
    alignment_ = alignment;
  }

  void read_tensor() {
    const std::string name = text();
    where_ = "tensor " + in_quotes(name);
    const auto rank = number<std::uint32_t>();
    if (rank > kMostDimensions)
      fail(where_ + " has " + std::to_string(rank) + " dimensions; " + std::to_string(kMostDimensions) +
           " at most are read");
    std::vector<std::int64_t> dims(rank);
    std::int64_t elements = 1;
    for (std::int64_t& dim : dims) {
      const auto stored = number<std::uint64_t>();
      if (stored > INT64_MAX) fail(where_ + " has a dimension of " + std::to_string(stored));
      dim = static_cast<std::int64_t>(stored);
      if (__builtin_mul_overflow(elements, dim, &elements))
        fail(where_ + " is too large: its shape overflows");
    }
    GgufHeader::Entry entry;
    entry.type = type_of(number<std::uint32_t>());
    entry.begin = number<std::uint64_t>();
    entry.end = entry.begin + bytes_of(entry.type, dims, elements);
    if (entry.end < entry.begin) fail(where_ + " lies at an offset of " + std::to_string(entry.begin));
    if (entry.begin % alignment_ != 0)
      fail(where_ + " lies at offset " + std::to_string(entry.begin) + ", which is not a multiple of " +
           std::to_string(alignment_));
    std::ranges::reverse(dims);
    entry.shape = Shape(std::move(dims));
    if (!header_.tensors.emplace(name, std::move(entry)).second) fail(where_ + " is there twice");
  }

  GgufType type_of(std::uint32_t number_of_type) const {
    for (const auto& [number, type] : kTypes)
      if (number == number_of_type) return type;
    fail(where_ + " is of GGUF type " + std::to_string(number_of_type) +
         ", which is not read; known are F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1 and Q2_K to Q6_K");
  }

  // `dims`: as in the file, the row first.
  std::uint64_t bytes_of(GgufType type, const std::vector<std::int64_t>& dims, std::int64_t elements) const {
    std::int64_t unit = 1, size = 0, bytes = 0;
    if (const BlockType* blocks = std::get_if<BlockType>(&type)) {
      unit = static_cast<std::int64_t>(block_elements(*blocks));
      size = static_cast<std::int64_t>(block_bytes(*blocks));
      const std::int64_t row = dims.empty() ? 1 : dims[0];
      if (row % unit != 0)
        fail(where_ + " has rows of " + std::to_string(row) + " elements, which blocks of " +
             std::string(name_of(*blocks)) + " do not divide");
    } else {
      size = static_cast<std::int64_t>(size_of(std::get<DType>(type)));
    }
    if (__builtin_mul_overflow(elements / unit, size, &bytes))
      fail(where_ + " is too large: its size overflows");
    return static_cast<std::uint64_t>(bytes);
  }

  // Tensors that were stored in another shape get their own back.
  void apply_shapes() {
    for (const auto& [name, dims] : shapes_) {
      const auto found = header_.tensors.find(name);
      if (found == header_.tensors.end()) continue;
      std::int64_t elements = 1;
      bool possible = true;
      for (const std::int64_t dim : dims)
        possible = possible && dim >= 0 && !__builtin_mul_overflow(elements, dim, &elements);
      Shape& shape = found->second.shape;
      if (!possible || elements != shape.numel())
        fail("tensor " + in_quotes(name) + " of shape " + shape.to_string() + " cannot have had shape " +
             Shape(dims).to_string() + ", as its metadata says");
      shape = Shape(dims);
    }
  }

  // Where the data begins, and whether all tensors lie in it without overlapping.
  void find_data() {
    const std::uint64_t begin = (at_ + alignment_ - 1) / alignment_ * alignment_;
    header_.data_begin = std::min<std::uint64_t>(begin, file_.size());
    const std::uint64_t size = file_.size() - header_.data_begin;
    using Item = std::pair<const std::string, GgufHeader::Entry>;
    std::vector<const Item*> order;
    for (const Item& item : header_.tensors) order.push_back(&item);
    std::ranges::sort(order, {},
                      [](const Item* item) { return std::pair(item->second.begin, item->second.end); });
    const Item* previous = nullptr;
    for (const Item* item : order) {
      const auto& [name, entry] = *item;
      if (entry.end > size)
        fail("tensor " + in_quotes(name) + " ends at byte " + std::to_string(entry.end) + " of " +
             std::to_string(size) + "; the file is cut off (download it again)");
      if (previous != nullptr && entry.begin < previous->second.end)
        fail("tensor " + in_quotes(name) + " overlaps tensor " + in_quotes(previous->first));
      previous = item;
    }
  }

  std::span<const std::byte> file_;
  const std::string& path_;
  std::uint64_t at_ = 0;
  std::uint64_t pairs_ = 0;  // of metadata
  std::uint64_t alignment_ = 32;
  std::string where_;                                        // what is being read
  std::map<std::string, std::vector<std::int64_t>> shapes_;  // by tensor, as metadata have them
  GgufHeader header_;
};

}  // namespace

std::optional<std::uint32_t> gguf_number(GgufType type) {
  for (const auto& [number, known] : kTypes)
    if (known == type) return number;
  return std::nullopt;
}

std::size_t gguf_bytes(GgufType type, std::int64_t elements) {
  const auto count = static_cast<std::size_t>(elements);
  if (const BlockType* blocks = std::get_if<BlockType>(&type))
    return count / block_elements(*blocks) * block_bytes(*blocks);
  return count * size_of(std::get<DType>(type));
}

GgufHeader parse_gguf_header(std::span<const std::byte> file, const std::string& path) {
  return HeaderReader(file, path).read();
}

}  // namespace sd35
