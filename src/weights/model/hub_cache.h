// The cache that Hugging Face tools download models into. Reference: huggingface_hub, "Manage huggingface_hub
// cache-system".
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace sd35 {

// "organisation/model", as the hub names models.
bool is_hub_name(std::string_view name);

// The folder of the model `name` in a cache: "models--organisation--model".
std::string hub_folder(std::string_view name);

// Where new models go: $HF_HUB_CACHE, else $HF_HOME/hub, and so on as below. Throws FileError where the
// environment names no home.
std::filesystem::path hub_cache_folder();

// The snapshot of branch main of `name` in $HF_HUB_CACHE, else $HF_HOME/hub, else
// $XDG_CACHE_HOME/huggingface/hub or ~/.cache/huggingface/hub; empty when there is none. Nothing is
// downloaded.
std::optional<std::filesystem::path> find_in_hub_cache(std::string_view name);

}  // namespace sd35
