#include <pango/pangocairo.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "core/error.h"
#include "image/image_file.h"
#include "lab/drawing/canvas.h"
#include "lab/drawing/dataset_sample.h"

namespace sd35 {
namespace {

constexpr std::uint64_t kMostPictures = 120;
constexpr int kColumns = 10;
constexpr int kGap = 8;
constexpr int kCaptionHeight = 46;
constexpr double kCaptionSize = 10;  // pixels

void draw_caption(cairo_t* cr, const std::string& caption, int x, int y, int width) {
  const std::unique_ptr<PangoLayout, ObjectUnref> layout(pango_cairo_create_layout(cr));
  PangoFontDescription* font = pango_font_description_from_string("DejaVu Sans");
  pango_font_description_set_absolute_size(font, kCaptionSize * PANGO_SCALE);
  pango_layout_set_font_description(layout.get(), font);
  pango_font_description_free(font);
  pango_layout_set_width(layout.get(), width * PANGO_SCALE);
  pango_layout_set_height(layout.get(), kCaptionHeight * PANGO_SCALE);
  pango_layout_set_wrap(layout.get(), PANGO_WRAP_WORD_CHAR);
  pango_layout_set_ellipsize(layout.get(), PANGO_ELLIPSIZE_END);
  pango_layout_set_text(layout.get(), caption.c_str(), static_cast<int>(caption.size()));
  cairo_move_to(cr, x, y);
  set_colour(cr, {20, 20, 20});
  pango_cairo_show_layout(cr, layout.get());
}

void paste(Image& sheet, const Image& picture, int x, int y) {
  for (int row = 0; row < picture.height; ++row)
    std::memcpy(sheet.rgb.data() + 3 * (static_cast<std::ptrdiff_t>(y + row) * sheet.width + x),
                picture.rgb.data() + 3 * (static_cast<std::ptrdiff_t>(row) * picture.width),
                3 * static_cast<std::size_t>(picture.width));
}

}  // namespace

void write_contact_sheet(const std::filesystem::path& path, const DatasetOptions& options,
                         const DatasetProgress& progress) {
  const int count = static_cast<int>(std::min(options.count, kMostPictures));
  const auto widest = std::ranges::max(options.sizes, {}, &PictureSize::width).width;
  const auto tallest = std::ranges::max(options.sizes, {}, &PictureSize::height).height;
  const int cell_width = widest + kGap;
  const int cell_height = tallest + kCaptionHeight + kGap;
  const int rows = (count + kColumns - 1) / kColumns;
  const int columns = std::min(count, kColumns);
  const Surface captions = make_surface(columns * cell_width + kGap, rows * cell_height + kGap);
  const Context context = make_context(captions);
  set_colour(context.get(), {255, 255, 255});
  cairo_paint(context.get());
  std::vector<Image> pictures;
  SceneRenderer renderer(options.sprites);
  for (int i = 0; i < count; ++i) {
    if (progress && !progress(static_cast<std::uint64_t>(i), static_cast<std::uint64_t>(count)))
      throw Cancelled();
    DatasetSample sample = draw_sample(options, static_cast<std::uint64_t>(i), renderer);
    pictures.push_back(std::move(sample.rendering.image));
    draw_caption(context.get(), sample.scene.caption, kGap + i % columns * cell_width,
                 kGap + i / columns * cell_height + pictures.back().height + 2, widest);
    report(progress, static_cast<std::uint64_t>(i + 1), static_cast<std::uint64_t>(count));
  }
  Image sheet = image_of(captions);
  for (int i = 0; i < count; ++i)
    paste(sheet, pictures[static_cast<std::size_t>(i)], kGap + i % columns * cell_width,
          kGap + i / columns * cell_height);
  write_image(path, sheet);
}

}  // namespace sd35
