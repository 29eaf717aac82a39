// What an earlier run of sd35 evaluate, perhaps on another machine, says in its report.json.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "evaluation/drawn_with.h"
#include "evaluation/prompt.h"

namespace sd35 {

// Columns of a report that no model drew.
inline constexpr const char* kDrawnColumn = "drawn";
inline constexpr const char* kReconstructedColumn = "reconstructed";

struct EarlierColumn {
  std::string label;
  std::string model;
  std::vector<std::string> files;       // one per prompt, paths inside the report's folder
  std::optional<DrawnWith> drawn_with;  // unset: the report does not say
};

// The columns of models, in the report's order. Throws FileError when `folder`/report.json cannot be read, is
// not a report, names a picture outside of `folder` or options that do not exist, ArgumentError when prompt
// number i is not `prompts[i]` with the seed `first_seed` + i.
std::vector<EarlierColumn> read_earlier_report(const std::filesystem::path& folder,
                                               const std::vector<EvaluationPrompt>& prompts,
                                               std::uint64_t first_seed);

}  // namespace sd35
