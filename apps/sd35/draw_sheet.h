// Sheets of pictures that differ in one option or two.
#pragma once

#include <string>
#include <vector>

#include "options/option_axis.h"
#include "output_names.h"
#include "reporter.h"
#include "sd35/sd35.h"

namespace sd35::cli {

// What --grid names: the columns of a sheet, and the rows if there are two.
class SheetOfPictures {
 public:
  // Throws ArgumentError for more than two axes, and as option_axis_from_text().
  explicit SheetOfPictures(const std::vector<std::string>& axes);

  // Throws ArgumentError where one of the pictures or the sheet is impossible.
  void check(const Pipeline& pipeline, const GenerateOptions& options) const;

  // Draws the pictures one by one, each as it would be alone, and saves the sheet. Its metadata are those of
  // the first picture, and the axes.
  void draw(const Pipeline& pipeline, const GenerateOptions& options, const Callbacks& callbacks,
            const OutputNames& names, Reporter& reporter) const;

 private:
  std::size_t columns() const { return axes_.front().values.size(); }
  std::size_t rows() const { return axes_.size() < 2 ? 1 : axes_.back().values.size(); }
  GenerateOptions options_of(GenerateOptions options, std::size_t column, std::size_t row) const;
  void describe(Picture& sheet) const;

  std::vector<OptionAxis> axes_;
};

}  // namespace sd35::cli
