#include "lab/scoring/word_reader.h"

#include <tesseract/baseapi.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <numeric>
#include <optional>

#include "core/error.h"
#include "image/resize.h"
#include "lab/scoring/foreground.h"
#include "lab/scoring/palette.h"

namespace sd35 {
namespace {

// A surface: connected pixels whose colour stays near their mean.
constexpr float kSurfaceRadius = 0.09F;
constexpr double kSmallestSurface = 0.025;     // of the picture
constexpr float kInkContrast = 0.12F;          // least distance of ink from its surface
constexpr float kOffInk = 0.09F;               // how far from the line between the two a blend of them may be
constexpr int kLongSides[] = {320, 220, 160};  // of what Tesseract sees: it reads letters of 20 to 60 pixels
constexpr int kPageMargin = 24;
constexpr float kLeastConfidence = 40;
constexpr float kSpread = 15;  // the words of one sign are read about equally well; folds and hands are not

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
      // Breadth first: a surface grows in rings.
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

// What has the surface on both sides: left and right, or `across` above and below.
Mask spanned_by(const Surface& surface, bool across) {
  const Mask& mask = surface.mask;
  const PixelBox& box = surface.box;
  const auto covered = [&](int line, int i) { return across ? mask.at(line, i) : mask.at(i, line); };
  const int begin = across ? box.top : box.left, end = across ? box.bottom : box.right;
  Mask spanned(mask.width, mask.height);
  for (int line = across ? box.left : box.top; line < (across ? box.right : box.bottom); ++line) {
    int first = begin, last = end - 1;
    while (first < end && !covered(line, first)) ++first;
    while (last > first && !covered(line, last)) --last;
    for (int i = first; i <= last; ++i) (across ? spanned.at(line, i) : spanned.at(i, line)) = 1;
  }
  return spanned;
}

// The most common colour of what lies on a surface.
std::optional<Lab> ink_of(const LabImage& picture, const Surface& surface) {
  const Mask in_rows = spanned_by(surface, false), in_columns = spanned_by(surface, true);
  Palette palette;
  for (std::size_t i = 0; i < in_rows.set.size(); ++i)
    if (in_rows.set[i] != 0 && in_columns.set[i] != 0 &&
        lab_distance(picture.pixels[i], surface.colour) > kInkContrast)
      palette.add(picture.pixels[i]);
  return palette.commonest();
}

// The box of the surface: what has its ink's colour black, the rest white. Letters may touch its edge, or a
// hand that holds it: those have another colour.
Image lettering_on(const LabImage& picture, const Surface& surface, const Lab& ink) {
  const PixelBox& box = surface.box;
  const Mask spanned = spanned_by(surface, false);
  const auto dot = [](const Lab& a, const Lab& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; };
  const auto minus = [](const Lab& a, const Lab& b) { return Lab{a[0] - b[0], a[1] - b[1], a[2] - b[2]}; };
  const Lab to_ink = minus(ink, surface.colour);
  Image image{box.width(), box.height(), {}};
  for (int y = box.top; y < box.bottom; ++y) {
    for (int x = box.left; x < box.right; ++x) {
      float darkness = 0;
      if (spanned.at(x, y)) {
        const Lab from = minus(picture.at(x, y), surface.colour);
        const float along = dot(from, to_ink) / dot(to_ink, to_ink);
        const float aside = std::sqrt(std::max(0.0F, dot(from, from) - along * along * dot(to_ink, to_ink)));
        darkness = std::clamp(along, 0.0F, 1.0F) * std::clamp(2 - aside / kOffInk, 0.0F, 1.0F);
      }
      image.rgb.insert(image.rgb.end(), 3, static_cast<std::uint8_t>(std::lround(255 * (1 - darkness))));
    }
  }
  return image;
}

// Scaled to a longer side, with a white margin.
Image framed(const Image& image, int side) {
  const double scale = static_cast<double>(side) / std::max(image.width, image.height);
  const Image scaled = resize(image, std::max(1, static_cast<int>(std::lround(image.width * scale))),
                              std::max(1, static_cast<int>(std::lround(image.height * scale))));
  Image framed{scaled.width + 2 * kPageMargin, scaled.height + 2 * kPageMargin, {}};
  framed.rgb.assign(static_cast<std::size_t>(3 * framed.width * framed.height), 255);
  for (int y = 0; y < scaled.height; ++y)
    std::copy_n(scaled.rgb.begin() + static_cast<std::ptrdiff_t>(3 * y) * scaled.width, 3 * scaled.width,
                framed.rgb.begin() +
                    3 * ((static_cast<std::ptrdiff_t>(y) + kPageMargin) * framed.width + kPageMargin));
  return framed;
}

// Without characters that no sign shows.
std::string letters_of(std::string_view text) {
  std::string letters;
  for (const char c : text)
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) letters += c;
  return letters;
}

char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

}  // namespace

std::vector<Image> lettered_surfaces(const Image& picture) {
  const LabImage lab = to_lab(picture);
  std::vector<Image> images;
  for (const Surface& surface : find_surfaces(lab)) {
    if (const std::optional<Lab> ink = ink_of(lab, surface))
      images.push_back(lettering_on(lab, surface, *ink));
  }
  return images;
}

struct WordReader::Engine {
  tesseract::TessBaseAPI api;

  struct Word {
    std::string text;
    float confidence = 0;  // 0 to 100
  };
  struct Reading {
    std::string text;
    float confidence = 0;  // the sum over its characters, above the least
  };

  Reading read(const Image& image) {
    api.SetImage(image.rgb.data(), image.width, image.height, 3, 3 * image.width);
    api.SetSourceResolution(150);
    Reading reading;
    if (api.Recognize(nullptr) != 0) return reading;
    const std::unique_ptr<tesseract::ResultIterator> results(api.GetIterator());
    if (!results) return reading;
    std::vector<Word> words;
    float surest = 0;
    do {
      if (results->Empty(tesseract::RIL_WORD)) continue;
      const std::unique_ptr<char[]> text(results->GetUTF8Text(tesseract::RIL_WORD));
      words.push_back({letters_of(text ? text.get() : ""), results->Confidence(tesseract::RIL_WORD)});
      if (!words.back().text.empty()) surest = std::max(surest, words.back().confidence);
    } while (results->Next(tesseract::RIL_WORD));
    for (const Word& word : words) {
      if (word.text.empty() || word.confidence < std::max(kLeastConfidence, surest - kSpread)) continue;
      reading.text += (reading.text.empty() ? "" : " ") + word.text;
      reading.confidence += (word.confidence - kLeastConfidence) * static_cast<float>(word.text.size());
    }
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
  engine_->api.SetPageSegMode(tesseract::PSM_SINGLE_BLOCK);
}

WordReader::~WordReader() = default;

std::string WordReader::read(const Image& picture) {
  Engine::Reading best;
  for (const Image& surface : lettered_surfaces(picture)) {
    for (const int side : kLongSides) {
      Engine::Reading reading = engine_->read(framed(surface, side));
      if (reading.confidence > best.confidence) best = std::move(reading);
    }
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
