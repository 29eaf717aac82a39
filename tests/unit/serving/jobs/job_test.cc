#include "serving/jobs/job.h"

#include <gtest/gtest.h>

namespace sd35::serving {
namespace {

std::shared_ptr<Job> job() { return std::make_shared<Job>("j_1", JobRequest(), Time()); }

std::string kinds(EventReader& reader) {
  std::string kinds;
  while (const auto event = reader.next()) kinds += std::string(name_of(event->kind)) + " ";
  return kinds;
}

EncodedPicturePointer picture(const std::string& bytes) {
  return std::make_shared<const EncodedPicture>(EncodedPicture{bytes, "png", 1, 1, 7});
}

JobProgress step(int step) {
  JobProgress progress;
  progress.step = step;
  return progress;
}

TEST(Job, ReadersWhoKeepUpSeeEverything) {
  const auto drawn = job();
  EventReader reader(drawn, 0);
  drawn->queued(1);
  EXPECT_EQ(kinds(reader), "queued ");
  drawn->queued(0);
  drawn->started(Time());
  EXPECT_EQ(kinds(reader), "queued started ");
  for (int i = 1; i <= 2; ++i) {
    drawn->progress(step(i));
    drawn->preview(picture("a"), i);
    EXPECT_EQ(kinds(reader), "progress preview ");
  }
  drawn->warning("careful");
  drawn->done(Time());
  EXPECT_EQ(kinds(reader), "warning done ");
  EXPECT_EQ(reader.missed_previews(), 0);
}

TEST(Job, SlowReadersSeeTheLastOfWhatIsReplaced) {
  const auto drawn = job();
  EventReader reader(drawn, 0);
  for (int i = 9; i >= 0; --i) drawn->queued(i);
  drawn->started(Time());
  for (int i = 1; i <= 5; ++i) {
    drawn->progress(step(i));
    drawn->preview(picture(std::to_string(i)), i);
    if (i == 2) drawn->warning("careful");
  }
  drawn->partial(picture("p"), 1);
  drawn->partial(picture("q"), 2);
  drawn->cancelled(Time());
  EXPECT_EQ(kinds(reader), "queued started warning progress preview partial partial cancelled ");
  EXPECT_EQ(reader.missed_previews(), 4);
}

TEST(Job, EventsGoOnAfterAnyNumber) {
  const auto drawn = job();
  drawn->queued(0);
  drawn->started(Time());
  drawn->progress(step(3));
  drawn->done(Time());
  EventReader from_two(drawn, 2);
  EXPECT_EQ(kinds(from_two), "progress done ");
  EventReader from_beyond(drawn, 99);
  EXPECT_EQ(kinds(from_beyond), "");
}

TEST(Job, NothingChangesAfterTheEnd) {
  const auto drawn = job();
  drawn->failed({500, "numeric_error", "NaN", ""}, Time());
  drawn->done(Time());
  drawn->progress(step(1));
  drawn->queued(3);
  drawn->picture(picture("late"));
  EventReader reader(drawn, 0);
  EXPECT_EQ(kinds(reader), "failed ");
  EXPECT_EQ(drawn->state().status, JobStatus::failed);
  EXPECT_EQ(drawn->state().error->code, "numeric_error");
  EXPECT_TRUE(drawn->state().pictures.empty());
}

TEST(Job, WakesReadersUntilTheyGo) {
  const auto drawn = job();
  int woken = 0;
  {
    EventReader reader(drawn, 0);
    reader.on_more([&] { ++woken; });
    drawn->queued(0);
    drawn->started(Time());
    EXPECT_EQ(woken, 2);
  }
  drawn->done(Time());
  EXPECT_EQ(woken, 2);
}

TEST(Job, AQueuedPositionThatComesTooLateIsLost) {
  const auto drawn = job();
  drawn->started(Time());
  drawn->queued(4);
  EventReader reader(drawn, 0);
  EXPECT_EQ(kinds(reader), "started ");
}

TEST(Job, LetsGoOfInputsAtTheEnd) {
  JobRequest request;
  request.options.init.picture.picture =
      std::make_shared<const Picture>(Picture{2, 1, std::vector<std::uint8_t>(6), {}, {}, {}});
  const auto drawn = std::make_shared<Job>("j_1", request, Time());
  EXPECT_EQ(drawn->request().input_bytes(), 6u);
  drawn->done(Time());
  EXPECT_EQ(drawn->request().input_bytes(), 0u);
}

}  // namespace
}  // namespace sd35::serving
