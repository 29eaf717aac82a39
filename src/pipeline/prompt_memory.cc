#include "pipeline/prompt_memory.h"

#include <algorithm>

namespace sd35 {

std::optional<EncodedPrompts> PromptMemory::find(std::span<const PromptTexts> prompts,
                                                 int max_sequence_length) {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find_if(entries_, [&](const Entry& entry) {
    return entry.max_sequence_length == max_sequence_length && std::ranges::equal(entry.prompts, prompts);
  });
  if (found == entries_.end()) return std::nullopt;
  entries_.splice(entries_.begin(), entries_, found);
  return found->encoded;
}

void PromptMemory::put(std::span<const PromptTexts> prompts, int max_sequence_length,
                       const EncodedPrompts& encoded, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  entries_.push_front({{prompts.begin(), prompts.end()}, max_sequence_length, encoded});
  std::uint64_t used = 0;
  std::erase_if(entries_, [&](const Entry& entry) {
    used += entry.encoded.embedding.tokens.bytes() + entry.encoded.embedding.pooled.bytes();
    return used > bytes;
  });
}

void PromptMemory::forget_all() {
  const std::lock_guard lock(mutex_);
  entries_.clear();
}

}  // namespace sd35
