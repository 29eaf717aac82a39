#include "ops/native/quantized_linear.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/threads.h"
#include "ops/native/conversion.h"
#include "ops/native/elements.h"
#include "ops/native/kernels/linear.h"

namespace sd35::native {
namespace {

constexpr std::int64_t kUnitBytes = 4;

std::int64_t divided_up(std::int64_t n, std::int64_t divisor) { return (n + divisor - 1) / divisor; }

// A product that threads share by panels, or by rows of them.
struct Product {
  kernels::PanelTask task;  // of all rows; the members that differ from panel to panel are those of the first
  void (*multiply)(const kernels::PanelTask& task) = nullptr;
  std::int64_t panel = 0, group = 0, out = 0;
  std::int64_t scratch_bytes = 0;  // for one panel
  // The panel's weights, in `scratch` or elsewhere.
  std::function<const void*(std::int64_t panel, void* scratch)> weights;

  void run() const {
    const std::int64_t panels = divided_up(out, panel), wanted = 8 * std::int64_t{thread_count()};
    const std::int64_t most = divided_up(task.rows, 4 * group);
    const std::int64_t block = divided_up(task.rows, std::clamp<std::int64_t>(wanted / panels, 1, most));
    const std::int64_t block_rows = divided_up(block, group) * group,
                       blocks = divided_up(task.rows, block_rows);
    parallel_for(panels * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
      const Tensor scratch({scratch_bytes}, DType::u8), rows({group, task.units}, DType::f32);
      std::int64_t unpacked = -1;
      kernels::PanelTask part = task;
      part.group = const_cast<void*>(rows.raw());
      for (std::int64_t item = begin; item < end; ++item) {
        if (item / blocks != unpacked) {
          unpacked = item / blocks;
          part.panel = weights(unpacked, const_cast<void*>(scratch.raw()));
        }
        const std::int64_t row = item % blocks * block_rows;
        place(part, unpacked * panel, row, std::min(block_rows, task.rows - row));
        multiply(part);
      }
    });
  }

 private:
  void place(kernels::PanelTask& part, std::int64_t feature, std::int64_t row, std::int64_t rows) const {
    const std::int64_t size = task.y.type == kernels::Element::f32 ? 4 : 2;
    part.x = static_cast<const std::byte*>(task.x) + row * task.x_stride * kUnitBytes;
    part.rows = rows;
    part.y.data = static_cast<std::byte*>(task.y.data) + (row * task.y_stride + feature) * size;
    part.features = std::min(panel, out - feature);
    if (task.bias != nullptr) part.bias = task.bias + feature;
    if (task.row_scales == nullptr) return;
    part.row_scales = task.row_scales + row;
    part.feature_scales = task.feature_scales + feature;
    part.corrections = task.corrections + feature;
  }
};

kernels::PanelTask task_of(Tensor& y, const Tensor& bias, Activation act, bool accumulate) {
  kernels::PanelTask task;
  task.y_stride = y.dim(-1);
  task.rows = y.numel() / task.y_stride;
  task.y = write_to(y, 0);
  task.bias = floats_or_null(bias);
  task.function = function_of(act);
  task.accumulate = accumulate;
  return task;
}

// A part of a packed weight as a tensor of what it holds; undefined where it is too short.
Tensor held(const Tensor& part, Shape shape, DType dtype) {
  const auto bytes = static_cast<std::size_t>(shape.numel()) * size_of(dtype);
  return part.bytes() < bytes ? Tensor()
                              : Tensor(std::move(shape), dtype, part.storage(), part.byte_offset());
}

// Weights that are unpacked to f32 or bf16.
class UnpackedWeight : public QuantizedWeight {
 public:
  UnpackedWeight(std::int64_t out, std::int64_t in, DType compute_type)
      : in_(in),
        out_(out),
        bf16_(compute_type == DType::bf16 && kernels::linear_kernels().bf16 != nullptr),
        kernels_(bf16_ ? *kernels::linear_kernels().bf16 : kernels::linear_kernels().f32) {}

  void product(const Tensor& x, const Tensor& bias, Activation act, bool accumulate,
               Tensor& y) const override {
    const Tensor rows = whole_units(converted(x, bf16_ ? DType::bf16 : DType::f32));
    Product product;
    product.task = task_of(y, bias, act, accumulate);
    product.task.x = rows.raw();
    product.task.x_stride = product.task.units = divided_up(in_, kernels_.unit);
    product.multiply = kernels_.multiply;
    product.panel = kernels_.panel;
    product.group = kernels_.group;
    product.out = out_;
    // Unpacking works on pairs of elements.
    product.scratch_bytes = divided_up(in_, 2) * 2 / kernels_.unit * kernels_.panel * kUnitBytes;
    product.weights = [this](std::int64_t panel, void* scratch) {
      unpack(panel, scratch);
      return scratch;
    };
    product.run();
  }

 protected:
  // Writes the panel's weights to `target`.
  virtual void unpack(std::int64_t panel, void* target) const = 0;

  std::int64_t in_, out_;
  bool bf16_;
  const kernels::FloatLinearKernels& kernels_;

 private:
  // x, its rows filled up to whole units with zeros.
  Tensor whole_units(Tensor x) const {
    if (in_ % kernels_.unit == 0) return x;
    const std::int64_t rows = x.numel() / in_, width = divided_up(in_, kernels_.unit) * kernels_.unit;
    Tensor padded = Tensor::zeros({rows, width}, x.dtype());
    const std::size_t size = size_of(x.dtype());
    for (std::int64_t row = 0; row < rows; ++row)
      std::memcpy(static_cast<std::byte*>(padded.raw()) + static_cast<std::size_t>(row * width) * size,
                  static_cast<const std::byte*>(x.raw()) + static_cast<std::size_t>(row * in_) * size,
                  static_cast<std::size_t>(in_) * size);
    return padded;
  }
};

// Of any form, by way of its rows in f32.
class RowsWeight : public UnpackedWeight {
 public:
  RowsWeight(std::shared_ptr<const QuantizedMatrix> matrix, DType compute_type)
      : UnpackedWeight(matrix->rows(), matrix->columns(), compute_type), matrix_(std::move(matrix)) {}

 private:
  void unpack(std::int64_t panel, void* target) const override {
    const std::int64_t first = panel * kernels_.panel, features = std::min(kernels_.panel, out_ - first);
    Tensor rows({features, in_}, DType::f32);
    matrix_->read_rows(first, features, rows.data<float>());
    kernels_.pack(rows.data<float>(), features, in_, target);
  }

  std::shared_ptr<const QuantizedMatrix> matrix_;
};

// 4 bits: the bytes of a panel lie together, the scales stay as they are.
class FourBitPanels : public UnpackedWeight {
 public:
  FourBitPanels(const FourBitMatrix& matrix, DType compute_type)
      : UnpackedWeight(matrix.rows(), matrix.columns(), compute_type),
        bytes_(Tensor::zeros({divided_up(out_, kernels_.panel), in_ / 2, kernels_.panel}, DType::u8)) {
    for (const FourBitWeight& part : matrix.parts()) {
      add(part);
      parts_.push_back(part);
      parts_.back().nibbles = Tensor();
    }
  }

  // From packed(), if everything fits; check complete().
  FourBitPanels(const PackedWeight& packed, std::int64_t out, std::int64_t in, DType compute_type)
      : UnpackedWeight(out, in, compute_type) {
    std::istringstream form(packed.form);
    std::string name;
    std::int64_t rows = 0, columns = 0, panel = 0;
    form >> name >> rows >> columns >> panel;
    if (name != kName || rows != out || columns != in || panel != kernels_.panel) return;
    std::size_t next = 0;
    const auto take = [&](Shape shape, DType dtype) {
      return next < packed.parts.size() ? held(packed.parts[next++], std::move(shape), dtype) : Tensor();
    };
    bytes_ = take({divided_up(out_, panel), in_ / 2, panel}, DType::u8);
    for (FourBitWeight part; form >> part.count >> part.block;) {
      if (!restore(part, form, take)) return;
      filled_ += part.count / in_;
      parts_.push_back(std::move(part));
    }
  }
  bool complete() const { return bytes_.defined() && filled_ == out_ && fits(parts_); }

  std::optional<PackedWeight> packed() const override {
    std::ostringstream form;
    form << kName << ' ' << out_ << ' ' << in_ << ' ' << kernels_.panel;
    PackedWeight packed{"", {bytes_}};
    for (const FourBitWeight& part : parts_) {
      form << ' ' << part.count << ' ' << part.block << ' ' << (part.nested ? part.nested->block : 0);
      Tensor code({part.nested ? kNestedCode : kCode}, DType::f32);
      std::ranges::copy(part.code, code.data<float>());
      packed.parts.push_back(part.absmax);
      if (part.nested) {
        std::ranges::copy(part.nested->map, code.data<float>() + kCode);
        code.data<float>()[kNestedCode - 1] = part.nested->offset;
        packed.parts.push_back(part.nested->absmax);
      }
      packed.parts.push_back(std::move(code));
    }
    packed.form = form.str();
    return packed;
  }

  // Whether all parts share a code book and the size of blocks.
  static bool fits(const std::vector<FourBitWeight>& parts) {
    return std::ranges::all_of(parts, [&](const FourBitWeight& part) {
      return part.code == parts[0].code && part.block == parts[0].block;
    });
  }

 private:
  static constexpr const char* kName = "four-bit";
  static constexpr std::int64_t kCode = 16, kNestedCode = kCode + 256 + 1;  // with the map and the offset

  // The scales of `part`, whose count and block were read from `form`.
  template <class Take>
  bool restore(FourBitWeight& part, std::istringstream& form, const Take& take) const {
    std::int64_t nested_block = 0;
    const bool whole = form >> nested_block && part.block > 0 && in_ % part.block == 0 && part.count > 0 &&
                       part.count % in_ == 0 && part.count / in_ <= out_ && nested_block >= 0;
    if (!whole) return false;
    part.absmax = take({part.blocks()}, nested_block > 0 ? DType::u8 : DType::f32);
    if (nested_block > 0) {
      part.nested.emplace();
      part.nested->block = nested_block;
      part.nested->absmax = take({divided_up(part.blocks(), nested_block)}, DType::f32);
    }
    const Tensor code = take({nested_block > 0 ? kNestedCode : kCode}, DType::f32);
    if (!part.absmax.defined() || !code.defined() || (part.nested && !part.nested->absmax.defined()))
      return false;
    std::copy_n(code.data<float>(), part.code.size(), part.code.begin());
    if (!part.nested) return true;
    std::copy_n(code.data<float>() + kCode, part.nested->map.size(), part.nested->map.begin());
    part.nested->offset = code.data<float>()[kNestedCode - 1];
    return true;
  }

  // Deals the bytes of `part`, which come feature by feature, out to the panels.
  void add(const FourBitWeight& part) {
    const std::int64_t first = filled_, width = in_ / 2, rows = part.count / in_;
    filled_ += rows;
    const auto* from = part.nibbles.data<std::uint8_t>();
    auto* to = bytes_.data<std::uint8_t>();
    constexpr std::int64_t kRun = 64;  // bytes of a feature at a time: a line of the cache
    parallel_for(divided_up(width, kRun), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t run = begin * kRun; run < std::min(width, end * kRun); run += kRun)
        for (std::int64_t row = 0; row < rows; ++row) {
          const std::int64_t feature = first + row;
          auto* panel = to + feature / kernels_.panel * width * kernels_.panel + feature % kernels_.panel;
          for (std::int64_t t = run; t < std::min(width, run + kRun); ++t)
            panel[t * kernels_.panel] = from[row * width + t];
        }
    });
  }

  void unpack(std::int64_t panel, void* target) const override {
    const FourBitWeight& any = parts_[0];
    const std::int64_t blocks = in_ / any.block, first = panel * kernels_.panel;
    std::vector<float> scales(static_cast<std::size_t>(blocks * kernels_.panel)),
        row(static_cast<std::size_t>(blocks));
    for (std::int64_t i = 0; i < std::min(kernels_.panel, out_ - first); ++i) {
      read_scales(first + i, row.data());
      for (std::int64_t b = 0; b < blocks; ++b)
        scales[static_cast<std::size_t>(b * kernels_.panel + i)] = row[static_cast<std::size_t>(b)];
    }
    kernels_.unpack_four_bit({bytes_.data<std::uint8_t>() + panel * (in_ / 2) * kernels_.panel,
                              any.code.data(), scales.data(), any.block, in_},
                             target);
  }

  void read_scales(std::int64_t feature, float* scales) const {
    for (const FourBitWeight& part : parts_) {
      const std::int64_t rows = part.count / in_;
      if (feature < rows) return part.read_scales(feature * in_ / part.block, in_ / part.block, scales);
      feature -= rows;
    }
  }

  Tensor bytes_;  // [panels, in / 2, panel]
  std::vector<FourBitWeight> parts_;
  std::int64_t filled_ = 0;  // features
};

// 8 bits, multiplied in 8 bits.
class Int8Panels : public QuantizedWeight {
 public:
  explicit Int8Panels(const Int8Matrix& matrix)
      : kernels_(kernels::linear_kernels().int8),
        in_(matrix.columns()),
        out_(matrix.rows()),
        units_(divided_up(in_, kernels_.unit)),
        panels_(divided_up(out_, kernels_.panel)),
        values_(Tensor::zeros({panels_, units_, kernels_.panel, kernels_.unit}, DType::i8)),
        scales_(Tensor::zeros({panels_ * kernels_.panel})),
        corrections_(Tensor::zeros({panels_ * kernels_.panel}, DType::i32)) {
    std::copy_n(matrix.scales(), out_, scales_.data<float>());
    parallel_for(out_, 16, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t feature = begin; feature < end; ++feature) add(feature, matrix.values(feature));
    });
  }

  // From packed(), whose form must be form_of(out, in).
  Int8Panels(const PackedWeight& packed, std::int64_t out, std::int64_t in)
      : kernels_(kernels::linear_kernels().int8),
        in_(in),
        out_(out),
        units_(divided_up(in_, kernels_.unit)),
        panels_(divided_up(out_, kernels_.panel)) {
    if (packed.parts.size() != 3) return;
    values_ = held(packed.parts[0], {panels_, units_, kernels_.panel, kernels_.unit}, DType::i8);
    scales_ = held(packed.parts[1], {panels_ * kernels_.panel}, DType::f32);
    corrections_ = held(packed.parts[2], {panels_ * kernels_.panel}, DType::i32);
  }
  bool complete() const { return values_.defined() && scales_.defined() && corrections_.defined(); }

  static std::string form_of(std::int64_t out, std::int64_t in) {
    const kernels::IntegerLinearKernels& k = kernels::linear_kernels().int8;
    return "int8 " + std::to_string(out) + " " + std::to_string(in) + " " + std::to_string(k.panel) + " " +
           std::to_string(k.unit) + " " + std::to_string(k.offset);
  }
  std::optional<PackedWeight> packed() const override {
    return PackedWeight{form_of(out_, in_), {values_, scales_, corrections_}};
  }

  // The largest inner dimension whose sums fit 32 bits.
  static constexpr std::int64_t kMostInputs = 65536;

  void product(const Tensor& x, const Tensor& bias, Activation act, bool accumulate,
               Tensor& y) const override {
    const std::int64_t rows = y.numel() / out_;
    Tensor integers({rows, units_ * kUnitBytes}, DType::u8), row_scales({rows}, DType::f32);
    parallel_for(rows, grain_rows(in_), [&](std::int64_t begin, std::int64_t end) {
      kernels_.quantize(read_from(x, begin * in_), end - begin, in_,
                        integers.data<std::uint8_t>() + begin * units_ * kUnitBytes, units_,
                        row_scales.data<float>() + begin);
    });
    Product product;
    product.task = task_of(y, bias, act, accumulate);
    product.task.x = integers.raw();
    product.task.x_stride = product.task.units = units_;
    product.task.row_scales = row_scales.data<float>();
    product.task.feature_scales = scales_.data<float>();
    product.task.corrections = corrections_.data<std::int32_t>();
    product.multiply = kernels_.multiply;
    product.panel = kernels_.panel;
    product.group = kernels_.group;
    product.out = out_;
    product.scratch_bytes = kernels_.wide ? units_ * kernels_.panel * kUnitBytes : 0;
    product.weights = [this](std::int64_t panel, void* scratch) -> const void* {
      const std::int8_t* values =
          values_.data<std::int8_t>() + panel * units_ * kernels_.panel * kernels_.unit;
      if (!kernels_.wide) return values;
      kernels_.widen(values, units_, scratch);
      return scratch;
    };
    product.run();
  }

 private:
  void add(std::int64_t feature, const std::int8_t* row) {
    const std::int64_t panel = feature / kernels_.panel, column = feature % kernels_.panel;
    std::int8_t* values =
        values_.data<std::int8_t>() + (panel * units_ * kernels_.panel + column) * kernels_.unit;
    std::int32_t sum = 0;
    for (std::int64_t k = 0; k < in_; ++k) {
      values[k / kernels_.unit * kernels_.panel * kernels_.unit + k % kernels_.unit] = row[k];
      sum += row[k];
    }
    corrections_.data<std::int32_t>()[feature] = kernels_.offset * sum;
  }

  const kernels::IntegerLinearKernels& kernels_;
  std::int64_t in_, out_, units_, panels_;
  Tensor values_;       // [panels, units, panel, unit]
  Tensor scales_;       // [panels * panel]
  Tensor corrections_;  // [panels * panel]: what the offset of x adds to a sum
};

}  // namespace

std::shared_ptr<const QuantizedWeight> pack_quantized(const std::shared_ptr<const QuantizedMatrix>& matrix,
                                                      DType compute_type) {
  if (const auto* int8 = dynamic_cast<const Int8Matrix*>(matrix.get());
      int8 != nullptr && int8->columns() <= Int8Panels::kMostInputs)
    return std::make_shared<Int8Panels>(*int8);
  if (const auto* four_bit = dynamic_cast<const FourBitMatrix*>(matrix.get());
      four_bit != nullptr && FourBitPanels::fits(four_bit->parts()))
    return std::make_shared<FourBitPanels>(*four_bit, compute_type);
  return std::make_shared<RowsWeight>(matrix, compute_type);
}

std::shared_ptr<const QuantizedWeight> restore_quantized(const PackedWeight& packed, std::int64_t out,
                                                         std::int64_t in, DType compute_type) {
  if (packed.form == Int8Panels::form_of(out, in)) {
    auto int8 = std::make_shared<Int8Panels>(packed, out, in);
    return int8->complete() ? int8 : nullptr;
  }
  auto four_bit = std::make_shared<FourBitPanels>(packed, out, in, compute_type);
  return four_bit->complete() && four_bit->packed()->form == packed.form ? four_bit : nullptr;
}

}  // namespace sd35::native
