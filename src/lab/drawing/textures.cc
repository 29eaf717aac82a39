#include "lab/drawing/textures.h"

#include <array>
#include <cmath>
#include <functional>
#include <numbers>
#include <string>
#include <utility>

#include "core/error.h"
#include "lab/scenes/scene_random.h"

namespace sd35 {
namespace {

constexpr int kSide = 256;

void paint(cairo_t* cr, Rgb colour) {
  set_colour(cr, colour);
  cairo_paint(cr);
}

// Points of a jittered grid, so that spots neither touch nor leave holes.
void scatter(double step, double jitter,
             const std::function<void(double x, double y, SceneRandom& random)>& spot) {
  SceneRandom random(7, 7);
  int row = 0;
  for (double y = step / 2; y < kSide + step / 2; y += step, ++row) {
    for (double x = row % 2 == 0 ? step / 2 : 0; x < kSide + step / 2; x += step) {
      const double down = jitter * step * random.between(-0.5, 0.5);
      const double right = jitter * step * random.between(-0.5, 0.5);
      spot(x + right, y + down, random);
    }
  }
}

void waffle(cairo_t* cr) {
  paint(cr, {232, 164, 66});
  constexpr double kStep = 36;
  for (double y = 4; y < kSide; y += kStep) {
    for (double x = 4; x < kSide; x += kStep) {
      rounded_rectangle(cr, {x, y, kStep - 11, kStep - 11}, 4);
      fill(cr, {150, 84, 22});
      rounded_rectangle(cr, {x + 5, y + 6, kStep - 16, kStep - 17}, 3);
      fill(cr, {190, 116, 36});
    }
  }
}

void pizza(cairo_t* cr) {
  paint(cr, {252, 204, 88});
  scatter(64, 0.4, [&](double x, double y, SceneRandom& random) {
    ellipse(cr, x, y, 21, 21);
    fill_keep(cr, {206, 48, 34});
    stroke(cr, {150, 28, 22}, 4);
    const double angle = random.between(0, 3);
    ellipse(cr, x + 32, y + random.between(-8, 8), 9, 5, angle);
    fill(cr, {62, 130, 50});
  });
}

void watermelon(cairo_t* cr) {
  paint(cr, {238, 72, 86});
  cairo_rectangle(cr, 0, 206, kSide, 50);
  fill(cr, {40, 130, 60});
  cairo_rectangle(cr, 0, 192, kSide, 16);
  fill(cr, {226, 240, 196});
  scatter(44, 0.4, [&](double x, double y, SceneRandom& random) {
    if (y > 180) return;
    ellipse(cr, x, y, 4.5, 8, random.between(-0.4, 0.4));
    fill(cr, {44, 22, 24});
  });
}

void strawberry(cairo_t* cr) {
  paint(cr, {226, 34, 50});
  cairo_rectangle(cr, 0, 0, kSide, 26);
  fill(cr, {66, 160, 56});
  scatter(34, 0.2, [&](double x, double y, SceneRandom& /*random*/) {
    if (y < 36) return;
    ellipse(cr, x, y, 4, 6.5);
    fill(cr, {255, 226, 120});
  });
}

void cookie(cairo_t* cr) {
  paint(cr, {214, 154, 84});
  scatter(48, 0.6, [&](double x, double y, SceneRandom& random) {
    ellipse(cr, x, y, 13, 11, random.between(0, 3));
    fill(cr, {78, 44, 26});
  });
}

void cheese(cairo_t* cr) {
  paint(cr, {255, 208, 54});
  scatter(58, 0.7, [&](double x, double y, SceneRandom& random) {
    const double r = random.between(10, 19);
    ellipse(cr, x, y, r, r);
    fill(cr, {222, 160, 20});
  });
}

void doughnut(cairo_t* cr) {
  constexpr std::array<Rgb, 5> kSprinkles = {
      {{255, 255, 255}, {255, 220, 60}, {90, 200, 255}, {120, 220, 90}, {200, 60, 220}}};
  paint(cr, {250, 130, 180});
  scatter(30, 0.6, [&](double x, double y, SceneRandom& random) {
    const double angle = random.between(0, std::numbers::pi);
    ellipse(cr, x, y, 9, 3.6, angle);
    fill(cr, kSprinkles[random.below(kSprinkles.size())]);
  });
}

void corn(cairo_t* cr) {
  paint(cr, {214, 150, 20});
  for (double y = 0; y < kSide; y += 28) {
    for (double x = 0; x < kSide; x += 30) {
      rounded_rectangle(cr, {x + 2, y + 2, 26, 24}, 9);
      fill(cr, {255, 218, 66});
    }
  }
}

void kiwi(cairo_t* cr) {
  paint(cr, {140, 190, 40});
  ellipse(cr, 128, 128, 44, 44);
  fill(cr, {236, 240, 196});
  for (int i = 0; i < 48; ++i) {
    const double angle = 2 * std::numbers::pi * i / 24 + (i >= 24 ? 0.13 : 0);
    const double radius = i >= 24 ? 92 : 64;
    ellipse(cr, 128 + radius * std::cos(angle), 128 + radius * std::sin(angle), 7, 4, angle);
    fill(cr, {36, 30, 20});
  }
}

void chocolate(cairo_t* cr) {
  paint(cr, {70, 38, 20});
  for (double y = 4; y < kSide; y += 42) {
    for (double x = 4; x < kSide; x += 42) {
      rounded_rectangle(cr, {x, y, 36, 36}, 5);
      fill(cr, {112, 62, 32});
      rounded_rectangle(cr, {x + 7, y + 7, 22, 22}, 3);
      fill(cr, {134, 78, 44});
    }
  }
}

void pineapple(cairo_t* cr) {
  paint(cr, {250, 186, 40});
  cairo_set_line_width(cr, 6);
  for (double offset = -256; offset < 512; offset += 40) {
    cairo_move_to(cr, offset, 0);
    cairo_line_to(cr, offset + 256, 256);
    cairo_move_to(cr, offset + 256, 0);
    cairo_line_to(cr, offset, 256);
  }
  stroke(cr, {186, 110, 10}, 6);
  for (double y = 0; y < 280; y += 20) {
    for (double x = std::fmod(y, 40) == 0 ? 20 : 0; x < 280; x += 40) {
      ellipse(cr, x, y, 5, 5);
      fill(cr, {120, 100, 10});
    }
  }
}

void broccoli(cairo_t* cr) {
  paint(cr, {40, 110, 44});
  scatter(30, 0.3, [&](double x, double y, SceneRandom& /*random*/) {
    ellipse(cr, x, y, 15, 15);
    fill(cr, {70, 156, 62});
    ellipse(cr, x - 3, y - 4, 8, 8);
    fill(cr, {112, 190, 88});
  });
}

void stripes(cairo_t* cr, Rgb ground, Rgb stripe, double width) {
  paint(cr, ground);
  for (double x = 0; x < kSide + 40; x += 40) {
    cairo_move_to(cr, x, 0);
    cairo_curve_to(cr, x - 26, 80, x + 26, 170, x, kSide);
  }
  stroke(cr, stripe, width);
}

void leopard(cairo_t* cr) {
  paint(cr, {244, 182, 70});
  scatter(42, 0.4, [&](double x, double y, SceneRandom& random) {
    ellipse(cr, x, y, 12, 10, random.between(0, 3));
    fill_keep(cr, {198, 122, 36});
    stroke(cr, {60, 36, 18}, 6);
  });
}

void brick(cairo_t* cr) {
  paint(cr, {222, 206, 190});
  int row = 0;
  for (double y = 0; y < kSide; y += 28, ++row) {
    for (double x = row % 2 == 0 ? 0 : -28; x < kSide; x += 56) {
      cairo_rectangle(cr, x, y, 51, 23);
      fill(cr, {184, 72, 50});
    }
  }
}

const std::pair<std::string_view, void (*)(cairo_t*)> kTextures[] = {
    {"waffle", waffle},
    {"pizza", pizza},
    {"watermelon", watermelon},
    {"strawberry", strawberry},
    {"cookie", cookie},
    {"cheese", cheese},
    {"doughnut", doughnut},
    {"corn", corn},
    {"kiwi", kiwi},
    {"chocolate", chocolate},
    {"pineapple", pineapple},
    {"broccoli", broccoli},
    {"leopard", leopard},
    {"brick", brick},
    {"zebra",
     [](cairo_t* cr) {
       stripes(cr, {250, 250, 250}, {34, 34, 36}, 17);
     }},
    {"tiger",
     [](cairo_t* cr) {
       stripes(cr, {250, 150, 40}, {40, 28, 20}, 12);
     }},
};

}  // namespace

Surface draw_texture(std::string_view name) {
  for (const auto& [texture, draw] : kTextures) {
    if (texture != name) continue;
    Surface surface = make_surface(kSide, kSide);
    draw(make_context(surface).get());
    return surface;
  }
  throw ArgumentError("no surface is named '" + std::string(name) + "'");
}

}  // namespace sd35
