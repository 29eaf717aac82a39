#include "data/dataset.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <set>

#include "core/error.h"
#include "data/batch_plan.h"
#include "data/corrupt_samples.h"
#include "data/tar.h"
#include "image/image_file.h"
#include "tests/support/file_bytes.h"
#include "tests/support/temporary_folder.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;

Image plain(int width, int height, std::uint8_t value) {
  return {width, height, std::vector<std::uint8_t>(static_cast<std::size_t>(3 * width * height), value)};
}

std::string picture_bytes(int width, int height, std::uint8_t value, const std::string& extension = "png") {
  const TemporaryFolder folder;
  write_image(folder / ("a." + extension), plain(width, height, value), {}, {95, true});
  return file_bytes(folder / ("a." + extension));
}

struct Opened {
  std::vector<std::string> warnings;
  std::unique_ptr<Dataset> data;
  std::string error;
};

Opened open(const fs::path& path) {
  Opened opened;
  try {
    opened.data = Dataset::open(path, [&](const std::string& line) { opened.warnings.push_back(line); });
  } catch (const FileError& error) {
    opened.error = error.what();
  }
  return opened;
}

std::vector<std::string> keys(const Dataset& data) {
  std::vector<std::string> all;
  for (std::int64_t i = 0; i < data.size(); ++i) all.push_back(data.key(i));
  return all;
}

std::vector<std::string> caption_warnings(const Dataset& data) {
  std::vector<std::string> lines;
  data.check_captions([&](const std::string& line) { lines.push_back(line); });
  return lines;
}

std::string caption_error(const Dataset& data) {
  try {
    data.check_captions();
  } catch (const FileError& error) {
    return error.what();
  }
  return "no error";
}

bool mentions(const std::vector<std::string>& lines, const std::string& text) {
  return std::ranges::any_of(lines, [&](const std::string& line) { return line.find(text) != line.npos; });
}

TEST(Dataset, FolderOfPicturesAndCaptions) {
  const TemporaryFolder folder;
  fs::create_directories(folder / "sub" / "deep");
  fs::create_directories(folder / ".hidden");
  put_file(folder / "b.png", picture_bytes(20, 10, 1));
  put_file(folder / "b.txt", "  a red ball \r\n\r\nthe same, in other words\n");
  put_file(folder / "b.json", "{\"kind\": 1}");
  put_file(folder / "a.JPG", picture_bytes(8, 9, 2, "jpg"));
  put_file(folder / "a.txt", "\xef\xbb\xbfone \xff line");
  put_file(folder / "sub" / "c.x.webp", picture_bytes(7, 5, 3, "webp"));
  put_file(folder / "sub" / "c.x.txt", "c");
  put_file(folder / "sub" / "deep" / "d.jpeg", picture_bytes(6, 6, 4, "jpg"));
  put_file(folder / "sub" / "notes.txt", "no picture of this name");
  put_file(folder / ".hidden" / "e.png", picture_bytes(1, 1, 1));
  put_file(folder / ".f.png", picture_bytes(1, 1, 1));

  const Opened opened = open(folder.path());
  ASSERT_NE(opened.data, nullptr) << opened.error;
  const Dataset& data = *opened.data;
  EXPECT_EQ(keys(data), (std::vector<std::string>{"a", "b", "sub/c.x", "sub/deep/d"}));
  EXPECT_EQ(data.image_sizes(), (std::vector<ImageSize>{{8, 9}, {20, 10}, {7, 5}, {6, 6}}));
  EXPECT_EQ(data.image_size(1), (ImageSize{20, 10}));
  EXPECT_EQ(data.read_image(1), plain(20, 10, 1));
  EXPECT_EQ(data.captions(0), (std::vector<std::string>{"one \xef\xbf\xbd line"}));
  EXPECT_EQ(data.captions(1), (std::vector<std::string>{"a red ball", "the same, in other words"}));
  EXPECT_TRUE(data.captions(3).empty());
  EXPECT_EQ(data.caption(3, 5), "");
  EXPECT_EQ(data.read_member(1, "json"), "{\"kind\": 1}");
  EXPECT_EQ(data.read_member(0, "json"), std::nullopt);
  EXPECT_EQ(data.name_of(1), (folder / "b.png").string());
  EXPECT_TRUE(opened.warnings.empty());
  const std::vector<std::string> lines = caption_warnings(data);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0], "1 of 4 pictures have no caption; the caption of '" +
                          (folder / "sub/deep/d.jpeg").string() + "' belongs in '" +
                          (folder / "sub/deep/d.txt").string() + "'");
  EXPECT_EQ(lines[1], "captions of several lines, such as that of '" + (folder / "b.png").string() +
                          "': each line is a caption of its own, and one is chosen at random each time");
}

TEST(Dataset, CaptionsUnderTheNamesThatOtherTrainersUse) {
  const TemporaryFolder folder;
  for (const char* name : {"a.png", "b.png", "c.png", "d.png"})
    put_file(folder / name, picture_bytes(4, 4, 1));
  put_file(folder / "a.caption", "of a");
  put_file(folder / "b.png.txt", "of b");
  put_file(folder / "c.txt", "of c");
  put_file(folder / "c.caption", "not this");
  put_file(folder / "d.TXT", "of d");
  const Opened opened = open(folder.path());
  for (std::int64_t i = 0; i < 4; ++i)
    EXPECT_EQ(opened.data->captions(i), (std::vector<std::string>{"of " + opened.data->key(i)}));
  EXPECT_TRUE(caption_warnings(*opened.data).empty());
}

TEST(Dataset, NoCaptionAtAllIsAnErrorOfWhoLearnsFromThem) {
  const TemporaryFolder folder;
  put_file(folder / "a.png", picture_bytes(4, 4, 1));
  put_file(folder / "a.txt", " \n\n");  // as good as none
  put_file(folder / "b.png", picture_bytes(4, 4, 1));
  put_file(folder / "b_.txt", "a caption with a misspelt name");
  const Opened opened = open(folder.path());
  ASSERT_NE(opened.data, nullptr) << opened.error;
  EXPECT_TRUE(opened.warnings.empty());
  EXPECT_EQ(caption_error(*opened.data),
            "no picture of data set '" + folder.path().string() + "' has a caption; the caption of '" +
                (folder / "a.png").string() + "' belongs in '" + (folder / "a.txt").string() + "'");
  put_file(folder / "metadata.jsonl", "{\"file_name\": \"a.png\", \"prompt\": \"under another key\"}");
  EXPECT_NE(
      caption_error(*open(folder.path()).data).find("belongs in \"text\" in its line of metadata.jsonl"),
      std::string::npos);
}

TEST(Dataset, PicturesOfOtherKindsAreCounted) {
  const TemporaryFolder folder;
  put_file(folder / "a.png", picture_bytes(4, 4, 1));
  for (const char* name : {"b.heic", "c.HEIC", "d.gif"}) put_file(folder / name, "unread");
  const Opened opened = open(folder.path());
  ASSERT_EQ(opened.warnings.size(), 2u);
  EXPECT_TRUE(mentions(opened.warnings, "left out: 1 .gif in "));
  EXPECT_TRUE(mentions(opened.warnings, "left out: 2 .heic in "));
}

TEST(Dataset, VersionChangesWithTheFile) {
  const TemporaryFolder folder;
  put_file(folder / "a.png", picture_bytes(4, 4, 1));
  const Opened opened = open(folder.path());
  const std::string version = opened.data->version(0);
  EXPECT_EQ(opened.data->version(0), version);
  fs::last_write_time(folder / "a.png", fs::last_write_time(folder / "a.png") + std::chrono::seconds(1));
  EXPECT_NE(opened.data->version(0), version);
}

TEST(Dataset, AlternativeCaptionsAreDrawnBySeed) {
  const TemporaryFolder folder;
  put_file(folder / "a.png", picture_bytes(2, 2, 1));
  put_file(folder / "a.txt", "one\ntwo\nthree\n");
  const Opened opened = open(folder.path());
  std::map<std::string, int> drawn;
  for (std::uint64_t seed = 0; seed < 300; ++seed) ++drawn[opened.data->caption(0, seed)];
  EXPECT_EQ(drawn.size(), 3u);
  for (const auto& [caption, count] : drawn) EXPECT_NEAR(count, 100, 45);
  EXPECT_EQ(opened.data->caption(0, 7), opened.data->caption(0, 7));
}

TEST(Dataset, CorruptPicturesAreLeftOutByName) {
  const TemporaryFolder folder;
  put_file(folder / "a.png", picture_bytes(4, 4, 1));
  put_file(folder / "a.txt", "a");
  put_file(folder / "b.png", "not a picture");
  put_file(folder / "c.jpg", picture_bytes(4, 4, 1, "jpg").substr(0, 30));
  put_file(folder / "d.webp", "");
  put_file(folder / "a.jpg", picture_bytes(4, 4, 1, "jpg"));  // of the same name as a.png, and before it
  fs::create_directories(folder / "e.png");
  fs::create_symlink("/nonexistent", folder / "f.png");
  const Opened opened = open(folder.path());
  ASSERT_NE(opened.data, nullptr) << opened.error;
  EXPECT_EQ(keys(*opened.data), (std::vector<std::string>{"a"}));
  EXPECT_EQ(opened.data->name_of(0), (folder / "a.jpg").string());
  EXPECT_EQ(opened.warnings.size(), 4u);
  for (const char* name : {"a.png", "b.png", "c.jpg", "d.webp"})
    EXPECT_TRUE(mentions(opened.warnings, name)) << name;
  for (const std::string& line : opened.warnings) EXPECT_EQ(line.find('\n'), line.npos);
}

TEST(Dataset, NothingToReadIsAnError) {
  const TemporaryFolder folder;
  EXPECT_NE(open(folder.path()).error.find("no picture in data set"), std::string::npos);
  EXPECT_NE(open(folder / "none").error.find("there is no such file or folder"), std::string::npos);
  put_file(folder / "b.png", "not a picture");
  EXPECT_NE(open(folder.path()).error.find("no picture that can be read"), std::string::npos);
  EXPECT_NE(open(folder / "b.png").error.find("as a tar archive"), std::string::npos);
}

TEST(Dataset, MetadataInJsonLines) {
  const TemporaryFolder folder;
  fs::create_directories(folder / "pictures");
  put_file(folder / "pictures" / "z.png", picture_bytes(5, 4, 1));
  put_file(folder / "a.jpg", picture_bytes(6, 4, 2, "jpg"));
  put_file(folder / "unlisted.png", picture_bytes(6, 4, 2));
  put_file(folder / "metadata.jsonl",
           "{\"file_name\": \"pictures/z.png\", \"text\": \"caption of z\", \"more\": [1, {\"x\": null}]}\r\n"
           "\n"
           "{\"file_name\": \"a.jpg\", \"caption\": [\"first\", \"\", \"sec\\u00f6nd\\nline\"]}\n"
           "{\"file_name\": \"missing.png\", \"text\": \"x\"}\n"
           "{\"file_name\": \"./pictures/z.png\", \"text\": \"again\"}");
  const Opened opened = open(folder.path());
  ASSERT_NE(opened.data, nullptr) << opened.error;
  EXPECT_EQ(keys(*opened.data), (std::vector<std::string>{"pictures/z", "a"}));
  EXPECT_EQ(opened.data->captions(0), (std::vector<std::string>{"caption of z"}));
  EXPECT_EQ(opened.data->captions(1), (std::vector<std::string>{"first", "sec\xc3\xb6nd\nline"}));
  EXPECT_EQ(opened.data->image_size(1), (ImageSize{6, 4}));
  EXPECT_EQ(opened.warnings.size(), 2u);
  EXPECT_TRUE(mentions(opened.warnings, "missing.png"));
  EXPECT_TRUE(mentions(opened.warnings, "metadata.jsonl:5: sample 'pictures/z' was there before"));
}

TEST(Dataset, MalformedMetadataNamesTheLine) {
  const TemporaryFolder folder;
  put_file(folder / "a.png", picture_bytes(5, 4, 1));
  const std::string good = "{\"file_name\": \"a.png\", \"text\": \"a\"}\n";
  for (const char* line :
       {"{", "[]", "3", "{}", "{\"file_name\": 3}", "{\"file_name\": \"\"}",
        "{\"file_name\": \"/etc/passwd\"}", "{\"file_name\": \"../a.png\"}",
        "{\"file_name\": \"x/../../a.png\"}", "{\"file_name\": \"x/\"}", "{\"file_name\": \"a\\u0000.png\"}",
        "{\"file_name\": \"b.png\", \"text\": 5}", "{\"file_name\": \"b.png\", \"text\": [\"x\", null]}",
        "{\"file_name\": \"b.png\", \"text\": \"\xff\"}"}) {
    put_file(folder / "metadata.jsonl", good + line);
    const Opened opened = open(folder.path());
    EXPECT_NE(opened.error.find("metadata.jsonl:2"), std::string::npos) << line << ": " << opened.error;
    EXPECT_EQ(opened.error.find('\n'), std::string::npos);
  }
}

void write_shard(const fs::path& path, int first, int count) {
  TarWriter writer(path);
  for (int i = first; i < first + count; ++i) {
    const std::string name = std::to_string(1000 + i);
    writer.add(name + ".json", "{\"i\": " + std::to_string(i) + "}");
    writer.add(name + ".png", picture_bytes(10 + i, 8, static_cast<std::uint8_t>(i)));
    writer.add(name + ".txt", "caption " + std::to_string(i));
  }
  writer.commit();
}

TEST(Dataset, ShardsOfWebDataset) {
  const TemporaryFolder folder;
  write_shard(folder / "b-01.tar", 3, 2);
  write_shard(folder / "b-00.tar", 0, 3);
  put_file(folder / "preview.png", picture_bytes(3, 3, 3));
  const Opened opened = open(folder.path());
  ASSERT_NE(opened.data, nullptr) << opened.error;
  EXPECT_TRUE(opened.warnings.empty());
  const Dataset& data = *opened.data;
  EXPECT_EQ(keys(data), (std::vector<std::string>{"b-00.tar/1000", "b-00.tar/1001", "b-00.tar/1002",
                                                  "b-01.tar/1003", "b-01.tar/1004"}));
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(data.image_size(i), (ImageSize{10 + i, 8}));
    EXPECT_EQ(data.read_image(i), plain(10 + i, 8, static_cast<std::uint8_t>(i)));
    EXPECT_EQ(data.caption(i, 0), "caption " + std::to_string(i));
    EXPECT_EQ(data.read_member(i, "json"), "{\"i\": " + std::to_string(i) + "}");
  }
  EXPECT_EQ(data.name_of(4), (folder / "b-01.tar").string() + ": 1004.png");
  EXPECT_EQ(keys(*open(folder / "b-01.tar").data),
            (std::vector<std::string>{"b-01.tar/1003", "b-01.tar/1004"}));
}

TEST(Dataset, OddShards) {
  const TemporaryFolder folder;
  TarWriter writer(folder / "s.tar");
  writer.add("x/a.b.seg.png", "a mask");  // a member of sample x/a
  writer.add("x/a.PNG", picture_bytes(4, 4, 1));
  writer.add("x/a.txt", "a");
  writer.add("x/a.jpg", "a second picture");
  writer.add("y/a.txt", "no picture");
  writer.add("x.d/c.png", "corrupt");
  writer.add("late.txt", "before its picture");
  writer.add("other.png", picture_bytes(4, 4, 2));
  writer.add("late.png", picture_bytes(4, 4, 3));
  writer.add("README", "no extension");
  writer.commit();
  const Opened opened = open(folder.path());
  ASSERT_NE(opened.data, nullptr) << opened.error;
  EXPECT_EQ(keys(*opened.data), (std::vector<std::string>{"s.tar/x/a", "s.tar/late", "s.tar/other"}));
  EXPECT_EQ(opened.data->read_member(0, "b.seg.png"), "a mask");
  EXPECT_EQ(opened.data->caption(1, 0), "before its picture");
  EXPECT_TRUE(mentions(opened.warnings, "x/a.jpg"));
  EXPECT_TRUE(mentions(opened.warnings, "'s.tar/y/a'"));
  EXPECT_TRUE(mentions(opened.warnings, "s.tar: x.d/c.png"));
  EXPECT_TRUE(mentions(caption_warnings(*opened.data), "1 of 3 pictures have no caption"));
}

TEST(Dataset, NamesOfMembersDoNotReachTheTerminalAsTheyAre) {
  const TemporaryFolder folder;
  TarWriter writer(folder / "s.tar");
  writer.add("a\nb.png", "no picture");
  writer.add("c\x1b]0;title\x07.png", picture_bytes(4, 4, 1));
  writer.add("d\n.txt", "no picture");
  writer.commit();
  const Opened opened = open(folder.path());
  ASSERT_NE(opened.data, nullptr) << opened.error;
  EXPECT_TRUE(mentions(opened.warnings, "a\\x0ab.png"));
  EXPECT_TRUE(mentions(opened.warnings, "d\\x0a"));
  for (const std::string& line : opened.warnings) EXPECT_EQ(line, printable(line));
}

TEST(Dataset, PipesAreNotWaitedFor) {
  const TemporaryFolder folder;
  put_file(folder / "a.png", picture_bytes(4, 4, 1));
  for (const char* name : {"b.png", "a.txt", "c.tar"}) {
    ASSERT_EQ(mkfifo((folder / name).c_str(), 0600), 0);
    (void)open(folder.path());
    fs::remove(folder / name);
  }
  ASSERT_EQ(mkfifo((folder / "metadata.jsonl").c_str(), 0600), 0);
  EXPECT_NE(open(folder.path()).error.find("not a regular file"), std::string::npos);
  fs::remove(folder / "metadata.jsonl");
  put_file(folder / "metadata.jsonl", "{\"file_name\": \"a.png\"}\n{\"file_name\": \"pipe.png\"}\n");
  ASSERT_EQ(mkfifo((folder / "pipe.png").c_str(), 0600), 0);
  const Opened opened = open(folder.path());
  ASSERT_NE(opened.data, nullptr) << opened.error;
  EXPECT_TRUE(mentions(opened.warnings, "pipe.png"));
}

TEST(Dataset, TruncatedShardKeepsWhatIsWhole) {
  const TemporaryFolder folder;
  write_shard(folder / "a.tar", 0, 6);
  const std::string whole = file_bytes(folder / "a.tar");
  for (std::size_t size = 0; size < whole.size(); size += 251) {
    put_file(folder / "a.tar", whole.substr(0, size));
    const Opened opened = open(folder / "a.tar");
    if (opened.data == nullptr) {
      EXPECT_NE(opened.error.find("a.tar"), std::string::npos);
      continue;
    }
    EXPECT_TRUE(size + 1024 > whole.size() || mentions(opened.warnings, "a.tar'")) << size;
    for (std::int64_t i = 0; i < opened.data->size(); ++i)
      EXPECT_EQ(opened.data->read_image(i).width, 10 + i);
  }
}

TEST(Dataset, ShardThatShrinksLaterIsAnError) {
  const TemporaryFolder folder;
  write_shard(folder / "a.tar", 0, 2);
  const Opened opened = open(folder / "a.tar");
  fs::resize_file(folder / "a.tar", 1000);
  EXPECT_THROW(opened.data->read_image(1), FileError);
  EXPECT_THROW(opened.data->captions(1), FileError);
}

TEST(Dataset, HugeCaptionIsAnError) {
  const TemporaryFolder folder;
  put_file(folder / "a.png", picture_bytes(2, 2, 1));
  put_file(folder / "a.txt", std::string((1 << 20) + 1, 'x'));
  EXPECT_THROW(open(folder.path()).data->captions(0), FileError);
}

TEST(CorruptSamples, OthersTakeTheirPlaceAndEachIsReportedOnce) {
  const TemporaryFolder folder;
  for (int i = 0; i < 12; ++i) {
    std::string bytes = picture_bytes(16, 16, static_cast<std::uint8_t>(i));
    if (i % 4 == 0) bytes[bytes.size() - 20] ^= 1;  // the header is whole, the pixels are not
    put_file(folder / (std::to_string(10 + i) + ".png"), bytes);
  }
  const Opened opened = open(folder.path());
  ASSERT_EQ(opened.data->size(), 12);
  const BatchPlan plan(opened.data->image_sizes(), {{{{64, 64}}}}, 4, 1);
  const auto run = [&](CorruptSamples& corrupt) {
    std::vector<std::int64_t> samples;
    for (std::int64_t step = 0; step < 12; ++step) {
      const Batch batch = plan.at(step);
      for (std::int64_t slot = 0; slot < 4; ++slot) {
        std::int64_t sample = batch.samples[static_cast<std::size_t>(slot)];
        const bool whole = sample % 4 != 0;
        const std::int64_t planned = sample;
        const Image image = corrupt.read(
            sample, [&](int attempt) { return plan.replacement(step, slot, attempt); },
            [&](std::int64_t index) { return opened.data->read_image(index); });
        EXPECT_EQ(image.rgb[0], sample);
        EXPECT_NE(sample % 4, 0);
        EXPECT_EQ(sample == planned, whole);
        samples.push_back(sample);
      }
    }
    return samples;
  };
  std::vector<std::string> lines;
  CorruptSamples corrupt([&](const std::string& line) { lines.push_back(line); });
  const std::vector<std::int64_t> samples = run(corrupt);
  EXPECT_EQ(lines.size(), 3u);
  for (const char* name : {"10.png", "14.png", "18.png"}) EXPECT_TRUE(mentions(lines, name)) << name;
  CorruptSamples again;
  EXPECT_EQ(run(again), samples);
}

TEST(CorruptSamples, GivesUpInTheEnd) {
  CorruptSamples corrupt;
  std::int64_t sample = 0;
  int reads = 0;
  EXPECT_THROW(corrupt.read(
                   sample, [](int attempt) { return attempt; },
                   [&](std::int64_t) -> int {
                     ++reads;
                     throw FileError("broken");
                   }),
               FileError);
  EXPECT_EQ(reads, CorruptSamples::kAttempts);
}

}  // namespace
}  // namespace sd35
