// Reads the input as a file of packed weights and multiplies with what an engine takes of it: in the forms
// that the file names and in those that this machine has. Only Error may come out.
#include <vector>

#include "ops/ops.h"
#include "tests/fuzz/allow_errors.h"
#include "tests/fuzz/input_file.h"
#include "tests/fuzz/sealed.h"
#include "weights/files/packed_weights.h"

namespace sd35 {
namespace {

constexpr std::int64_t kOut = 16, kIn = 64;
constexpr const char* kNames[] = {"a", "b"};

Linear empty_layer() {
  Linear layer;
  layer.out_features = kOut;
  layer.in_features = kIn;
  return layer;
}

struct Engine {
  std::unique_ptr<Ops> ops = make_ops("native", DType::f32);
  std::vector<std::string> forms;

  Engine() {
    for (const char* format : {"none", "int8", "nf4", "nf4-dq"}) {
      Linear layer = empty_layer();
      layer.weight = Tensor::zeros({kOut, kIn});
      layer.quantized = quantize(layer.weight, weight_format_from_name(format));
      if (layer.quantized) layer.weight = Tensor();
      ops->prepare(layer, Reuse::many);
      if (const auto packed = layer.prepared->packed()) forms.push_back(packed->form);
    }
  }

  void multiply(const PackedWeight& packed) const {
    Linear layer = empty_layer();
    if (ops->restore(layer, packed)) (void)ops->linear(Tensor::zeros({3, kIn}), layer);
  }
};

void read_packed(const std::string& bytes) {
  static const Engine engine;
  allow_errors([&] {
    const PackedWeights weights(InputFile(bytes).path(), {"p", "e", "w"});
    for (const char* name : kNames) {
      if (!weights.contains(name)) continue;
      PackedWeight packed = weights.find(name);
      engine.multiply(packed);
      for (const std::string& form : engine.forms) {
        packed.form = form;
        engine.multiply(packed);
      }
    }
  });
}

}  // namespace
}  // namespace sd35

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sd35;
  const std::string bytes(text_of(data, size));
  read_packed(bytes);
  read_packed(sealed_safetensors(bytes));
  return 0;
}
