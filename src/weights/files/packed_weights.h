// Weights of linear layers on disk in the form an engine multiplies with, to be mapped and used at once.
//
// A safetensors file: the parts of weight "a.weight" are the tensors "a.weight#0", "a.weight#1", ..., bytes
// filled up to multiples of 64, and its form lies in the metadata under its name.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ops/ops.h"
#include "weights/parameters.h"
#include "weights/source.h"

namespace sd35 {

// What packed weights were made from, by, and for; they are valid for nothing else.
struct PackingIdentity {
  std::string program;  // version of sd35
  std::string engine;   // Ops::packing
  std::string weights;  // of the files they come from, and how these are quantized

  bool operator==(const PackingIdentity&) const = default;
};

class PackedWeights {
 public:
  // Maps `path`. Throws FileError when the file cannot be read, is damaged (its header or its size: not every
  // byte is compared) or has another identity; the message says which part differs.
  PackedWeights(const std::filesystem::path& path, const PackingIdentity& identity);

  bool contains(std::string_view name) const { return weights_.contains(name); }
  // Shares the mapped file, whose pages go back to the system with the last tensor. `name` must be there.
  PackedWeight find(std::string_view name) const;

 private:
  struct Entry {
    std::string form;
    std::vector<StoredTensor> parts;
  };
  std::map<std::string, Entry, std::less<>> weights_;
};

// Collects the packed weights of a model as it is loaded.
class PackedWeightCollector : public ParameterVisitor {
 public:
  void parameter(const ParameterSpec& spec, Tensor& tensor) override;
  void linear_done(Linear& linear) override;

  bool empty() const { return weights_.empty(); }
  // Writes them to a temporary file, which then replaces `path`. Throws FileError, and what `on_progress`
  // throws.
  void write(const std::filesystem::path& path, const PackingIdentity& identity,
             const std::function<void(double fraction)>& on_progress) const;

 private:
  std::string name_;  // of the weight that was visited last
  std::map<std::string, PackedWeight> weights_;
};

}  // namespace sd35
