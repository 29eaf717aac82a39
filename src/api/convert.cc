#include "convert/convert.h"

#include "api/translated.h"

namespace sd35 {

ConvertReport convert(const std::string& input, const std::filesystem::path& output,
                      const ConvertOptions& options, const Callbacks& callbacks) {
  return translated(callbacks,
                    [&](const Callbacks& watched) { return convert_model(input, output, options, watched); });
}

}  // namespace sd35
