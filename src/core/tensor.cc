#include "core/tensor.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/buffer_pool.h"
#include "core/error.h"

namespace sd35 {
namespace {

constexpr std::size_t kLeastBytes = 64;

class PooledStorage : public Storage {
 public:
  explicit PooledStorage(std::size_t bytes) : PooledStorage(PoolScope::current(), bytes) {}
  ~PooledStorage() override { pool_->give(data(), bytes()); }

 private:
  PooledStorage(std::shared_ptr<BufferPool> pool, std::size_t bytes)
      : Storage(pool->take(bytes), bytes), pool_(std::move(pool)) {}

  std::shared_ptr<BufferPool> pool_;
};

}  // namespace

std::int64_t Shape::operator[](int i) const {
  const int index = i < 0 ? i + rank() : i;
  if (index < 0 || index >= rank())
    throw Error("dimension " + std::to_string(i) + " of a tensor of shape " + to_string());
  return dims_[static_cast<std::size_t>(index)];
}

std::int64_t Shape::numel() const {
  if (std::ranges::find(dims_, 0) != dims_.end()) return 0;  // the others may be as large as a file says
  std::int64_t product = 1;
  for (const std::int64_t dim : dims_) product *= dim;
  return product;
}

std::string Shape::to_string() const {
  std::string text = "[";
  for (std::size_t i = 0; i < dims_.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(dims_[i]);
  return text + "]";
}

Tensor::Tensor(Shape shape, DType dtype)
    : shape_(std::move(shape)),
      dtype_(dtype),
      storage_(std::make_shared<PooledStorage>(
          std::max(kLeastBytes, static_cast<std::size_t>(shape_.numel()) * size_of(dtype)))) {}

Tensor::Tensor(Shape shape, DType dtype, std::shared_ptr<Storage> storage, std::size_t byte_offset)
    : shape_(std::move(shape)), dtype_(dtype), storage_(std::move(storage)), byte_offset_(byte_offset) {
  if (byte_offset_ > storage_->bytes() || bytes() > storage_->bytes() - byte_offset_)
    throw Error("a tensor of shape " + shape_.to_string() + " does not fit its storage of " +
                std::to_string(storage_->bytes()) + " bytes");
}

Tensor Tensor::zeros(Shape shape, DType dtype) {
  Tensor tensor(std::move(shape), dtype);
  std::memset(tensor.raw(), 0, tensor.bytes());
  return tensor;
}

Tensor Tensor::from(Shape shape, std::span<const float> values) {
  Tensor tensor(std::move(shape), DType::f32);
  if (static_cast<std::size_t>(tensor.numel()) != values.size()) throw Error("values do not fill the shape");
  std::copy(values.begin(), values.end(), tensor.data<float>());
  return tensor;
}

Tensor Tensor::from(Shape shape, std::span<const std::int32_t> values) {
  Tensor tensor(std::move(shape), DType::i32);
  if (static_cast<std::size_t>(tensor.numel()) != values.size()) throw Error("values do not fill the shape");
  std::copy(values.begin(), values.end(), tensor.data<std::int32_t>());
  return tensor;
}

const void* Tensor::raw() const {
  if (storage_ == nullptr) throw Error("an undefined tensor has no data");
  return static_cast<const std::byte*>(storage_->data()) + byte_offset_;
}

void Tensor::check_type(DType expected) const {
  if (dtype_ != expected)
    throw Error("a tensor of " + std::string(name_of(dtype_)) + " read as " + std::string(name_of(expected)));
}

Tensor Tensor::reshape(Shape shape) const {
  if (shape.numel() != numel())
    throw Error("cannot reshape " + shape_.to_string() + " to " + shape.to_string());
  Tensor view = *this;
  view.shape_ = std::move(shape);
  return view;
}

Tensor Tensor::rows(std::int64_t begin, std::int64_t end) const {
  const std::int64_t count = dim(0);
  if (begin < 0 || begin > end || end > count)
    throw Error("rows " + std::to_string(begin) + " to " + std::to_string(end) + " of " + shape_.to_string());
  std::vector<std::int64_t> dims(shape_.dims().begin(), shape_.dims().end());
  dims[0] = end - begin;
  const std::size_t row_bytes = count == 0 ? 0 : bytes() / static_cast<std::size_t>(count);
  return {Shape(std::move(dims)), dtype_, storage_,
          byte_offset_ + static_cast<std::size_t>(begin) * row_bytes};
}

Tensor Tensor::to(DType dtype) const {
  if (dtype == dtype_) return *this;
  Tensor result(shape_, dtype);
  convert(raw(), dtype_, result.raw(), dtype, static_cast<std::size_t>(numel()));
  return result;
}

Tensor Tensor::clone() const {
  Tensor result(shape_, dtype_);
  std::memcpy(result.raw(), raw(), bytes());
  return result;
}

}  // namespace sd35
