#include "evaluation/earlier_report.h"

#include <nlohmann/json.hpp>

#include "core/config_file.h"
#include "core/error.h"
#include "core/inner_path.h"
#include "core/location.h"
#include "core/messages.h"

namespace sd35 {
namespace {

constexpr std::uint64_t kLargestReport = std::uint64_t{1} << 30;

void check_prompts(const nlohmann::json& rows, const std::vector<EvaluationPrompt>& prompts,
                   std::uint64_t first_seed, const std::filesystem::path& folder) {
  bool same = rows.is_array() && rows.size() == prompts.size();
  for (std::size_t i = 0; same && i < prompts.size(); ++i)
    same = rows[i].at("prompt") == prompts[i].text && rows[i].at("seed") == first_seed + i;
  if (!same)
    throw ArgumentError("the report in " + in_quotes(folder.string()) + " is of other prompts or seeds");
}

// Nothing if the column, of an older report, does not say.
std::optional<DrawnWith> read_drawn_with(const nlohmann::json& column, const Location& location) {
  if (!column.contains("load")) return std::nullopt;
  try {
    return drawn_with_from_json(column);
  } catch (const ArgumentError& error) {
    throw FileError(location + ": " + error.what(), {}, location.file);
  }
}

EarlierColumn read_column(const nlohmann::json& json, const nlohmann::json& rows,
                          const std::filesystem::path& path) {
  EarlierColumn column{json.at("label").get<std::string>(), json.at("model").get<std::string>(), {}, {}};
  column.drawn_with = read_drawn_with(json, {path.string() + ", column " + in_quotes(column.label), path});
  for (const nlohmann::json& row : rows) {
    column.files.push_back(row.at("pictures").at(column.label).at("file").get<std::string>());
    if (!is_inner_path(column.files.back()))
      throw FileError(path.string() + ": the picture " + in_quotes(column.files.back()) +
                          " lies outside of the report's folder; 'file' must be a path inside it",
                      {}, path);
  }
  return column;
}

}  // namespace

std::vector<EarlierColumn> read_earlier_report(const std::filesystem::path& folder,
                                               const std::vector<EvaluationPrompt>& prompts,
                                               std::uint64_t first_seed) {
  const std::filesystem::path path = folder / "report.json";
  const nlohmann::json report = read_json_file(path, kLargestReport);
  std::vector<EarlierColumn> columns;
  try {
    for (const nlohmann::json& column : report.at("columns")) {
      const auto label = column.at("label").get<std::string>();
      if (label == kDrawnColumn || label == kReconstructedColumn) continue;
      if (columns.empty()) check_prompts(report.at("prompts"), prompts, first_seed, folder);
      columns.push_back(read_column(column, report.at("prompts"), path));
    }
  } catch (const nlohmann::json::exception& error) {
    throw FileError(path.string() + " is not a report of sd35 evaluate: " + error.what(), {}, path);
  }
  return columns;
}

}  // namespace sd35
