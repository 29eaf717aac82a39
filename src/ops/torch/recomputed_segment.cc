#include "ops/torch/recomputed_segment.h"

#include <torch/torch.h>

#include "ops/torch/torch_ops.h"

namespace sd35 {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Autograd keeps only values of its own types between the two passes.
struct KeptBody : torch::CustomClassHolder {
  explicit KeptBody(Segment body) : body(std::move(body)) {}
  Segment body;
};

variable_list run(const Segment& body, const variable_list& inputs) {
  std::vector<Tensor> wrapped;
  for (const at::Tensor& input : inputs) wrapped.push_back(from_torch(input));
  variable_list outputs;
  for (const Tensor& output : body(std::move(wrapped))) outputs.push_back(to_torch(output));
  return outputs;
}

struct RecomputedSegment : torch::autograd::Function<RecomputedSegment> {
  // `anchor` requires a gradient even if no input does: weights inside may.
  static variable_list forward(AutogradContext* context, const at::Tensor& /*anchor*/,
                               const c10::intrusive_ptr<KeptBody>& kept, at::TensorList list) {
    const variable_list inputs = list.vec();
    context->saved_data["body"] = c10::IValue::make_capsule(kept);
    context->save_for_backward(inputs);
    return run(kept->body, inputs);
  }

  static variable_list backward(AutogradContext* context, const variable_list& output_gradients) {
    const auto kept = c10::static_intrusive_pointer_cast<KeptBody>(context->saved_data["body"].toCapsule());
    variable_list inputs;
    for (const at::Tensor& input : context->get_saved_variables())
      inputs.push_back(input.detach().set_requires_grad(input.is_floating_point()));
    variable_list roots, gradients;
    {
      const at::AutoGradMode with_history(true);
      const variable_list outputs = run(kept->body, inputs);
      for (std::size_t i = 0; i < outputs.size(); ++i) {
        if (!outputs[i].requires_grad() || !output_gradients[i].defined()) continue;
        roots.push_back(outputs[i]);
        gradients.push_back(output_gradients[i]);
      }
    }
    torch::autograd::backward(roots, gradients);
    variable_list result{at::Tensor(), at::Tensor()};  // of the anchor and the body
    for (const at::Tensor& input : inputs) result.push_back(input.grad());
    return result;
  }
};

}  // namespace

std::vector<Tensor> recomputed_segment(const std::vector<Tensor>& inputs, const Segment& body) {
  variable_list values;
  for (const Tensor& input : inputs) values.push_back(to_torch(input));
  const at::Tensor anchor = at::zeros({}).set_requires_grad(true);
  const variable_list outputs =
      RecomputedSegment::apply(anchor, c10::make_intrusive<KeptBody>(body), at::TensorList(values));
  std::vector<Tensor> wrapped;
  for (const at::Tensor& output : outputs) wrapped.push_back(from_torch(output));
  return wrapped;
}

}  // namespace sd35
