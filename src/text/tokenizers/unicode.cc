#include "text/tokenizers/unicode.h"

#include <unicode/brkiter.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/utf8.h>

#include <memory>

#include "core/error.h"

namespace sd35::unicode {
namespace {

icu::UnicodeString to_icu(std::u32string_view text) {
  return icu::UnicodeString::fromUTF32(reinterpret_cast<const UChar32*>(text.data()),
                                       static_cast<std::int32_t>(text.size()));
}

void check(UErrorCode status, const char* what) {
  if (U_FAILURE(status) != 0) throw Error(std::string(what) + ": " + u_errorName(status));
}

}  // namespace

std::u32string decode(std::string_view text) {
  std::u32string result;
  result.reserve(text.size());
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  const auto length = static_cast<std::int64_t>(text.size());
  for (std::int64_t i = 0; i < length;) {
    const std::int64_t begin = i;
    UChar32 c = 0;
    U8_NEXT(bytes, i, length, c);
    if (c < 0) throw ArgumentError("the text is not UTF-8 at byte " + std::to_string(begin));
    result.push_back(static_cast<char32_t>(c));
  }
  return result;
}

void append_utf8(std::string& out, char32_t c) {
  std::uint8_t bytes[4];
  int length = 0;
  U8_APPEND_UNSAFE(bytes, length, static_cast<UChar32>(c));
  out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length));
}

std::string encode(std::u32string_view text) {
  std::string result;
  for (const char32_t c : text) append_utf8(result, c);
  return result;
}

bool is_letter(char32_t c) { return (U_GET_GC_MASK(static_cast<UChar32>(c)) & U_GC_L_MASK) != 0; }
bool is_number(char32_t c) { return (U_GET_GC_MASK(static_cast<UChar32>(c)) & U_GC_N_MASK) != 0; }
bool is_space(char32_t c) { return u_isUWhiteSpace(static_cast<UChar32>(c)) != 0; }

std::u32string to_nfc(std::u32string_view text) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* normalizer = icu::Normalizer2::getNFCInstance(status);
  check(status, "Unicode normalization");
  const icu::UnicodeString normal = normalizer->normalize(to_icu(text), status);
  check(status, "Unicode normalization");
  std::u32string result(static_cast<std::size_t>(normal.countChar32()), U'\0');
  normal.toUTF32(reinterpret_cast<UChar32*>(result.data()), static_cast<std::int32_t>(result.size()), status);
  if (status != U_STRING_NOT_TERMINATED_WARNING) check(status, "Unicode normalization");
  return result;
}

std::u32string to_lower(std::u32string_view text) {
  constexpr char32_t capital_i_with_dot = 0x130, combining_dot_above = 0x307;
  std::u32string result;
  for (const char32_t c : text) {
    result.push_back(static_cast<char32_t>(u_tolower(static_cast<UChar32>(c))));
    if (c == capital_i_with_dot) result.push_back(combining_dot_above);
  }
  return result;
}

std::vector<std::size_t> grapheme_ends(std::u32string_view text) {
  UErrorCode status = U_ZERO_ERROR;
  const std::unique_ptr<icu::BreakIterator> breaks(
      icu::BreakIterator::createCharacterInstance(icu::Locale::getRoot(), status));
  check(status, "grapheme clusters");
  const icu::UnicodeString utf16 = to_icu(text);
  breaks->setText(utf16);
  std::vector<std::size_t> ends;
  std::size_t end = 0;
  std::int32_t begin = breaks->first();
  for (std::int32_t at = breaks->next(); at != icu::BreakIterator::DONE; at = breaks->next()) {
    end += static_cast<std::size_t>(utf16.countChar32(begin, at - begin));
    begin = at;
    ends.push_back(end);
  }
  return ends;
}

}  // namespace sd35::unicode
