#include "scenes/drawing/lettering.h"

#include <pango/pangocairo.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <mutex>
#include <span>
#include <tuple>

#include "core/error.h"
#include "scenes/scene.h"

namespace sd35 {
namespace {

struct Typeface {
  const char* family;
  PangoWeight weight;
  const char* package;  // Debian's
};

constexpr std::array<Typeface, kTypefaces> kFaces = {{
    {"Liberation Sans", PANGO_WEIGHT_BOLD, "fonts-liberation2"},
    {"DejaVu Sans", PANGO_WEIGHT_BOLD, "fonts-dejavu-core"},
    {"Open Sans", PANGO_WEIGHT_BOLD, "fonts-open-sans"},
    {"Comic Neue", PANGO_WEIGHT_BOLD, "fonts-comic-neue"},
    {"Liberation Sans", PANGO_WEIGHT_NORMAL, "fonts-liberation2"},
    {"Liberation Serif", PANGO_WEIGHT_BOLD, "fonts-liberation2"},
    {"DejaVu Serif", PANGO_WEIGHT_BOLD, "fonts-dejavu-core"},
    {"Liberation Mono", PANGO_WEIGHT_BOLD, "fonts-liberation2"},
}};

constexpr double kReferenceSize = 100;  // pixels; sizes scale from here, since nothing is hinted
constexpr double kLinePitch = 1.02;     // of the font size

// Cairo keeps one set of scaled fonts for all threads, and two that measure and draw with them at once may
// each wait for a lock that the other holds (Cairo 1.16). So lettering is for one thread at a time.
std::mutex& lettering_mutex() {
  static std::mutex mutex;
  return mutex;
}

struct FreeDescription {
  void operator()(PangoFontDescription* description) const { pango_font_description_free(description); }
};
using Description = std::unique_ptr<PangoFontDescription, FreeDescription>;

struct FreeIterator {
  void operator()(PangoLayoutIter* iterator) const { pango_layout_iter_free(iterator); }
};

// The ink of a line around its baseline, at kReferenceSize.
struct Ink {
  double left = 0;
  double top = 0;  // negative: above the baseline
  double width = 0;
  double height = 0;
};

std::string joined(std::span<const std::string> words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + word;
  return line;
}

}  // namespace

struct Lettering::Pango {
  std::unique_ptr<PangoFontMap, ObjectUnref> map{pango_cairo_font_map_new()};
  std::unique_ptr<PangoContext, ObjectUnref> context{pango_font_map_create_context(map.get())};
  std::unique_ptr<PangoLayout, ObjectUnref> layout;

  void set(int typeface, double size) {
    const Typeface& face = kFaces.at(static_cast<std::size_t>(typeface));
    const Description description(pango_font_description_new());
    pango_font_description_set_family_static(description.get(), face.family);
    pango_font_description_set_weight(description.get(), face.weight);
    pango_font_description_set_absolute_size(description.get(), size * PANGO_SCALE);
    pango_layout_set_font_description(layout.get(), description.get());
  }

  Ink ink(const std::string& line) {
    pango_layout_set_text(layout.get(), line.c_str(), static_cast<int>(line.size()));
    PangoRectangle extents;
    pango_layout_get_extents(layout.get(), &extents, nullptr);
    const double baseline = static_cast<double>(pango_layout_get_baseline(layout.get())) / PANGO_SCALE;
    const auto pixels = [](int units) { return static_cast<double>(units) / PANGO_SCALE; };
    return {pixels(extents.x), pixels(extents.y) - baseline, pixels(extents.width), pixels(extents.height)};
  }

  // Those of the line that ink() measured last, which begins at (x, baseline).
  std::vector<Letter> letters(const std::string& line, double x, double baseline) {
    const double top = baseline - static_cast<double>(pango_layout_get_baseline(layout.get())) / PANGO_SCALE;
    const auto pixels = [](int units) { return static_cast<double>(units) / PANGO_SCALE; };
    const std::unique_ptr<PangoLayoutIter, FreeIterator> at(pango_layout_get_iter(layout.get()));
    std::vector<Letter> found;
    std::vector<std::size_t> starts;  // bytes
    do {
      PangoRectangle ink;
      pango_layout_iter_get_cluster_extents(at.get(), &ink, nullptr);
      starts.push_back(static_cast<std::size_t>(pango_layout_iter_get_index(at.get())));
      found.push_back(
          {"", 0, 0, 0, x + pixels(ink.x), top + pixels(ink.y), pixels(ink.width), pixels(ink.height)});
    } while (pango_layout_iter_next_cluster(at.get()) != FALSE);
    for (std::size_t i = 0; i < found.size(); ++i) {
      const std::size_t end = i + 1 < starts.size() ? starts[i + 1] : line.size();
      found[i].character = line.substr(starts[i], end - starts[i]);
    }
    return found;
  }

  void require(const Typeface& face) {
    const Description wanted(pango_font_description_new());
    pango_font_description_set_family_static(wanted.get(), face.family);
    pango_font_description_set_weight(wanted.get(), face.weight);
    const std::unique_ptr<PangoFont, ObjectUnref> font(
        pango_font_map_load_font(map.get(), context.get(), wanted.get()));
    const Description found(font ? pango_font_describe(font.get()) : pango_font_description_new());
    const char* family = pango_font_description_get_family(found.get());
    if (family == nullptr || std::string_view(family) != face.family)
      throw FileError(std::string("the font '") + face.family +
                      "' is not installed (Debian: " + face.package + ")");
  }
};

Lettering::Lettering() {
  const std::lock_guard lock(lettering_mutex());
  pango_ = std::make_unique<Pango>();
  cairo_font_options_t* options = cairo_font_options_create();
  cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
  cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
  cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
  pango_cairo_context_set_font_options(pango_->context.get(), options);
  cairo_font_options_destroy(options);
  pango_context_set_round_glyph_positions(pango_->context.get(), FALSE);
  pango_cairo_context_set_resolution(pango_->context.get(), 96);
  for (const Typeface& face : kFaces) pango_->require(face);
  pango_->layout.reset(pango_layout_new(pango_->context.get()));
}

Lettering::~Lettering() {
  const std::lock_guard lock(lettering_mutex());
  pango_.reset();
}

namespace {

// The ink of lines below each other, at kReferenceSize.
template <class InkOf>
std::pair<double, double> block_size(const std::vector<std::string>& lines, InkOf ink_of) {
  double width = 0;
  double top = 0;
  double bottom = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const Ink ink = ink_of(lines[i]);
    const double baseline = static_cast<double>(i) * kLinePitch * kReferenceSize;
    width = std::max(width, ink.width);
    top = i == 0 ? ink.top : std::min(top, baseline + ink.top);
    bottom = std::max(bottom, baseline + ink.top + ink.height);
  }
  return {width, bottom - top};
}

}  // namespace

TextBlock Lettering::fit(const std::vector<std::string>& words, int typeface, double width, double height,
                         double fullness) {
  const std::lock_guard lock(lettering_mutex());
  pango_->set(typeface, kReferenceSize);
  TextBlock best;
  const std::size_t gaps = words.size() - 1;
  for (std::size_t breaks = 0; breaks < (std::size_t{1} << gaps); ++breaks) {
    TextBlock block;
    std::size_t begin = 0;
    for (std::size_t i = 1; i <= words.size(); ++i) {
      if (i < words.size() && (breaks >> (i - 1) & 1) == 0) continue;
      block.lines.push_back(joined(std::span(words).subspan(begin, i - begin)));
      begin = i;
    }
    std::tie(block.width, block.height) =
        block_size(block.lines, [&](const std::string& s) { return pango_->ink(s); });
    const double scale = std::min(width / block.width, height / block.height) * fullness;
    block.font_size = scale * kReferenceSize;
    block.width *= scale;
    block.height *= scale;
    if (block.font_size > best.font_size) best = std::move(block);
  }
  return best;
}

std::vector<Letter> Lettering::draw(cairo_t* cr, const TextBlock& text, int typeface, const Box& box,
                                    Rgb colour) {
  const std::lock_guard lock(lettering_mutex());
  pango_->set(typeface, text.font_size);
  std::vector<Letter> letters;
  double first_top = 0;
  int word = 0;
  for (std::size_t i = 0; i < text.lines.size(); ++i) {
    const Ink ink = pango_->ink(text.lines[i]);
    if (i == 0) first_top = ink.top;
    const double baseline = static_cast<double>(i) * kLinePitch * text.font_size - first_top;
    const double x = box.centre_x() - ink.width / 2 - ink.left;
    const double y = box.centre_y() - text.height / 2 + baseline;
    cairo_move_to(cr, x, y);
    set_colour(cr, colour);
    pango_cairo_show_layout_line(cr, pango_layout_get_line_readonly(pango_->layout.get(), 0));
    int index = 0;
    for (Letter& letter : pango_->letters(text.lines[i], x, y)) {
      if (letter.character == " ") {
        ++word;
        index = 0;
        continue;
      }
      letter.index = index++;
      letter.word = word;
      letter.line = static_cast<int>(i);
      letters.push_back(std::move(letter));
    }
    ++word;
  }
  return letters;
}

}  // namespace sd35
