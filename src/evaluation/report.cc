#include "evaluation/report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/atomic_file.h"

namespace sd35 {
namespace {

using Json = nlohmann::ordered_json;

std::string percent(double share) {
  char text[16];
  std::snprintf(text, sizeof(text), "%.1f", 100 * share);
  return text;
}

// "61.5 % (54.6 to 68.0)"
std::string with_interval(const Total& total) {
  const auto [low, high] = interval_of(total);
  return percent(total.share()) + " % (" + percent(low) + " to " + percent(high) + ")";
}

// Of the pictures that differ; NaN when none does.
double mean_psnr(const Column& column) {
  double sum = 0;
  int count = 0;
  for (const EvaluatedPicture& picture : column.pictures) {
    if (!std::isfinite(picture.psnr)) continue;
    sum += picture.psnr;
    ++count;
  }
  return count == 0 ? std::nan("") : sum / count;
}

void write_text(const std::filesystem::path& path, const std::string& text) {
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(text)));
  file.commit();
}

Json share_json(const LetterShare& share) {
  return {{"right", share.right}, {"letters", share.letters}, {"share", share.share()}};
}

Json shares_json(const std::map<int, LetterShare>& shares) {
  Json json = Json::object();
  for (const auto& [key, share] : shares) json[std::to_string(key)] = share_json(share);
  return json;
}

Json letters_json(const LetterTable& table) {
  Json json{{"all", share_json(table.all())},
            {"by_length", shares_json(table.by_length())},
            {"by_index", shares_json(table.by_index())}};
  if (!table.by_capitals().empty()) json["by_capitals"] = shares_json(table.by_capitals());
  json["confusions"] = Json::array();
  for (const Confusion& confusion : table.confusions())
    json["confusions"].push_back(
        {{"asked", confusion.asked}, {"read", confusion.read}, {"count", confusion.count}});
  return json;
}

Json column_json(const Evaluation& evaluation, const Column& column) {
  Json json{{"label", column.label}, {"model", column.model}};
  if (column.drawn_with) json.update(drawn_with_json(*column.drawn_with));
  if (column.drawn_now > 0) json["seconds_a_picture"] = column.seconds / column.drawn_now;
  json["pictures_drawn_now"] = column.drawn_now;
  if (const double psnr = mean_psnr(column); std::isfinite(psnr)) {
    json["compared_with"] = column.compared_with;
    json["mean_psnr"] = psnr;
  }
  for (const Total& total : totals_of(evaluation, column)) {
    const auto [low, high] = interval_of(total);
    json["totals"][total.group][total.check] = {{"passed", total.passed},
                                                {"pictures", total.pictures},
                                                {"share", total.share()},
                                                {"interval", {low, high}}};
  }
  for (const std::string& group : evaluation.groups) {
    const LetterTable table = letters_of(evaluation, column, group);
    if (table.all().letters > 0) json["letters"][group] = letters_json(table);
  }
  return json;
}

Json picture_json(const EvaluatedPicture& picture) {
  Json json{{"file", picture.file}, {"seen", picture.score.seen}};
  for (const auto& [check, passed] : picture.score.checks) json["checks"][check] = passed;
  if (std::isfinite(picture.psnr)) json["psnr"] = picture.psnr;
  return json;
}

}  // namespace

std::string report_json(const Evaluation& evaluation) {
  const GenerateOptions& generate = evaluation.generate;
  Json json;
  json["settings"] = {{"seed", evaluation.generate.seed}, {"seeds", evaluation.seeds}};
  json["columns"] = Json::array();
  for (const Column& column : evaluation.columns) json["columns"].push_back(column_json(evaluation, column));
  json["prompts"] = Json::array();
  for (std::size_t i = 0; i < evaluation.prompts.size(); ++i) {
    const EvaluationPrompt& prompt = evaluation.prompts[i];
    Json row{{"prompt", prompt.text}, {"seed", generate.seed + i}};
    if (!prompt.kind.empty()) {
      row["kind"] = prompt.kind;
      row["expected"] = prompt.expectation;
    }
    for (const Column& column : evaluation.columns)
      if (!column.pictures[i].file.empty()) row["pictures"][column.label] = picture_json(column.pictures[i]);
    json["prompts"].push_back(std::move(row));
  }
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string summary_of(const Evaluation& evaluation) {
  std::ostringstream text;
  for (const std::string& group : evaluation.groups) {
    for (const Column& column : evaluation.columns) {
      std::string line;
      for (const Total& total : totals_of(evaluation, column))
        if (total.group == group)
          line += (line.empty() ? "" : ", ") + total.check + " " + with_interval(total);
      if (!line.empty()) text << group << ", " << column.label << ": " << line << "\n";
    }
  }
  for (const Column& column : evaluation.columns) {
    if (column.compared_with.empty()) continue;
    char line[32] = "equal pictures";
    const double psnr = mean_psnr(column);
    if (std::isfinite(psnr)) std::snprintf(line, sizeof(line), "PSNR %.2f dB", psnr);
    text << column.label << " and " << column.compared_with << ": " << line << "\n";
  }
  return text.str();
}

void write_report(const std::filesystem::path& folder, const Evaluation& evaluation) {
  write_text(folder / "report.html", report_html(evaluation));
  write_text(folder / "report.json", report_json(evaluation));
}

}  // namespace sd35
