#include "lab/drawing/write_dataset.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "core/error.h"
#include "core/threads.h"
#include "data/dataset.h"
#include "image/image_file.h"
#include "lab/drawing/dataset_sample.h"
#include "lab/drawing/sample_json.h"
#include "lab/drawing/scene_renderer.h"
#include "lab/scenes/held_out.h"
#include "tests/support/file_bytes.h"
#include "tests/support/temporary_folder.h"

namespace sd35 {
namespace {

using Json = nlohmann::json;

DatasetOptions small() {
  DatasetOptions options;
  options.seed = 7;
  options.count = 25;
  options.sizes = parse_sizes("64,96x64");
  options.shard_samples = 10;
  return options;
}

std::vector<Json> json_lines(const std::filesystem::path& path) {
  std::istringstream text(file_bytes(path));
  std::vector<Json> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(Json::parse(line));
  return lines;
}

TEST(ParseSizes, ReadsListsAndRefusesTheRest) {
  const std::vector<PictureSize> sizes = parse_sizes("128,192x96");
  ASSERT_EQ(sizes.size(), 2u);
  EXPECT_EQ(sizes[0].width, 128);
  EXPECT_EQ(sizes[0].height, 128);
  EXPECT_EQ(sizes[1].width, 192);
  EXPECT_EQ(sizes[1].height, 96);
  for (const char* wrong : {"", ",", "64,", ",64", "64x", "x64", "64x64x64", "64.0", " 64", "sixty", "-64",
                            "+64", "16", "4096", "64x512", "99999999999"})
    EXPECT_THROW(parse_sizes(wrong), ArgumentError) << wrong;
}

TEST(WriteDataset, HoldsWhatWasSampled) {
  const TemporaryFolder folder;
  const DatasetOptions options = small();
  std::uint64_t reported = 0;
  write_dataset(folder / "data", options, [&](std::uint64_t done, std::uint64_t total) {
    EXPECT_GT(done, reported);
    EXPECT_EQ(total, 25u);
    reported = done;
    return true;
  });
  EXPECT_EQ(reported, 25u);

  const auto dataset =
      Dataset::open(folder / "data", [](const std::string& warning) { ADD_FAILURE() << warning; });
  ASSERT_EQ(dataset->size(), 25);
  EXPECT_EQ(dataset->key(0), "shard-00000.tar/00000000");
  EXPECT_EQ(dataset->key(24), "shard-00002.tar/00000024");
  std::set<int> widths;
  SceneRenderer renderer;
  for (std::int64_t i = 0; i < 25; ++i) {
    const Scene scene = sample_scene(7, static_cast<std::uint64_t>(i), options.scenes);
    const Image image = dataset->read_image(i);
    EXPECT_EQ(dataset->captions(i), std::vector<std::string>{scene.caption});
    const Rendering rendering = renderer.render(scene, image.width, image.height);
    EXPECT_EQ(dataset->read_member(i, "json"), sample_json(scene, rendering));
    EXPECT_EQ(image.rgb, rendering.image.rgb) << scene.caption;
    EXPECT_EQ(image.height, 64);
    widths.insert(image.width);
  }
  EXPECT_EQ(widths, (std::set<int>{64, 96}));
}

TEST(WriteDataset, CapitalsAreAsLargeAsAsked) {
  const TemporaryFolder folder;
  DatasetOptions options = small();
  options.scenes.mix.fill(0);
  options.scenes.mix[static_cast<std::size_t>(SceneKind::words)] = 1;
  SceneRenderer renderer;
  int moved = 0;
  for (std::uint64_t i = 0; i < 25; ++i) {
    options.smallest_capital = 0;
    const std::string first = draw_sample(options, i, renderer).scene.caption;
    options.smallest_capital = 9;
    const DatasetSample sample = draw_sample(options, i, renderer);
    EXPECT_GE(sample.rendering.capital_height.value(), 9);
    moved += sample.scene.caption == first ? 0 : 1;
  }
  EXPECT_GT(moved, 0);
  EXPECT_LT(moved, 25);
  options.smallest_capital = 64;
  EXPECT_THROW(write_dataset(folder / "data", options, {}), ArgumentError);
  EXPECT_FALSE(std::filesystem::exists(folder / "data"));
}

TEST(WriteDataset, ThreadsDoNotChangeTheBytes) {
  const TemporaryFolder folder;
  for (const int threads : {1, 3}) {
    const ThreadCount count(threads);
    write_dataset(folder / std::to_string(threads), small(), {});
  }
  for (const char* shard : {"shard-00000.tar", "shard-00001.tar", "shard-00002.tar"})
    EXPECT_EQ(file_bytes(folder / "1" / shard), file_bytes(folder / "3" / shard)) << shard;
}

// A large sample takes a while.
TEST(WriteDataset, AsksAfterEachSample) {
  const TemporaryFolder folder;
  std::uint64_t asked = 0;
  const DatasetProgress until_third = [&](std::uint64_t done, std::uint64_t) {
    EXPECT_EQ(done, ++asked);
    return done < 3;
  };
  const ThreadCount one(1);
  EXPECT_THROW(write_dataset(folder / "data", small(), until_third), Cancelled);
  EXPECT_EQ(asked, 3u);
}

TEST(WriteDataset, LeavesNothingWhenItIsStoppedOrRefused) {
  const TemporaryFolder folder;
  const DatasetProgress stop = [](auto, auto) { return false; };
  EXPECT_THROW(write_dataset(folder / "data", small(), stop), Cancelled);
  EXPECT_THROW(write_captions(folder / "captions", small(), stop), Cancelled);
  EXPECT_THROW(write_contact_sheet(folder / "sheet.png", small(), stop), Cancelled);
  DatasetOptions many = small();
  many.count = 100'000;
  EXPECT_THROW(write_prompts(folder / "prompts", many, stop), Cancelled);
  const auto refused = [&](auto change) {
    DatasetOptions options = small();
    change(options);
    EXPECT_THROW(write_dataset(folder / "data", options, {}), ArgumentError);
  };
  refused([](DatasetOptions& o) { o.count = 0; });
  refused([](DatasetOptions& o) { o.shard_samples = 0; });
  refused([](DatasetOptions& o) { o.sizes.clear(); });
  refused([](DatasetOptions& o) { o.scenes.most_words = 0; });
  EXPECT_EQ(folder.entries(), 0);
}

TEST(WriteDataset, NeverWritesIntoAFolderThatHoldsSomething) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "data");
  put_file(folder / "data" / "mine", "precious");
  EXPECT_THROW(write_dataset(folder / "data", small(), {}), ArgumentError);
  EXPECT_EQ(file_bytes(folder / "data" / "mine"), "precious");
  EXPECT_EQ(folder.entries(), 1);
}

TEST(WriteCaptions, OneALine) {
  const TemporaryFolder folder;
  const DatasetOptions options = small();
  write_captions(folder / "captions.txt", options, {});
  std::string expected;
  int signs = 0;
  for (std::uint64_t i = 0; i < options.count; ++i) {
    const Scene scene = sample_scene(options.seed, i, options.scenes);
    expected += scene.caption + (scene.sign ? "\t" + text_on(*scene.sign) : "") + "\n";
    signs += scene.sign ? 1 : 0;
  }
  EXPECT_EQ(file_bytes(folder / "captions.txt"), expected);
  EXPECT_GT(signs, 0);
}

TEST(WritePrompts, AreDifferentAndHeldOut) {
  const TemporaryFolder folder;
  DatasetOptions options = small();
  options.count = 100;
  options.scenes.split = Split::heldout;
  options.scenes.mix.fill(0);
  options.scenes.mix[0] = 1;
  options.scenes.most_words = 1;
  write_prompts(folder / "prompts.jsonl", options, {});
  std::set<std::string> prompts;
  for (const Json& line : json_lines(folder / "prompts.jsonl")) {
    prompts.insert(line["prompt"]);
    EXPECT_EQ(line["kind"], "words");
    std::string word = line["expect"]["words"].at(0);
    std::ranges::transform(word, word.begin(), [](unsigned char c) { return std::tolower(c); });
    EXPECT_TRUE(is_held_out("word " + word)) << line;
  }
  EXPECT_EQ(prompts.size(), 100u);
}

TEST(WriteDataset, EveryKindOfWorkStopsWhenItIsAskedTo) {
  const TemporaryFolder folder;
  DatasetOptions options = small();
  options.scenes.mix.fill(0);
  options.scenes.mix[0] = 1;
  const DatasetProgress stop = [](std::uint64_t, std::uint64_t) { return false; };
  EXPECT_THROW(write_dataset(folder / "data", options, stop), Cancelled);
  EXPECT_THROW(write_contact_sheet(folder / "sheet.png", options, stop), Cancelled);
  EXPECT_THROW(write_captions(folder / "captions.txt", options, stop), Cancelled);
  EXPECT_THROW(write_prompts(folder / "prompts.jsonl", options, stop), Cancelled);
  EXPECT_EQ(folder.entries(), 0);
}

TEST(WritePrompts, SaysWhenThereAreNotSoMany) {
  const TemporaryFolder folder;
  DatasetOptions options = small();
  options.count = 100'000;
  options.scenes.mix.fill(0);
  options.scenes.mix[static_cast<std::size_t>(SceneKind::hybrid)] = 1;
  EXPECT_THROW(write_prompts(folder / "prompts.jsonl", options, {}),
               ArgumentError);  // hybrids are not scored
  EXPECT_EQ(folder.entries(), 0);
}

TEST(ContactSheet, ShowsTheFirstPicturesAtMost120) {
  const TemporaryFolder folder;
  DatasetOptions options = small();
  const auto sheet = [&](std::uint64_t count) {
    options.count = count;
    write_contact_sheet(folder / "sheet.png", options, {});
    return read_image(folder / "sheet.png");
  };
  const Image few = sheet(3), row = sheet(10), full = sheet(120), more = sheet(500);
  EXPECT_GT(few.width, 3 * 96);
  EXPECT_LT(few.width, row.width);
  EXPECT_EQ(few.height, row.height);
  EXPECT_GT(full.height, 11 * row.height);
  EXPECT_EQ(full.rgb, more.rgb);
  // The first picture, where it is.
  const Scene scene = sample_scene(options.seed, 0, options.scenes);
  const Image one = SceneRenderer().render(scene, 64, 64).image,
              wide = SceneRenderer().render(scene, 96, 64).image;
  const auto holds = [&](const Image& picture) {
    for (int y = 0; y < picture.height; ++y)
      for (int x = 0; x < 3 * picture.width; ++x)
        if (few.rgb[static_cast<std::size_t>(3 * few.width * (y + 8) + 24 + x)] !=
            picture.rgb[static_cast<std::size_t>(3 * picture.width * y + x)])
          return false;
    return true;
  };
  EXPECT_TRUE(holds(one) || holds(wide));
}

}  // namespace
}  // namespace sd35
