// Texts from a pipe.
#pragma once

#include <cstddef>
#include <string>

namespace sd35::cli {

// `text`, or all of the standard input where it is "-", without trailing ends of lines; only once per run.
// Throws ArgumentError the second time, FileError when it cannot be read, is empty or holds more than a
// prompt can, Cancelled after Ctrl-C.
std::string text_argument(const std::string& text);

// All of the standard input, at most `largest` bytes, of which `what` is read; likewise only once.
std::string read_standard_input(const std::string& what, std::size_t largest);

}  // namespace sd35::cli
