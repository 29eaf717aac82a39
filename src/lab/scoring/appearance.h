// What something looks like, regardless of its place, its size and which way it faces.
#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lab/scenes/scene.h"
#include "lab/scoring/foreground.h"

namespace sd35 {

// For a part of a picture, cut out and scaled to a common size: its colours and what it covers in a coarse
// grid, and histograms of oriented gradients (Dalal and Triggs 2005) of its lightness in a coarser one.
class Appearance {
 public:
  // `box`: what is cut out, at least the part's.
  Appearance(const LabImage& picture, const Part& part, const PixelBox& box, bool mirrored = false);

  // 0: the same; about 1: as different as things are.
  float distance(const Appearance& other) const;

 private:
  static constexpr int kSide = 48;   // the common size
  static constexpr int kGrid = 12;   // cells per side of the colours
  static constexpr int kBlocks = 6;  // cells per side of the histograms
  static constexpr int kAngles = 8;
  using Cut = std::array<std::array<float, 4>, kSide * kSide>;  // lightness, a, b, coverage

  void fill_colours(const Cut& cut);
  void fill_gradients(const Cut& cut);

  std::array<float, kGrid * kGrid * 4> colours_{};
  std::array<float, kBlocks * kBlocks * kAngles> gradients_{};
};

// A part of a picture as it is, with its holes cut out or not, and as it would look with a margin that was
// lost to the background because it is pale or thin.
class ObservedPart {
 public:
  ObservedPart(const LabImage& picture, const Part& part, const Mask& holes);

  // The distance of the closest of these.
  float distance(const Appearance& known) const;

 private:
  std::vector<Appearance> guesses_;
};

// The outline of a part, with its holes, in a box of a common size.
class Silhouette {
 public:
  Silhouette(const Part& part, const Mask& holes);

  // The share of the box in which two differ.
  float distance(const Silhouette& other) const;

 private:
  static constexpr int kSide = 32;
  std::array<float, kSide * kSide> covered_{};
};

// Everything that the scene generator can show, as it draws it, in all styles whose pictures are available.
// May be used from any number of threads.
class AppearanceTable {
 public:
  // `outlines_only`: of shapes; things and coloured shapes, which take seconds to draw, are then unknown.
  // Throws FileError when a font is missing.
  explicit AppearanceTable(bool outlines_only = false);

  // The things as they are by nature, the most similar first.
  std::vector<std::string_view> ranked_things(const ObservedPart& seen) const;
  // The shape whose outline is most similar to the part's.
  std::string_view nearest_shape(const Silhouette& seen) const;
  // Throws ArgumentError when the generator does not know the item.
  float distance(const ObservedPart& seen, const Item& item) const;
  // How many things (by nature) and shapes (of all colours) are more similar to it than the item is.
  int rank(const ObservedPart& seen, const Item& item) const;

 private:
  struct Entry {
    Item item;
    std::vector<Appearance> views;  // in each style, as drawn and mirrored

    float distance(const ObservedPart& seen) const;
  };
  std::vector<Entry> entries_;
  std::map<std::string, std::size_t> places_;  // in entries_
  std::vector<std::pair<std::string_view, Silhouette>> silhouettes_;
};

}  // namespace sd35
