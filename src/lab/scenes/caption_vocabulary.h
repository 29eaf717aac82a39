// What captions are made of.
#pragma once

#include <set>
#include <string>

#include "lab/scenes/scene.h"

namespace sd35 {

struct CaptionVocabulary {
  std::set<std::string> words;  // in lower case (core/text_words.h), except those on signs
  std::string letters;          // the characters that signs are made of, each once, in order
};

// Found by sampling a fixed large number of scenes of each kind in `options.mix`, so that it follows the
// lists and wordings of this folder without a list of its own.
CaptionVocabulary caption_vocabulary(const SceneOptions& options);

// The file sd35.json of a model that learned from such captions.
std::string vocabulary_json(const CaptionVocabulary& vocabulary);

}  // namespace sd35
