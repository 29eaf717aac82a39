#include "scenes/drawing/sprite.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
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

constexpr int kVisible = 24;  // alpha

// The middle of the fullest cell of a coarse grid of colours; dark outlines and white lights do not count
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

// `colour` in a light that is `ratio` of the ordinary one.
Rgb lit(Rgb colour, double ratio) {
  return ratio <= 1 ? shade(colour, ratio - 1) : shade(colour, std::min(ratio - 1, 0.75));
}

Rgb mixed(Rgb a, Rgb b, double amount) {
  const auto mix = [amount](std::uint8_t x, std::uint8_t y) {
    return static_cast<std::uint8_t>(std::lround(x + (y - x) * amount));
  };
  return {mix(a.red, b.red), mix(a.green, b.green), mix(a.blue, b.blue)};
}

// How much a pixel belongs to the parts painted in `dominant`: by hue; of grey things by having none.
double membership(Rgb pixel, const std::array<float, 3>& dominant) {
  const std::array<float, 3> lab = oklab(pixel);
  const double dominant_chroma = std::hypot(dominant[1], dominant[2]);
  const double chroma = std::hypot(lab[1], lab[2]);
  const double bright = smooth_step(0.22, 0.36, lab[0]);  // black eyes and outlines stay
  if (dominant_chroma < 0.04) return bright * (1 - smooth_step(0.03, 0.09, chroma));
  const double cosine =
      (lab[1] * dominant[1] + lab[2] * dominant[2]) / (dominant_chroma * std::max(chroma, 1e-4));
  return bright * smooth_step(0.72, 0.9, cosine) * smooth_step(0.015, 0.045, chroma);
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
  return sprite;
}

Sprite tinted(const Sprite& sprite, Rgb colour) {
  const std::array<float, 3> dominant = oklab(sprite.colour);
  const double light = std::max(luma(sprite.colour), 0.05);
  return repainted(sprite, [&](Rgb pixel, int, int) {
    return mixed(pixel, lit(colour, luma(pixel) / light), membership(pixel, dominant));
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
