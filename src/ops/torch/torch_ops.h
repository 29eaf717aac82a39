// The engine of LibTorch: the same models with gradients, and on other devices than the CPU. It uses ATen
// calls that exist from LibTorch 1.13 on, and nothing that exists on a CPU only. On CUDA it is the same code
// with another device, which has been used for training but is not covered by tests.
//
// Element types are those of Ops, with f64 added as a compute type for checks of gradients: an f64 engine
// computes in f64 from end to end, so where Ops says f32 its results are f64.
//
// Gradients. A tensor of this engine carries an at::Tensor with its history, and Tensor::reshape and
// Tensor::rows keep it. Tensor::to another type, clone and data read memory: they see values on the host,
// without gradients or a device. Verbs never write into their operands, so whoever holds an operand may rely
// on it staying unchanged, and must not change it until backward has run.
#pragma once

#include <memory>
#include <string>

#include "ops/ops.h"

namespace at {
class Tensor;
}

namespace sd35 {

// The same elements, contiguous, with the history of `value`; undefined for undefined. Throws Error for an
// element type that Tensor does not know.
Tensor from_torch(const at::Tensor& value);

// What from_torch wrapped, or the view of it that `x` is, gradients included. A tensor of another engine
// shares its memory when its elements are aligned and of a type that every LibTorch knows, and is copied
// otherwise (8 bit floats become f32). Undefined for undefined.
at::Tensor to_torch(const Tensor& x);

// `compute_type` f32, bf16 or f64; `device` as LibTorch spells it: "cpu", "cuda", "cuda:1"; "cpu:0" is the
// CPU as another device would be, with LibTorch's operations instead of our kernels, for tests. LibTorch then
// runs with thread_count() threads. Weights that require gradients are cast at each use (so gradients arrive
// in their own type); other weights that prepare() sees with Reuse::many move to the device and the compute
// type permanently. With `recompute_segments` the backward pass computes each Ops::segment again instead of
// keeping its intermediates (activation checkpointing). Throws ArgumentError for another type, or a device
// that is unknown or not there.
std::unique_ptr<Ops> make_torch_ops(DType compute_type, const std::string& device = "cpu",
                                    bool recompute_segments = false);

// Makes make_ops("torch", ...) know this engine; once, before threads start.
void register_torch_engine();

}  // namespace sd35
