#include "evaluation/word_reader.h"

#include <tesseract/baseapi.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "evaluation/foreground.h"
#include "image/resize.h"

namespace sd35 {
namespace {

// A surface: connected pixels whose colour stays near their mean.
constexpr float kSurfaceRadius = 0.09F;
constexpr double kSmallestSurface = 0.025;  // of the picture
constexpr float kInkContrast = 0.12F;       // least distance of ink from its surface
constexpr int kLongSide = 640;              // of what Tesseract sees
constexpr int kMargin = 24;
constexpr float kLeastConfidence = 40;

struct Surface {
  Mask mask;
  PixelBox box;
  Lab colour{};
};

std::vector<Surface> find_surfaces(const LabImage& picture) {
  std::vector<Surface> surfaces;
  Mask seen(picture.width, picture.height);
  std::vector<std::pair<int, int>> todo;
  for (int y0 = 0; y0 < picture.height; ++y0) {
    for (int x0 = 0; x0 < picture.width; ++x0) {
      if (seen.at(x0, y0) != 0) continue;
      Surface surface{Mask(picture.width, picture.height), {x0, y0, x0 + 1, y0 + 1}, picture.at(x0, y0)};
      double count = 0;
      const auto visit = [&](int x, int y) {
        if (!seen.inside(x, y) || seen.at(x, y) != 0) return;
        const Lab& pixel = picture.at(x, y);
        if (lab_distance(pixel, surface.colour) > kSurfaceRadius) return;
        seen.at(x, y) = 1;
        surface.mask.at(x, y) = 1;
        count += 1;
        for (std::size_t i = 0; i < 3; ++i)
          surface.colour[i] += (pixel[i] - surface.colour[i]) / static_cast<float>(count);
        todo.emplace_back(x, y);
      };
      visit(x0, y0);
      // First come, first served: a surface grows in rings.
      for (std::size_t next = 0; next < todo.size(); ++next) {
        const auto [x, y] = todo[next];
        surface.box = {std::min(surface.box.left, x), std::min(surface.box.top, y),
                       std::max(surface.box.right, x + 1), std::max(surface.box.bottom, y + 1)};
        visit(x - 1, y), visit(x + 1, y), visit(x, y - 1), visit(x, y + 1);
      }
      todo.clear();
      if (count >= kSmallestSurface * static_cast<double>(picture.pixels.size()))
        surfaces.push_back(std::move(surface));
    }
  }
  return surfaces;
}

// What has the surface on either side, left and right as well as above and below. Letters that touch the
// surface's edge, or a hand that holds it, are still upon it.
Mask spanned_by(const Surface& surface) {
  const Mask& mask = surface.mask;
  const PixelBox& box = surface.box;
  Mask in_rows(mask.width, mask.height), spanned(mask.width, mask.height);
  for (int y = box.top; y < box.bottom; ++y) {
    int first = box.left, last = box.right - 1;
    while (first < box.right && !mask.at(first, y)) ++first;
    while (last >= first && !mask.at(last, y)) --last;
    for (int x = first; x <= last; ++x) in_rows.at(x, y) = 1;
  }
  for (int x = box.left; x < box.right; ++x) {
    int first = box.top, last = box.bottom - 1;
    while (first < box.bottom && !mask.at(x, first)) ++first;
    while (last >= first && !mask.at(x, last)) --last;
    for (int y = first; y <= last; ++y) spanned.at(x, y) = in_rows.at(x, y);
  }
  return spanned;
}

// The box of the surface: what lies upon it by its distance from the surface's colour, the rest white.
Image lettering_on(const LabImage& picture, const Surface& surface) {
  const PixelBox& box = surface.box;
  const Mask spanned = spanned_by(surface);
  Image image{box.width(), box.height(),
              std::vector<std::uint8_t>(static_cast<std::size_t>(3 * box.width() * box.height()), 255)};
  float furthest = 0;
  std::vector<float> distances;
  for (int y = box.top; y < box.bottom; ++y) {
    for (int x = box.left; x < box.right; ++x) {
      distances.push_back(std::as_const(spanned).at(x, y) ? lab_distance(picture.at(x, y), surface.colour)
                                                          : 0);
      furthest = std::max(furthest, distances.back());
    }
  }
  if (furthest < kInkContrast) return {};
  for (std::size_t i = 0; i < distances.size(); ++i) {
    const float ink = std::clamp(distances[i] / (0.9F * furthest), 0.0F, 1.0F);
    std::fill_n(image.rgb.begin() + static_cast<std::ptrdiff_t>(3 * i), 3,
                static_cast<std::uint8_t>(std::lround(255 * (1 - ink))));
  }
  return image;
}

// Large enough for Tesseract, with a white margin.
Image enlarged(const Image& image) {
  const double scale = static_cast<double>(kLongSide) / std::max(image.width, image.height);
  const Image large = resize(image, std::max(1, static_cast<int>(std::lround(image.width * scale))),
                             std::max(1, static_cast<int>(std::lround(image.height * scale))));
  Image framed{large.width + 2 * kMargin, large.height + 2 * kMargin, {}};
  framed.rgb.assign(static_cast<std::size_t>(3 * framed.width * framed.height), 255);
  for (int y = 0; y < large.height; ++y)
    std::copy_n(
        large.rgb.begin() + static_cast<std::ptrdiff_t>(3 * y) * large.width, 3 * large.width,
        framed.rgb.begin() + 3 * ((static_cast<std::ptrdiff_t>(y) + kMargin) * framed.width + kMargin));
  return framed;
}

char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

}  // namespace

std::vector<Image> lettered_surfaces(const Image& picture) {
  const LabImage lab = to_lab(picture);
  std::vector<Image> images;
  for (const Surface& surface : find_surfaces(lab)) {
    const Image image = lettering_on(lab, surface);
    if (image.width > 0) images.push_back(enlarged(image));
  }
  return images;
}

struct WordReader::Engine {
  tesseract::TessBaseAPI api;

  struct Reading {
    std::string text;
    float confidence = 0;  // the sum over its characters
  };

  Reading read(const Image& image) {
    api.SetImage(image.rgb.data(), image.width, image.height, 3, 3 * image.width);
    api.SetSourceResolution(150);
    Reading reading;
    if (api.Recognize(nullptr) != 0) return reading;
    const std::unique_ptr<tesseract::ResultIterator> words(api.GetIterator());
    if (!words) return reading;
    do {
      if (words->Empty(tesseract::RIL_WORD)) continue;
      const std::unique_ptr<char[]> word(words->GetUTF8Text(tesseract::RIL_WORD));
      const float confidence = words->Confidence(tesseract::RIL_WORD);
      if (!word || confidence < kLeastConfidence) continue;
      const std::string_view text(word.get());
      if (text.find_first_not_of(" |") == text.npos) continue;
      reading.text += (reading.text.empty() ? "" : " ") + std::string(text);
      reading.confidence += (confidence - kLeastConfidence) * static_cast<float>(text.size());
    } while (words->Next(tesseract::RIL_WORD));
    return reading;
  }
};

WordReader::WordReader() : engine_(std::make_unique<Engine>()) {
  std::vector<std::string> names{"load_system_dawg", "load_freq_dawg"}, values{"0", "0"};
  if (engine_->api.Init(nullptr, "eng", tesseract::OEM_LSTM_ONLY, nullptr, 0, &names, &values, false) != 0)
    throw FileError(
        "Tesseract finds no data of the English language; install tesseract-ocr-eng, or name its folder in "
        "TESSDATA_PREFIX");
  engine_->api.SetVariable("debug_file", "/dev/null");
  engine_->api.SetVariable("tessedit_char_whitelist",
                           "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");
  engine_->api.SetPageSegMode(tesseract::PSM_SINGLE_BLOCK);
}

WordReader::~WordReader() = default;

std::string WordReader::read(const Image& picture) {
  Engine::Reading best;
  for (const Image& surface : lettered_surfaces(picture)) {
    Engine::Reading reading = engine_->read(surface);
    if (reading.confidence > best.confidence) best = std::move(reading);
  }
  return best.text;
}

int edit_distance(std::string_view a, std::string_view b) {
  std::vector<int> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    int diagonal = row[0];
    row[0] = static_cast<int>(i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const int substituted = diagonal + (lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({substituted, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace sd35
