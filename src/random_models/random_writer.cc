#include <algorithm>
#include <optional>

#include "mmdit/position_table.h"
#include "random_models/random_model.h"
#include "weights/files/safetensors.h"

namespace sd35 {
namespace {

// Elements made at once: the most that a file of any size needs in memory.
constexpr std::int64_t kChunk = 1 << 22;

}  // namespace

RandomWriter::RandomWriter(const RandomModel& model, std::uint64_t seed, DType dtype, std::int64_t total,
                           std::function<void(double fraction)> on_progress)
    : model_(model), seed_(seed), dtype_(dtype), total_(total), on_progress_(std::move(on_progress)) {}

void RandomWriter::fill(const RandomTensor& tensor, std::int64_t first, std::span<float> out) const {
  const auto start = static_cast<std::uint64_t>(first);
  if (tensor.kind == ParameterKind::position_table) {
    const PositionTableSpec& spec = model_.position_table;
    PositionTable(spec.side, tensor.shape[-1], spec.centre).fill(start, out);
  } else {
    fill_random(seed_, tensor.key, initial_range(tensor.name, tensor.shape, tensor.kind), start, out);
  }
}

void RandomWriter::write(const std::filesystem::path& path, const RandomFile& file,
                         const std::map<std::string, std::string>& metadata,
                         const std::function<void()>& when_complete) {
  std::vector<SafetensorsEntry> entries;
  for (const auto& [name, tensor] : file) entries.push_back({name, dtype_, tensor.shape});
  std::map<std::string, std::string> all = metadata;
  all["format"] = "pt";
  SafetensorsWriter writer(path, std::move(entries), all);

  std::vector<float> values;
  std::vector<std::byte> bytes;
  for (const SafetensorsEntry& entry : writer.entries()) {
    for (const RandomRows& rows : file.at(entry.name).rows) {
      const std::int64_t row = rows.tensor->shape.numel() / rows.tensor->shape[0];
      for (std::int64_t at = rows.first * row, end = at + rows.count * row; at < end;) {
        const std::int64_t count = std::min(kChunk, end - at);
        values.resize(static_cast<std::size_t>(count));
        bytes.resize(static_cast<std::size_t>(count) * size_of(dtype_));
        fill(*rows.tensor, at, values);
        convert(values.data(), DType::f32, bytes.data(), dtype_, values.size());
        writer.write(entry.name, bytes);
        at += count;
        done_ += count;
        on_progress_(static_cast<double>(done_) / static_cast<double>(total_));
      }
    }
  }
  if (when_complete) when_complete();
  writer.commit(Existing::refused);
}

}  // namespace sd35
