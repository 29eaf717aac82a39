// Reads the input as report.json of an earlier run of sd35 evaluate. Only Error may come out, and no path
// that leads out of the report's folder.
#include "core/inner_path.h"
#include "evaluation/earlier_report.h"
#include "tests/fuzz/allow_errors.h"
#include "tests/support/file_bytes.h"
#include "tests/support/temporary_folder.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sd35;
  static const TemporaryFolder folder;
  static const std::vector<EvaluationPrompt> prompts = [] {
    std::vector<EvaluationPrompt> list(2);
    list[0].text = "a cat";
    list[1].text = "a dog";
    return list;
  }();
  put_file(folder / "report.json", std::string(text_of(data, size)));
  allow_errors([&] {
    for (const EarlierColumn& column : read_earlier_report(folder.path(), prompts, 7)) {
      require(column.files.size() == prompts.size());
      for (const std::string& file : column.files) require(is_inner_path(file));
      if (!column.drawn_with) continue;
      require(differences(*column.drawn_with, *column.drawn_with).empty());
      check_line(differences(*column.drawn_with, {}));
    }
  });
  return 0;
}
