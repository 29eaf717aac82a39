#include "train/objectives/letter_validation.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "ops/torch/torch_ops.h"
#include "train/objectives/flow_matching.h"
#include "train/objectives/letter_layer.h"
#include "train/samples/window.h"

namespace sd35::train {
namespace {

constexpr std::size_t kMostPictures = 64;
constexpr std::uint32_t kNoiseStream = 1;  // of random numbers; 0 is that of the plain validation
constexpr std::uint32_t kSpellingStream = 2;

struct Level {
  float sigma;
  const char* name;
};
constexpr std::array kLevels{Level{0.6f, "0.6"}, Level{0.75f, "0.75"}, Level{0.9f, "0.9"}};

bool is_word_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || static_cast<unsigned char>(c) >= 0x80;
}

char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

// Where the word stands in the caption as a whole word; its case is ignored.
std::optional<std::size_t> place_of_word(const std::string& caption, const std::string& word) {
  for (auto from = caption.begin();; ++from) {
    from = std::search(from, caption.end(), word.begin(), word.end(),
                       [](char a, char b) { return lower(a) == lower(b); });
    if (from == caption.end()) return std::nullopt;
    const auto end = from + static_cast<std::ptrdiff_t>(word.size());
    if ((from == caption.begin() || !is_word_character(from[-1])) &&
        (end == caption.end() || !is_word_character(*end)))
      return static_cast<std::size_t>(from - caption.begin());
  }
}

// A letter for a letter, a digit for a digit.
char another(char c, SampleRandom& random) {
  const bool digit = std::isdigit(static_cast<unsigned char>(c)) != 0;
  const char first = digit ? '0' : std::isupper(static_cast<unsigned char>(c)) != 0 ? 'A' : 'a';
  const int count = digit ? 10 : 26;
  const auto step = static_cast<int>(1 + random.below(count - 1));
  return static_cast<char>(first + (c - first + step) % count);
}

at::Tensor mean_over(const at::Tensor& errors, const std::vector<std::int64_t>& tokens) {
  const at::Tensor chosen = at::from_blob(const_cast<std::int64_t*>(tokens.data()),
                                          {static_cast<std::int64_t>(tokens.size())}, at::kLong)
                                .to(errors.device());
  return errors.index_select(1, chosen).mean(1).to(at::kCPU).to(at::kDouble);
}

// Each level with the right caption, then each with the changed one.
constexpr auto kBatch = static_cast<std::int64_t>(2 * kLevels.size());

Tensor repeated(const Tensor& one) {
  std::vector<std::int64_t> dims{kBatch};
  dims.insert(dims.end(), one.shape().dims().begin(), one.shape().dims().end());
  Tensor all(Shape(dims), DType::f32);
  for (std::int64_t b = 0; b < kBatch; ++b)
    std::ranges::copy(one.floats(), all.data<float>() + b * one.numel());
  return all;
}

}  // namespace

std::optional<Misspelling> misspelt(const std::string& caption, std::span<const AnnotatedLetter> letters,
                                    SampleRandom random) {
  struct Choice {
    std::size_t letter, place;  // of the annotation; in the caption
  };
  std::vector<Choice> choices;
  for (std::size_t begin = 0; begin < letters.size();) {
    std::size_t end = begin;
    std::string word;
    std::vector<Choice> in_word;
    for (; end < letters.size() && letters[end].word == letters[begin].word; ++end) {
      const std::string& character = letters[end].character;
      if (character.size() == 1 && std::isalnum(static_cast<unsigned char>(character[0])) != 0)
        in_word.push_back({end, word.size()});
      word += character;
    }
    if (const auto place = place_of_word(caption, word))
      for (const Choice& choice : in_word) choices.push_back({choice.letter, *place + choice.place});
    begin = end;
  }
  if (choices.empty()) return std::nullopt;
  const Choice chosen =
      choices[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(choices.size())))];
  Misspelling result{caption, chosen.letter};
  result.caption[chosen.place] = another(caption[chosen.place], random);
  return result;
}

int LetterValidation::picture_side() const {
  return *std::ranges::max_element(config_.stages.back().resolutions);
}

void LetterValidation::choose_cases(int token_side) {
  cases_.emplace();
  const int side = picture_side();
  const TokenWindow whole{0, 0, side / token_side, side / token_side};
  for (std::int64_t sample = 0; sample < pictures_.dataset().size() && cases_->size() < kMostPictures;
       ++sample) {
    const Annotation annotation = pictures_.annotation(sample, side, side, false);
    if (annotation.letters.empty()) continue;
    Case chosen{sample, pictures_.dataset().caption(sample, 0), {}, {}, {}};
    const auto changed =
        misspelt(chosen.caption, annotation.letters,
                 SampleRandom(config_.seed, kSpellingStream, static_cast<std::uint32_t>(sample)));
    if (!changed) continue;
    chosen.changed = changed->caption;
    for (const LetterToken& token : covered_tokens(annotation.letters, whole, token_side)) {
      chosen.tokens.push_back(token.token);
      if (token.letter == changed->letter) chosen.changed_tokens.push_back(token.token);
    }
    if (!chosen.changed_tokens.empty()) cases_->push_back(std::move(chosen));
  }
}

void LetterValidation::add_figures(const Case& chosen, const Ops& ops, const Transformer& transformer,
                                   std::map<std::string, double>& sums) {
  const int side = picture_side();
  FittedPicture picture = pictures_.fitted(chosen.sample, side, side, false);
  pictures_.encode({&picture, 1});
  std::vector<float> normal(static_cast<std::size_t>(picture.moments->numel() / 2), 0.0f);
  const Tensor clean = draw_latents(pictures_.vae(), *picture.moments, normal);  // [C, h, w], the mean
  SampleRandom(config_.seed, kNoiseStream, static_cast<std::uint32_t>(chosen.sample)).normal(normal);

  FlowBatch flow;
  flow.clean = repeated(clean);
  flow.noise = repeated(Tensor::from(clean.shape(), normal));
  std::vector<std::string> captions;
  for (const std::string* caption : {&chosen.caption, &chosen.changed})
    for (const Level& level : kLevels) {
      captions.push_back(*caption);
      flow.sigmas.push_back(level.sigma);
    }
  const PromptEmbedding prompt = pictures_.embed(captions, pictures_.sequence_length(config_.stages.back()));
  flow.prompt_embedding = prompt.tokens;
  flow.pooled_projection = prompt.pooled;

  const std::int64_t patch = transformer.config().patch_size, C = clean.dim(0), rows = clean.dim(1) / patch,
                     columns = clean.dim(2) / patch;
  const at::Tensor errors = flow_matching_error(ops, transformer, flow)
                                .reshape({kBatch, C, rows, patch, columns, patch})
                                .mean({1, 3, 5})
                                .flatten(1);  // [2 levels, tokens]
  const at::Tensor all = mean_over(errors, chosen.tokens), changed = mean_over(errors, chosen.changed_tokens);
  for (std::size_t i = 0; i < kLevels.size(); ++i) {
    const auto gain = [&](const at::Tensor& values) {
      const double* const row = values.data_ptr<double>();
      return row[i + kLevels.size()] - row[i];
    };
    const std::string level = kLevels[i].name;
    sums["letter_loss_" + level] += all.data_ptr<double>()[i];
    sums["letter_gain_" + level] += gain(all);
    sums["changed_letter_gain_" + level] += gain(changed);
  }
}

std::map<std::string, double> LetterValidation::figures(const Ops& ops, const Transformer& transformer) {
  const c10::NoGradGuard no_history;
  if (!cases_) choose_cases(pictures_.vae().scale() * transformer.config().patch_size);
  std::map<std::string, double> sums;
  for (const Case& chosen : *cases_) add_figures(chosen, ops, transformer, sums);
  for (auto& [name, value] : sums) value /= static_cast<double>(cases_->size());
  return sums;
}

}  // namespace sd35::train
