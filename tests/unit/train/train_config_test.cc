// What the configuration of a run says, and the folder of the run.
#include "train/train_config.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/error.h"
#include "core/messages.h"
#include "tests/support/file_bytes.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_model.h"
#include "train/run_folder.h"
#include "train/starting_model.h"

namespace sd35::train {
namespace {

namespace fs = std::filesystem;

// A configuration in `folder` whose keys begin with `keys`.
TrainConfig read(const TemporaryFolder& folder, const std::string& keys,
                 const std::string& stage = R"("steps": 10, "resolutions": [64])") {
  put_file(folder / "train.json", "{" + keys + R"(, "data": "pictures", "stages": [{)" + stage + "}]}");
  return TrainConfig::read(folder / "train.json");
}

std::string error_of(const auto& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(TrainConfigTest, ModelsAreFoundBesideTheFileOrInTheHubCache) {
  const TemporaryFolder folder;
  fs::create_directories(folder / "beside/me");
  const fs::path snapshot = folder / "hub/models--someone--a-model/snapshots/abc";
  fs::create_directories(snapshot);
  fs::create_directories(folder / "hub/models--someone--a-model/refs");
  put_file(folder / "hub/models--someone--a-model/refs/main", "abc");
  setenv("HF_HUB_CACHE", (folder / "hub").c_str(), 1);
  const auto model = [&](const std::string& name) {
    return read(folder, R"("model": ")" + name + "\"").model;
  };
  EXPECT_EQ(model("beside/me"), (folder / "beside/me").string());
  EXPECT_EQ(model("someone/a-model"), snapshot.string());
  EXPECT_EQ(model("/absolute"), "/absolute");
  const std::string error = error_of([&] { model("someone/another"); });
  EXPECT_NE(
      error.find("'model' is 'someone/another': there is neither '" + (folder / "someone/another").string() +
                 "' nor a model of this name in the Hugging Face"),
      std::string::npos)
      << error;
  unsetenv("HF_HUB_CACHE");
}

TEST(TrainConfigTest, StagesAreCountedFromOne) {
  const TemporaryFolder folder;
  EXPECT_EQ(error_of([&] { read(folder, R"("model": "m")", R"("steps": 1, "resolution": [64])"); }),
            (folder / "train.json").string() + ": stage 1: 'resolutions' is missing");
}

TEST(TrainConfigTest, KeysOfAnotherTaskAreNotIgnored) {
  const TemporaryFolder folder;
  const std::string path = (folder / "train.json").string();
  EXPECT_EQ(error_of([&] { read(folder, R"("model": "m", "lora": {"rank": 8})"); }),
            path + ": 'lora' belongs to the task lora; 'task' is 'transformer'");
  EXPECT_EQ(error_of([&] { read(folder, R"("model": "m", "task": "lora", "decoder_only": true)"); }),
            path + ": 'decoder_only' belongs to the task autoencoder; 'task' is 'lora'");
  EXPECT_EQ(read(folder, R"("model": "m", "task": "lora", "condition_dropout": 0)").flow.condition_dropout,
            0);
  const auto refused = [&](const std::string& task, const std::string& keys, const std::string& stage) {
    const std::string error = error_of(
        [&] { read(folder, R"("model": "m", "task": ")" + task + "\"" + keys, R"("steps": 1)" + stage); });
    return error.find("belongs to the tasks") != std::string::npos;
  };
  const std::string sized = R"(, "resolutions": [64])";
  EXPECT_TRUE(refused("autoencoder", R"(, "cache": "c")", sized));
  EXPECT_TRUE(refused("clip", R"(, "sample_every": 5)", sized));
  EXPECT_FALSE(refused("autoencoder", R"(, "sample_every": 5)", sized));
  EXPECT_TRUE(refused("t5", R"(, "flip": true)", ""));
  EXPECT_TRUE(refused("t5", "", R"(, "max_aspect": 2)"));
  EXPECT_TRUE(refused("clip", "", sized + R"(, "shift": 3)"));
  EXPECT_TRUE(refused("autoencoder", "", sized + R"(, "max_sequence_length": 77)"));
  EXPECT_TRUE(refused("autoencoder", "", R"(, "mix": [{"share": 1, "resolutions": [64], "shift": 3}])"));
  EXPECT_FALSE(refused("t5", "", R"(, "max_sequence_length": 77)"));
}

TEST(TrainConfigTest, CropsAreOfTheAutoencoder) {
  const TemporaryFolder folder;
  const std::string path = (folder / "train.json").string();
  const std::string keys = R"("model": "m", "task": "autoencoder")";
  const auto stage = [](const std::string& more) { return R"("steps": 1, "resolutions": [64], )" + more; };
  const Stage read_back = read(folder, keys, stage(R"("crop": 32, "text_crops": 0.7)")).stages[0];
  EXPECT_EQ(read_back.crop, 32);
  EXPECT_EQ(read_back.text_crops, 0.7);
  EXPECT_EQ(read(folder, keys).stages[0].crop, 0);
  EXPECT_EQ(read(folder, keys + R"(, "latent_noise": 0.1)").autoencoder.latent_noise, 0.1);
  const auto error = [&](const std::string& all, const std::string& more) {
    return error_of([&] { read(folder, all, stage(more)); });
  };
  EXPECT_EQ(error(keys, R"("crop": 40)"), path + ": stage 1: 'crop' must be a multiple of 16");
  EXPECT_EQ(error(keys, R"("text_crops": 0.5)"),
            path + ": stage 1: 'text_crops' is a share of the crops, and there is no 'crop'");
  EXPECT_EQ(error(R"("model": "m")", R"("crop": 32)"),
            path + ": stage 1: 'crop' belongs to the task autoencoder; 'task' is 'transformer'");
  EXPECT_NE(error(keys + R"(, "latent_noise": 0.1, "from_scratch": true)", R"("crop": 32)")
                .find("'latent_noise' counts in deviations of the latents"),
            std::string::npos);
}

TEST(TrainConfigTest, GrowthHasTheKeysOfItsTask) {
  const TemporaryFolder folder;
  const std::string path = (folder / "train.json").string();
  const auto read_grown = [&](const std::string& task, const std::string& grow) {
    return read(folder, R"("model": "m", "task": ")" + task + R"(", "grow": )" + grow);
  };
  const TrainConfig transformer = read_grown("transformer", R"({"num_layers": 12, "after": [2, 4, 6, 7]})");
  EXPECT_EQ(transformer.grow->num_layers, 12);
  EXPECT_EQ(transformer.grow->after, (std::vector<int>{2, 4, 6, 7}));
  EXPECT_EQ(read_grown("autoencoder", R"({"layers_per_block": 2})").grow->layers_per_block, 2);
  const auto error = [&](const std::string& task, const std::string& grow) {
    return error_of([&] { read_grown(task, grow); });
  };
  EXPECT_EQ(error("transformer", "{}"), path + ": grow: 'num_layers' is missing");
  EXPECT_EQ(error("autoencoder", R"({"num_layers": 2})"), path + ": grow: 'layers_per_block' is missing");
  EXPECT_EQ(error("transformer", R"({"num_layers": 2, "layers_per_block": 2})"),
            path + ": grow: unknown key 'layers_per_block'; known: num_layers, after");
  EXPECT_NE(
      error("t5", R"({"num_layers": 2})").find("'grow' belongs to the tasks transformer and autoencoder"),
      std::string::npos);
  EXPECT_NE(error("transformer", R"({"num_layers": 2}, "from_scratch": true)").find("'grow' adds to a model"),
            std::string::npos);
}

TEST(TrainConfigTest, RoundingIsOfTheTransformer) {
  const TemporaryFolder folder;
  const std::string path = (folder / "train.json").string();
  const auto read_stage = [&](const std::string& task, const std::string& type) {
    return read(folder, R"("model": "m", "task": ")" + task + "\"",
                R"("steps": 1, "resolutions": [64], "round_to": ")" + type + "\"")
        .stages[0];
  };
  EXPECT_TRUE(read_stage("transformer", "fp8").round_to_fp8);
  EXPECT_FALSE(read(folder, R"("model": "m")").stages[0].round_to_fp8);
  EXPECT_EQ(error_of([&] { read_stage("lora", "fp8"); }),
            path + ": stage 1: 'round_to' belongs to the task transformer; 'task' is 'lora'");
  EXPECT_NE(error_of([&] { read_stage("transformer", "int8"); }).find("'round_to'"), std::string::npos);
}

TEST(TrainConfigTest, RoutesNameTheirBlocks) {
  const TemporaryFolder folder;
  const auto error = [&](const std::string& route, const std::string& task) {
    return error_of([&] {
      read(folder, R"("model": "m", "task": ")" + task + "\"",
           R"("steps": 1, "resolutions": [64], "route": )" + route);
    });
  };
  EXPECT_EQ(error(R"({"share": 0.5, "from": 3, "to": 10})", "transformer"), "no error");
  const std::string path = (folder / "train.json").string();
  EXPECT_EQ(error(R"({"share": 0.5, "from": 3, "to": 10})", "lora"),
            path + ": stage 1: 'route' belongs to the task transformer; 'task' is 'lora'");
  EXPECT_NE(error(R"({"from": 3, "to": 10})", "transformer").find("'share' is missing"), std::string::npos);
  EXPECT_NE(error(R"({"share": 1, "from": 3, "to": 10})", "transformer").find("'share'"), std::string::npos);
  EXPECT_NE(error(R"({"share": 0.5, "from": 3, "to": 2})", "transformer").find("the first and the last"),
            std::string::npos);
  EXPECT_NE(error(R"({"share": 0.5, "to": 2})", "transformer").find("the first and the last"),
            std::string::npos);
}

TEST(TrainConfigTest, LetterWidthsAreForPlaces) {
  const TemporaryFolder folder;
  const std::string keys = R"("model": "m", "task": "t5", "letter_widths": "w.json")";
  EXPECT_EQ(read(folder, keys + R"(, "place_weight": 2)", R"("steps": 1)").t5.letter_widths,
            (folder / "w.json").string());
  EXPECT_NE(error_of([&] { read(folder, keys, R"("steps": 1)"); }).find("is for place_weight, which is 0"),
            std::string::npos);
}

TEST(TrainConfigTest, SamplesLeaveToTheModelWhatIsNotSaid) {
  const TemporaryFolder folder;
  const SampleConfig left = read(folder, R"("model": "m", "samples": {"prompts": ["a cat"]})").flow.samples;
  EXPECT_EQ(left.steps, 0);
  EXPECT_FALSE(left.guidance_scale.has_value());
  const SampleConfig said =
      read(folder, R"("model": "m", "samples": {"steps": 3, "guidance_scale": 0})").flow.samples;
  EXPECT_EQ(said.steps, 3);
  EXPECT_EQ(said.guidance_scale, 0);
}

TEST(TrainConfigTest, ShortTokenizersShortenTheSequence) {
  EXPECT_EQ(sequence_length({}, 40), 40);
  EXPECT_EQ(sequence_length({}, 512), 77);
  EXPECT_EQ(sequence_length({}, 0), 77);
  Stage stage;
  stage.max_sequence_length = 100;
  EXPECT_EQ(sequence_length(stage, 40), 100);
}

TEST(RunFolderTest, AnotherConfigurationIsNotResumed) {
  const TemporaryFolder folder;
  const fs::path run = folder / "run";
  const std::string lora = R"("model": "m", "task": "lora", "lora": {"rank": )";
  const auto prepare = [&](const std::string& keys, const std::string& stage) {
    const TrainConfig config = read(folder, keys, stage);
    prepare_run_folder(run, config, true);
    keep_configuration(run, config);
  };
  const std::string stage = R"("steps": 10, "batch_size": 2, "resolutions": [64])";
  prepare(lora + "16}", stage);
  prepare(lora + "8}", stage);  // nothing was learned yet
  put_file(run / "checkpoint-00000005.safetensors", "");
  std::ostringstream refusal;
  refusal << "'" << run.string() << "' holds a run of another configuration: lora.rank was 8 and is 16; '"
          << (run / "configuration.json").string()
          << "' is what it began with, another folder begins a new run";
  EXPECT_EQ(error_of([&] { prepare(lora + "16}", stage); }), refusal.str());
  EXPECT_NE(error_of([&] {
              prepare(lora + R"(8}, "dtype": "f32")", stage);
            }).find("dtype was missing and is 'f32'"),
            std::string::npos);
  EXPECT_NE(error_of([&] {
              prepare(lora + "8}", R"("steps": 10, "batch_size": 4, "resolutions": [64])");
            }).find("stages.1.batch_size was 2 and is 4"),
            std::string::npos);
  // A run may become longer, and be monitored differently.
  prepare(lora + R"(8}, "log_every": 1)", R"("steps": 20, "batch_size": 2, "resolutions": [64])");
}

TEST(RunFolderTest, AnotherStartingModelIsNotResumed) {
  const TemporaryFolder folder;
  const fs::path run = folder / "run", other = folder / "other";
  fs::create_directories(run);
  fs::copy(tiny_model(), other, fs::copy_options::recursive);
  TrainConfig config;
  const auto keep = [&](Task task, const fs::path& model) {
    config.task = task;
    config.model = model.string();
    const StartingModel begun = starting_model(config);
    check_starting_model(run, config, begun);
    keep_starting_model(run, begun);
  };
  keep(Task::t5, other);
  keep(Task::transformer, tiny_model());  // nothing was learned yet
  put_file(run / "checkpoint-00000005.safetensors", "");
  keep(Task::transformer, other);  // the same elsewhere
  const auto change = [&](const char* file, std::streamoff place) {
    std::fstream bytes(other / file, std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekp(place, place < 0 ? std::ios::end : std::ios::beg);
    bytes.put('7');
  };
  change("text_encoder_2/model.safetensors", -1);
  EXPECT_EQ(error_of([&] { keep(Task::transformer, other); }),
            in_quotes(run.string()) + " holds a run that began with another model: the text_encoder_2 of " +
                in_quotes(other.string()) +
                " is not what it was then; bring that back, or begin a new run in another folder");
  keep(Task::autoencoder, other);  // takes nothing of text encoders
  put_file(other / "vae/config.json", file_bytes(other / "vae/config.json") + " ");
  keep(Task::autoencoder, other);  // says the same
  change("vae/diffusion_pytorch_model.safetensors", -1);
  EXPECT_NE(error_of([&] { keep(Task::autoencoder, other); }).find("the vae of"), std::string::npos);
  config.from_scratch = true;  // other weights than the run began with: none
  EXPECT_NE(error_of([&] { keep(Task::autoencoder, tiny_model()); }), "");
}

TEST(RunFolderTest, FoldersWhereARunWouldDoHarmAreRefused) {
  const TemporaryFolder folder;
  fs::create_directories(folder / "pictures");
  fs::create_directories(folder / "model");
  put_file(folder / "model/model_index.json", "{}");
  const TrainConfig config = read(folder, R"("model": "m")");
  const auto error = [&](const char* run) {
    return error_of([&] { prepare_run_folder(folder / run, config, false); });
  };
  EXPECT_NE(error("pictures").find("lies in the data set"), std::string::npos);
  EXPECT_NE(error("pictures/../pictures/run").find("lies in the data set"), std::string::npos);
  EXPECT_NE(error("model").find("is a model"), std::string::npos);
  EXPECT_NE(error("train.json").find("cannot be made"), std::string::npos);
  EXPECT_EQ(error("pictures-run"), "no error");
  put_file(folder / "pictures-run/checkpoint-00000005.safetensors", "");
  EXPECT_NE(error("pictures-run").find("holds a run already"), std::string::npos);
}

}  // namespace
}  // namespace sd35::train
