// sd35 evaluate
#include "commands.h"
namespace sd35::cli {
void add_evaluate(CLI::App&) {}
}  // namespace sd35::cli
