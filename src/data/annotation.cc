#include "data/annotation.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/config_file.h"
#include "core/error.h"
#include "core/threads.h"

namespace sd35 {
namespace {

using nlohmann::json;

constexpr std::int64_t kMostLetters = 1 << 16;

PictureBox read_box(const json& entry, const Location& location) {
  const auto box = entry.find("box");
  const bool numbers = box != entry.end() && box->is_array() && box->size() == 4 &&
                       std::ranges::all_of(*box, [](const json& value) { return value.is_number(); });
  if (!numbers) throw FileError(location + ": 'box' must be [x, y, width, height]", {}, location.file);
  return {(*box)[0].get<double>(), (*box)[1].get<double>(), (*box)[2].get<double>(), (*box)[3].get<double>()};
}

// Calls `read(entry, location)` for each object of a list; nothing where the key is missing.
template <class Read>
void for_each_entry(const json& values, const char* key, const Location& location, const Read& read) {
  const auto list = values.find(key);
  if (list == values.end()) return;
  const Location place(location + ": " + key, location.file);
  if (!list->is_array()) throw FileError(place + " must be a list", {}, place.file);
  for (const json& entry : *list) {
    if (!entry.is_object()) throw FileError(place + " must be a list of objects", {}, place.file);
    read(entry, place);
  }
}

template <class Apply>
Annotation with_boxes(Annotation annotation, const Apply& apply) {
  if (annotation.text) annotation.text = apply(*annotation.text);
  for (AnnotatedLetter& letter : annotation.letters) letter.box = apply(letter.box);
  return annotation;
}

}  // namespace

Annotation read_annotation(const Dataset& dataset, std::int64_t index) {
  const std::optional<std::string> text = dataset.read_member(index, "json");
  Annotation annotation;
  if (!text) return annotation;
  const Location location = dataset.location_of(index, "json");
  const json values = parse_json_object(*text, location);
  for_each_entry(values, "boxes", location, [&](const json& entry, const Location& place) {
    if (ConfigReader(entry, place).text("name") == "text") annotation.text = read_box(entry, place);
  });
  for_each_entry(values, "letters", location, [&](const json& entry, const Location& place) {
    const ConfigReader reader(entry, place);
    const auto number = [&](const char* key) {
      return static_cast<int>(reader.integer(key, 0, kMostLetters));
    };
    annotation.letters.push_back(
        {reader.text("letter"), number("index"), number("word"), number("line"), read_box(entry, place)});
  });
  return annotation;
}

Annotation fit_to_bucket(Annotation annotation, ImageSize image, const Bucket& bucket) {
  return with_boxes(std::move(annotation),
                    [&](const PictureBox& box) { return fit_to_bucket(box, image, bucket); });
}

Annotation mirrored(Annotation annotation, int width) {
  return with_boxes(std::move(annotation), [width](const PictureBox& box) {
    return PictureBox{width - box.x - box.width, box.y, box.width, box.height};
  });
}

std::vector<std::int64_t> samples_with_text(const Dataset& dataset) {
  std::vector<char> has_text(static_cast<std::size_t>(dataset.size()));
  parallel_for(dataset.size(), 8, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      has_text[static_cast<std::size_t>(i)] = read_annotation(dataset, i).text.has_value();
  });
  std::vector<std::int64_t> samples;
  for (std::int64_t i = 0; i < dataset.size(); ++i)
    if (has_text[static_cast<std::size_t>(i)]) samples.push_back(i);
  return samples;
}

bool has_letters(const Dataset& dataset) {
  for (std::int64_t i = 0; i < dataset.size(); ++i)
    if (!read_annotation(dataset, i).letters.empty()) return true;
  return false;
}

}  // namespace sd35
