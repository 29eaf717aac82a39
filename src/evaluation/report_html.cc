// The page: totals first, then every prompt with its pictures side by side.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <sstream>
#include <utility>

#include "evaluation/report.h"

namespace sd35 {
namespace {

constexpr const char* kHead = R"(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>sd35 evaluate</title><style>
body { font: 14px/1.4 system-ui, sans-serif; margin: 2em auto; max-width: 75em; padding: 0 1em; color: #222; }
table { border-collapse: collapse; } th, td { text-align: left; vertical-align: top; padding: 4px 10px; }
.totals td, .totals th { border-bottom: 1px solid #ddd; } .totals td.first { font-weight: 600; }
small { color: #666; } .prompt { max-width: 22em; } img { display: block; image-rendering: auto; min-width: 128px; }
.pass { color: #18702f; } .fail { color: #b3261e; }
body.failures tr.good { display: none; }
</style></head><body>
<h1>sd35 evaluate</h1>
)";

std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '<')
      result += "&lt;";
    else if (c == '>')
      result += "&gt;";
    else if (c == '&')
      result += "&amp;";
    else if (c == '"')
      result += "&quot;";
    else
      result += c;
  }
  return result;
}

std::string fixed(double value, int digits) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.*f", digits, value);
  return text;
}

// What is not listed has its default.
void write_options(std::ostream& out, const Column& column) {
  if (!column.drawn_with) return;
  out << "<br><small>";
  const char* between = "";
  for (const auto& [place, value] : chosen_options(*column.drawn_with))
    out << std::exchange(between, ", ") << escaped(place + " " + value);
  out << "</small>";
}

void write_settings(std::ostream& out, const Evaluation& evaluation) {
  out << "<p>" << evaluation.prompts.size() / static_cast<std::size_t>(evaluation.seeds) << " prompts, ";
  if (evaluation.seeds > 1) out << evaluation.seeds << " seeds each, ";
  out << "seeds from " << evaluation.generate.seed << ".</p>\n<ul>\n";
  for (const Column& column : evaluation.columns) {
    out << "<li><b>" << escaped(column.label) << "</b>: ";
    if (column.model.empty())
      out << "the scenes the prompts were made from, drawn; what the scorers say of pictures that are right";
    else
      out << escaped(column.model);
    if (!column.compared_with.empty())
      out << "; PSNR to " << escaped(column.compared_with) << " below each picture";
    if (!column.model.empty() && column.drawn_now > 0)
      out << "; " << fixed(column.seconds / column.drawn_now, 2) << " s a picture";
    write_options(out, column);
    out << "</li>\n";
  }
  out << "</ul>\n";
}

void write_totals(std::ostream& out, const Evaluation& evaluation) {
  out << "<table class=\"totals\"><tr><th>kind</th><th>check</th>";
  for (const Column& column : evaluation.columns) out << "<th>" << escaped(column.label) << "</th>";
  out << "</tr>\n";
  // A kind and its checks are the same in every column that has pictures of it.
  std::vector<std::vector<Total>> totals;
  std::size_t widest = 0;
  for (const Column& column : evaluation.columns) {
    totals.push_back(totals_of(evaluation, column));
    if (totals.back().size() > totals[widest].size()) widest = totals.size() - 1;
  }
  const Total* before = nullptr;
  for (const Total& row : totals.at(widest)) {
    const bool first = before == nullptr || before->group != row.group;
    before = &row;
    out << "<tr><td>" << (first ? row.group : "") << "</td><td" << (first ? " class=\"first\"" : "") << ">"
        << escaped(row.check) << "</td>";
    for (const std::vector<Total>& column : totals) {
      out << "<td" << (first ? " class=\"first\"" : "") << ">";
      for (const Total& total : column) {
        if (total.group != row.group || total.check != row.check) continue;
        const auto [low, high] = interval_of(total);
        out << fixed(100 * total.share(), 1) << " % <small>" << fixed(100 * low, 1) << " to "
            << fixed(100 * high, 1) << "; " << total.passed << " of " << total.pictures << "</small>";
      }
      out << "</td>";
    }
    out << "</tr>\n";
  }
  out << "</table>\n<p><small>Shares of pictures with 95 % intervals (Wilson). The first check of a kind is "
         "what it is judged by.</small></p>\n";
}

using SharesOf = const std::map<int, LetterShare>& (LetterTable::*)() const;

// A row per column of the report, with a cell for each key that any of them has.
void write_shares(std::ostream& out, const std::string& title, const std::vector<std::string>& labels,
                  const std::vector<LetterTable>& tables, SharesOf shares_of) {
  std::map<int, LetterShare> all;
  for (const LetterTable& table : tables)
    all.insert((table.*shares_of)().begin(), (table.*shares_of)().end());
  if (all.empty()) return;
  out << "<tr><th>" << title << "</th>";
  for (const auto& [key, share] : all) out << "<th>" << key << "</th>";
  out << "</tr>\n";
  for (std::size_t i = 0; i < tables.size(); ++i) {
    const std::map<int, LetterShare>& shares = (tables[i].*shares_of)();
    if (shares.empty()) continue;
    out << "<tr><td>" << escaped(labels[i]) << "</td>";
    for (const auto& [key, unused] : all) {
      const auto found = shares.find(key);
      out << "<td>";
      if (found != shares.end())
        out << fixed(100 * found->second.share(), 1) << " % <small>of " << found->second.letters
            << "</small>";
      out << "</td>";
    }
    out << "</tr>\n";
  }
}

void write_confusions(std::ostream& out, const std::string& label, const LetterTable& table) {
  constexpr std::size_t kShown = 20;
  const std::vector<Confusion> confusions = table.confusions();
  out << "<p><small>" << escaped(label) << ", " << fixed(100 * table.all().share(), 1) << " % of "
      << table.all().letters << " letters right; asked and read: ";
  const auto shown = [](const std::string& letter) {
    return letter.empty() ? "nothing" : letter == " " ? "space" : escaped(letter);
  };
  for (std::size_t i = 0; i < std::min(kShown, confusions.size()); ++i)
    out << (i > 0 ? ", " : "") << shown(confusions[i].asked) << " &rarr; " << shown(confusions[i].read) << " "
        << confusions[i].count << "&times;";
  out << "</small></p>\n";
}

void write_letters(std::ostream& out, const Evaluation& evaluation) {
  for (const std::string& group : evaluation.groups) {
    std::vector<std::string> labels;
    std::vector<LetterTable> tables;
    for (const Column& column : evaluation.columns) {
      LetterTable table = letters_of(evaluation, column, group);
      if (table.all().letters == 0) continue;
      labels.push_back(column.label);
      tables.push_back(std::move(table));
    }
    if (tables.empty()) continue;
    out << "<h2>letters of " << group << "</h2>\n<table class=\"totals\">";
    write_shares(out, "letters of the word", labels, tables, &LetterTable::by_length);
    write_shares(out, "which of them", labels, tables, &LetterTable::by_index);
    write_shares(out, "capitals, pixels from", labels, tables, &LetterTable::by_capitals);
    out << "</table>\n";
    for (std::size_t i = 0; i < tables.size(); ++i) write_confusions(out, labels[i], tables[i]);
  }
}

void write_picture(std::ostream& out, const EvaluatedPicture& picture) {
  out << "<td>";
  if (!picture.file.empty()) {
    out << "<img loading=\"lazy\" src=\"" << escaped(picture.file) << "\" alt=\"\">";
    for (const auto& [check, passed] : picture.score.checks)
      out << "<span class=\"" << (passed ? "pass\">&#10003; " : "fail\">&#10007; ") << escaped(check)
          << "</span><br>";
    if (!picture.score.seen.empty()) out << "<small>seen: " << escaped(picture.score.seen) << "</small>";
    if (!std::isnan(picture.psnr)) out << "<br><small>PSNR " << fixed(picture.psnr, 1) << " dB</small>";
  }
  out << "</td>";
}

// `group`: empty for prompts without a score.
void write_group(std::ostream& out, const Evaluation& evaluation, const std::string& group) {
  std::string id = group.empty() ? "prompts" : group;
  std::ranges::replace(id, ' ', '-');
  out << "<h2 id=\"" << id << "\">" << (group.empty() ? "without a score" : group)
      << "</h2>\n<table><tr><th>prompt</th>";
  for (const Column& column : evaluation.columns) out << "<th>" << escaped(column.label) << "</th>";
  out << "</tr>\n";
  for (std::size_t i = 0; i < evaluation.prompts.size(); ++i) {
    const EvaluationPrompt& prompt = evaluation.prompts[i];
    if (prompt.group != group) continue;
    bool good = true;
    for (const Column& column : evaluation.columns) {
      const auto& checks = column.pictures[i].score.checks;
      good = good && (checks.empty() || checks[0].second);
    }
    out << (good ? "<tr class=\"good\">" : "<tr>") << "<td class=\"prompt\">" << escaped(prompt.text);
    if (!group.empty()) out << "<br><small>expected: " << escaped(prompt.expectation) << "</small>";
    out << "<br><small>seed " << evaluation.generate.seed + i << "</small></td>";
    for (const Column& column : evaluation.columns) write_picture(out, column.pictures[i]);
    out << "</tr>\n";
  }
  out << "</table>\n";
}

}  // namespace

std::string report_html(const Evaluation& evaluation) {
  std::ostringstream out;
  out << kHead;
  write_settings(out, evaluation);
  write_totals(out, evaluation);
  write_letters(out, evaluation);
  out << "<p><label><input type=\"checkbox\" onchange=\"document.body.classList.toggle('failures', "
         "this.checked)\"> only rows where something failed</label></p>\n";
  for (const std::string& group : evaluation.groups) write_group(out, evaluation, group);
  const auto is_plain = [](const EvaluationPrompt& prompt) { return prompt.kind.empty(); };
  if (std::ranges::any_of(evaluation.prompts, is_plain)) write_group(out, evaluation, "");
  out << "</body></html>\n";
  return out.str();
}

}  // namespace sd35
