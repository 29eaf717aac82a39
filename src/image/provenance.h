// The mark that a picture was made or changed by a model: DigitalSourceType of the IPTC Photo Metadata
// Standard, in a packet of XMP.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace sd35 {

// Its terms that say so (https://cv.iptc.org/newscodes/digitalsourcetype/), the strongest first.
constexpr std::string_view kMadeByAModel = "trainedAlgorithmicMedia";
constexpr std::string_view kMadeWithAModel = "compositeWithTrainedAlgorithmicMedia";
constexpr std::string_view kEnhancedByAModel = "algorithmicallyEnhanced";

// The term for a picture that a model drew. `inputs`: the terms of the pictures that it was drawn from, empty
// for those without: where there are any, it is a composite, and where one of them says more, so does the
// picture.
std::string digital_source_type_of_drawn(std::span<const std::string> inputs);

// Whether `term` can be one: up to 64 letters of ASCII.
bool is_digital_source_type(std::string_view term);

// The packet that says `term`; the same bytes each time.
std::string xmp_packet(std::string_view term);

// The term in a packet of any program, the strongest if there are several; empty: none.
std::string digital_source_type_in(std::string_view xmp);

}  // namespace sd35
