#include "lab/drawing/lettering.h"

#include <pango/pangocairo.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <mutex>
#include <span>

#include "core/error.h"
#include "lab/scenes/typefaces.h"

namespace sd35 {
namespace {

constexpr double kReferenceSize = 100;  // pixels; sizes scale from here, since nothing is hinted
constexpr double kLinePitch = 1.1;      // of the font size

// Cairo keeps one set of scaled fonts for all threads, and two that measure and draw with them at once may
// each wait for a lock that the other holds (Cairo 1.16). So only one thread does lettering at a time.
std::mutex& lettering_mutex() {
  static std::mutex mutex;
  return mutex;
}

struct FreeDescription {
  void operator()(PangoFontDescription* description) const { pango_font_description_free(description); }
};
using Description = std::unique_ptr<PangoFontDescription, FreeDescription>;

struct FreeAttributes {
  void operator()(PangoAttrList* attributes) const { pango_attr_list_unref(attributes); }
};

Description described(const Typeface& face) {
  Description description(pango_font_description_new());
  pango_font_description_set_family_static(description.get(), face.family);
  pango_font_description_set_weight(description.get(), face.bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
  return description;
}

struct FreeIterator {
  void operator()(PangoLayoutIter* iterator) const { pango_layout_iter_free(iterator); }
};

// How far the letters of a typeface can reach from the baseline.
struct Reach {
  double above = 0;
  double below = 0;
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
  std::array<bool, kTypefaces> found{};  // those known to be installed

  void set(const TextStyle& style, double size) {
    const auto number = static_cast<std::size_t>(style.typeface);
    const Typeface& face = typefaces()[number];
    if (!found[number]) require(face);
    found[number] = true;
    const Description description = described(face);
    pango_font_description_set_absolute_size(description.get(), size * PANGO_SCALE);
    pango_layout_set_font_description(layout.get(), description.get());
    const std::unique_ptr<PangoAttrList, FreeAttributes> attributes(pango_attr_list_new());
    pango_attr_list_insert(attributes.get(), pango_attr_letter_spacing_new(
                                                 static_cast<int>(style.tracking * size * PANGO_SCALE)));
    pango_layout_set_attributes(layout.get(), attributes.get());
  }

  // The width of a line with the space of its first and last letters, which depends only on their number if
  // all letters have the same space.
  double width(const std::string& line) {
    pango_layout_set_text(layout.get(), line.c_str(), static_cast<int>(line.size()));
    PangoRectangle room;
    pango_layout_get_extents(layout.get(), nullptr, &room);
    return static_cast<double>(room.width) / PANGO_SCALE;
  }

  Reach reach() {
    pango_layout_set_text(layout.get(), "Hdg", 3);
    PangoRectangle ink;
    pango_layout_get_extents(layout.get(), &ink, nullptr);
    const int baseline = pango_layout_get_baseline(layout.get());
    return {static_cast<double>(baseline - ink.y) / PANGO_SCALE,
            static_cast<double>(ink.y + ink.height - baseline) / PANGO_SCALE};
  }

  // The letters of the line that width() measured last, which begins at (x, baseline).
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
    const Description wanted = described(face);
    const std::unique_ptr<PangoFont, ObjectUnref> font(
        pango_font_map_load_font(map.get(), context.get(), wanted.get()));
    const Description installed(font ? pango_font_describe(font.get()) : pango_font_description_new());
    const char* family = pango_font_description_get_family(installed.get());
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
  pango_->layout.reset(pango_layout_new(pango_->context.get()));
}

Lettering::~Lettering() {
  const std::lock_guard lock(lettering_mutex());
  pango_.reset();
}

TextBlock Lettering::fit(const std::vector<std::string>& words, const TextStyle& style, double width,
                         double height, double fullness) {
  const std::lock_guard lock(lettering_mutex());
  pango_->set(style, kReferenceSize);
  const Reach reach = pango_->reach();
  TextBlock best;
  const std::size_t gaps = words.size() - 1;
  for (std::size_t breaks = 0; breaks < (std::size_t{1} << gaps); ++breaks) {
    TextBlock block;
    std::size_t begin = 0;
    for (std::size_t i = 1; i <= words.size(); ++i) {
      if (i < words.size() && (breaks >> (i - 1) & 1) == 0) continue;
      block.lines.push_back(joined(std::span(words).subspan(begin, i - begin)));
      block.width = std::max(block.width, pango_->width(block.lines.back()));
      begin = i;
    }
    const auto pitches = static_cast<double>(block.lines.size() - 1);
    block.height = pitches * kLinePitch * kReferenceSize + reach.above + reach.below;
    const double scale = std::min(width / block.width, height / block.height) * fullness;
    block.font_size = scale * kReferenceSize;
    block.capital_height = reach.above * scale;
    block.width *= scale;
    block.height *= scale;
    if (block.font_size > best.font_size) best = std::move(block);
  }
  return best;
}

std::vector<Letter> Lettering::draw(cairo_t* cr, const TextBlock& text, const TextStyle& style,
                                    const Box& box, Rgb colour) {
  const std::lock_guard lock(lettering_mutex());
  pango_->set(style, text.font_size);
  std::vector<Letter> letters;
  int word = 0;
  for (std::size_t i = 0; i < text.lines.size(); ++i) {
    const double x = box.centre_x() - pango_->width(text.lines[i]) / 2;
    const double top =
        box.centre_y() - text.height / 2 + static_cast<double>(i) * kLinePitch * text.font_size;
    const double baseline = top + text.capital_height;
    cairo_move_to(cr, x, baseline);
    set_colour(cr, colour);
    pango_cairo_show_layout_line(cr, pango_layout_get_line_readonly(pango_->layout.get(), 0));
    int index = 0;
    for (Letter& letter : pango_->letters(text.lines[i], x, baseline)) {
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
