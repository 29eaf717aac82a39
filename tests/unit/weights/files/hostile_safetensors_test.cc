// Files that the format forbids: each is refused with one line that names the file and the fault.
#include "tests/unit/weights/weight_files.h"
#include "weights/files/safetensors.h"

namespace sd35 {
namespace {

struct HostileHeader {
  const char* fault;  // a name for the test
  std::string header;
  std::size_t data_bytes;
  std::string message;  // part of it
};

std::string tensor(const std::string& fields) { return "{\"t\":{" + fields + "}}"; }

std::string spanning(const std::string& begin, const std::string& end) {
  return tensor(R"("dtype":"F32","shape":[2],"data_offsets":[)" + begin + "," + end + "]");
}

std::string shaped(const std::string& shape) {
  return tensor(R"("dtype":"F32","shape":)" + shape + R"(,"data_offsets":[0,8])");
}

std::string two(const std::string& first, const std::string& second) {
  return R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[)" + first +
         R"(]},"b":{"dtype":"U8","shape":[4],"data_offsets":[)" + second + "]}}";
}

std::vector<HostileHeader> hostile_headers() {
  const std::string good = R"("dtype":"F32","shape":[2],"data_offsets":[0,8])";
  return {
      {"no_json", "{\"t\":", 8, "not valid JSON"},
      {"no_utf8", "{\"\xff\":{}}", 8, "not valid JSON in UTF-8"},
      {"trailing_text", tensor(good) + "x", 8, "not valid JSON"},
      {"not_an_object", "[]", 0, "does not start with '{'"},
      {"leading_space", " {}", 0, "does not start with '{'"},
      {"tensor_is_number", R"({"t":1})", 0, "tensor 't': it is a number; it must be an object"},
      {"tensor_is_null", R"({"t":null})", 0, "tensor 't': it is null"},
      {"tensor_is_list", R"({"t":[]})", 0, "tensor 't': it is a list"},
      {"deep_list", R"({"t":)" + std::string(100000, '[') + "}", 0, "tensor 't': it is a list"},
      {"deep_object", R"({"t":{"dtype":{"dtype":{}}}})", 0,
       "dtype is an object; it must be the name of a type"},
      {"duplicate_tensor", R"({"t":{)" + good + R"(},"t":{)" + good + "}}", 8,
       "tensor 't': it is in the header twice"},
      {"duplicate_field", tensor(good + R"(,"dtype":"F32")"), 8, "field 'dtype' is there twice"},
      {"unknown_field", tensor(good + R"(,"strides":[1])"), 8, "unknown field 'strides'"},
      {"no_type", tensor(R"("shape":[2],"data_offsets":[0,8])"), 8, "field 'dtype' is missing"},
      {"no_shape", tensor(R"("dtype":"F32","data_offsets":[0,8])"), 8, "field 'shape' is missing"},
      {"no_offsets", tensor(R"("dtype":"F32","shape":[2])"), 8, "field 'data_offsets' is missing"},
      {"unknown_type", tensor(R"("dtype":"F33","shape":[2],"data_offsets":[0,8])"), 8,
       "unknown type 'F33'; known are F64, F32"},
      {"type_is_number", tensor(R"("dtype":4,"shape":[2],"data_offsets":[0,8])"), 8, "dtype is a number"},
      {"type_is_list", tensor(R"("dtype":[4],"shape":[2],"data_offsets":[0,8])"), 8, "dtype is a list"},
      {"shape_is_text", shaped("\"2\""), 8, "shape is a string; it must be a list of whole numbers"},
      {"shape_holds_text", shaped("[\"2\"]"), 8, "shape holds a string"},
      {"shape_holds_list", shaped("[[2]]"), 8, "shape holds a list"},
      {"shape_holds_null", shaped("[null]"), 8, "shape holds null"},
      {"negative_shape", shaped("[-2]"), 8, "shape holds -2; it must not be negative"},
      {"two_negative_sizes", shaped("[-2,-1]"), 8, "shape holds -2; it must not be negative"},
      {"fractional_shape", shaped("[2.5]"), 8, "shape holds '2.5', which is not a whole number"},
      {"huge_number", shaped("[1e400]"), 8, "not valid JSON"},
      {"shape_beyond_64_bits", shaped("[99999999999999999999]"), 8, "not a whole number in range"},
      {"shape_beyond_63_bits", shaped("[9223372036854775808]"), 8,
       "shape holds 9223372036854775808, which is too large"},
      {"overflowing_shape", shaped("[4294967296,4294967296]"), 8, "its shape is too large"},
      {"overflow_hidden_by_zero", shaped("[4294967296,4294967296,0]"), 8, "its shape is too large"},
      {"overflow_by_type", shaped("[2305843009213693952]"), 8, "its shape is too large"},
      {"size_mismatch", shaped("[3]"), 8, "it spans 8 bytes, but F32 of its shape takes 12"},
      {"one_offset", tensor(R"("dtype":"F32","shape":[2],"data_offsets":[8])"), 8,
       "data_offsets holds 1 numbers"},
      {"three_offsets", tensor(R"("dtype":"F32","shape":[2],"data_offsets":[0,8,8])"), 8,
       "more than two numbers"},
      {"negative_offset", spanning("-8", "0"), 8, "data_offsets holds -8; it must not be negative"},
      {"fractional_offset", spanning("0", "8.0"), 8, "data_offsets holds '8.0', which is not a whole number"},
      {"begin_after_end", spanning("8", "0"), 8, "data_offsets end at 0, before they begin at 8"},
      {"end_beyond_file", spanning("0", "8"), 7, "tensor 't' ends at byte 8 of 7; the file is cut off"},
      {"offset_wraps", spanning("18446744073709551608", "0"), 8, "too large"},
      {"hole_at_start", spanning("4", "12"), 12, "4 bytes before tensor 't' belong to no tensor"},
      {"hole_between", two("0,4", "6,10"), 10, "2 bytes before tensor 'b' belong to no tensor"},
      {"bytes_after_last", spanning("0", "8"), 9, "the last 1 bytes belong to no tensor"},
      {"no_tensor_but_data", "{}", 5, "the last 5 bytes belong to no tensor"},
      {"overlap", two("0,4", "3,7"), 7, "tensor 'b' overlaps tensor 'a'"},
      {"same_place", two("0,4", "0,4"), 4, "tensor 'b' overlaps tensor 'a'"},
      {"metadata_is_text", R"({"__metadata__":"x"})", 0,
       "'__metadata__': it is a string; it must be an object"},
      {"metadata_holds_number", R"({"__metadata__":{"k":1}})", 0,
       "key 'k' is a number; metadata must be strings"},
      {"metadata_holds_object", R"({"__metadata__":{"k":{}}})", 0,
       "key 'k' is an object; metadata must be strings"},
      {"metadata_twice", R"({"__metadata__":{},"__metadata__":{}})", 0,
       "'__metadata__': it is in the header twice"},
      {"metadata_key_twice", R"({"__metadata__":{"k":"1","k":"2"}})", 0, "key 'k' is there twice"},
      {"name_with_newline", R"({"a\nb":1})", 0, "tensor 'a\\x0ab': it is a number"},
      {"long_name", "{\"" + std::string(5000, 'n') + "\":1}", 0, std::string(200, 'n') + "...'"},
  };
}

class HostileSafetensors : public testing::TestWithParam<HostileHeader> {};

TEST_P(HostileSafetensors, IsRefused) {
  const TemporaryFolder folder;
  const auto path = folder / "hostile.safetensors";
  put_file(path, safetensors_bytes(GetParam().header, GetParam().data_bytes));
  const std::string message = file_error(path, [&] { read_safetensors(path); });
  EXPECT_TRUE(message.starts_with(path.string() + ": ")) << message;
  EXPECT_NE(message.find(GetParam().message), std::string::npos) << message;
}

INSTANTIATE_TEST_SUITE_P(Corpus, HostileSafetensors, testing::ValuesIn(hostile_headers()),
                         [](const auto& info) { return std::string(info.param.fault); });

TEST(HostileSafetensors, LengthOfTheHeader) {
  const TemporaryFolder folder;
  const auto path = folder / "hostile.safetensors";
  const auto error = [&](const std::string& bytes) {
    put_file(path, bytes);
    return file_error(path, [&] { read_safetensors(path); });
  };
  const std::string huge("\xff\xff\xff\xff\xff\xff\xff\xff", 8);
  const std::string over_limit("\x01\xe1\xf5\x05\0\0\0\0", 8);  // 100,000,001
  EXPECT_NE(error("").find("it is an empty file"), std::string::npos);
  EXPECT_NE(error("\1\2\3\4\5\6\7").find("of 7 bytes has no header"), std::string::npos);
  EXPECT_NE(error(huge + "{}").find("more than the 100 MB allowed"), std::string::npos);
  EXPECT_NE(error(over_limit + "{}").find("more than the 100 MB allowed"), std::string::npos);
  EXPECT_NE(error(std::string("\x03\0\0\0\0\0\0\0", 8) + "{}").find("claims 3 bytes of the 2 there are"),
            std::string::npos);
  EXPECT_NE(error(std::string(8, '\0')).find("does not start with '{'"), std::string::npos);
}

TEST(HostileSafetensors, ThingsThatAreNoFiles) {
  const TemporaryFolder folder;
  EXPECT_NE(file_error([&] { read_safetensors(folder.path()); }).find("it is not a regular file"),
            std::string::npos);
  EXPECT_NE(file_error(folder / "none", [&] { read_safetensors(folder / "none"); })
                .find("No such file or directory"),
            std::string::npos);
  EXPECT_NE(file_error([&] { read_safetensors("/dev/zero"); }).find("it is not a regular file"),
            std::string::npos);
}

TEST(HostileSafetensors, WhatTheFormatAllows) {
  const TemporaryFolder folder;
  const auto path = folder / "a.safetensors";
  const std::string header =
      R"({"b":{"shape":[],"data_offsets":[4,5],"dtype":"BOOL"},"":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
      R"("z":{"dtype":"F64","shape":[0,9223372036854775807],"data_offsets":[5,5]}}   )";
  put_file(path, safetensors_bytes(header, 5));
  EXPECT_EQ(read_safetensors(path).tensors.size(), 3u);
  put_file(path, safetensors_bytes("{}", 0));
  EXPECT_TRUE(read_safetensors(path).tensors.empty());
}

}  // namespace
}  // namespace sd35
