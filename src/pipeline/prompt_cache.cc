#include "pipeline/prompt_cache.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/config_file.h"
#include "core/error.h"
#include "core/hash128.h"
#include "core/messages.h"

namespace sd35 {
namespace {

// What identifies an entry: stored in it whole, because its key is only a hash. Texts need not be UTF-8.
nlohmann::json question(std::span<const PromptTexts> prompts, int max_sequence_length) {
  nlohmann::json texts = nlohmann::json::array();
  const auto bytes = [](const std::string& text) {
    return std::vector<std::uint8_t>(text.begin(), text.end());
  };
  for (const PromptTexts& prompt : prompts)
    texts.push_back({bytes(prompt.clip_l), bytes(prompt.clip_g), bytes(prompt.t5)});
  return {{"texts", texts}, {"max_sequence_length", max_sequence_length}};
}

std::string key_of(const nlohmann::json& question) { return hash128(question.dump()).hex(); }

Tensor to_tensor(const std::string& text) {
  Tensor tensor({static_cast<std::int64_t>(text.size())}, DType::u8);
  std::ranges::copy(text, tensor.data<std::uint8_t>());
  return tensor;
}

// The warnings in an entry's notes; nothing if these belong to another question, or are damaged.
std::optional<std::vector<std::string>> warnings_in(const Tensor& notes, const nlohmann::json& question) {
  if (notes.dtype() != DType::u8) return std::nullopt;
  const auto* bytes = notes.data<std::uint8_t>();
  try {
    const nlohmann::json json = parse_json_object(std::string(bytes, bytes + notes.numel()), "notes");
    if (json.at("question") != question) return std::nullopt;
    return json.at("warnings").get<std::vector<std::string>>();
  } catch (const FileError&) {
    return std::nullopt;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

}  // namespace

PromptCache::PromptCache(const std::filesystem::path& folder, const std::string& identity,
                         const EmbeddingLayout& layout, std::int64_t width, WarningFunction warn)
    : warn_(std::move(warn)), cache_(folder, identity, warn_), layout_(layout), width_(width) {
  try {
    cache_.check_writable();
  } catch (const FileError& error) {
    writable_ = false;
    warn_("new encoded prompts are not kept: " + std::string(error.what()));
  }
}

std::optional<EncodedPrompts> PromptCache::find(std::span<const PromptTexts> prompts,
                                                int max_sequence_length) {
  const nlohmann::json asked = question(prompts, max_sequence_length);
  const std::string key = key_of(asked);
  const auto notes = cache_.find(key + " notes");
  if (!notes) return std::nullopt;
  const std::optional<std::vector<std::string>> warnings = warnings_in(*notes, asked);
  if (!warnings) {
    warn_("the encoded prompt " + key + " that is kept has notes of another kind and is left out");
    return std::nullopt;
  }
  const auto batch = static_cast<std::int64_t>(prompts.size());
  auto tokens = find_finite(key + " tokens", {batch, layout_.clip_tokens + max_sequence_length, width_});
  auto pooled = find_finite(key + " pooled", {batch, layout_.pooled_width()});
  if (!tokens || !pooled) return std::nullopt;
  return EncodedPrompts{{std::move(*tokens), std::move(*pooled)}, *warnings};
}

std::optional<Tensor> PromptCache::find_finite(const std::string& key, const Shape& shape) {
  std::optional<Tensor> tensor = cache_.find(key, shape, DType::f32);
  if (!tensor || std::ranges::all_of(tensor->floats(), [](float value) { return std::isfinite(value); }))
    return tensor;
  warn_("the tensor of " + in_quotes(key) + " that is kept holds NaN or infinity and is left out");
  return std::nullopt;
}

void PromptCache::put(std::span<const PromptTexts> prompts, int max_sequence_length,
                      const EncodedPrompts& encoded) {
  if (!writable_) return;
  const nlohmann::json asked = question(prompts, max_sequence_length);
  const std::string key = key_of(asked);
  const nlohmann::json notes{{"question", asked}, {"warnings", encoded.warnings}};
  try {
    cache_.put(key + " tokens", encoded.embedding.tokens);
    cache_.put(key + " pooled", encoded.embedding.pooled);
    cache_.put(key + " notes",
               to_tensor(notes.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)));
  } catch (const FileError& error) {
    warn_("the encoded prompt is not kept: " + std::string(error.what()));
  }
}

}  // namespace sd35
