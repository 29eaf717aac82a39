#include "lab/drawing/sprite_style.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

#include "core/error.h"
#include "lab/scenes/scene_random.h"

namespace sd35 {
namespace {

constexpr std::array<std::string_view, kSpriteStyles> kStyleNames = {"fluent", "noto"};
constexpr std::uint64_t kStyleStream = 0x57e1ull;  // of random decisions; the layout has another

ArgumentError wrong(std::string_view text) {
  return ArgumentError("sprites are written as fluent, noto or fluent=0.9,noto=0.1; not '" +
                       std::string(text) + "'");
}

double read_share(std::string_view text, std::string_view all) {
  double share = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), share);
  if (error != std::errc() || end != text.data() + text.size() || !(share >= 0 && share <= 1e6))
    throw wrong(all);
  return share;
}

}  // namespace

SpriteShares parse_sprites(std::string_view text) {
  const std::string_view all = text;
  SpriteShares shares{};
  std::array<bool, kSpriteStyles> named{};
  while (true) {
    const std::size_t comma = text.find(',');
    const std::string_view one = text.substr(0, comma);
    const std::size_t equals = one.find('=');
    const auto* style = std::ranges::find(kStyleNames, one.substr(0, equals));
    if (style == kStyleNames.end()) throw wrong(all);
    const auto place = static_cast<std::size_t>(style - kStyleNames.begin());
    if (std::exchange(named[place], true))
      throw ArgumentError("the sprites '" + std::string(all) + "' name " + std::string(*style) + " twice");
    shares[place] = equals == one.npos ? 1 : read_share(one.substr(equals + 1), all);
    if (comma == text.npos) break;
    text.remove_prefix(comma + 1);
  }
  if (std::ranges::none_of(shares, [](double share) { return share > 0; }))
    throw ArgumentError("of the sprites '" + std::string(all) + "' no share is above 0");
  return shares;
}

SpriteStyle style_of_scene(const SpriteShares& shares, std::uint64_t layout_seed) {
  const double first = shares[0] / (shares[0] + shares[1]);
  return SceneRandom(layout_seed, kStyleStream).between(0, 1) < first ? SpriteStyle::fluent
                                                                      : SpriteStyle::noto;
}

}  // namespace sd35
