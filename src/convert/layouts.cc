#include "convert/layouts.h"

#include <algorithm>
#include <iterator>
#include <map>

#include "convert/nf4_tensors.h"
#include "weights/layouts/aliases.h"

namespace sd35 {
namespace {

// With a scale.
bool is_fp8(const PlannedTensor& tensor) {
  const bool as_stored = std::holds_alternative<AsStored>(tensor.format);
  return std::holds_alternative<ScaledFp8Format>(tensor.format) ||
         (as_stored && tensor.source->scale != 1.0f);
}

void append(std::vector<FileTensor>& list, std::vector<FileTensor> more) {
  std::ranges::move(more, std::back_inserter(list));
}

// What ComfyUI recognizes scaled fp8 by: an empty tensor.
void mark_fp8(std::vector<FileTensor>& list, const std::vector<PlannedTensor>& plan,
              const std::string& prefix) {
  if (std::ranges::any_of(plan, is_fp8))
    list.push_back({prefix + "scaled_fp8", DType::f8_e4m3, {0}, [](const Sink& /*sink*/) {}});
}

// The format of a tensor that is made of others: theirs, or f32 where they differ.
Format joint_format(const std::vector<const PlannedTensor*>& tensors) {
  const Format& first = tensors.front()->format;
  const bool same = std::ranges::all_of(tensors, [&](const PlannedTensor* t) { return t->format == first; });
  return same ? first : Format(DType::f32);
}

// What bitsandbytes should dequantize to.
DType dequantized_type(const StoredTensor& source) { return source.encoded() ? DType::bf16 : source.dtype; }

}  // namespace

std::vector<FileTensor> diffusers_tensors(const std::vector<PlannedTensor>& plan) {
  std::vector<FileTensor> list;
  for (const PlannedTensor& tensor : plan) {
    const Shape& shape = tensor.source->shape;
    StoredRows rows;
    rows.add(tensor.name, *tensor.source, 0, shape.rank() == 0 ? 1 : shape[0]);
    if (is_four_bit(tensor))
      append(list, copy_four_bit(tensor.name, *tensor.source));
    else if (const auto* nf4 = std::get_if<Nf4Format>(&tensor.format))
      append(list, encode_nf4(tensor.name, shape, rows, dequantized_type(*tensor.source), nf4->double_quant));
    else
      append(list, encode(tensor.name, shape, rows, tensor.format));
  }
  mark_fp8(list, plan, "");
  return list;
}

std::vector<FileTensor> original_tensors(Component component, const std::vector<PlannedTensor>& plan,
                                         bool prefixed) {
  std::map<std::string, Shape> shapes;
  std::map<std::string, const PlannedTensor*> by_name;
  for (const PlannedTensor& tensor : plan) {
    shapes[tensor.name] = tensor.source->shape;
    by_name[tensor.name] = &tensor;
  }
  const std::string prefix(original_prefix(component));
  std::vector<FileTensor> list;
  for (const OriginalTensor& original : to_original(component, shapes)) {
    StoredRows rows;
    std::vector<const PlannedTensor*> parts;
    for (const OriginalTensor::Part& part : original.parts) {
      parts.push_back(by_name.at(part.name));
      rows.add(part.name, *parts.back()->source, part.begin, part.end);
    }
    const std::string name = prefixed ? original.name : original.name.substr(prefix.size());
    append(list, encode(name, original.shape, rows, joint_format(parts)));
  }
  mark_fp8(list, plan, prefixed ? prefix : "");
  return list;
}

}  // namespace sd35
