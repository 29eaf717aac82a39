// Data-parallel processes, started by torchrun or by hand with its environment variables: RANK, WORLD_SIZE,
// MASTER_ADDR, MASTER_PORT. One process without them is a group of its own.
#pragma once

#include <ATen/core/Tensor.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace sd35::train {

class ProcessGroup {
 public:
  // Waits for all processes. `device` "cpu": Gloo; "cuda": NCCL if LibTorch has it. Throws ArgumentError
  // for invalid variables, Error when the others do not connect or `run_identity` (what is trained, with
  // which configuration) is not the same everywhere. A process that waits longer than `patience` for
  // another's part of an exchange considers it dead.
  static std::unique_ptr<ProcessGroup> join(const std::string& device, const std::string& run_identity,
                                            std::chrono::milliseconds patience = std::chrono::minutes(10));
  virtual ~ProcessGroup() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;
  // Replaces `value` by the mean over all processes. Throws Error naming the process's rank when another one
  // is gone.
  virtual void average(at::Tensor value) = 0;
  // Runs `body` in the first process, while the others wait until it ends, however long that takes. Throws
  // what `body` throws, and in the others Error when the first is gone.
  virtual void first_alone(const std::function<void()>& body) = 0;

  bool is_first() const { return rank() == 0; }
};

// The device of this process: of "cuda", the one that torchrun's LOCAL_RANK names.
std::string local_device(const std::string& device);

}  // namespace sd35::train
