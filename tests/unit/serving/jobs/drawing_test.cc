// Jobs that are drawn with the tiny model.
#include "serving/jobs/drawing.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/support/tiny_model.h"

namespace sd35::serving {
namespace {

ModelsConfig config() {
  ModelsConfig config;
  config.models = {{"tiny", tiny_model().string()}};
  config.load.dtype = "f32";
  config.load.keep = "all";
  return config;
}

JobRequest request() {
  JobRequest request;
  request.model = "tiny";
  GenerateOptions& options = request.options;
  options.prompt = "a red cube";
  options.width = options.height = 64;
  options.num_inference_steps = 4;
  options.max_sequence_length = 16;
  options.seed = 7;
  options.count = 2;
  return request;
}

class DrawingTest : public testing::Test {
 protected:
  Models models{config(), [](const std::string&) {}};
  Metrics metrics;
};

TEST_F(DrawingTest, DrawsTheBytesThatTheLibraryDraws) {
  const auto job = std::make_shared<Job>("j", request(), Time());
  draw(*job, models, metrics);
  const std::vector<Picture> expected = models.pipeline("tiny")->generate(request().options);
  const JobState state = job->state();
  ASSERT_EQ(state.pictures.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    const std::vector<std::uint8_t> file = encode(expected.at(i), "png");
    EXPECT_EQ(state.pictures[i]->bytes, std::string(file.begin(), file.end()));
    EXPECT_EQ(state.pictures[i]->seed, 7 + i);
  }
  EXPECT_EQ(state.progress->stage, "decode");
  EXPECT_EQ(state.progress->whole, 1);
  EXPECT_EQ(metrics.value("sd35_pictures_total"), 2);
}

TEST_F(DrawingTest, ShowsPreviewsAndPartialPictures) {
  JobRequest asked = request();
  asked.options.count = 1;
  asked.previews = true;
  asked.partial_pictures = 3;
  asked.format = "webp";
  const auto job = std::make_shared<Job>("j", asked, Time());
  int previews = 0, partials = 0;
  EventReader reader(job, 0);
  reader.on_more([&] {
    while (const auto event = reader.next()) {
      previews += event->kind == EventKind::preview;
      if (event->kind != EventKind::partial) continue;
      EXPECT_EQ(event->number, partials++);
      EXPECT_EQ(event->picture->format, "webp");
      const std::string& bytes = event->picture->bytes;
      EXPECT_EQ(decode(std::span(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size())).width,
                64);
    }
  });
  draw(*job, models, metrics);
  EXPECT_EQ(previews, 4);
  EXPECT_EQ(partials, 3);
}

TEST_F(DrawingTest, PartialPicturesAreSpreadOverTheSteps) {
  const auto due = [](int steps, int count) {
    std::string text;
    for (int step = 1; step <= steps; ++step)
      if (partial_picture_due(step, steps, count) >= 0) text += std::to_string(step) + " ";
    return text;
  };
  EXPECT_EQ(due(28, 3), "7 14 21 ");
  EXPECT_EQ(due(28, 1), "14 ");
  EXPECT_EQ(due(28, 0), "");
  EXPECT_EQ(due(4, 3), "1 2 3 ");
  EXPECT_EQ(due(1, 3), "");
}

TEST_F(DrawingTest, StopsWhereItIsAskedTo) {
  for (const bool at_once : {false, true}) {
    const auto job = std::make_shared<Job>("j", request(), Time());
    EventReader reader(job, 0);
    reader.on_more([&] {
      while (const auto event = reader.next())
        if (event->progress.step == 2) job->ask_to_cancel(at_once);
    });
    EXPECT_THROW(draw(*job, models, metrics), Cancelled);
    EXPECT_TRUE(job->state().pictures.empty());
  }
}

TEST_F(DrawingTest, TellsStrangersNothingOfPaths) {
  const auto explain = [&](const auto& thrown) {
    try {
      throw thrown;
    } catch (...) {
      return explained(models);
    }
  };
  const std::string path = tiny_model().string();
  EXPECT_EQ(explain(ArgumentError("width of " + path + " is 5", "width")).message, "width of tiny is 5");
  EXPECT_EQ(explain(ArgumentError("no", "width")).status, 400);
  EXPECT_EQ(explain(FileError("cannot read " + path + "/vae")).message.find(path), std::string::npos);
  EXPECT_EQ(explain(FileError("no")).status, 500);
  EXPECT_EQ(explain(NumericError("NaN")).code, "numeric_error");
  EXPECT_EQ(explain(std::runtime_error("secret")).message, "internal error");
}

}  // namespace
}  // namespace sd35::serving
