// The few Exif tags that image files use here (Exif 2.3, TIFF 6.0).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sd35 {

struct Exif {
  std::string description;  // 0x010E ImageDescription of the main directory, UTF-8
  std::string comment;      // 0x9286 UserComment of the Exif directory, UTF-8
  int orientation = 1;      // 0x0112, 1 to 8
};

// A TIFF block (without the "Exif\0\0" prefix) with the non-empty texts; big-endian, the comment in UTF-16
// big-endian after "UNICODE\0": the form that other programs of this field write.
std::vector<std::uint8_t> build_exif(std::string_view description, std::string_view comment);

// Reads a TIFF block, with or without the prefix. What is damaged is left out; never throws on bad input.
Exif parse_exif(std::span<const std::uint8_t> block);

}  // namespace sd35
