#include "ops/native/onednn.h"

#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>
#include <list>
#include <mutex>
#include <new>
#include <oneapi/dnnl/dnnl.hpp>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/cpu.h"
#include "core/error.h"
#include "core/threads.h"

namespace sd35::onednn {

struct Layout::Description {
  dnnl::memory::desc desc;
};

namespace {

using Arguments = std::unordered_map<int, dnnl::memory>;
using Descriptor = dnnl::memory::desc;
using Tag = dnnl::memory::format_tag;

constexpr std::size_t kPrimitivesKept = 512;

// A lowered level of instructions holds for oneDNN too, which takes it only before its first use.
void limit_instructions() {
  if (isa_level() == best_isa_level()) return;
  if (isa_level() == IsaLevel::generic) dnnl::set_max_cpu_isa(dnnl::cpu_isa::sse41);
  if (isa_level() == IsaLevel::avx2) dnnl::set_max_cpu_isa(dnnl::cpu_isa::avx2);
  if (isa_level() == IsaLevel::avx512) dnnl::set_max_cpu_isa(dnnl::cpu_isa::avx512_core);
}

const dnnl::engine& cpu() {
  static const dnnl::engine engine = [] {
    limit_instructions();
    return dnnl::engine(dnnl::engine::kind::cpu, 0);
  }();
  return engine;
}

dnnl::memory::data_type data_type(DType dtype) {
  if (dtype == DType::f32) return dnnl::memory::data_type::f32;
  if (dtype == DType::bf16) return dnnl::memory::data_type::bf16;
  throw Error("oneDNN does not compute in " + std::string(name_of(dtype)));
}

Layout layout_of(const Descriptor& desc) {
  return Layout(std::make_shared<const Layout::Description>(Layout::Description{desc}));
}

dnnl::memory memory_at(const Descriptor& desc, const void* data) {
  return dnnl::memory(desc, cpu(), const_cast<void*>(data));
}

// oneDNN writes the machine code of a layer that runs first without checking that there was memory for it:
// where addresses are limited (ulimit -v), running out of them has to show before that.
void leave_room_for_code() {
  constexpr std::size_t kRoom = std::size_t{16} << 20;
  static const bool limited = [] {
    rlimit addresses{};
    return getrlimit(RLIMIT_AS, &addresses) == 0 && addresses.rlim_cur != RLIM_INFINITY;
  }();
  if (!limited) return;
  void* const room = mmap(nullptr, kRoom, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED) throw std::bad_alloc();
  munmap(room, kRoom);
}

// It must run on the number of threads that `primitive` was made for: see OpenMpThreads.
void execute(const dnnl::primitive& primitive, const Arguments& arguments) {
  leave_room_for_code();
  dnnl::stream stream(cpu());
  primitive.execute(stream, arguments);
  stream.wait();
}

// Calls `body`, turning oneDNN's exceptions into ours.
template <class Body>
auto translated(const char* what, Body body) {
  try {
    return body();
  } catch (const dnnl::error& error) {
    throw Error(std::string(what) + ": oneDNN " + error.message);
  }
}

dnnl::post_ops fused(Activation activation, bool accumulate) {
  dnnl::post_ops operations;
  if (accumulate) operations.append_sum(1.0f);
  const auto append = [&](dnnl::algorithm algorithm, float alpha) {
#if DNNL_VERSION_MAJOR >= 3
    operations.append_eltwise(algorithm, alpha, 0.0f);
#else
    operations.append_eltwise(1.0f, algorithm, alpha, 0.0f);
#endif
  };
  switch (activation) {
    case Activation::none:
      break;
    case Activation::silu:
      append(dnnl::algorithm::eltwise_swish, 1.0f);
      break;
    case Activation::gelu:
      append(dnnl::algorithm::eltwise_gelu_erf, 0.0f);
      break;
    case Activation::gelu_tanh:
      append(dnnl::algorithm::eltwise_gelu_tanh, 0.0f);
      break;
    case Activation::quick_gelu:
      append(dnnl::algorithm::eltwise_swish, 1.702f);
      break;
    case Activation::relu:
      append(dnnl::algorithm::eltwise_relu, 0.0f);
      break;
  }
  return operations;
}

dnnl::primitive_attr attributes(Activation activation, bool accumulate = false) {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  attributes.set_fpmath_mode(dnnl::fpmath_mode::strict);  // whatever the environment says, f32 stays f32
  attributes.set_post_ops(fused(activation, accumulate));
  return attributes;
}

dnnl::matmul::primitive_desc describe(const MatmulSpec& spec, const std::optional<Layout>& layout) {
  const auto type = data_type(spec.dtype);
  const dnnl::memory::dims whole{spec.rows, spec.in};
  const Descriptor x = spec.x_stride > 0 ? Descriptor(whole, type, dnnl::memory::dims{spec.x_stride, 1})
                                         : Descriptor(whole, type, spec.transposed_x ? Tag::ba : Tag::ab);
  const Descriptor y({spec.rows, spec.out}, data_type(spec.result_dtype),
                     dnnl::memory::dims{spec.result_stride, 1});
  const Descriptor weight =
      layout ? layout->description().desc : Descriptor({spec.in, spec.out}, type, Tag::any);
  const Descriptor bias =
      spec.bias ? Descriptor({1, spec.out}, data_type(DType::f32), Tag::ab) : Descriptor();
#if DNNL_VERSION_MAJOR >= 3
  return {cpu(), x, weight, bias, y, attributes(spec.activation, spec.accumulate)};
#else
  return {dnnl::matmul::desc(x, weight, bias, y), attributes(spec.activation, spec.accumulate), cpu()};
#endif
}

dnnl::convolution_forward::primitive_desc describe(const ConvolutionSpec& spec,
                                                   const std::optional<Layout>& layout) {
  const auto type = data_type(spec.dtype);
  const auto kind = dnnl::prop_kind::forward_inference;
  const auto algorithm = dnnl::algorithm::convolution_direct;
  const Tag tag = spec.blocked ? Tag::nChw8c : Tag::nhwc;
  const Descriptor x({spec.batch, spec.in, spec.height, spec.width}, type, tag);
  const Descriptor y({spec.batch, spec.out, spec.result_height, spec.result_width},
                     data_type(spec.result_dtype), tag);
  const Descriptor weight = layout
                                ? layout->description().desc
                                : Descriptor({spec.out, spec.in, spec.kernel, spec.kernel}, type, Tag::any);
  const Descriptor bias = spec.bias ? Descriptor({spec.out}, data_type(DType::f32), Tag::a) : Descriptor();
  const dnnl::memory::dims strides{spec.stride, spec.stride}, before{spec.pad_top, spec.pad_left},
      after{spec.pad_bottom, spec.pad_right};
#if DNNL_VERSION_MAJOR >= 3
  return {cpu(), kind, algorithm, x, weight, bias, y, strides, before, after, attributes(Activation::none)};
#else
  return {dnnl::convolution_forward::desc(kind, algorithm, x, weight, bias, y, strides, before, after),
          attributes(Activation::none), cpu()};
#endif
}

// `Operation` is dnnl::matmul or dnnl::convolution_forward. Its work is divided among `threads` threads,
// those of the calling thread's OpenMpThreads.
template <class Operation>
class Compiled : public Primitive {
 public:
  Compiled(const typename Operation::primitive_desc& desc, int threads)
      : threads_(threads),
        operation_(desc),
        x_(desc.src_desc()),
        weight_(layout_of(desc.weights_desc())),
        bias_(desc.bias_desc()),
        y_(desc.dst_desc()),
        scratch_(desc.scratchpad_desc()),
        plain_loops_(std::string_view(desc.impl_info_str()).starts_with("ref")) {}

  const Layout& weight_layout() const override { return weight_; }
  bool plain_loops() const override { return plain_loops_; }

  void run(const void* x, const void* weight, const float* bias, void* y) const override {
    const Tensor scratch({static_cast<std::int64_t>(scratch_.get_size())}, DType::u8);
    Arguments arguments{{DNNL_ARG_SRC, memory_at(x_, x)},
                        {DNNL_ARG_WEIGHTS, memory_at(weight_.description().desc, weight)},
                        {DNNL_ARG_DST, memory_at(y_, y)},
                        {DNNL_ARG_SCRATCHPAD, memory_at(scratch_, scratch.raw())}};
    if (bias != nullptr) arguments.emplace(DNNL_ARG_BIAS, memory_at(bias_, bias));
    const OpenMpThreads as_divided(threads_);
    translated("running a layer", [&] { execute(operation_, arguments); });
  }

 private:
  int threads_;
  Operation operation_;
  Descriptor x_;
  Layout weight_;
  Descriptor bias_, y_, scratch_;
  bool plain_loops_;
};

// The most recently used primitives of one operation. Few enough that a search costs nothing beside a layer.
template <class Operation, class Spec>
class PrimitiveCache {
 public:
  std::shared_ptr<const Primitive> find_or_compile(const Spec& spec, const std::optional<Layout>& weight) {
    const std::lock_guard lock(mutex_);
    const int threads = thread_count();
    const auto it = std::ranges::find_if(entries_, [&](const Entry& entry) {
      return entry.spec == spec && entry.threads == threads && entry.weight == weight;
    });
    if (it != entries_.end()) {
      entries_.splice(entries_.begin(), entries_, it);
      return entries_.front().primitive;
    }
    const OpenMpThreads divided_among(threads);
    leave_room_for_code();
    entries_.push_front({spec, weight, threads,
                         std::make_shared<const Compiled<Operation>>(describe(spec, weight), threads)});
    if (entries_.size() > kPrimitivesKept) entries_.pop_back();
    return entries_.front().primitive;
  }

 private:
  struct Entry {
    Spec spec;
    std::optional<Layout> weight;
    int threads;
    std::shared_ptr<const Primitive> primitive;
  };
  std::mutex mutex_;
  std::list<Entry> entries_;
};

}  // namespace

Layout Layout::matrix(DType dtype, std::int64_t out, std::int64_t in) {
  return layout_of(Descriptor({in, out}, data_type(dtype), Tag::ba));
}

Layout Layout::transposed_matrix(DType dtype, std::int64_t out, std::int64_t in) {
  return layout_of(Descriptor({in, out}, data_type(dtype), Tag::ab));
}

Layout Layout::filter(DType dtype, std::int64_t out, std::int64_t in, int kernel) {
  return layout_of(Descriptor({out, in, kernel, kernel}, data_type(dtype), Tag::oihw));
}

std::string Layout::text() const {
  std::string text;
  const auto add = [&text](const char* name, const auto& values, int count) {
    text += std::string(text.empty() ? "" : " ") + name;
    for (int i = 0; i < count; ++i)
      text += (i == 0 ? " " : ",") + std::to_string(values[static_cast<std::size_t>(i)]);
  };
  const Descriptor& desc = description_->desc;
#if DNNL_VERSION_MAJOR >= 3
  const int rank = desc.get_ndims(), blocks = desc.get_inner_nblks();
  text = "type " + std::to_string(static_cast<int>(desc.get_data_type())) + " kind " +
         std::to_string(static_cast<int>(desc.get_format_kind())) + " offset " +
         std::to_string(desc.get_submemory_offset());
  add("dims", desc.get_dims(), rank);
  add("padded", desc.get_padded_dims(), rank);
  add("strides", desc.get_strides(), rank);
  add("blocks", desc.get_inner_blks(), blocks);
  add("of", desc.get_inner_idxs(), blocks);
#else
  const auto& data = desc.data;
  const auto& blocking = data.format_desc.blocking;
  text = "type " + std::to_string(data.data_type) + " kind " + std::to_string(data.format_kind) + " offset " +
         std::to_string(data.offset0) + " flags " + std::to_string(data.extra.flags);
  add("dims", data.dims, data.ndims);
  add("padded", data.padded_dims, data.ndims);
  add("strides", blocking.strides, data.ndims);
  add("blocks", blocking.inner_blks, blocking.inner_nblks);
  add("of", blocking.inner_idxs, blocking.inner_nblks);
#endif
  return text;
}

std::size_t Layout::bytes() const { return description_->desc.get_size(); }

Layout Layout::rows(std::int64_t begin, std::int64_t count) const {
#if DNNL_VERSION_MAJOR >= 3
  const std::int64_t in = description_->desc.get_dims()[0];
#else
  const std::int64_t in = description_->desc.data.dims[0];
#endif
  return layout_of(description_->desc.submemory_desc({in, count}, {0, begin}));
}

bool Layout::operator==(const Layout& other) const { return description_->desc == other.description_->desc; }

std::shared_ptr<const Primitive> primitive(const MatmulSpec& spec, const std::optional<Layout>& weight) {
  static auto* cache = new PrimitiveCache<dnnl::matmul, MatmulSpec>;  // outlives static destruction
  return translated("preparing a linear layer", [&] { return cache->find_or_compile(spec, weight); });
}

std::shared_ptr<const Primitive> primitive(const ConvolutionSpec& spec, const std::optional<Layout>& weight) {
  static auto* cache = new PrimitiveCache<dnnl::convolution_forward, ConvolutionSpec>;
  return translated("preparing a convolution", [&] { return cache->find_or_compile(spec, weight); });
}

std::string identity() {
  cpu();
  const dnnl_version_t& version = *dnnl::version();
  return std::to_string(version.major) + "." + std::to_string(version.minor) + "." +
         std::to_string(version.patch) + " " + version.hash + " isa " +
         std::to_string(static_cast<int>(dnnl::get_effective_cpu_isa()));
}

void reorder(const Layout& from, const void* source, const Layout& to, void* target) {
  const OpenMpThreads divided_among;
  translated("repacking a weight", [&] {
    dnnl::memory in = memory_at(from.description().desc, source);
    dnnl::memory out = memory_at(to.description().desc, target);
    execute(dnnl::reorder(in, out), {{DNNL_ARG_FROM, in}, {DNNL_ARG_TO, out}});
  });
}

}  // namespace sd35::onednn
