#include "pipeline/prompt_cache.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/error.h"
#include "data/hash128.h"

namespace sd35 {
namespace {

using Json = nlohmann::json;

// What makes an entry: kept whole in it, because its key is only a hash. Texts need not be UTF-8.
Json question(std::span<const PromptTexts> prompts, int max_sequence_length) {
  Json texts = Json::array();
  const auto bytes = [](const std::string& text) {
    return std::vector<std::uint8_t>(text.begin(), text.end());
  };
  for (const PromptTexts& prompt : prompts)
    texts.push_back({bytes(prompt.clip_l), bytes(prompt.clip_g), bytes(prompt.t5)});
  return {{"texts", texts}, {"max_sequence_length", max_sequence_length}};
}

std::string key_of(const Json& question) { return hash128(question.dump()).hex(); }

Tensor to_tensor(const std::string& text) {
  Tensor tensor({static_cast<std::int64_t>(text.size())}, DType::u8);
  std::ranges::copy(text, tensor.data<std::uint8_t>());
  return tensor;
}

std::string to_text(const Tensor& tensor) {
  const auto* bytes = tensor.data<std::uint8_t>();
  return {bytes, bytes + tensor.numel()};
}

}  // namespace

PromptCache::PromptCache(const std::filesystem::path& folder, const std::string& identity,
                         WarningFunction warn)
    : warn_(std::move(warn)), cache_(folder, identity, warn_) {}

std::optional<EncodedPrompts> PromptCache::find(std::span<const PromptTexts> prompts,
                                                int max_sequence_length) {
  const Json asked = question(prompts, max_sequence_length);
  const std::string key = key_of(asked);
  const auto notes = cache_.find(key + " notes");
  if (!notes || notes->dtype() != DType::u8) return std::nullopt;
  const Json json = Json::parse(to_text(*notes), nullptr, false);
  if (!json.is_object() || json.value("question", Json()) != asked) return std::nullopt;
  auto tokens = cache_.find(key + " tokens"), pooled = cache_.find(key + " pooled");
  if (!tokens || !pooled) return std::nullopt;
  EncodedPrompts found{{std::move(*tokens), std::move(*pooled)}, {}};
  for (const Json& warning : json["warnings"]) found.warnings.push_back(warning.get<std::string>());
  return found;
}

void PromptCache::put(std::span<const PromptTexts> prompts, int max_sequence_length,
                      const EncodedPrompts& encoded) {
  const Json asked = question(prompts, max_sequence_length);
  const std::string key = key_of(asked);
  const Json notes{{"question", asked}, {"warnings", encoded.warnings}};
  try {
    cache_.put(key + " tokens", encoded.embedding.tokens);
    cache_.put(key + " pooled", encoded.embedding.pooled);
    cache_.put(key + " notes", to_tensor(notes.dump(-1, ' ', false, Json::error_handler_t::replace)));
  } catch (const FileError& error) {
    warn_("the encoded prompt is not kept: " + std::string(error.what()));
  }
}

}  // namespace sd35
