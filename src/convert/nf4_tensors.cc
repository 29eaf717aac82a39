#include "convert/nf4_tensors.h"

#include <memory>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "quant/nf4.h"

namespace sd35 {
namespace {

constexpr std::size_t kLongestNumber = 32;  // of a number in JSON

std::string_view torch_name(DType dtype) {
  if (dtype == DType::f32) return "float32";
  return dtype == DType::f16 ? "float16" : "bfloat16";
}

// One weight: as it is stored, or quantized when it is first needed, and again after release().
class FourBitTensors {
 public:
  FourBitTensors(Shape shape, StoredRows rows, DType original_type, bool double_quant)
      : shape_(std::move(shape)),
        rows_(std::move(rows)),
        original_type_(original_type),
        double_quant_(double_quant) {}
  FourBitTensors(const StoredTensor& stored, const FourBitEncoding& encoding)
      : shape_(stored.shape),
        original_type_(stored.dtype),
        double_quant_(encoding.weight().nested.has_value()),
        type_(encoding.name()),
        stored_(&encoding.weight()) {}

  bool double_quant() const { return double_quant_; }
  const std::string& type() const { return type_; }
  std::int64_t count() const { return shape_.numel(); }
  std::int64_t block() const { return stored_ == nullptr ? kNf4Block : stored_->block; }
  std::int64_t nested_block() const { return stored_ == nullptr ? kNestedBlock : stored_->nested->block; }

  const FourBitWeight& get() {
    if (stored_ != nullptr) return *stored_;
    if (weight_.count == 0) {
      std::vector<float> values(static_cast<std::size_t>(shape_.numel()));
      rows_.read(0, rows_.count(), values.data());
      rows_.release();
      try {
        weight_ = quantize_nf4(values, double_quant_);
      } catch (const ArgumentError& error) {
        throw FileError(rows_.location() + ": " + error.what(), {}, rows_.location().file);
      }
    }
    return weight_;
  }
  void release() { weight_ = {}; }

  // QuantState as JSON, always of the same length: readers ignore spaces at the end.
  std::string description(float offset) const {
    nlohmann::ordered_json json{{"quant_type", type_},
                                {"blocksize", block()},
                                {"dtype", torch_name(original_type_)},
                                {"shape", std::vector(shape_.dims().begin(), shape_.dims().end())}};
    if (double_quant_) {
      json["nested_blocksize"] = nested_block();
      json["nested_dtype"] = "float32";
      json["nested_offset"] = 0;
    }
    const std::size_t length = json.dump().size() + (double_quant_ ? kLongestNumber : 0);
    if (double_quant_) json["nested_offset"] = offset;
    std::string text = json.dump();
    text.resize(length, ' ');
    return text;
  }

 private:
  Shape shape_;
  StoredRows rows_;
  DType original_type_;
  bool double_quant_;
  std::string type_ = "nf4";
  const FourBitWeight* stored_ = nullptr;  // null: quantized here
  FourBitWeight weight_;                   // without elements: not there
};

std::span<const std::byte> bytes_of(const Tensor& tensor) {
  return {static_cast<const std::byte*>(tensor.raw()), tensor.bytes()};
}

std::int64_t divided(std::int64_t count, std::int64_t by) { return (count + by - 1) / by; }

const FourBitEncoding* four_bit_of(const StoredTensor& tensor) {
  return dynamic_cast<const FourBitEncoding*>(tensor.encoding.get());
}

// The nibbles of the weight `name`, and what is needed to read them.
std::vector<FileTensor> tensors_of(const std::string& name, const std::shared_ptr<FourBitTensors>& weight) {
  const std::int64_t count = weight->count(), scales = divided(count, weight->block());
  const auto length = static_cast<std::int64_t>(weight->description(0).size());
  const bool double_quant = weight->double_quant();
  std::vector<FileTensor> list;
  const auto add = [&](const std::string& suffix, DType dtype, Shape size,
                       std::function<void(const Sink&)> write) {
    list.push_back({name + suffix, dtype, std::move(size), std::move(write)});
  };
  // Files hold the f32 tensors first, then the bytes, each by name: what is quantized goes after the last of
  // each.
  add(".absmax", double_quant ? DType::u8 : DType::f32, {scales},
      [weight](const Sink& sink) { sink(bytes_of(weight->get().absmax)); });
  if (double_quant) {
    add(".nested_absmax", DType::f32, {divided(scales, weight->nested_block())},
        [weight](const Sink& sink) { sink(bytes_of(weight->get().nested->absmax)); });
    add(".nested_quant_map", DType::f32, {static_cast<std::int64_t>(dynamic_map().size())},
        [weight](const Sink& sink) { sink(std::as_bytes(std::span(weight->get().nested->map))); });
  }
  add(".quant_map", DType::f32, {static_cast<std::int64_t>(nf4_code_book().size())},
      [weight](const Sink& sink) {
        sink(std::as_bytes(std::span(weight->get().code)));
        weight->release();
      });
  add("", DType::u8, {divided(count, 2), 1},
      [weight](const Sink& sink) { sink(bytes_of(weight->get().nibbles)); });
  add(".quant_state.bitsandbytes__" + weight->type(), DType::u8, {length},
      [weight, double_quant](const Sink& sink) {
        const std::string text = weight->description(double_quant ? weight->get().nested->offset : 0);
        sink(std::as_bytes(std::span(text)));
        weight->release();
      });
  return list;
}

}  // namespace

std::vector<FileTensor> encode_nf4(const std::string& name, const Shape& shape, const StoredRows& rows,
                                   DType original_type, bool double_quant) {
  return tensors_of(name, std::make_shared<FourBitTensors>(shape, rows, original_type, double_quant));
}

bool is_four_bit(const PlannedTensor& tensor) {
  return std::holds_alternative<AsStored>(tensor.format) && four_bit_of(*tensor.source) != nullptr;
}

std::vector<FileTensor> copy_four_bit(const std::string& name, const StoredTensor& tensor) {
  return tensors_of(name, std::make_shared<FourBitTensors>(tensor, *four_bit_of(tensor)));
}

nlohmann::json nf4_config(const std::vector<PlannedTensor>& plan, bool double_quant) {
  nlohmann::json kept = nlohmann::json::array();  // linear layers that are not quantized
  for (const PlannedTensor& tensor : plan)
    if ((tensor.role == Role::weight || tensor.role == Role::sensitive) && tensor.source->shape.rank() == 2 &&
        !std::holds_alternative<Nf4Format>(tensor.format))
      kept.push_back(tensor.name.substr(0, tensor.name.rfind('.')));
  return {{"quant_method", "bitsandbytes"},
          {"load_in_4bit", true},
          {"load_in_8bit", false},
          {"bnb_4bit_quant_type", "nf4"},
          {"bnb_4bit_use_double_quant", double_quant},
          {"bnb_4bit_compute_dtype", "bfloat16"},
          {"bnb_4bit_quant_storage", "uint8"},
          {"llm_int8_threshold", 6.0},
          {"llm_int8_has_fp16_weight", false},
          {"llm_int8_enable_fp32_cpu_offload", false},
          {"llm_int8_skip_modules", kept}};
}

}  // namespace sd35
