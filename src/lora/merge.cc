#include "lora/merge.h"

#include <algorithm>

#include "core/threads.h"

namespace sd35 {
namespace {

// y += c0 x0 + c1 x1 + c2 x2 + c3 x3: four rows per pass, because y is read and written once for all of them.
void add_four_rows(const float* c, const float* x, std::int64_t columns, float* y) {
  const float *x1 = x + columns, *x2 = x1 + columns, *x3 = x2 + columns;
  for (std::int64_t j = 0; j < columns; ++j) y[j] += c[0] * x[j] + c[1] * x1[j] + c[2] * x2[j] + c[3] * x3[j];
}

class UpdatedWeights : public WeightSource {
 public:
  UpdatedWeights(std::shared_ptr<const WeightSource> source, std::vector<LoraUpdate> updates)
      : source_(std::move(source)) {
    for (LoraUpdate& update : updates) updates_[update.weight].push_back(std::move(update));
  }

  std::vector<std::string> names() const override { return source_->names(); }
  const StoredTensor* find(std::string_view name) const override { return source_->find(name); }
  const std::string& location() const override { return source_->location(); }

  Tensor adjusted(const std::vector<std::string>& names, Tensor weight) const override {
    weight = source_->adjusted(names, std::move(weight));
    if (!updated(names)) return weight;
    // The elements may lie in a mapped file.
    Tensor sum = weight.dtype() == DType::f32 ? weight.clone() : weight.to(DType::f32);
    std::int64_t first_row = 0;
    for (const std::string& name : names) {
      if (const auto found = updates_.find(name); found != updates_.end())
        for (const LoraUpdate& update : found->second) add_update(update, first_row, sum);
      first_row += source_->find(name)->shape[0];
    }
    return sum;
  }
  bool adjusts(const std::vector<std::string>& names) const override {
    return updated(names) || source_->adjusts(names);
  }

 private:
  bool updated(const std::vector<std::string>& names) const {
    return std::ranges::any_of(names, [&](const std::string& name) { return updates_.contains(name); });
  }

  std::shared_ptr<const WeightSource> source_;
  std::map<std::string, std::vector<LoraUpdate>> updates_;  // by weight
};

}  // namespace

void add_update(const LoraUpdate& update, std::int64_t row_offset, Tensor& weight) {
  const Tensor up = update.up.to(DType::f32), down = update.down.to(DType::f32);
  const std::int64_t rank = down.dim(0), columns = down.dim(1);
  float* rows = weight.data<float>() + (update.first_row + row_offset) * columns;
  parallel_for(up.dim(0), 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> delta(static_cast<std::size_t>(columns));
    for (std::int64_t row = begin; row < end; ++row) {
      const float* b = up.data<float>() + row * rank;
      std::ranges::fill(delta, 0.0f);
      std::int64_t k = 0;
      for (; k + 4 <= rank; k += 4)
        add_four_rows(b + k, down.data<float>() + k * columns, columns, delta.data());
      for (; k < rank; ++k)
        for (std::int64_t j = 0; j < columns; ++j)
          delta[static_cast<std::size_t>(j)] += b[k] * down.data<float>()[k * columns + j];
      for (std::int64_t j = 0; j < columns; ++j)
        rows[row * columns + j] += update.scale * delta[static_cast<std::size_t>(j)];
    }
  });
}

std::shared_ptr<const WeightSource> with_updates(std::shared_ptr<const WeightSource> source,
                                                 std::vector<LoraUpdate> updates) {
  return std::make_shared<UpdatedWeights>(std::move(source), std::move(updates));
}

}  // namespace sd35
