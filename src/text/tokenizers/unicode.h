// The parts of Unicode that tokenizers ask about, on code points.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sd35::unicode {

// Throws ArgumentError naming the byte where `text` is not UTF-8.
std::u32string decode(std::string_view text);
void append_utf8(std::string& out, char32_t c);
std::string encode(std::u32string_view text);

bool is_letter(char32_t c);  // \p{L}
bool is_number(char32_t c);  // \p{N}
bool is_space(char32_t c);   // White_Space

// Canonical composition.
std::u32string to_nfc(std::u32string_view text);
// Each code point by itself, as Rust's char::to_lowercase: no final sigma, but the two of U+0130.
std::u32string to_lower(std::u32string_view text);
// Where the extended grapheme clusters of `text` end, in code points.
std::vector<std::size_t> grapheme_ends(std::u32string_view text);

}  // namespace sd35::unicode
