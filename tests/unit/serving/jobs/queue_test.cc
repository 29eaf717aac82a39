#include "serving/jobs/queue.h"

#include <gtest/gtest.h>

#include <future>

namespace sd35::serving {
namespace {

using std::chrono::seconds;

class QueueTest : public testing::Test {
 protected:
  JobQueue& queue(QueueLimits limits = {}) {
    JobQueue::Hooks hooks;
    hooks.draw = [this](Job& job) {
      drawn_ += job.request().options.prompt + " ";
      now_ += seconds(3);
      if (draw_) draw_(job);
    };
    hooks.explain = [] { return JobError{500, "internal", "internal error", ""}; };
    hooks.ended = [this](const Job&) { ++ended_; };
    hooks.now = [this] { return now_; };
    queue_.emplace(limits, hooks);
    return *queue_;
  }
  static JobRequest request(const std::string& prompt) {
    JobRequest request;
    request.options.prompt = prompt;
    return request;
  }
  static EncodedPicturePointer picture(std::size_t bytes) {
    return std::make_shared<const EncodedPicture>(EncodedPicture{std::string(bytes, 'x'), "png", 1, 1, 0});
  }

  Time now_{seconds(1000)};
  std::string drawn_;
  int ended_ = 0;
  std::function<void(Job&)> draw_;
  std::optional<JobQueue> queue_;
};

TEST_F(QueueTest, DrawsInOrder) {
  JobQueue& jobs = queue();
  const auto a = jobs.submit(request("a")), b = jobs.submit(request("b")), c = jobs.submit(request("c"));
  EXPECT_EQ(a->state().position, 0);
  EXPECT_EQ(c->state().position, 2);
  EXPECT_TRUE(jobs.draw_next());
  EXPECT_EQ(a->state().status, JobStatus::done);
  EXPECT_EQ(a->state().finished.value() - a->state().started.value(), seconds(3));
  while (jobs.draw_next()) continue;
  EXPECT_EQ(drawn_, "a b c ");
  EXPECT_EQ(ended_, 3);
  EXPECT_EQ(jobs.recent(2).front(), c);
  EXPECT_EQ(jobs.find(b->id()), b);
  EXPECT_EQ(jobs.find("j_"), nullptr);
}

TEST_F(QueueTest, TellsPositionsWhileOthersAreDrawn) {
  JobQueue& jobs = queue();
  jobs.submit(request("a"));
  const auto b = jobs.submit(request("b")), c = jobs.submit(request("c"));
  draw_ = [&](Job&) {
    EXPECT_EQ(b->state().position, 0);
    EXPECT_EQ(c->state().position, 1);
    EXPECT_EQ(jobs.submit(request("d"))->state().position, 2);
    draw_ = nullptr;
  };
  jobs.draw_next();
}

TEST_F(QueueTest, IsFullAndSaysUntilWhen) {
  QueueLimits limits;
  limits.length = 2;
  JobQueue& jobs = queue(limits);
  jobs.submit(request("a"));
  jobs.draw_next();
  jobs.submit(request("b"));
  EXPECT_TRUE(jobs.has_room());
  jobs.submit(request("c"));
  EXPECT_FALSE(jobs.has_room());
  try {
    jobs.submit(request("d"));
    FAIL();
  } catch (const QueueFull& full) {
    EXPECT_EQ(full.retry_after_seconds(), 3);
  }
}

TEST_F(QueueTest, InputPicturesTakeRoom) {
  QueueLimits limits;
  limits.input_bytes = 10;
  JobQueue& jobs = queue(limits);
  JobRequest six = request("a");
  six.options.init.picture.picture =
      std::make_shared<const Picture>(Picture{2, 1, std::vector<std::uint8_t>(6), {}, {}, {}});
  jobs.submit(six);
  EXPECT_THROW(jobs.submit(six), QueueFull);
  jobs.draw_next();
  jobs.submit(six);
}

TEST_F(QueueTest, CancelsWhatWaits) {
  JobQueue& jobs = queue();
  const auto a = jobs.submit(request("a")), b = jobs.submit(request("b")), c = jobs.submit(request("c"));
  jobs.cancel(b);
  EXPECT_EQ(b->state().status, JobStatus::cancelled);
  EXPECT_EQ(c->state().position, 1);
  jobs.cancel(b);
  while (jobs.draw_next()) continue;
  EXPECT_EQ(drawn_, "a c ");
  jobs.cancel(a);
  EXPECT_EQ(a->state().status, JobStatus::done);
  EXPECT_EQ(ended_, 3);
}

TEST_F(QueueTest, CancelsWhatIsDrawn) {
  JobQueue& jobs = queue();
  const auto a = jobs.submit(request("a"));
  draw_ = [&](Job& job) {
    EXPECT_EQ(jobs.running(), a);
    jobs.cancel(a);
    if (job.cancel_asked()) throw Cancelled();
  };
  jobs.draw_next();
  EXPECT_EQ(a->state().status, JobStatus::cancelled);
  EXPECT_EQ(jobs.running(), nullptr);
}

TEST_F(QueueTest, FailuresAreExplained) {
  JobQueue& jobs = queue();
  const auto a = jobs.submit(request("a"));
  draw_ = [](Job&) { throw std::runtime_error("secret"); };
  jobs.draw_next();
  EXPECT_EQ(a->state().status, JobStatus::failed);
  EXPECT_EQ(a->state().error->message, "internal error");
}

TEST_F(QueueTest, ForgetsOldResults) {
  JobQueue& jobs = queue();
  const auto a = jobs.submit(request("a"));
  jobs.draw_next();
  now_ += seconds(599);
  EXPECT_EQ(jobs.find(a->id()), a);
  now_ += seconds(2);
  EXPECT_EQ(jobs.find(a->id()), nullptr);
}

TEST_F(QueueTest, ForgetsLargeResultsTheOldestFirst) {
  QueueLimits limits;
  limits.kept_bytes = 100;
  JobQueue& jobs = queue(limits);
  draw_ = [](Job& job) { job.picture(picture(60)); };
  const auto a = jobs.submit(request("a")), b = jobs.submit(request("b"));
  jobs.draw_next();
  EXPECT_EQ(jobs.find(a->id()), a);
  jobs.draw_next();
  EXPECT_EQ(jobs.find(a->id()), nullptr);
  EXPECT_EQ(jobs.find(b->id()), b);
  draw_ = [](Job& job) { job.picture(picture(1000)); };
  const auto c = jobs.submit(request("c"));
  jobs.draw_next();
  EXPECT_EQ(jobs.find(c->id()), c);
}

TEST_F(QueueTest, StopsAndTellsEverybody) {
  JobQueue& jobs = queue();
  std::promise<void> begun;
  draw_ = [&](Job& job) {
    begun.set_value();
    while (!job.cancel_at_once()) std::this_thread::yield();
    throw Cancelled();
  };
  const auto a = jobs.submit(request("a")), b = jobs.submit(request("b"));
  jobs.start();
  begun.get_future().wait();
  jobs.stop(std::chrono::milliseconds(1));
  EXPECT_EQ(a->state().status, JobStatus::cancelled);
  EXPECT_EQ(b->state().error->code, "server_stopping");
  EXPECT_THROW(jobs.submit(request("c")), QueueStopped);
}

TEST_F(QueueTest, LetsTheLastJobEnd) {
  JobQueue& jobs = queue();
  std::promise<void> begun, go_on;
  draw_ = [&](Job&) {
    begun.set_value();
    go_on.get_future().wait();
  };
  const auto a = jobs.submit(request("a"));
  jobs.start();
  begun.get_future().wait();
  std::thread stop([&] { jobs.stop(std::chrono::hours(1)); });
  while (jobs.has_room()) std::this_thread::yield();
  go_on.set_value();
  stop.join();
  EXPECT_EQ(a->state().status, JobStatus::done);
}

}  // namespace
}  // namespace sd35::serving
