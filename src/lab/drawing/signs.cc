#include "lab/drawing/signs.h"

#include <algorithm>
#include <cmath>

#include "lab/drawing/shadows.h"

namespace sd35 {
namespace {

constexpr Rgb kWood{150, 98, 52};
constexpr double kPadding = 0.06;
constexpr double kTail = 0.06;  // of a banner, on either side
// The chest of a shirt, as parts of its box.
constexpr double kChestWidth = 0.6;
constexpr double kChestTop = 0.26;
constexpr double kChestHeight = 0.5;

Rgb known_rgb(std::string_view colour) { return find_colour(colour).value().rgb; }

TextStyle style_of(const Sign& sign) { return {sign.typeface, sign.tracking}; }

Box centred(double width, double height) { return {-width / 2, -height / 2, width, height}; }

// The upright box around `box` after its sign is turned around (0, 0) and moved.
void move(Letter& letter, double angle, double x, double y) {
  const double c = std::cos(angle), s = std::sin(angle);
  const double right = letter.x + letter.width / 2, down = letter.y + letter.height / 2;
  const double width = std::abs(c) * letter.width + std::abs(s) * letter.height;
  const double height = std::abs(s) * letter.width + std::abs(c) * letter.height;
  letter.x = x + c * right - s * down - width / 2;
  letter.y = y + s * right + c * down - height / 2;
  letter.width = width;
  letter.height = height;
}

constexpr Rgb kFrame{112, 88, 74};
constexpr double kBevel = 0.016;

Box inset(const Box& box, double by) {
  return {box.x + by, box.y + by, box.width - 2 * by, box.height - 2 * by};
}

// A frame lit from above, around a recessed face of one colour.
void draw_framed(cairo_t* cr, const Box& body, Rgb frame, Rgb face) {
  draw_board_shadow(cr, body, 0.03);
  rounded_rectangle(cr, body, 0.035);
  fill(cr,
       linear_gradient(
           0, body.y, 0, body.bottom(),
           {{0, blend(frame, {255, 255, 255}, 0.3)}, {0.2, frame}, {1, blend(frame, {30, 20, 40}, 0.35)}}));
  const Box inner = inset(body, kBevel);
  rounded_rectangle(cr, inner, 0.02);
  fill(cr, blend(face, {30, 20, 40}, 0.3));
  rounded_rectangle(cr, {inner.x, inner.y + 0.006, inner.width, inner.height - 0.006}, 0.02);
  fill(cr, face);
}

void draw_board(cairo_t* cr, const Box& body, Rgb colour) {
  draw_framed(cr, body, colour == known_rgb("black") ? Rgb{128, 126, 134} : kFrame, colour);
}

void draw_post(cairo_t* cr, const Box& body, double ground) {
  cairo_rectangle(cr, -0.035, body.bottom() - 0.01, 0.07, std::max(0.0, ground - body.bottom()));
  fill(cr, linear_gradient(-0.035, 0, 0.035, 0,
                           {{0, shade(kWood, -0.2)}, {0.3, shade(kWood, 0.06)}, {1, shade(kWood, -0.5)}}));
  draw_framed(cr, body, shade(kWood, -0.2), kWood);
}

void draw_card(cairo_t* cr, const Box& body, Rgb colour) {
  draw_board_shadow(cr, body, 0.025);
  rounded_rectangle(cr, body, 0.012);
  fill_keep(cr, colour);
  stroke(cr, blend(colour, {60, 50, 80}, 0.3), 0.006);
}

void draw_banner(cairo_t* cr, const Box& body, Rgb colour) {
  draw_board_shadow(cr, {body.x + kTail, body.y, body.width - 2 * kTail, body.height}, 0.025);
  for (const double side : {-1.0, 1.0}) {
    const double inner = side * (body.width / 2 - kTail - 0.03);
    const double outer = side * body.width / 2;
    const double top = body.y + 0.04;
    const double bottom = body.bottom() + 0.04;
    cairo_move_to(cr, inner, top);
    cairo_line_to(cr, outer, top);
    cairo_line_to(cr, outer - side * 0.035, (top + bottom) / 2);
    cairo_line_to(cr, outer, bottom);
    cairo_line_to(cr, inner, bottom);
    cairo_close_path(cr);
    fill(cr, linear_gradient(inner, 0, outer, 0, {{0, shade(colour, -0.5)}, {1, shade(colour, -0.22)}}));
  }
  const Box ribbon{body.x + kTail, body.y, body.width - 2 * kTail, body.height};
  rounded_rectangle(cr, ribbon, 0.01);
  fill_keep(cr, colour);
  stroke(cr, blend(colour, {60, 50, 80}, 0.4), 0.008);
  for (const double edge : {ribbon.y, ribbon.bottom() - 0.012}) {
    cairo_rectangle(cr, ribbon.x, edge, ribbon.width, 0.012);
    fill(cr, shade(colour, edge == ribbon.y ? -0.12 : -0.28));
  }
}

void draw_shirt(cairo_t* cr, const Box& body, Rgb colour) {
  const auto x = [&](double t) { return body.x + t * body.width; };
  const auto y = [&](double t) { return body.y + t * body.height; };
  cairo_move_to(cr, x(0.36), y(0.02));
  cairo_curve_to(cr, x(0.42), y(0.12), x(0.58), y(0.12), x(0.64), y(0.02));
  cairo_line_to(cr, x(0.78), y(0.06));
  cairo_line_to(cr, x(1.0), y(0.34));
  cairo_line_to(cr, x(0.9), y(0.48));
  cairo_line_to(cr, x(0.83), y(0.42));
  cairo_line_to(cr, x(0.83), y(0.98));
  cairo_line_to(cr, x(0.17), y(0.98));
  cairo_line_to(cr, x(0.17), y(0.42));
  cairo_line_to(cr, x(0.1), y(0.48));
  cairo_line_to(cr, x(0.0), y(0.34));
  cairo_line_to(cr, x(0.22), y(0.06));
  cairo_close_path(cr);
  fill_keep(cr, colour);
  const Rgb fold = colour == known_rgb("black") ? Rgb{110, 110, 114} : blend(colour, {30, 20, 50}, 0.4);
  cairo_save(cr);
  cairo_clip_preserve(cr);
  // Sleeves and sides turn away from the light; the chest stays one colour.
  for (const double side : {-1.0, 1.0}) {
    const double chest = body.centre_x() + side * 0.5 * kChestWidth * body.width;
    const double outer = body.centre_x() + side * 0.5 * body.width;
    const Pattern shading =
        linear_gradient(chest, 0, outer, 0, {{0, fold, 0}, {0.4, fold, 0.06}, {1, fold, 0.3}});
    cairo_set_source(cr, shading.get());
    cairo_paint(cr);
  }
  cairo_restore(cr);
  cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
  stroke(cr, fold, 0.01);
}

}  // namespace

SignLayout SignPainter::layout(const Sign& sign, double width, double height, double fullness) const {
  SignLayout layout;
  const auto fit = [&](double room_x, double room_y) {
    layout.text = lettering_.fit(sign.words, style_of(sign), room_x * unit_, room_y * unit_, fullness);
    layout.ink = centred(layout.text.width / unit_, layout.text.height / unit_);
  };
  if (sign.form == SignForm::shirt) {
    layout.body = centred(width, height);
    fit(kChestWidth * width, kChestHeight * height);
    layout.text_area = {-kChestWidth * width / 2, layout.body.y + kChestTop * height, kChestWidth * width,
                        kChestHeight * height};
    layout.ink.y = layout.text_area.centre_y() - layout.ink.height / 2;
    return layout;
  }
  const double tails = sign.form == SignForm::banner ? 2 * kTail : 0;
  fit(width - 2 * kPadding - tails, height - 2 * kPadding);
  const double text_width = std::max(layout.ink.width, std::min(0.34, width - 2 * kPadding - tails));
  layout.text_area = centred(text_width, layout.ink.height);
  layout.body = centred(text_width + 2 * kPadding + tails, layout.ink.height + 2 * kPadding);
  return layout;
}

std::vector<Letter> SignPainter::draw(cairo_t* cr, const Sign& sign, const SignLayout& layout, double x,
                                      double y, double angle, double ground) const {
  cairo_save(cr);
  cairo_translate(cr, x, y);
  cairo_rotate(cr, angle);
  const Rgb colour = known_rgb(sign.colour);
  switch (sign.form) {
    case SignForm::board:
      draw_board(cr, layout.body, colour);
      break;
    case SignForm::post:
      draw_post(cr, layout.body, ground - y);
      break;
    case SignForm::banner:
      draw_banner(cr, layout.body, colour);
      break;
    case SignForm::shirt:
      draw_shirt(cr, layout.body, colour);
      break;
    case SignForm::card:
      draw_card(cr, layout.body, colour);
      break;
  }
  cairo_scale(cr, 1 / unit_, 1 / unit_);
  const Box& ink = layout.ink;
  std::vector<Letter> letters = lettering_.draw(
      cr, layout.text, style_of(sign), {ink.x * unit_, ink.y * unit_, ink.width * unit_, ink.height * unit_},
      known_rgb(sign.text_colour));
  cairo_restore(cr);
  for (Letter& letter : letters) move(letter, angle, x * unit_, y * unit_);
  return letters;
}

}  // namespace sd35
