// What captions are made of.
#pragma once

#include <set>
#include <string>

#include "lab/scenes/scene.h"

namespace sd35 {

struct CaptionVocabulary {
  std::set<std::string> words;  // in small letters (core/text_words.h), of all but what stands on signs
  std::string letters;          // what stands on signs is made of these characters, each once, in order
};

// Found by rolling a fixed large number of scenes of each kind that `options.mix` wants, so that it follows
// the lists and wordings of this folder without a list of its own.
CaptionVocabulary caption_vocabulary(const SceneOptions& options);

// The file sd35.json of a model that learned from such captions.
std::string vocabulary_json(const CaptionVocabulary& vocabulary);

}  // namespace sd35
