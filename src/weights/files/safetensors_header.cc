#include "weights/files/safetensors_header.h"

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/error.h"
#include "core/messages.h"

namespace sd35 {
namespace {

constexpr std::array<std::pair<DType, std::string_view>, 12> kTypeNames = {{
    {DType::f64, "F64"},
    {DType::f32, "F32"},
    {DType::f16, "F16"},
    {DType::bf16, "BF16"},
    {DType::f8_e4m3, "F8_E4M3"},
    {DType::f8_e5m2, "F8_E5M2"},
    {DType::i64, "I64"},
    {DType::i32, "I32"},
    {DType::i16, "I16"},
    {DType::i8, "I8"},
    {DType::u8, "U8"},
    {DType::boolean, "BOOL"},
}};

// Types that weights never have, as types of the same size: such tensors are always left out.
constexpr std::array<std::pair<DType, std::string_view>, 5> kOtherTypes = {{
    {DType::i16, "U16"},
    {DType::i32, "U32"},
    {DType::i64, "U64"},
    {DType::i64, "C64"},
    {DType::u8, "F8_E8M0"},
}};

constexpr std::string_view kMetadata = "__metadata__";

class HeaderHandler : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit HeaderHandler(const std::string& path) : path_(path) {}

  SafetensorsHeader take() { return std::move(header_); }

  bool start_object(std::size_t /*elements*/) override {
    if (place_ == Place::outside) {
      place_ = Place::root;
    } else if (place_ == Place::root) {
      place_ = name_ == kMetadata ? Place::metadata : Place::tensor;
      fields_.clear();
      entry_ = {};
    } else {
      fail_value("an object");
    }
    return true;
  }

  bool key(std::string& key) override {
    key_ = key;
    if (place_ == Place::root) {
      name_ = key;
      if (header_.tensors.contains(name_) || (name_ == kMetadata && seen_metadata_))
        fail("it is in the header twice");
      seen_metadata_ |= name_ == kMetadata;
    } else if (place_ == Place::metadata) {
      if (header_.metadata.contains(key)) fail("key " + in_quotes(key) + " is there twice");
    } else {
      if (key != "dtype" && key != "shape" && key != "data_offsets")
        fail("unknown field " + in_quotes(key) + "; a tensor has dtype, shape and data_offsets");
      if (std::ranges::find(fields_, key) != fields_.end()) fail("field '" + key + "' is there twice");
      fields_.push_back(key);
    }
    return true;
  }

  bool string(std::string& value) override {
    if (place_ == Place::metadata)
      header_.metadata.emplace(key_, value);
    else if (place_ == Place::tensor && key_ == "dtype")
      entry_.dtype = parse_type(value);
    else
      fail_value("a string");
    return true;
  }

  bool start_array(std::size_t /*elements*/) override {
    if (place_ != Place::tensor || key_ == "dtype") fail_value("a list");
    place_ = Place::numbers;
    numbers_.clear();
    return true;
  }

  bool number_unsigned(std::uint64_t value) override {
    if (place_ != Place::numbers) fail_value("a number");
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
      fail(key_ + " holds " + std::to_string(value) + ", which is too large");
    if (key_ == "data_offsets" && numbers_.size() == 2) fail("data_offsets holds more than two numbers");
    numbers_.push_back(static_cast<std::int64_t>(value));
    return true;
  }
  bool number_integer(std::int64_t value) override {
    if (place_ != Place::numbers) fail_value("a number");
    fail(key_ + " holds " + std::to_string(value) + "; it must not be negative");
  }
  bool number_float(double /*value*/, const std::string& text) override {
    if (place_ != Place::numbers) fail_value("a number");
    fail(key_ + " holds " + in_quotes(text) + ", which is not a whole number in range");
  }

  bool end_array() override {
    place_ = Place::tensor;
    if (key_ == "shape") {
      entry_.shape = Shape(numbers_);
      return true;
    }
    if (numbers_.size() != 2)
      fail("data_offsets holds " + std::to_string(numbers_.size()) + " numbers instead of two");
    entry_.begin = static_cast<std::uint64_t>(numbers_[0]);
    entry_.end = static_cast<std::uint64_t>(numbers_[1]);
    return true;
  }

  bool end_object() override {
    if (place_ == Place::tensor) {
      for (const std::string field : {"dtype", "shape", "data_offsets"})
        if (std::ranges::find(fields_, field) == fields_.end()) fail("field '" + field + "' is missing");
      check_size();
      header_.tensors.emplace(name_, std::move(entry_));
    }
    place_ = place_ == Place::root ? Place::outside : Place::root;
    return true;
  }

  bool null() override { fail_value("null"); }
  bool boolean(bool /*value*/) override { fail_value("a boolean"); }
  bool binary(nlohmann::json::binary_t& /*value*/) override { fail_value("binary data"); }
  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const nlohmann::json::exception& /*error*/) override {
    throw FileError(path_ + ": the safetensors header is not valid JSON in UTF-8 (byte " +
                        std::to_string(position) + " of it); the file is damaged or of another format",
                    {}, path_);
  }

 private:
  enum class Place { outside, root, metadata, tensor, numbers };

  [[noreturn]] void fail(const std::string& what) const {
    throw FileError(path_ + ": " + (name_ == kMetadata ? "" : "tensor ") + in_quotes(name_) + ": " + what, {},
                    path_);
  }

  [[noreturn]] void fail_value(const std::string& what) const {
    switch (place_) {
      case Place::outside:
        throw FileError(path_ + ": the safetensors header is " + what + "; it must be an object", {}, path_);
      case Place::root:
        fail("it is " + what + "; it must be an object");
      case Place::metadata:
        fail("key " + in_quotes(key_) + " is " + what + "; metadata must be strings");
      default:
        fail(key_ + (place_ == Place::numbers ? " holds " : " is ") + what + "; it must be " +
             (key_ == "dtype" ? "the name of a type" : "a list of whole numbers"));
    }
  }

  DType parse_type(const std::string& value) const {
    for (const auto& [dtype, name] : kTypeNames)
      if (name == value) return dtype;
    for (const auto& [dtype, name] : kOtherTypes)
      if (name == value) return dtype;
    std::string known;
    for (const auto& [dtype, name] : kTypeNames) known += (known.empty() ? "" : ", ") + std::string(name);
    fail("unknown type " + in_quotes(value) + "; known are " + known);
  }

  void check_size() const {
    std::int64_t bytes = static_cast<std::int64_t>(size_of(entry_.dtype));
    for (const std::int64_t dim : entry_.shape.dims())
      if (__builtin_mul_overflow(bytes, dim, &bytes)) fail("its shape is too large");
    if (entry_.begin > entry_.end)
      fail("data_offsets end at " + std::to_string(entry_.end) + ", before they begin at " +
           std::to_string(entry_.begin));
    if (entry_.end - entry_.begin != static_cast<std::uint64_t>(bytes))
      fail("it spans " + std::to_string(entry_.end - entry_.begin) + " bytes, but " +
           std::string(safetensors_name(entry_.dtype)) + " of its shape takes " + std::to_string(bytes));
  }

  const std::string& path_;
  SafetensorsHeader header_;
  Place place_ = Place::outside;
  bool seen_metadata_ = false;
  std::string name_;                   // the key of the root being read
  std::string key_;                    // the key below it
  std::vector<std::string> fields_;    // of the tensor, so far
  std::vector<std::int64_t> numbers_;  // of the list being read
  SafetensorsHeader::Entry entry_;
};

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view text, const std::string& path) {
  HeaderHandler handler(path);
  nlohmann::json::sax_parse(text.begin(), text.end(), &handler);
  return handler.take();
}

std::string_view safetensors_name(DType dtype) {
  for (const auto& [type, name] : kTypeNames)
    if (type == dtype) return name;
  throw Error("a type without a name in safetensors");
}

}  // namespace sd35
