#include "weights/layouts/tiny_autoencoder_names.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "weights/layouts/find_component.h"

namespace sd35 {
namespace {

std::vector<std::string> renamed(const std::vector<std::string>& names) {
  StoredTensors tensors;
  for (const std::string& name : names) tensors[name] = {};
  name_tiny_autoencoder(tensors);
  std::vector<std::string> result;
  for (const auto& [name, tensor] : tensors) result.push_back(name);
  return result;
}

using Names = std::vector<std::string>;

TEST(TinyAutoencoderNamesTest, NumbersAloneAreOneHalf) {
  EXPECT_EQ(renamed({"1.weight", "1.bias", "3.conv.0.weight", "19.bias"}),
            (Names{"decoder.layers.0.bias", "decoder.layers.0.weight", "decoder.layers.18.bias",
                   "decoder.layers.2.conv.0.weight"}));
  EXPECT_EQ(renamed({"0.weight", "1.conv.4.bias", "2.weight"}),
            (Names{"encoder.layers.0.weight", "encoder.layers.1.conv.4.bias", "encoder.layers.2.weight"}));
}

TEST(TinyAutoencoderNamesTest, PrefixesSayWhichHalf) {
  EXPECT_EQ(renamed({"taesd_decoder.1.weight", "taesd_encoder.0.weight", "vae_scale"}),
            (Names{"decoder.layers.0.weight", "encoder.layers.0.weight", "vae_scale"}));
}

TEST(TinyAutoencoderNamesTest, OtherNamesStay) {
  for (const Names& names :
       {Names{"1.weight", "transformer.weight"}, Names{"1", "2.weights"}, Names{"-1.weight"},
        Names{"99999999999999999999.weight"}, Names{"taesd_decoder.x.weight"}, Names{}})
    EXPECT_EQ(renamed(names), names);
}

TEST(TinyAutoencoderNamesTest, TheyAreAnAutoencoder) {
  StoredTensors tensors;
  for (const char* name : {"1.weight", "3.conv.0.weight"}) tensors[name] = {};
  name_tiny_autoencoder(tensors);
  EXPECT_EQ(find_components(tensors), (ComponentPrefixes{{Component::vae, ""}}));
}

}  // namespace
}  // namespace sd35
