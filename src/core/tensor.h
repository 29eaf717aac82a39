// A tensor is a shape, an element type and a shared buffer: contiguous, row-major.
//
// The alphabet of every shape comment in this project:
//   B batch, T tokens (N of the image, M of the text), D width, H heads, d head size, C channels, h w latent,
//   Y X pixels.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/device.h"
#include "core/dtype.h"

namespace sd35 {

// Up to a handful of non-negative dimensions, outermost first.
class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<std::int64_t> dims) : dims_(dims) {}
  explicit Shape(std::vector<std::int64_t> dims) : dims_(std::move(dims)) {}

  int rank() const { return static_cast<int>(dims_.size()); }
  // Dimension `i`; negative counts from the end. Throws Error when out of range.
  std::int64_t operator[](int i) const;
  // Product of the dimensions; 1 for a scalar.
  std::int64_t numel() const;
  std::span<const std::int64_t> dims() const { return dims_; }
  // "[2, 333, 1536]"
  std::string to_string() const;
  bool operator==(const Shape&) const = default;

 private:
  std::vector<std::int64_t> dims_;
};

// Memory that tensors share. Engines that own memory of another kind (a device, a mapped file) derive from
// it.
class Storage {
 public:
  Storage(void* data, std::size_t bytes) : data_(data), bytes_(bytes) {}
  virtual ~Storage() = default;
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  // On the host. A storage on a device brings its bytes here at the first call; what is written to them stays
  // here.
  virtual void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  virtual Device device() const { return {}; }

 private:
  void* data_;
  std::size_t bytes_;
};

class Tensor {
 public:
  // An undefined tensor: what an optional weight that is absent holds.
  Tensor() = default;
  // Uninitialised memory of the calling thread's pool (core/buffer_pool.h), aligned to 64 bytes.
  Tensor(Shape shape, DType dtype);
  // A view of `storage` from `byte_offset`. Throws Error when it does not fit.
  Tensor(Shape shape, DType dtype, std::shared_ptr<Storage> storage, std::size_t byte_offset = 0);

  static Tensor zeros(Shape shape, DType dtype = DType::f32);
  static Tensor from(Shape shape, std::span<const float> values);
  static Tensor from(Shape shape, std::span<const std::int32_t> values);

  bool defined() const { return storage_ != nullptr; }
  const Shape& shape() const { return shape_; }
  std::int64_t dim(int i) const { return shape_[i]; }
  DType dtype() const { return dtype_; }
  std::int64_t numel() const { return shape_.numel(); }
  std::size_t bytes() const { return static_cast<std::size_t>(numel()) * size_of(dtype_); }
  const std::shared_ptr<Storage>& storage() const { return storage_; }
  // Of the first element in the storage.
  std::size_t byte_offset() const { return byte_offset_; }
  // No other tensor sees this memory, so a consumed tensor may be overwritten in place.
  bool unique() const { return storage_.use_count() == 1; }

  // The elements; T must match dtype() (checked).
  template <class T>
  T* data();
  template <class T>
  const T* data() const;
  void* raw() { return const_cast<void*>(std::as_const(*this).raw()); }
  const void* raw() const;
  std::span<const float> floats() const { return {data<float>(), static_cast<std::size_t>(numel())}; }

  // The same elements under another shape of equal size. Throws Error otherwise.
  Tensor reshape(Shape shape) const;
  // Rows [begin, end) of the first dimension, sharing memory.
  Tensor rows(std::int64_t begin, std::int64_t end) const;
  // A copy in another float type (the same type shares memory).
  Tensor to(DType dtype) const;
  Tensor clone() const;

 private:
  void check_type(DType expected) const;

  Shape shape_;
  DType dtype_ = DType::f32;
  std::shared_ptr<Storage> storage_;
  std::size_t byte_offset_ = 0;
};

template <class T>
constexpr DType dtype_of();
template <>
constexpr DType dtype_of<float>() {
  return DType::f32;
}
template <>
constexpr DType dtype_of<bf16>() {
  return DType::bf16;
}
template <>
constexpr DType dtype_of<f16>() {
  return DType::f16;
}
template <>
constexpr DType dtype_of<std::int32_t>() {
  return DType::i32;
}
template <>
constexpr DType dtype_of<std::int64_t>() {
  return DType::i64;
}
template <>
constexpr DType dtype_of<std::int8_t>() {
  return DType::i8;
}
template <>
constexpr DType dtype_of<std::uint8_t>() {
  return DType::u8;
}

template <class T>
T* Tensor::data() {
  check_type(dtype_of<T>());
  return static_cast<T*>(raw());
}

template <class T>
const T* Tensor::data() const {
  check_type(dtype_of<T>());
  return static_cast<const T*>(raw());
}

}  // namespace sd35
