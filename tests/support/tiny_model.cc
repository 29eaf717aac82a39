#include "tests/support/tiny_model.h"

#include "sd35/sd35.h"
#include "tests/support/temporary_folder.h"

namespace sd35 {
namespace {

struct TemporaryModel {
  TemporaryFolder folder;
  std::filesystem::path path = folder / "tiny";
  TemporaryModel() {
    RandomModelOptions options;
    options.dtype = "f32";
    options.seed = 7;
    make_random_model(options, path);
  }
};

}  // namespace

const std::filesystem::path& tiny_model() {
  static const TemporaryModel model;
  return model.path;
}

}  // namespace sd35
