#include "sd35/sd35.h"

namespace sd35 {

// SD35_VERSION is the project's version (cmake/package.cmake).
std::string version() { return SD35_VERSION; }

}  // namespace sd35
