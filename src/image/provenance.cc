#include "image/provenance.h"

#include <algorithm>
#include <array>

namespace sd35 {
namespace {

// Of the terms; both http and https are in use before it.
constexpr std::string_view kVocabulary = "://cv.iptc.org/newscodes/digitalsourcetype/";
constexpr std::size_t kLongestTerm = 64;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// How much it says of models having had a part in the picture. Terms of cameras and people say nothing of it.
int strength(std::string_view term) {
  constexpr std::array kWeakestFirst{kEnhancedByAModel, kMadeWithAModel, kMadeByAModel};
  const auto* found = std::ranges::find(kWeakestFirst, term);
  return found != kWeakestFirst.end() ? 2 + static_cast<int>(found - kWeakestFirst.begin()) : !term.empty();
}

std::string_view stronger(std::string_view a, std::string_view b) {
  return strength(b) > strength(a) ? b : a;
}

}  // namespace

std::string digital_source_type_of_drawn(std::span<const std::string> inputs) {
  if (inputs.empty()) return std::string(kMadeByAModel);
  std::string_view term = kMadeWithAModel;
  for (const std::string& input : inputs) term = stronger(term, input);
  return std::string(term);
}

bool is_digital_source_type(std::string_view term) {
  return !term.empty() && term.size() <= kLongestTerm && std::ranges::all_of(term, is_letter);
}

std::string xmp_packet(std::string_view term) {
  return "<?xpacket begin=\"\xEF\xBB\xBF\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>"
         "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">"
         "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n"
         "<rdf:Description rdf:about=\"\" xmlns:Iptc4xmpExt=\"http://iptc.org/std/Iptc4xmpExt/2008-02-29/\" "
         "xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\"\n"
         " Iptc4xmpExt:DigitalSourceType=\"http" +
         std::string(kVocabulary) + std::string(term) +
         "\" xmp:CreatorTool=\"sd35\"/></rdf:RDF></x:xmpmeta><?xpacket end=\"w\"?>";
}

std::string digital_source_type_in(std::string_view xmp) {
  std::string_view strongest;
  for (std::size_t at = 0; (at = xmp.find(kVocabulary, at)) != xmp.npos;) {
    at += kVocabulary.size();
    const std::string_view rest = xmp.substr(at);
    const std::string_view term(rest.begin(), std::ranges::find_if_not(rest, is_letter));
    if (is_digital_source_type(term)) strongest = stronger(strongest, term);
  }
  return std::string(strongest);
}

}  // namespace sd35
