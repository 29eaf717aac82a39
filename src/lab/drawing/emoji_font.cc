#include "lab/drawing/emoji_font.h"

#include <fontconfig/fontconfig.h>
#include <ft2build.h>

#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include FT_FREETYPE_H

#include "core/error.h"

namespace sd35 {
namespace {

constexpr const char* kFamily = "Noto Color Emoji";

template <class T, void (*destroy)(T*)>
struct Destroy {
  void operator()(T* object) const { destroy(object); }
};
using FontPattern = std::unique_ptr<FcPattern, Destroy<FcPattern, FcPatternDestroy>>;

// Nothing when it is not installed. Fontconfig answers with the next best font, so the family has to be
// compared.
std::optional<std::string> emoji_font_path() {
  const FontPattern wanted(FcPatternCreate());
  FcPatternAddString(wanted.get(), FC_FAMILY, reinterpret_cast<const FcChar8*>(kFamily));
  FcConfigSubstitute(nullptr, wanted.get(), FcMatchPattern);
  FcDefaultSubstitute(wanted.get());
  FcResult result = FcResultMatch;
  const FontPattern found(FcFontMatch(nullptr, wanted.get(), &result));
  FcChar8* family = nullptr;
  FcChar8* file = nullptr;
  if (!found || FcPatternGetString(found.get(), FC_FAMILY, 0, &family) != FcResultMatch ||
      std::strcmp(reinterpret_cast<const char*>(family), kFamily) != 0 ||
      FcPatternGetString(found.get(), FC_FILE, 0, &file) != FcResultMatch)
    return std::nullopt;
  return std::string(reinterpret_cast<const char*>(file));
}

}  // namespace

struct EmojiFont::Face {
  FT_Library library = nullptr;
  FT_Face face = nullptr;

  ~Face() {
    if (face != nullptr) FT_Done_Face(face);
    if (library != nullptr) FT_Done_FreeType(library);
  }
};

bool EmojiFont::is_installed() { return emoji_font_path().has_value(); }

EmojiFont::EmojiFont() : face_(std::make_unique<Face>()) {
  const std::optional<std::string> found = emoji_font_path();
  if (!found)
    throw FileError("the font 'Noto Color Emoji' is not installed (Debian: fonts-noto-color-emoji)");
  const std::string& path = *found;
  if (FT_Init_FreeType(&face_->library) != 0) throw FileError("FreeType does not start");
  if (FT_New_Face(face_->library, path.c_str(), 0, &face_->face) != 0 || face_->face->num_fixed_sizes < 1 ||
      FT_Select_Size(face_->face, 0) != 0)
    throw FileError(path + ": no font with colour bitmaps", {}, path);
}

EmojiFont::~EmojiFont() = default;

Surface EmojiFont::picture(char32_t character) const {
  const FT_Face face = face_->face;
  const FT_UInt glyph = FT_Get_Char_Index(face, character);
  if (glyph == 0 || FT_Load_Glyph(face, glyph, FT_LOAD_COLOR) != 0 ||
      face->glyph->bitmap.pixel_mode != FT_PIXEL_MODE_BGRA) {
    char code[16];
    std::snprintf(code, sizeof(code), "U+%04X", static_cast<unsigned>(character));
    throw FileError(std::string("Noto Color Emoji has no picture of ") + code);
  }
  const FT_Bitmap& bitmap = face->glyph->bitmap;
  Surface surface = make_surface(static_cast<int>(bitmap.width), static_cast<int>(bitmap.rows));
  cairo_surface_flush(surface.get());
  unsigned char* pixels = cairo_image_surface_get_data(surface.get());
  const int stride = cairo_image_surface_get_stride(surface.get());
  // FreeType's BGRA is premultiplied, as Cairo's ARGB is on a little-endian machine.
  for (unsigned row = 0; row < bitmap.rows; ++row)
    std::memcpy(pixels + static_cast<std::ptrdiff_t>(row) * stride,
                bitmap.buffer + static_cast<std::ptrdiff_t>(row) * bitmap.pitch,
                bitmap.width * std::size_t{4});
  cairo_surface_mark_dirty(surface.get());
  return surface;
}

}  // namespace sd35
