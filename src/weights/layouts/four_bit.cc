#include "weights/layouts/four_bit.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "core/config_file.h"
#include "core/error.h"
#include "core/location.h"
#include "core/messages.h"
#include "quant/nf4.h"

namespace sd35 {
namespace {

constexpr std::string_view kState = ".quant_state.bitsandbytes__";
constexpr std::int64_t kLargestDimension = std::int64_t{1} << 24;

// The tensors that belong to one weight, taken from among the others.
class FourBitReader {
 public:
  FourBitReader(StoredTensors& tensors, const std::string& location, std::string name)
      : tensors_(tensors), location_(location), name_(std::move(name)) {}

  // `type`: "nf4" or "fp4".
  StoredTensor read(std::string_view type, const std::string& state_name) {
    const StoredTensor state = take(state_name);
    const nlohmann::json json = parse_state(state, state_name);
    const ConfigReader reader(json, shown(state_name));
    reader.choice("quant_type", {std::string(type)});
    StoredTensor result = take(name_);
    result.shape = shape_of(reader);
    result.dtype = dtype_of(reader);
    FourBitWeight weight;
    weight.count = result.shape.numel();
    weight.block = reader.integer("blocksize", 32, 4096);
    if (!std::has_single_bit(static_cast<std::uint64_t>(weight.block)))
      reader.fail("blocksize", "is " + std::to_string(weight.block) + ", which is not a power of two");
    weight.nibbles = packed_bytes(result, (weight.count + 1) / 2);
    std::ranges::copy(floats(name_ + ".quant_map", 16).floats(), weight.code.begin());
    if (reader.has("nested_blocksize")) {
      weight.nested = read_nested(reader, weight.blocks());
      weight.absmax = vector(name_ + ".absmax", DType::u8, weight.blocks());
    } else {
      weight.absmax = floats(name_ + ".absmax", weight.blocks());
    }
    result.encoding = std::make_shared<FourBitEncoding>(type, std::move(weight));
    return result;
  }

 private:
  Location shown(const std::string& name) const {
    return {location_ + ": tensor " + in_quotes(name), location_};
  }

  StoredTensor take(const std::string& name) {
    const auto found = tensors_.extract(name);
    if (found.empty())
      throw FileError(shown(name) + " is missing, which the 4-bit weight " + in_quotes(name_) + " needs", {},
                      location_);
    return found.mapped();
  }

  nlohmann::json parse_state(const StoredTensor& state, const std::string& name) const {
    const std::span<const std::byte> bytes = state.segments.at(0);
    return parse_json_object({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, shown(name));
  }

  static Shape shape_of(const ConfigReader& reader) {
    std::vector<std::int64_t> dims = reader.integers("shape", 0, kLargestDimension, 4);
    // Four dimensions of at most 2^24 overflow; more than 2^40 elements no file holds.
    double elements = 1;
    for (const std::int64_t dim : dims) {
      elements *= static_cast<double>(dim);
      if (elements > 0x1p40) reader.fail("shape", "has more elements than any file");
    }
    return Shape(std::move(dims));
  }

  static DType dtype_of(const ConfigReader& reader) {
    const std::string name = reader.choice("dtype", {"bfloat16", "float16", "float32"});
    return name == "bfloat16" ? DType::bf16 : name == "float16" ? DType::f16 : DType::f32;
  }

  // Of any type: the option bnb_4bit_quant_storage stores the same bytes as other elements.
  Tensor packed_bytes(const StoredTensor& stored, std::int64_t expected) const {
    StoredTensor bytes = stored;
    bytes.dtype = DType::u8;
    bytes.shape = Shape{static_cast<std::int64_t>(stored.bytes())};
    if (bytes.shape[0] != expected || stored.encoded())
      throw FileError(shown(name_) + " holds " + std::to_string(bytes.shape[0]) + " bytes, but " +
                          stored.shape.to_string() + " of 4 bits each are " + std::to_string(expected),
                      {}, location_);
    return bytes.read();
  }

  Tensor vector(const std::string& name, DType dtype, std::int64_t count) {
    const StoredTensor stored = take(name);
    if (stored.dtype != dtype || stored.shape.numel() != count)
      throw FileError(shown(name) + " is " + std::string(name_of(stored.dtype)) + " " +
                          stored.shape.to_string() + " instead of " + std::to_string(count) + " of " +
                          std::string(name_of(dtype)),
                      {}, location_);
    return stored.read().reshape({count});
  }
  // Copied, because the file may hold them at an odd place and they are small.
  Tensor floats(const std::string& name, std::int64_t count) {
    return vector(name, DType::f32, count).clone();
  }

  NestedScales read_nested(const ConfigReader& reader, std::int64_t scales) {
    NestedScales nested;
    nested.block = reader.integer("nested_blocksize", 1, 1 << 20);
    nested.offset = static_cast<float>(reader.number("nested_offset", -1e30, 1e30));
    reader.choice("nested_dtype", {"float32"});
    std::ranges::copy(floats(name_ + ".nested_quant_map", 256).floats(), nested.map.begin());
    nested.absmax = floats(name_ + ".nested_absmax", (scales + nested.block - 1) / nested.block);
    return nested;
  }

  StoredTensors& tensors_;
  const std::string& location_;
  std::string name_;
};

}  // namespace

void fold_four_bit(StoredTensors& tensors, const std::string& location) {
  std::vector<std::string> states;
  for (const auto& [name, tensor] : tensors)
    if (name.find(kState) != std::string::npos) states.push_back(name);
  for (const std::string& state : states) {
    const std::size_t place = state.find(kState);
    const std::string name = state.substr(0, place), type = state.substr(place + kState.size());
    if (type != "nf4" && type != "fp4")
      throw FileError(
          location + ": tensor " + in_quotes(state) + " is of an unknown quantization; nf4 and fp4 are known",
          {}, location);
    tensors[name] = FourBitReader(tensors, location, name).read(type == "nf4" ? "nf4" : "fp4", state);
  }
}

}  // namespace sd35
