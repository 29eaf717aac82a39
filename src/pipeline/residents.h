// What stays in memory between pictures, and is shared by those that are drawn at the same time.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>

#include "mmdit/transformer.h"
#include "options/residency.h"
#include "pipeline/adapters.h"
#include "pipeline/prompt_memory.h"
#include "text/prompt_encoder.h"
#include "vae/encoder_decoder.h"

namespace sd35 {

// Something that is loaded once: it exists while somebody uses it, or as long as it is kept. For any thread.
template <class T>
class Resident {
 public:
  using Pointer = std::shared_ptr<const T>;

  // The object; from `load`, which may throw, if it is not there. Other threads wait meanwhile, calling
  // `waiting` from time to time, which may throw too.
  Pointer get(const std::function<Pointer()>& load, const std::function<void()>& waiting) {
    std::unique_lock lock(mutex_);
    while (loading_) {
      changed_.wait_for(lock, kPatience);
      lock.unlock();
      waiting();
      lock.lock();
    }
    if (Pointer object = in_use_.lock()) return object;
    loading_ = true;
    lock.unlock();
    const Loading end(*this);
    Pointer object = load();
    const std::lock_guard again(mutex_);
    in_use_ = object;
    return object;
  }
  void keep(Pointer object) {
    const std::lock_guard lock(mutex_);
    kept_ = std::move(object);
  }
  // It goes with its last user.
  void drop() { keep(nullptr); }
  bool is_kept() const {
    const std::lock_guard lock(mutex_);
    return kept_ != nullptr;
  }

 private:
  static constexpr std::chrono::milliseconds kPatience{100};

  // Notifies those that wait of the end, however it came.
  struct Loading {
    explicit Loading(Resident& r) : resident(r) {}
    ~Loading() {
      const std::lock_guard lock(resident.mutex_);
      resident.loading_ = false;
      resident.changed_.notify_all();
    }
    Loading(const Loading&) = delete;
    Loading& operator=(const Loading&) = delete;
    Resident& resident;
  };

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool loading_ = false;
  std::weak_ptr<const T> in_use_;
  Pointer kept_;
};

// Of one model.
struct Residents {
  Resident<LoadedEncoders> encoders;
  Resident<Transformer> transformer;
  Resident<PictureDecoder> decoder, preview_decoder;
  LoraFiles loras;       // of requests
  PromptMemory prompts;  // encoded

  Residency kept() const {
    if (!transformer.is_kept()) return Residency::nothing;
    return decoder.is_kept() ? Residency::all : Residency::transformer;
  }
};

}  // namespace sd35
