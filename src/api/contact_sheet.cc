// Pictures in rows and columns.
#include <algorithm>

#include "api/translated.h"
#include "image/grid.h"
#include "sd35/sd35.h"

namespace sd35 {

Picture contact_sheet(std::span<const Picture> pictures, int columns) {
  return translated([&] {
    std::vector<Image> images;
    for (const Picture& picture : pictures) images.push_back({picture.width, picture.height, picture.rgb});
    Image sheet = grid_of(images, columns);
    return Picture{sheet.width, sheet.height, std::move(sheet.rgb),
                   {},          {},           pictures.front().digital_source_type};
  });
}

}  // namespace sd35
