#include "lab/drawing/sprite.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <numbers>
#include <span>

#include "core/error.h"

namespace sd35 {
namespace {

// Cairo's ARGB32 pixels of a surface, not premultiplied.
struct Pixel {
  int alpha = 0;
  Rgb rgb;
};

class Pixels {
 public:
  explicit Pixels(const Surface& surface)
      : surface_(surface.get()),
        width(cairo_image_surface_get_width(surface_)),
        height(cairo_image_surface_get_height(surface_)),
        stride_(cairo_image_surface_get_stride(surface_)) {
    cairo_surface_flush(surface_);
    data_ = cairo_image_surface_get_data(surface_);
  }

  Pixel get(int x, int y) const {
    const std::uint32_t value = *at(x, y);
    const auto alpha = static_cast<int>(value >> 24);
    const auto channel = [&](int shift) {
      const auto premultiplied = static_cast<int>((value >> shift) & 255);
      return static_cast<std::uint8_t>(alpha == 0 ? 0
                                                  : std::min(255, (premultiplied * 255 + alpha / 2) / alpha));
    };
    return {alpha, {channel(16), channel(8), channel(0)}};
  }
  void set(int x, int y, const Pixel& pixel) {
    const auto channel = [&](std::uint8_t value) {
      return static_cast<std::uint32_t>((value * pixel.alpha + 127) / 255);
    };
    *at(x, y) = static_cast<std::uint32_t>(pixel.alpha) << 24 | channel(pixel.rgb.red) << 16 |
                channel(pixel.rgb.green) << 8 | channel(pixel.rgb.blue);
  }
  void done() { cairo_surface_mark_dirty(surface_); }

 private:
  std::uint32_t* at(int x, int y) const {
    return reinterpret_cast<std::uint32_t*>(data_ + static_cast<std::ptrdiff_t>(y) * stride_) + x;
  }

  cairo_surface_t* surface_;
  unsigned char* data_ = nullptr;

 public:
  const int width;
  const int height;

 private:
  const int stride_;
};

constexpr int kVisible = 24;     // alpha
constexpr double kGrey = 0.045;  // chroma in OKLab: the greys of Fluent Emoji are a little violet

// The middle of the fullest cell of a coarse grid of colours; dark outlines and white highlights do not count
// unless there is nothing else.
Rgb most_frequent_colour(const Pixels& pixels) {
  struct Cell {
    double weight = 0, red = 0, green = 0, blue = 0;
  };
  std::array<Cell, 512> cells;
  for (int y = 0; y < pixels.height; ++y) {
    for (int x = 0; x < pixels.width; ++x) {
      const Pixel pixel = pixels.get(x, y);
      if (pixel.alpha < 200) continue;
      const auto [r, g, b] = pixel.rgb;
      const bool extreme = std::max({r, g, b}) < 70 || std::min({r, g, b}) > 235;
      const double weight = extreme ? 0.1 : 1;
      Cell& cell = cells[static_cast<std::size_t>((r / 32) * 64 + (g / 32) * 8 + b / 32)];
      cell.weight += weight;
      cell.red += weight * r;
      cell.green += weight * g;
      cell.blue += weight * b;
    }
  }
  const Cell& fullest = *std::ranges::max_element(cells, {}, &Cell::weight);
  if (fullest.weight == 0) return {128, 128, 128};
  const auto mean = [&](double sum) { return static_cast<std::uint8_t>(std::lround(sum / fullest.weight)); };
  return {mean(fullest.red), mean(fullest.green), mean(fullest.blue)};
}

double luma(Rgb c) { return (0.299 * c.red + 0.587 * c.green + 0.114 * c.blue) / 255; }

double smooth_step(double low, double high, double x) {
  const double t = std::clamp((x - low) / (high - low), 0.0, 1.0);
  return t * t * (3 - 2 * t);
}

// `colour` in `ratio` times the ordinary light.
Rgb lit(Rgb colour, double ratio) {
  return ratio <= 1 ? shade(colour, ratio - 1) : shade(colour, std::min(ratio - 1, 0.75));
}

// Where a sprite touches the ground: what is visible in its lowest rows.
void find_foot(Sprite& sprite) {
  const Pixels pixels(sprite.surface);
  int left = sprite.width, right = -1;
  for (int y = sprite.height - 1 - sprite.height / 14; y < sprite.height; ++y) {
    for (int x = 0; x < sprite.width; ++x) {
      if (pixels.get(x, std::max(y, 0)).alpha < kVisible) continue;
      left = std::min(left, x);
      right = std::max(right, x);
    }
  }
  sprite.foot = (left + right + 1) / 2.0 / sprite.width;
  sprite.foot_width = static_cast<double>(right + 1 - left) / sprite.width;
}

// How much a pixel belongs to the parts painted in `dominant`: by hue; of grey things by having none. Shading
// changes hues: lit parts are yellower, shaded ones more violet.
double membership(Rgb pixel, const std::array<float, 3>& dominant) {
  const std::array<float, 3> lab = oklab(pixel);
  const double dominant_chroma = std::hypot(dominant[1], dominant[2]);
  const double chroma = std::hypot(lab[1], lab[2]);
  const double bright = smooth_step(0.22, 0.36, lab[0]);  // black eyes and outlines stay
  if (dominant_chroma < kGrey) return bright * (1 - smooth_step(kGrey, kGrey + 0.06, chroma));
  const double cosine =
      (lab[1] * dominant[1] + lab[2] * dominant[2]) / (dominant_chroma * std::max(chroma, 1e-4));
  return bright * smooth_step(0.6, 0.84, cosine) * smooth_step(0.015, 0.045, chroma);
}

// What most of a sprite is painted in: the commonest hue, give or take a twelfth of the circle, or grey if
// most of it has none.
struct Paint {
  std::array<float, 3> lab;  // its mean
  double luma = 0;
};
Paint dominant_paint(const Pixels& pixels) {
  constexpr int kHues = 36, kAround = 3;
  using Sum = std::array<double, 5>;  // count, OKLab, luma
  std::array<Sum, kHues + 1> sums{};  // the last is grey
  for (int y = 0; y < pixels.height; ++y) {
    for (int x = 0; x < pixels.width; ++x) {
      const Pixel pixel = pixels.get(x, y);
      const std::array<float, 3> lab = oklab(pixel.rgb);
      if (pixel.alpha < kVisible || lab[0] < 0.38F) continue;
      const double turn = std::atan2(lab[2], lab[1]) / (2 * std::numbers::pi) + 1;
      const bool grey = std::hypot(lab[1], lab[2]) < kGrey;
      Sum& sum = sums[static_cast<std::size_t>(grey ? kHues : static_cast<int>(turn * kHues) % kHues)];
      const Sum one{1, lab[0], lab[1], lab[2], luma(pixel.rgb)};
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += one[i];
    }
  }
  Sum best = sums[kHues];
  for (int hue = 0; hue < kHues; ++hue) {
    Sum around{};
    for (int i = -kAround; i <= kAround; ++i)
      for (std::size_t j = 0; j < around.size(); ++j)
        around[j] += sums[static_cast<std::size_t>((hue + i + kHues) % kHues)][j];
    if (around[0] > best[0]) best = around;
  }
  const auto mean = [&](std::size_t i) { return best[i] / std::max(best[0], 1.0); };
  return {{static_cast<float>(mean(1)), static_cast<float>(mean(2)), static_cast<float>(mean(3))}, mean(4)};
}

template <class Repaint>
Sprite repainted(const Sprite& sprite, Repaint repaint) {
  Sprite result;
  result.surface = make_surface(sprite.width, sprite.height);
  result.width = sprite.width;
  result.height = sprite.height;
  const Pixels from(sprite.surface);
  Pixels to(result.surface);
  for (int y = 0; y < sprite.height; ++y) {
    for (int x = 0; x < sprite.width; ++x) {
      const Pixel pixel = from.get(x, y);
      if (pixel.alpha > 0) to.set(x, y, {pixel.alpha, repaint(pixel.rgb, x, y)});
    }
  }
  to.done();
  result.colour = most_frequent_colour(to);
  result.foot = sprite.foot;
  result.foot_width = sprite.foot_width;
  return result;
}

}  // namespace

Sprite make_sprite(const Surface& picture) {
  const Pixels pixels(picture);
  int left = pixels.width, top = pixels.height, right = -1, bottom = -1;
  for (int y = 0; y < pixels.height; ++y) {
    for (int x = 0; x < pixels.width; ++x) {
      if (pixels.get(x, y).alpha < kVisible) continue;
      left = std::min(left, x);
      right = std::max(right, x);
      top = std::min(top, y);
      bottom = y;
    }
  }
  if (right < 0) throw ArgumentError("a sprite with nothing on it");
  Sprite sprite;
  sprite.width = right - left + 1;
  sprite.height = bottom - top + 1;
  sprite.surface = make_surface(sprite.width, sprite.height);
  const Context context = make_context(sprite.surface);
  cairo_set_source_surface(context.get(), picture.get(), -left, -top);
  cairo_paint(context.get());
  sprite.colour = most_frequent_colour(Pixels(sprite.surface));
  find_foot(sprite);
  return sprite;
}

Sprite tinted(const Sprite& sprite, Rgb colour) {
  const Paint dominant = dominant_paint(Pixels(sprite.surface));
  const double light = std::max(dominant.luma, 0.05);
  return repainted(sprite, [&](Rgb pixel, int, int) {
    return blend(pixel, lit(colour, luma(pixel) / light), membership(pixel, dominant.lab));
  });
}

Sprite covered(const Sprite& sprite, const Surface& texture) {
  const Surface stretched = make_surface(sprite.width, sprite.height);
  {
    const Context context = make_context(stretched);
    const double side = cairo_image_surface_get_width(texture.get());
    const double scale = std::max(sprite.width, sprite.height) / side;
    cairo_scale(context.get(), scale, scale);
    cairo_set_source_surface(context.get(), texture.get(), 0, 0);
    cairo_paint(context.get());
  }
  const Pixels surface(stretched);
  const double light = std::max(luma(sprite.colour), 0.05);
  return repainted(sprite, [&](Rgb pixel, int x, int y) {
    const double ratio = luma(pixel) / light;
    // Eyes and nostrils stay black; other shadows are softened so that the surface shows.
    if (luma(pixel) < 0.16) return pixel;
    return lit(surface.get(x, y).rgb, std::clamp(0.35 + 0.65 * ratio, 0.45, 1.2));
  });
}

Box fitted(const Sprite& sprite, const Box& box) {
  const double scale = std::min(box.width / sprite.width, box.height / sprite.height);
  const double width = sprite.width * scale;
  const double height = sprite.height * scale;
  return {box.centre_x() - width / 2, box.centre_y() - height / 2, width, height};
}

Box draw_sprite(cairo_t* cr, const Sprite& sprite, const Box& box, bool mirrored, double angle) {
  const Box place = fitted(sprite, box);
  const double scale = place.width / sprite.width;
  cairo_save(cr);
  cairo_translate(cr, place.centre_x(), place.centre_y());
  cairo_rotate(cr, angle);
  cairo_scale(cr, mirrored ? -scale : scale, scale);
  cairo_set_source_surface(cr, sprite.surface.get(), -sprite.width / 2.0, -sprite.height / 2.0);
  cairo_pattern_set_filter(cairo_get_source(cr), CAIRO_FILTER_GOOD);
  cairo_paint(cr);
  cairo_restore(cr);
  return place;
}

double top_in_the_middle(const Sprite& sprite) {
  const Pixels pixels(sprite.surface);
  for (int y = 0; y < sprite.height; ++y) {
    int visible = 0;
    for (int x = sprite.width * 2 / 5; x <= sprite.width * 3 / 5; ++x)
      visible += pixels.get(x, y).alpha >= kVisible;
    if (visible * 10 > sprite.width) return static_cast<double>(y) / sprite.height;
  }
  return 0;
}

}  // namespace sd35
