// What lies in a model's folder under other names, or in place of weights and configurations.
#include <sys/stat.h>

#include "tests/unit/weights/whole_model.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;
using enum Component;

TEST_F(WholeModel, OtherNamesOfWeightsInAFolder) {
  const fs::path model = folder_ / "model", part = model / "transformer";
  make_folder(model);
  const fs::path usual = part / "diffusion_pytorch_model.safetensors";
  const auto rename = [&](const std::string& name) {
    fs::rename(usual, part / name);
    expect_tensors(*ModelFiles::open(model).weights(transformer), transformer_.diffusers);
    fs::rename(part / name, usual);
  };
  for (const std::string name :
       {"diffusion_pytorch_model.ema.safetensors", "diffusion_pytorch_model.fp32.safetensors",
        "diffusion_pytorch_model.mine.safetensors", "model.safetensors", "best.safetensors"})
    rename(name);
  // Several: the trained ones before their average.
  write_safetensors(part / "diffusion_pytorch_model.ema.safetensors", make_transformer(3, 2).diffusers);
  rename("diffusion_pytorch_model.fp16.safetensors");
}

TEST_F(WholeModel, SaysWhatLiesInPlaceOfWeights) {
  const fs::path model = folder_ / "model", part = model / "transformer";
  make_folder(model);
  fs::remove(part / "diffusion_pytorch_model.safetensors");
  put(part / "diffusion_pytorch_model.bin", std::string("PK\x03\x04 archive/data.pkl"));
  expect_error(ModelFiles::open(model).missing_to_generate(),
               {"transformer/diffusion_pytorch_model.safetensors (there is 'diffusion_pytorch_model.bin', a "
                "PyTorch file",
                "convert it to safetensors)"});
  put(part / "diffusion_pytorch_model-00001-of-00002.safetensors", "");
  expect_error(ModelFiles::open(model).missing_to_generate(), {"but no index of shards"});
  expect_error(
      file_error([&] { ModelFiles::open(part / "diffusion_pytorch_model-00001-of-00002.safetensors"); }),
      {"one of several shards; name the folder or the index"});
}

TEST_F(WholeModel, SaysHowToNameAFolderThatIsNoModel) {
  make_folder(folder_ / "model");
  expect_error(file_error([&] { ModelFiles::open(folder_ / "model/vae"); }),
               {"holds no model_index.json", "it is the folder of one component; name it as --vae"});
  fs::create_directories(folder_ / "files");
  write_safetensors(folder_ / "files/sd3.5_medium.safetensors", transformer_.original);
  expect_error(file_error([&] { ModelFiles::open(folder_ / "files"); }),
               {"it holds 'sd3.5_medium.safetensors'; name that file"});
}

TEST_F(WholeModel, PointersAndPagesInPlaceOfFiles) {
  make_folder(folder_ / "model");
  const std::string pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
  put(folder_ / "model/transformer/diffusion_pytorch_model.safetensors", pointer);
  const ModelFiles files = ModelFiles::open(folder_ / "model");
  expect_error(file_error([&] { files.weights(transformer); }),
               {"diffusion_pytorch_model.safetensors: it is a Git LFS pointer", "git lfs pull"});
  put(folder_ / "model/vae/config.json", pointer);
  expect_error(file_error([&] { files.config(vae); }),
               {"vae/config.json: not valid JSON; it is a Git LFS pointer"});
  put(folder_ / "model/model_index.json", "<!DOCTYPE html><html>");
  expect_error(file_error([&] { ModelFiles::open(folder_ / "model"); }), {"it is a web page (HTML)"});
  for (const std::string name : {"lfs.gguf", "lfs.safetensors", "lfs.ckpt"}) {
    put(folder_ / name, pointer);
    expect_error(file_error([&] { ModelFiles::open(folder_ / name); }), {name + ": it is a Git LFS pointer"});
  }
}

TEST_F(WholeModel, PipesAreRefused) {
  make_folder(folder_ / "model");
  const auto pipe = [&](const fs::path& path) {
    fs::remove(path);
    ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  };
  pipe(folder_ / "pipe");
  for (const fs::path& path : {folder_ / "pipe", fs::path("/dev/zero")})
    expect_error(file_error([&] { ModelFiles::open(path); }), {"it is not a regular file"});
  pipe(folder_ / "model/vae/diffusion_pytorch_model.safetensors");
  expect_error(file_error([&] { ModelFiles::open(folder_ / "model").weights(vae); }),
               {"it is not a regular file"});
  pipe(folder_ / "model/vae/config.json");
  expect_error(file_error([&] { ModelFiles::open(folder_ / "model").config(vae); }),
               {"it is not a regular file"});
  pipe(folder_ / "model/model_index.json");
  expect_error(file_error([&] { ModelFiles::open(folder_ / "model"); }), {"it is not a regular file"});
}

}  // namespace
}  // namespace sd35
