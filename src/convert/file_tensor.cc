#include "convert/file_tensor.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <memory>

#include "core/error.h"
#include "core/messages.h"
#include "core/threads.h"

namespace sd35 {
namespace {

constexpr std::int64_t kChunk = 1 << 21;               // elements converted at once
constexpr std::size_t kCopied = std::size_t{1} << 23;  // bytes copied at once
constexpr float kLargestFp8 = 448.0f;                  // of e4m3
constexpr float kLargestHalf = 65504.0f;

// The name of a tensor beside a weight: "a.scale_weight" of "a.weight".
std::string beside(const std::string& weight, const std::string& name) {
  constexpr std::string_view kWeight = ".weight";
  return weight.substr(0, weight.size() - kWeight.size()) + name;
}

// Calls body(begin, end) for runs of rows that fit a chunk.
void for_chunks(const StoredRows& rows,
                const std::function<void(std::int64_t begin, std::int64_t end)>& body) {
  const std::int64_t step = std::max<std::int64_t>(1, kChunk / std::max<std::int64_t>(1, rows.width()));
  for (std::int64_t begin = 0; begin < rows.count(); begin += step)
    body(begin, std::min(rows.count(), begin + step));
}

// Reads rows [begin, end), some on each thread, and passes them on: body(first row, values).
template <class Body>
void for_rows(const StoredRows& rows, std::int64_t begin, std::int64_t end, const Body& body) {
  const std::int64_t grain = std::max<std::int64_t>(1, (1 << 14) / std::max<std::int64_t>(1, rows.width()));
  parallel_for(end - begin, grain, [&](std::int64_t from, std::int64_t to) {
    std::vector<float> values(static_cast<std::size_t>((to - from) * rows.width()));
    rows.read(begin + from, begin + to, values.data());
    body(begin + from, std::span<const float>(values));
  });
}

// The largest magnitude. Throws FileError for NaN and infinity, which have no scale.
float largest_magnitude(const StoredRows& rows) {
  std::atomic<float> largest = 0;
  for_chunks(rows, [&](std::int64_t begin, std::int64_t end) {
    for_rows(rows, begin, end, [&](std::int64_t /*first*/, std::span<const float> values) {
      float mine = 0;
      for (const float value : values)
        mine = std::isfinite(value) ? std::max(mine, std::fabs(value)) : HUGE_VALF;
      float before = largest;
      while (before < mine && !largest.compare_exchange_weak(before, mine)) {
      }
    });
  });
  if (!std::isfinite(largest))
    throw FileError(rows.location() + " holds NaN or infinity, which fp8 scales cannot be made of", {},
                    rows.location().file);
  return largest;
}

// The elements of `values` as `type`, in fp8 divided by `scale`; what fp8 cannot hold becomes its largest
// number.
void encode_values(std::span<const float> values, const GgufType& type, float scale, std::byte* target,
                   const StoredRows& rows) {
  if (const auto* blocks = std::get_if<BlockType>(&type)) {
    try {
      quantize_blocks(*blocks, values.data(), target, values.size());
    } catch (const ArgumentError& error) {
      throw FileError(rows.location() + ": " + error.what(), {}, rows.location().file);
    }
    return;
  }
  const DType dtype = std::get<DType>(type);
  if (dtype == DType::f8_e4m3) {
    std::ranges::transform(values, reinterpret_cast<std::uint8_t*>(target), [&](float value) {
      if (!std::isfinite(value))
        throw FileError(rows.location() + " holds NaN or infinity, which is not a weight", {},
                        rows.location().file);
      return float_to_f8_e4m3(std::clamp(value / scale, -kLargestFp8, kLargestFp8));
    });
    return;
  }
  if (dtype == DType::f16)
    for (const float value : values)
      if (std::isfinite(value) && std::fabs(value) > kLargestHalf)
        throw FileError(rows.location() + " holds " + std::to_string(value) + ", beyond f16; bf16 holds it",
                        {}, rows.location().file);
  convert(values.data(), DType::f32, target, dtype, values.size());
}

void write_rows(const StoredRows& rows, const GgufType& type, float scale, const Sink& sink) {
  const std::size_t row_bytes = gguf_bytes(type, rows.width());
  std::vector<std::byte> bytes;
  for_chunks(rows, [&](std::int64_t begin, std::int64_t end) {
    bytes.resize(static_cast<std::size_t>(end - begin) * row_bytes);
    for_rows(rows, begin, end, [&](std::int64_t first, std::span<const float> values) {
      encode_values(values, type, scale, bytes.data() + static_cast<std::size_t>(first - begin) * row_bytes,
                    rows);
    });
    sink(bytes);
  });
  rows.release();
}

std::vector<FileTensor> encode_scaled_fp8(const std::string& name, const Shape& shape,
                                          const StoredRows& rows) {
  // The scale is written before or after the weight, whichever the file needs.
  const auto scale = [rows, value = std::make_shared<float>(0.0f)] {
    if (*value == 0.0f) {
      const float largest = largest_magnitude(rows);
      *value = largest == 0.0f ? 1.0f : largest / kLargestFp8;
    }
    return *value;
  };
  const auto write_scale = [scale](const Sink& sink) {
    const float value = scale();
    sink(std::as_bytes(std::span(&value, 1)));
  };
  const auto write_weight = [scale, rows](const Sink& sink) {
    write_rows(rows, DType::f8_e4m3, scale(), sink);
  };
  return {{name, DType::f8_e4m3, shape, write_weight},
          {beside(name, ".scale_weight"), DType::f32, {}, write_scale}};
}

// The type of a file's tensor that holds the bytes of `tensor`.
GgufType type_of(const StoredTensor& tensor) {
  if (const auto* blocks = dynamic_cast<const BlockEncoding*>(tensor.encoding.get())) return blocks->type();
  return tensor.dtype;
}

// Bytes of `elements` of `tensor`, whole groups.
std::size_t stored_bytes(const StoredTensor& tensor, std::int64_t elements) {
  if (tensor.encoding == nullptr) return static_cast<std::size_t>(elements) * size_of(tensor.dtype);
  return static_cast<std::size_t>(elements / tensor.encoding->group_elements() *
                                  tensor.encoding->group_bytes());
}

// The same bytes, and the scale if there is one.
std::vector<FileTensor> copy_stored(const std::string& name, const Shape& shape, const StoredRows& rows) {
  const StoredTensor& first = rows.front();
  std::vector<FileTensor> list{{name, type_of(first), shape, [rows](const Sink& sink) { rows.copy(sink); }}};
  if (first.scale != 1.0f)
    list.push_back({beside(name, ".scale_weight"), DType::f32, {}, [scale = first.scale](const Sink& sink) {
                      sink(std::as_bytes(std::span(&scale, 1)));
                    }});
  return list;
}

}  // namespace

void StoredRows::add(const std::string& name, const StoredTensor& tensor, std::int64_t begin,
                     std::int64_t end) {
  if (runs_.empty()) name_ = name;
  const Shape& shape = tensor.shape;
  width_ = shape.rank() < 2 ? 1 : shape[-1];
  // Rows per index of the first dimension.
  const std::int64_t inner = shape.numel() == 0 ? 0
                             : shape.rank() < 2 ? 1
                                                : shape.numel() / shape[0] / width_;
  runs_.push_back({&tensor, begin * inner, (end - begin) * inner});
  count_ += runs_.back().count;
}

void StoredRows::read(std::int64_t begin, std::int64_t end, float* values) const {
  std::int64_t at = 0;  // the first row of the run
  for (const Run& run : runs_) {
    const std::int64_t from = std::max(begin - at, std::int64_t{0}), to = std::min(end - at, run.count);
    if (from < to) {
      run.tensor->read_values((run.first + from) * width_, (to - from) * width_, values);
      values += (to - from) * width_;
    }
    at += run.count;
  }
}

bool StoredRows::encoded() const {
  return std::ranges::any_of(runs_, [](const Run& run) { return run.tensor->encoded(); });
}

bool StoredRows::alike() const {
  const StoredTensor& first = front();
  return std::ranges::all_of(runs_, [&](const Run& run) {
    return run.tensor->type_name() == first.type_name() && run.tensor->scale == first.scale;
  });
}

void StoredRows::copy(const Sink& sink) const {
  for (const Run& run : runs_) {
    std::size_t skip = stored_bytes(*run.tensor, run.first * width_);
    std::size_t left = stored_bytes(*run.tensor, run.count * width_);
    for (std::span<const std::byte> segment : run.tensor->segments) {
      const std::size_t skipped = std::min(skip, segment.size());
      skip -= skipped;
      segment = segment.subspan(skipped);
      segment = segment.first(std::min(left, segment.size()));
      left -= segment.size();
      for (; !segment.empty(); segment = segment.subspan(std::min(kCopied, segment.size())))
        sink(segment.first(std::min(kCopied, segment.size())));
    }
  }
  release();
}

void StoredRows::release() const {
  for (const Run& run : runs_)
    for (const std::span<const std::byte> segment : run.tensor->segments) run.tensor->file->release(segment);
}

Location StoredRows::location() const {
  const std::string& path = runs_.at(0).tensor->file->path();
  return {path + ": tensor " + in_quotes(name_), path};
}

std::vector<FileTensor> encode(const std::string& name, const Shape& shape, const StoredRows& rows,
                               const Format& format) {
  if (std::holds_alternative<ScaledFp8Format>(format)) return encode_scaled_fp8(name, shape, rows);
  if (std::holds_alternative<AsStored>(format)) {
    if (rows.alike()) return copy_stored(name, shape, rows);
    if (rows.encoded())
      throw ArgumentError(rows.location() +
                          " and those beside it are stored in several ways, which one tensor " +
                          "of the layout cannot hold; say with --type what they become");
    return encode(name, shape, rows, DType::f32);
  }
  const GgufType type = std::holds_alternative<BlockType>(format) ? GgufType(std::get<BlockType>(format))
                                                                  : GgufType(std::get<DType>(format));
  return {{name, type, shape, [rows, type](const Sink& sink) { write_rows(rows, type, 1.0f, sink); }}};
}

}  // namespace sd35
