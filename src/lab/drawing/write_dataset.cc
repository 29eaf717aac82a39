#include "lab/drawing/write_dataset.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/new_folder.h"
#include "core/threads.h"
#include "data/tar.h"
#include "image/image_file.h"
#include "lab/drawing/dataset_sample.h"
#include "lab/drawing/sample_json.h"
#include "lab/scenes/caption_vocabulary.h"
#include "lab/scenes/scene_random.h"

namespace sd35 {
namespace {

constexpr std::uint64_t kBatch = 128;      // samples in memory at once
constexpr std::uint64_t kCaptions = 1000;  // sampled between two calls of `progress`

// Renderers that threads borrow.
class RendererPool {
 public:
  explicit RendererPool(const SpriteShares& sprites) : sprites_(sprites) {}

  std::unique_ptr<SceneRenderer> take() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) return std::make_unique<SceneRenderer>(sprites_);
    std::unique_ptr<SceneRenderer> renderer = std::move(free_.back());
    free_.pop_back();
    return renderer;
  }
  void give_back(std::unique_ptr<SceneRenderer> renderer) {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(renderer));
  }

 private:
  SpriteShares sprites_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<SceneRenderer>> free_;
};

struct EncodedSample {
  std::vector<std::uint8_t> png;
  std::string caption;
  std::string json;
};

// Asks after every sample whether to go on, because a large one takes a while.
std::vector<EncodedSample> draw_batch(const DatasetOptions& options, std::uint64_t first, std::uint64_t count,
                                      RendererPool& pool, const DatasetProgress& progress) {
  std::vector<EncodedSample> samples(count);
  std::mutex reporting;
  std::uint64_t done = first;
  std::atomic<bool> stopped = false;
  parallel_for(static_cast<std::int64_t>(count), 8, [&](std::int64_t begin, std::int64_t end) {
    std::unique_ptr<SceneRenderer> renderer = pool.take();
    for (std::int64_t i = begin; i < end && !stopped; ++i) {
      const DatasetSample drawn = draw_sample(options, first + static_cast<std::uint64_t>(i), *renderer);
      EncodedSample& sample = samples[static_cast<std::size_t>(i)];
      sample.png = encode_image(drawn.rendering.image, ImageFormat::png);
      sample.caption = drawn.scene.caption;
      sample.json = sample_json(drawn.scene, drawn.rendering);
      const std::lock_guard lock(reporting);
      if (progress && !progress(++done, options.count)) stopped = true;
    }
    pool.give_back(std::move(renderer));
  });
  if (stopped) throw Cancelled();
  return samples;
}

std::string numbered(const char* format, std::uint64_t number) {
  char text[40];
  std::snprintf(text, sizeof(text), format, static_cast<unsigned long long>(number));
  return text;
}

int parse_side(std::string_view text, std::string_view all) {
  int side = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), side);
  if (error != std::errc() || end != text.data() + text.size() || text.empty())
    throw ArgumentError("sizes are written as 128 or 192x128, separated by commas; not '" + std::string(all) +
                        "'");
  return side;
}

void check_options(const DatasetOptions& options) {
  if (options.count < 1) throw ArgumentError("how many samples? The count must be positive");
  if (options.shard_samples < 1) throw ArgumentError("an archive holds at least one sample");
  if (options.sizes.empty()) throw ArgumentError("no size of pictures was given");
}

}  // namespace

void report(const DatasetProgress& progress, std::uint64_t done, std::uint64_t total) {
  if (progress && !progress(done, total)) throw Cancelled();
}

DatasetSample draw_sample(const DatasetOptions& options, std::uint64_t index, SceneRenderer& renderer) {
  const PictureSize size = size_of_sample(options, index);
  constexpr std::uint64_t kTries = 1000;
  constexpr std::uint64_t kApart = std::uint64_t{1} << 40;  // no data set has so many samples
  for (std::uint64_t i = 0; i < kTries; ++i) {
    DatasetSample sample{sample_scene(options.seed, index + i * kApart, options.scenes), {}};
    sample.rendering = renderer.render(sample.scene, size.width, size.height);
    const std::optional<double>& capital = sample.rendering.capital_height;
    if (!capital || *capital >= options.smallest_capital) return sample;
  }
  throw ArgumentError("no sign of " + std::to_string(size.width) + " x " + std::to_string(size.height) +
                      " pixels has capital letters of " +
                      std::to_string(std::lround(options.smallest_capital)) +
                      " pixels; allow smaller ones, or shorter words");
}

PictureSize size_of_sample(const DatasetOptions& options, std::uint64_t index) {
  SceneRandom random(options.seed ^ 0x5a17e5ull, scramble(index));
  return random.pick(std::span<const PictureSize>(options.sizes));
}

std::vector<PictureSize> parse_sizes(std::string_view text) {
  std::vector<PictureSize> sizes;
  const std::string_view all = text;
  while (true) {
    const std::size_t comma = text.find(',');
    const std::string_view one = text.substr(0, comma);
    const std::size_t times = one.find('x');
    PictureSize size;
    size.width = parse_side(one.substr(0, times), all);
    size.height = times == one.npos ? size.width : parse_side(one.substr(times + 1), all);
    check_picture_size(size.width, size.height);
    sizes.push_back(size);
    if (comma == text.npos) return sizes;
    text.remove_prefix(comma + 1);
  }
}

void write_dataset(const std::filesystem::path& folder, const DatasetOptions& options,
                   const DatasetProgress& progress) {
  check_options(options);
  NewFolder target(folder);
  RendererPool pool(options.sprites);
  for (std::uint64_t shard = 0; shard * options.shard_samples < options.count; ++shard) {
    TarWriter archive(target / numbered("shard-%05llu.tar", shard));
    const std::uint64_t last = std::min(options.count, (shard + 1) * options.shard_samples);
    for (std::uint64_t first = shard * options.shard_samples; first < last; first += kBatch) {
      const std::uint64_t count = std::min(kBatch, last - first);
      std::uint64_t index = first;
      for (const EncodedSample& sample : draw_batch(options, first, count, pool, progress)) {
        const std::string name = numbered("%08llu", index++);
        archive.add(name + ".png", std::as_bytes(std::span(sample.png)));
        archive.add(name + ".txt", sample.caption);
        archive.add(name + ".json", sample.json);
      }
    }
    archive.commit();
  }
  target.commit();
}

void write_captions(const std::filesystem::path& path, const DatasetOptions& options,
                    const DatasetProgress& progress) {
  AtomicFile file(path);
  std::string text;
  for (std::uint64_t i = 0; i < options.count; ++i) {
    const Scene scene = sample_scene(options.seed, i, options.scenes);
    text += scene.caption;
    if (scene.sign) text += "\t" + text_on(*scene.sign);
    text += "\n";
    if ((i + 1) % kCaptions != 0 && i + 1 != options.count) continue;
    file.write(std::as_bytes(std::span(text)));
    text.clear();
    report(progress, i + 1, options.count);
  }
  file.commit();
}

void write_vocabulary(const std::filesystem::path& path, const SceneOptions& scenes) {
  AtomicFile file(path);
  const std::string json = vocabulary_json(caption_vocabulary(scenes));
  file.write(std::as_bytes(std::span(json)));
  file.commit();
}

void write_prompts(const std::filesystem::path& path, const DatasetOptions& options,
                   const DatasetProgress& progress) {
  AtomicFile file(path);
  std::set<std::string> seen;
  // Beyond this the captions repeat.
  const std::uint64_t most = 1000 + 50 * options.count;
  for (std::uint64_t i = 0; i < most && seen.size() < options.count; ++i) {
    if (i % kCaptions == 0) report(progress, seen.size(), options.count);
    const Scene scene = sample_scene(options.seed, i, options.scenes);
    if (!seen.insert(scene.caption).second) continue;
    const std::string line = evaluation_prompt_json(scene) + "\n";
    file.write(std::as_bytes(std::span(line)));
  }
  if (seen.size() < options.count)
    throw ArgumentError("these options allow only about " + std::to_string(seen.size()) +
                        " different prompts");
  file.commit();
}

}  // namespace sd35
