#include "weights/files/packed_weights.h"

#include <array>
#include <cstdint>
#include <span>
#include <utility>

#include "core/error.h"
#include "core/messages.h"
#include "weights/files/safetensors.h"

namespace sd35 {
namespace {

constexpr std::size_t kSegmentAlignment = 64;
// Keys of the metadata that are not weights.
constexpr const char *kProgram = "sd35.program", *kEngine = "sd35.engine", *kWeights = "sd35.weights";

std::string part_name(const std::string& weight, std::size_t part) {
  return weight + "#" + std::to_string(part);
}

std::size_t filled_up(std::size_t bytes) {
  return (bytes + kSegmentAlignment - 1) / kSegmentAlignment * kSegmentAlignment;
}

}  // namespace

PackedWeights::PackedWeights(const std::filesystem::path& path, const PackingIdentity& identity) {
  SafetensorsFile file = read_safetensors(path, "");
  const auto expect = [&](const char* key, const std::string& wanted, const std::string& what) {
    const auto found = file.metadata.extract(key);
    if (!found) throw FileError(path.string() + ": no packed weights", {}, path);
    if (found.mapped() != wanted)
      throw FileError(
          path.string() + ": packed " + what + " " + in_quotes(found.mapped()) + ", not " + in_quotes(wanted),
          {}, path);
  };
  expect(kProgram, identity.program, "by version");
  expect(kEngine, identity.engine, "for");
  expect(kWeights, identity.weights, "from weights");
  for (const auto& [name, form] : file.metadata) {
    Entry entry{form, {}};
    for (auto part = file.tensors.find(part_name(name, 0)); part != file.tensors.end();
         part = file.tensors.find(part_name(name, entry.parts.size()))) {
      if (reinterpret_cast<std::uintptr_t>(part->second.segments.at(0).data()) % kSegmentAlignment != 0)
        throw FileError(path.string() + ": packed weight " + in_quotes(part->first) +
                            " does not lie at a multiple of " + std::to_string(kSegmentAlignment) + " bytes",
                        {}, path);
      entry.parts.push_back(part->second);
    }
    weights_.emplace(name, std::move(entry));
  }
}

PackedWeight PackedWeights::find(std::string_view name) const {
  const Entry& entry = weights_.find(name)->second;
  PackedWeight weight{entry.form, {}};
  for (const StoredTensor& part : entry.parts) {
    part.prefetch();
    weight.parts.push_back(part.read());
  }
  return weight;
}

void PackedWeightCollector::parameter(const ParameterSpec& spec, Tensor& /*tensor*/) {
  if (spec.kind == ParameterKind::linear || spec.kind == ParameterKind::modulation)
    if (spec.shape.rank() > 1) name_ = spec.names.front();
}

void PackedWeightCollector::linear_done(Linear& linear) {
  if (linear.prepared == nullptr) return;
  if (auto packed = linear.prepared->packed()) weights_.emplace(name_, *std::move(packed));
}

void PackedWeightCollector::write(const std::filesystem::path& path, const PackingIdentity& identity,
                                  const std::function<void(double fraction)>& on_progress) const {
  std::map<std::string, std::string> metadata{
      {kProgram, identity.program}, {kEngine, identity.engine}, {kWeights, identity.weights}};
  std::vector<SafetensorsEntry> entries;
  std::map<std::string, const Tensor*> parts;
  for (const auto& [name, weight] : weights_) {
    metadata.emplace(name, weight.form);
    for (std::size_t i = 0; i < weight.parts.size(); ++i) {
      entries.push_back({part_name(name, i), DType::u8,
                         Shape{static_cast<std::int64_t>(filled_up(weight.parts[i].bytes()))}});
      parts.emplace(entries.back().name, &weight.parts[i]);
    }
  }
  constexpr std::array<std::byte, kSegmentAlignment> kZeros{};
  SafetensorsWriter writer(path, std::move(entries), metadata);
  std::size_t done = 0;
  for (const SafetensorsEntry& entry : std::vector(writer.entries())) {
    const Tensor& part = *parts.at(entry.name);
    writer.write(entry.name, {static_cast<const std::byte*>(part.raw()), part.bytes()});
    writer.write(entry.name, std::span(kZeros).first(entry.bytes() - part.bytes()));
    on_progress(static_cast<double>(++done) / static_cast<double>(parts.size()));
  }
  writer.commit();
}

}  // namespace sd35
