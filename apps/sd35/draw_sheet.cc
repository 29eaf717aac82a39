#include "draw_sheet.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace sd35::cli {
namespace {

constexpr int kMostPixelsOfASide = 16383;  // which every format holds

nlohmann::ordered_json axis_to_json(const OptionAxis& axis) {
  return {{"option", axis.option}, {"values", axis.values}};
}

}  // namespace

SheetOfPictures::SheetOfPictures(const std::vector<std::string>& axes) {
  if (axes.size() > 2)
    throw ArgumentError("a sheet has columns and rows; --grid can be given twice, not " +
                        std::to_string(axes.size()) + " times");
  for (const std::string& axis : axes) axes_.push_back(option_axis_from_text(axis));
  if (axes_.size() == 2 && axes_[0].option == axes_[1].option)
    throw ArgumentError("--grid: columns and rows both go through " + axes_[0].option);
}

GenerateOptions SheetOfPictures::options_of(GenerateOptions options, std::size_t column,
                                            std::size_t row) const {
  options = axes_.front().applied(std::move(options), column);
  return axes_.size() < 2 ? options : axes_.back().applied(std::move(options), row);
}

void SheetOfPictures::check(const Pipeline& pipeline, const GenerateOptions& options) const {
  for (std::size_t row = 0; row < rows(); ++row)
    for (std::size_t column = 0; column < columns(); ++column) {
      const GenerateOptions whole = pipeline.completed(options_of(options, column, row));
      const std::size_t width = columns() * static_cast<std::size_t>(whole.width.value()),
                        height = rows() * static_cast<std::size_t>(whole.height.value());
      if (std::max(width, height) > kMostPixelsOfASide)
        throw ArgumentError("the sheet would have " + std::to_string(width) + "x" + std::to_string(height) +
                            " pixels; a side may have " + std::to_string(kMostPixelsOfASide));
    }
}

void SheetOfPictures::draw(const Pipeline& pipeline, const GenerateOptions& options,
                           const Callbacks& callbacks, const OutputNames& names, Reporter& reporter) const {
  std::vector<Picture> pictures;
  Callbacks each = callbacks;
  each.on_progress = [&](Progress progress) {
    progress.picture = static_cast<int>(pictures.size());
    return callbacks.on_progress(progress);
  };
  for (std::size_t row = 0; row < rows(); ++row)
    for (std::size_t column = 0; column < columns(); ++column)
      pictures.push_back(std::move(pipeline.generate(options_of(options, column, row), each).at(0)));
  Picture sheet = contact_sheet(pictures, static_cast<int>(columns()));
  sheet.metadata = pictures.front().metadata;
  describe(sheet);
  const std::string path = names.save(sheet, 0);
  reporter.sheet(axes_.front().description(), axes_.size() < 2 ? "" : axes_.back().description());
  reporter.wrote(path, options_of(options, 0, 0).seed, std::nullopt);
}

// Where a picture says nothing neither does the sheet.
void SheetOfPictures::describe(Picture& sheet) const {
  for (auto& [key, text] : sheet.metadata) {
    auto recipe = nlohmann::ordered_json::parse(text, nullptr, false);
    for (std::size_t i = 0; i < axes_.size(); ++i) {
      if (recipe.is_object())
        recipe["grid"][i == 0 ? "columns" : "rows"] = axis_to_json(axes_[i]);
      else
        text +=
            std::string(", Grid ") + (i == 0 ? "columns" : "rows") + ": \"" + axes_[i].description() + "\"";
    }
    if (recipe.is_object()) text = recipe.dump();
  }
}

}  // namespace sd35::cli
