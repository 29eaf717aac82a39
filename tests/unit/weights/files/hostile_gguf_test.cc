#include <cstring>

#include "tests/unit/weights/weight_files.h"
#include "weights/files/gguf.h"

namespace sd35 {
namespace {

constexpr std::uint64_t kHuge = std::uint64_t{1} << 62;

// The bytes of a GGUF file, put together field by field.
class Bytes {
 public:
  Bytes& start(std::uint64_t tensors, std::uint64_t pairs, std::uint32_t version = 3) {
    bytes_ = "GGUF";
    return number(version).number(tensors).number(pairs);
  }
  template <class T>
  Bytes& number(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value));
    return *this;
  }
  Bytes& text(const std::string& value) {
    number<std::uint64_t>(value.size());
    bytes_ += value;
    return *this;
  }
  Bytes& tensor(const std::string& name, const std::vector<std::uint64_t>& dims, std::uint32_t type,
                std::uint64_t offset) {
    text(name).number(static_cast<std::uint32_t>(dims.size()));
    for (const std::uint64_t dim : dims) number(dim);
    return number(type).number(offset);
  }
  Bytes& data(std::size_t count) {
    bytes_.resize((bytes_.size() + 31) / 32 * 32 + count);
    return *this;
  }
  const std::string& get() const { return bytes_; }

 private:
  std::string bytes_;
};

struct HostileFile {
  const char* fault;
  Bytes bytes;
  std::string message;
};

void PrintTo(const HostileFile& file, std::ostream* out) { *out << file.fault; }

constexpr std::uint32_t kU32 = 4, kI32 = 5, kString = 8, kList = 9;

std::vector<HostileFile> hostile_gguf_headers() {
  return {
      {"empty", {}, "does not begin with 'GGUF'"},
      {"version_1", Bytes().start(0, 0, 1), "version 1 of GGUF; 2 and 3 are read"},
      {"big_endian", Bytes().start(0, 0, 0x03000000), "big-endian"},
      {"many_tensors", Bytes().start(kHuge, 0), "ends inside tensor 1 of 4611686018427387904"},
      {"many_pairs", Bytes().start(0, kHuge), "ends inside the metadata"},
      {"long_key", Bytes().start(0, 1).number(kHuge), "ends inside the metadata"},
      {"unknown_kind", Bytes().start(0, 1).text("k").number(13u), "metadata 'k' is of unknown type 13"},
      {"long_text", Bytes().start(0, 1).text("k").number(kString).number(~std::uint64_t{0}),
       "ends inside metadata 'k'"},
      {"long_list", Bytes().start(0, 1).text("k").number(kList).number(kU32).number(kHuge),
       "ends inside metadata 'k'"},
      {"long_list_of_texts", Bytes().start(0, 1).text("k").number(kList).number(kString).number(kHuge),
       "ends inside metadata 'k'"},
      {"list_of_lists", Bytes().start(0, 1).text("k").number(kList).number(kList).number(kHuge),
       "list of lists"},
      {"key_twice", Bytes().start(0, 2).text("k").number(kU32).number(1u).text("k").number(kU32).number(1u),
       "metadata 'k' is there twice"},
      {"alignment_0", Bytes().start(0, 1).text("general.alignment").number(kU32).number(0u), "power of two"},
      {"alignment_48", Bytes().start(0, 1).text("general.alignment").number(kU32).number(48u),
       "power of two"},
      {"alignment_text", Bytes().start(0, 1).text("general.alignment").number(kString).text("32"),
       "string '32'"},
  };
}

std::vector<HostileFile> hostile_tensors() {
  return {
      {"many_dimensions", Bytes().start(1, 0).tensor("t", std::vector<std::uint64_t>(9, 1), 0, 0),
       "tensor 't' has 9 dimensions"},
      {"claimed_dimensions", Bytes().start(1, 0).text("t").number(0xffffffffu),
       "tensor 't' has 4294967295 dimensions"},
      {"negative_dimension", Bytes().start(1, 0).tensor("t", {~std::uint64_t{0}}, 0, 0),
       "has a dimension of"},
      {"shape_overflows", Bytes().start(1, 0).tensor("t", {kHuge, 8}, 0, 0), "tensor 't' is too large"},
      {"size_overflows", Bytes().start(1, 0).tensor("t", {kHuge}, 0, 0), "tensor 't' is too large"},
      {"unknown_type", Bytes().start(1, 0).tensor("t", {32}, 19, 0), "tensor 't' is of GGUF type 19"},
      {"removed_type", Bytes().start(1, 0).tensor("t", {32}, 4, 0), "known are F32"},
      {"half_a_block", Bytes().start(1, 0).tensor("t", {48, 2}, 8, 0), "blocks of q8_0 do not divide"},
      {"a_scalar_block", Bytes().start(1, 0).tensor("t", {}, 8, 0), "blocks of q8_0 do not divide"},
      {"not_aligned", Bytes().start(1, 0).tensor("t", {2}, 0, 16).data(64), "not a multiple of 32"},
      {"offset_overflows", Bytes().start(1, 0).tensor("t", {64}, 0, ~std::uint64_t{31}).data(64),
       "lies at an offset"},
      {"beyond_the_end", Bytes().start(1, 0).tensor("t", {64}, 0, 32).data(256),
       "tensor 't' ends at byte 288 of 256"},
      {"no_data", Bytes().start(1, 0).tensor("t", {1}, 0, 0), "tensor 't' ends at byte 4 of 0"},
      {"overlap", Bytes().start(2, 0).tensor("a", {16}, 0, 0).tensor("b", {8}, 0, 32).data(64),
       "tensor 'b' overlaps tensor 'a'"},
      {"same_place", Bytes().start(2, 0).tensor("a", {8}, 0, 0).tensor("b", {8}, 0, 0).data(64),
       "tensor 'b' overlaps tensor 'a'"},
      {"name_twice", Bytes().start(2, 0).tensor("a", {8}, 0, 0).tensor("a", {8}, 0, 32).data(64),
       "tensor 'a' is there twice"},
      {"name_with_newline", Bytes().start(1, 0).tensor("a\nb", {8}, 99, 0), "tensor 'a\\x0ab'"},
      {"impossible_shape",
       Bytes()
           .start(1, 1)
           .text("comfy.gguf.orig_shape.t")
           .number(kList)
           .number(kI32)
           .number(std::uint64_t{2})
           .number(3)
           .number(3)
           .tensor("t", {8}, 0, 0)
           .data(32),
       "tensor 't' of shape [8] cannot have had shape [3, 3]"},
      {"negative_shape",
       Bytes()
           .start(1, 1)
           .text("comfy.gguf.orig_shape.t")
           .number(kList)
           .number(kI32)
           .number(std::uint64_t{2})
           .number(-2)
           .number(-4)
           .tensor("t", {8}, 0, 0)
           .data(32),
       "cannot have had shape"},
  };
}

class HostileGguf : public testing::TestWithParam<HostileFile> {};

TEST_P(HostileGguf, IsRefused) {
  const TemporaryFolder folder;
  const auto path = folder / "hostile.gguf";
  put_file(path, GetParam().bytes.get());
  const std::string message = file_error(path, [&] { read_gguf(path); });
  EXPECT_TRUE(message.starts_with(path.string() + ": ")) << message;
  EXPECT_NE(message.find(GetParam().message), std::string::npos) << message;
}

INSTANTIATE_TEST_SUITE_P(Headers, HostileGguf, testing::ValuesIn(hostile_gguf_headers()),
                         [](const auto& info) { return std::string(info.param.fault); });
INSTANTIATE_TEST_SUITE_P(Tensors, HostileGguf, testing::ValuesIn(hostile_tensors()),
                         [](const auto& info) { return std::string(info.param.fault); });

TEST(HostileGguf, CutAnywhere) {
  const TemporaryFolder folder;
  const auto path = folder / "cut.gguf";
  const std::string whole = file_bytes(std::string(SD35_SOURCE_DIR) + "/tests/golden/gguf/container.gguf");
  for (std::size_t size = 0; size < whole.size() - 64; size += size < 1500 ? 7 : 997) {
    put_file(path, whole.substr(0, size));
    EXPECT_TRUE(file_error(path, [&] { read_gguf(path); }).starts_with(path.string())) << size;
  }
}

TEST(HostileGguf, WhatTheFormatAllows) {
  const TemporaryFolder folder;
  const auto path = folder / "a.gguf";
  const auto read = [&](const Bytes& bytes) {
    put_file(path, bytes.get());
    return read_gguf(path).tensors;
  };
  EXPECT_TRUE(read(Bytes().start(0, 0)).empty());
  EXPECT_EQ(read(Bytes().start(1, 0, 2).tensor("scalar", {}, 0, 0).data(4)).at("scalar").shape, Shape{});
  EXPECT_EQ(read(Bytes().start(1, 0).tensor("none", {0, kHuge}, 8, 0)).at("none").shape,
            (Shape{static_cast<std::int64_t>(kHuge), 0}));
  EXPECT_EQ(read(Bytes().start(2, 0).tensor("a", {8}, 0, 64).tensor("b", {8}, 0, 0).data(96)).size(), 2u);
}

}  // namespace
}  // namespace sd35
