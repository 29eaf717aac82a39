// Reads the input as the configuration of a training run. Only Error may come out.
#include <cstdlib>

#include "tests/fuzz/allow_errors.h"
#include "tests/fuzz/input_file.h"
#include "train/train_config.h"

extern "C" int LLVMFuzzerInitialize(int* /*count*/, char*** /*arguments*/) {
  for (const char* name : {"HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME", "HOME"}) unsetenv(name);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sd35;
  const InputFile file(data, size);
  allow_errors([&] {
    const train::TrainConfig config = train::TrainConfig::read(file.path());
    const std::int64_t steps = config.total_steps();
    require(steps >= 1 && config.stage_of(steps - 1) + 1 == config.stages.size());
    for (const train::Stage& stage : config.stages) require(train::sequence_length(stage, 512) >= 1);
  });
  return 0;
}
