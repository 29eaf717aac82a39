// What the pipeline asks an engine instead of going by its name.
#include <gtest/gtest.h>

#include <string>

#include "core/error.h"
#include "core/threads.h"
#include "ops/decor/forwarding_ops.h"
#include "sd35/sd35.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/pipeline/bf16_model.h"

namespace sd35 {
namespace {

struct Native {
  std::unique_ptr<Ops> native = make_native_ops(DType::f32);
};

// The native engine posing as that of an unknown device.
class StandIn : private Native, public ForwardingOps {
 public:
  StandIn() : ForwardingOps(*native) {}
  std::string_view name() const override { return "stand-in"; }
  Device device() const override { return {"elsewhere", false}; }
  std::string identity() const override { return "stand-in of driver " + std::to_string(driver); }
  double ceiling_gflops() const override { return 12345; }
  void finish() const override { ++finished; }
  std::string packing() const override { return {}; }

  static inline int driver = 1, finished = 0;
  static inline int threads = 0;  // when the last one was made
};

class EngineTest : public testing::Test {
 protected:
  EngineTest() {
    register_engine("stand-in", [](DType /*type*/, const std::string& /*device*/) {
      StandIn::threads = thread_count();
      return std::make_unique<StandIn>();
    });
    load_.engine = "stand-in";
    load_.device = "elsewhere";
    load_.dtype = "f32";
    options_.prompt = "a red square";
    options_.width = options_.height = 32;
    options_.num_inference_steps = 2;
    options_.max_sequence_length = 16;
  }

  Pipeline open() const { return Pipeline::from_pretrained(bf16_model().string(), load_); }

  TemporaryFolder folder_;
  LoadOptions load_;
  GenerateOptions options_;
};

TEST_F(EngineTest, IsMadeWithTheThreadsThatAreAskedFor) {
  for (const int threads : {3, 1}) {
    load_.threads = threads;
    open();
    EXPECT_EQ(StandIn::threads, granted_threads(threads));
  }
}

TEST_F(EngineTest, AProfileIsMeasuredByItsCeilingAndWaitsForIt) {
  Pipeline pipeline = open();
  StandIn::finished = 0;
  pipeline.generate(options_);
  EXPECT_EQ(StandIn::finished, 0);
  pipeline.start_profile(folder_ / "trace.json");
  pipeline.generate(options_);
  EXPECT_GT(StandIn::finished, 100);
  EXPECT_TRUE(pipeline.finish_profile().starts_with("ceiling 12345 GFLOP/s\n"));
}

TEST_F(EngineTest, PromptsAreKeptForAnEngineOfOneIdentity) {
  load_.prompt_cache = folder_ / "cache";
  const auto encodes = [&] {
    bool layers = false;
    Callbacks callbacks;
    callbacks.on_progress = [&](const Progress& progress) {
      layers |= progress.stage == Stage::encode_prompt && progress.fraction > 0 && progress.fraction < 1;
      return true;
    };
    open().generate(options_, callbacks);
    return layers;
  };
  StandIn::driver = 1;
  EXPECT_TRUE(encodes());
  EXPECT_FALSE(encodes());
  StandIn::driver = 2;
  EXPECT_TRUE(encodes());
}

TEST_F(EngineTest, ABlockCacheWorksWhereverItComputes) {
  options_.block_cache = 10;
  const Picture cached = open().generate(options_).at(0);
  load_.engine = "native";
  load_.device = "cpu";
  EXPECT_EQ(open().generate(options_).at(0).rgb, cached.rgb);
}

TEST_F(EngineTest, ThatPacksNothingIsNamedInAWarning) {
  load_.packed = folder_ / "packed";
  std::string warnings;
  Callbacks callbacks;
  callbacks.on_warning = [&](const std::string& warning) { warnings += warning; };
  open().generate(options_, callbacks);
  EXPECT_NE(warnings.find("'stand-in' packs no weights"), std::string::npos) << warnings;
}

}  // namespace
}  // namespace sd35
