#include "options/residency.h"

#include <array>
#include <string>
#include <utility>

#include "core/error.h"

namespace sd35 {

Residency residency_from_name(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, Residency>, 3> kNames{
      {{"nothing", Residency::nothing}, {"transformer", Residency::transformer}, {"all", Residency::all}}};
  for (const auto& [known, residency] : kNames)
    if (name == known) return residency;
  throw ArgumentError("keep is '" + std::string(name) + "'; known: nothing, transformer, all", "keep");
}

}  // namespace sd35
