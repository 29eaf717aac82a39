// Low-rank updates added to weights as they are read.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lora/lora_file.h"
#include "weights/source.h"

namespace sd35 {

// W[first_row + row_offset .., :] += scale * up * down, in f32. `weight`: [out, in] f32.
void add_update(const LoraUpdate& update, std::int64_t row_offset, Tensor& weight);

// The tensors of `source`, to which `updates` are added when they are read: one weight at a time is in memory
// twice. Every update must fit its weight (read_lora ensures that).
std::shared_ptr<const WeightSource> with_updates(std::shared_ptr<const WeightSource> source,
                                                 std::vector<LoraUpdate> updates);

}  // namespace sd35
