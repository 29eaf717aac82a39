#include "options/input_choices.h"

#include <initializer_list>
#include <string>
#include <utility>

#include "core/error.h"

namespace sd35 {
namespace {

template <class Choice>
Choice chosen(std::string_view what, std::string_view name,
              std::initializer_list<std::pair<std::string_view, Choice>> choices) {
  std::string known;
  for (const auto& [its_name, choice] : choices) {
    if (name == its_name) return choice;
    if (!its_name.empty()) known += (known.empty() ? "" : ", ") + std::string(its_name);
  }
  throw ArgumentError(std::string(what) + " is '" + std::string(name) + "'; known: " + known);
}

}  // namespace

StrengthRule strength_rule_from_name(std::string_view name) {
  return chosen<StrengthRule>("strength_rule", name,
                              {{"share", StrengthRule::share}, {"steps", StrengthRule::steps}});
}

LatentSample latent_sample_from_name(std::string_view name) {
  return chosen<LatentSample>("latent_sample", name,
                              {{"sample", LatentSample::sample}, {"mode", LatentSample::mode}});
}

InpaintFill inpaint_fill_from_name(std::string_view name) {
  return chosen<InpaintFill>("inpaint fill", name,
                             {{"", InpaintFill::unset},
                              {"original", InpaintFill::original},
                              {"blur", InpaintFill::blur},
                              {"noise", InpaintFill::noise},
                              {"zero", InpaintFill::zero}});
}

Upscaler upscaler_from_name(std::string_view name) {
  return chosen<Upscaler>("upscaler", name, {{"latent", Upscaler::latent}, {"lanczos", Upscaler::lanczos}});
}

}  // namespace sd35
