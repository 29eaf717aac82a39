#include "tests/support/tiny_model.h"

#include <unistd.h>

#include "sd35/sd35.h"

namespace sd35 {
namespace {

struct TemporaryModel {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("sd35-tiny-" + std::to_string(getpid()));
  TemporaryModel() {
    RandomModelOptions options;
    options.dtype = "f32";
    options.seed = 7;
    make_random_model(options, path);
  }
  ~TemporaryModel() { std::filesystem::remove_all(path); }
};

}  // namespace

const std::filesystem::path& tiny_model() {
  static const TemporaryModel model;
  return model.path;
}

}  // namespace sd35
