// Encoded prompts that stay in memory from one picture to the next.
#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "pipeline/prompt_cache.h"

namespace sd35 {

// Of one model, with the weights of its files alone. What is found is what encoding would produce, because the
// prompts of one picture stay together, as in PromptCache. Safe from any thread.
class PromptMemory {
 public:
  std::optional<EncodedPrompts> find(std::span<const PromptTexts> prompts, int max_sequence_length);
  // Keeps those that were used last, up to `bytes` in all.
  void put(std::span<const PromptTexts> prompts, int max_sequence_length, const EncodedPrompts& encoded,
           std::uint64_t bytes);
  void forget_all();

 private:
  struct Entry {
    std::vector<PromptTexts> prompts;
    int max_sequence_length = 0;
    EncodedPrompts encoded;
  };

  std::mutex mutex_;
  std::list<Entry> entries_;  // used last first
};

}  // namespace sd35
