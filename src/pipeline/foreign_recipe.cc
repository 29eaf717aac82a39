#include "pipeline/foreign_recipe.h"

#include <algorithm>
#include <array>
#include <deque>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "core/config_file.h"
#include "core/error.h"
#include "core/text_words.h"
#include "options/option_json.h"
#include "options/options.h"

namespace sd35 {
namespace {

using nlohmann::json;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

// "DPM++ 2M", "dpmpp_2m" and "dpm++2m" are the same; so are "Euler a", "euler_ancestral" and "euler_a".
std::string plain_sampler(std::string_view name) {
  std::string plain = in_small_letters(name);
  for (const auto& [theirs, ours] : {std::pair("dpmpp", "dpm++"), std::pair("ancestral", "a")})
    if (const std::size_t at = plain.find(theirs); at != plain.npos)
      plain.replace(at, std::string_view(theirs).size(), ours);
  std::erase_if(plain, [](char c) { return c == ' ' || c == '_'; });
  return plain;
}

// Schedules that spread the noise levels of such a model as ours do, or nearly.
bool is_usual_schedule(std::string_view name) {
  constexpr std::array kUsual{"automatic", "simple", "normal", "sgmuniform", "uniform"};
  return std::ranges::find(kUsual, plain_sampler(name)) != kUsual.end();
}

// Collects what was found.
class ForeignSettings {
 public:
  // `said`: as the other program names it, for what the option cannot hold.
  void set(const char* option, const json& value, const std::string& said) {
    try {
      GenerateOptions alone;  // a value is written before it is refused
      options_from_json({{option, value}}, alone);
      options_from_json({{option, value}}, recipe_.generate);
    } catch (const ArgumentError&) {
      leave_out(said, value);
    }
  }

  void set_sampler(const std::string& name) {
    std::string found;
    visit_defaults<GenerateOptions>([&](const Option& option, const auto& /*value*/) {
      for (const OptionChoice& choice : option.choices)
        if (option.name == "sampler" && plain_sampler(choice.name) == plain_sampler(name))
          found = choice.name;
    });
    if (found.empty())
      leave_out("Sampler", name);
    else
      recipe_.generate.sampler = found;
  }

  void leave_out(const std::string& name, const json& value = nullptr) {
    constexpr std::size_t kMostSaid = 16, kLongestSaid = 48;
    std::string said = name;
    if (!value.is_null())
      said += ": " + (value.is_string() ? value.get<std::string>()
                                        : value.dump(-1, ' ', true, json::error_handler_t::replace));
    if (said.size() > kLongestSaid) said = said.substr(0, kLongestSaid) + "...";
    if (++left_out_ <= kMostSaid) recipe_.left_out.push_back(printable(said));
  }

  GenerateOptions& options() { return recipe_.generate; }

  Recipe finished() && {
    if (left_out_ > recipe_.left_out.size())
      recipe_.left_out.push_back(std::to_string(left_out_ - recipe_.left_out.size()) + " more");
    return std::move(recipe_);
  }

 private:
  Recipe recipe_;
  std::size_t left_out_ = 0;
};

// --- AUTOMATIC1111

// A number, or a text.
json value_in(std::string_view text) {
  json value = json::parse(text, nullptr, false);
  return value.is_number() ? value : json(text);
}

// "Steps: 20, Lora hashes: \"a: 1, b: 2\"" from its front.
class SettingsLine {
 public:
  explicit SettingsLine(std::string_view text) : rest_(text) {}

  bool next(std::string& name, std::string& value) {
    const std::size_t colon = rest_.find(':');
    if (colon == rest_.npos) return false;
    name = trimmed(rest_.substr(0, colon));
    rest_ = rest_.substr(colon + 1);
    rest_.remove_prefix(std::min(rest_.size(), rest_.find_first_not_of(' ')));
    value = rest_.starts_with('"') ? quoted() : std::string();
    const std::size_t end = std::min(rest_.size(), rest_.find(','));
    value += trimmed(rest_.substr(0, end));
    rest_.remove_prefix(std::min(rest_.size(), end + 1));
    return true;
  }

 private:
  std::string quoted() {
    std::string text;
    std::size_t at = 1;
    for (; at < rest_.size() && rest_[at] != '"'; ++at) {
      if (rest_[at] == '\\' && at + 1 < rest_.size()) ++at;
      text += rest_[at];
    }
    rest_.remove_prefix(std::min(rest_.size(), at + 1));
    return text;
  }

  std::string_view rest_;
};

void read_size(ForeignSettings& settings, const std::string& size) {
  const std::size_t cross = size.find('x');
  settings.set("width", value_in(size.substr(0, cross)), "Size");
  if (cross != size.npos) settings.set("height", value_in(size.substr(cross + 1)), "Size");
}

void read_sampler(ForeignSettings& settings, std::string name) {
  // Before version 1.9 the name of the schedule was part of this one.
  for (const std::string_view schedule : {" Karras", " Exponential"})
    if (name.ends_with(schedule)) {
      settings.leave_out("Schedule type", std::string(schedule.substr(1)));
      name.resize(name.size() - schedule.size());
    }
  settings.set_sampler(name);
}

void read_setting(ForeignSettings& settings, const std::string& name, const std::string& value) {
  constexpr std::array<std::pair<std::string_view, const char*>, 4> kNumbers{
      {{"Steps", "num_inference_steps"},
       {"CFG scale", "guidance_scale"},
       {"Seed", "seed"},
       {"Shift", "shift"}}};
  constexpr std::array<std::string_view, 3> kNoSettings{"Version", "Model hash", "Created Date"};
  const auto* number = std::ranges::find(kNumbers, name, &std::pair<std::string_view, const char*>::first);
  if (number != kNumbers.end())
    settings.set(number->second, value_in(value), name);
  else if (name == "Size")
    read_size(settings, value);
  else if (name == "Sampler")
    read_sampler(settings, value);
  else if (std::ranges::find(kNoSettings, name) == kNoSettings.end() &&
           !(name == "Schedule type" && is_usual_schedule(value)))
    settings.leave_out(name, value);
}

// --- ComfyUI

class ComfyGraph {
 public:
  explicit ComfyGraph(json nodes) : nodes_(std::move(nodes)) {}

  // Null: there is none.
  const json* node(const json& link) const {
    if (!is_link(link)) return nullptr;
    const json& id = link[0];
    const auto found = nodes_.find(id.is_string() ? id.get<std::string>() : id.dump());
    return found != nodes_.end() && found->is_object() ? &*found : nullptr;
  }

  static std::string kind(const json& node) {
    const auto kind = node.find("class_type");
    return kind != node.end() && kind->is_string() ? kind->get<std::string>() : "";
  }

  // Null where there is none.
  static json input(const json& node, const std::string& name) {
    const auto inputs = node.find("inputs");
    return inputs != node.end() && inputs->is_object() ? inputs->value(name, json()) : json();
  }

  // The value of an input, also where another node holds it under this name or as a plain value.
  json value(const json& node, const std::string& name) const {
    constexpr int kFarthest = 16;
    json found = input(node, name);
    for (int steps = 0; is_link(found) && steps < kFarthest; ++steps) {
      const json* holder = this->node(found);
      if (holder == nullptr) return nullptr;
      json next;
      for (const std::string& key : {name, std::string("value"), std::string("text"), std::string("string")})
        if (next.is_null()) next = input(*holder, key);
      found = std::move(next);
    }
    return is_link(found) ? json() : found;
  }

  // The nearest node upstream of the input `name` for which `wanted` holds, without going past those for
  // which `end` does. A node with an input of that name has no other that counts. `passed` is called with
  // those between.
  template <class Wanted, class End, class Passed>
  const json* upstream(const json& from, const std::string& name, Wanted wanted, End end,
                       Passed passed) const {
    std::deque<const json*> waiting{node(input(from, name))};
    std::set<const json*> seen{nullptr};
    for (; !waiting.empty(); waiting.pop_front()) {
      const json* each = waiting.front();
      if (!seen.insert(each).second) continue;
      if (wanted(kind(*each))) return each;
      if (end(kind(*each))) continue;
      passed(kind(*each));
      if (const json* same = node(input(*each, name))) {
        waiting.push_back(same);
        continue;
      }
      const auto inputs = each->find("inputs");
      if (inputs == each->end() || !inputs->is_object()) continue;
      for (const json& value : *inputs) waiting.push_back(node(value));
    }
    return nullptr;
  }

  const json& nodes() const { return nodes_; }

 private:
  static bool is_link(const json& value) {
    return value.is_array() && value.size() == 2 && (value[0].is_string() || value[0].is_number_integer()) &&
           value[1].is_number_integer();
  }

  json nodes_;
};

bool is_sampler(const std::string& kind) { return kind == "KSampler" || kind == "KSamplerAdvanced"; }
bool is_empty_latent(const std::string& kind) {
  return kind == "EmptySD3LatentImage" || kind == "EmptyLatentImage";
}
bool is_text_encoder(const std::string& kind) { return kind.starts_with("CLIPTextEncode"); }

class ComfyReader {
 public:
  explicit ComfyReader(const ComfyGraph& graph) : graph_(graph) {}

  // False: there is no sampler.
  bool read() {
    const json* sampler = first_sampler();
    if (sampler == nullptr) return false;
    read_sampler_node(*sampler);
    read_latent(*sampler);
    read_model(*sampler);
    read_prompt(*sampler, "positive", {"prompt", "prompt_2", "prompt_3"});
    read_prompt(*sampler, "negative", {"negative_prompt", "negative_prompt_2", "negative_prompt_3"});
    return true;
  }

  Recipe finished() && { return std::move(settings_).finished(); }

 private:
  const json* empty_latent_of(const json& sampler) const {
    return graph_.upstream(sampler, "latent_image", is_empty_latent, is_sampler, [](const std::string&) {});
  }

  // Others refine what it draws.
  const json* first_sampler() {
    constexpr int kMostSamplers = 64;  // that are looked at: each is a walk through the graph
    const json* first = nullptr;
    int samplers = 0;
    bool from_empty = false;
    for (const json& node : graph_.nodes()) {
      if (!node.is_object() || !is_sampler(ComfyGraph::kind(node))) continue;
      if (++samplers > kMostSamplers || from_empty) continue;
      from_empty = empty_latent_of(node) != nullptr;
      if (from_empty || first == nullptr) first = &node;
    }
    if (samplers > 1) settings_.leave_out(std::to_string(samplers - 1) + " more samplers");
    return first;
  }

  void set(const json& node, const std::string& input, const char* option) {
    const json value = graph_.value(node, input);
    if (!value.is_null()) settings_.set(option, value, input);
  }

  void read_sampler_node(const json& sampler) {
    const bool advanced = ComfyGraph::kind(sampler) == "KSamplerAdvanced";
    set(sampler, advanced ? "noise_seed" : "seed", "seed");
    set(sampler, "steps", "num_inference_steps");
    set(sampler, "cfg", "guidance_scale");
    if (const json name = graph_.value(sampler, "sampler_name"); name.is_string())
      settings_.set_sampler(name.get<std::string>());
    if (const json schedule = graph_.value(sampler, "scheduler");
        schedule.is_string() && !is_usual_schedule(schedule.get<std::string>()))
      settings_.leave_out("scheduler", schedule);
    const auto leave_out_unless = [&](const char* input, const auto& usual) {
      const json value = graph_.value(sampler, input);
      if (!value.is_null() && !usual(value)) settings_.leave_out(input, value);
    };
    leave_out_unless("denoise", [](const json& value) { return value == 1; });
    leave_out_unless("add_noise", [](const json& value) { return value == "enable"; });
    leave_out_unless("start_at_step", [](const json& value) { return value == 0; });
    const json steps = graph_.value(sampler, "steps");
    leave_out_unless("end_at_step", [&](const json& value) {
      return value.is_number() && steps.is_number() && value >= steps;
    });
  }

  void read_latent(const json& sampler) {
    const json* latent = empty_latent_of(sampler);
    if (latent == nullptr) {
      const json* other = graph_.node(ComfyGraph::input(sampler, "latent_image"));
      settings_.leave_out(other == nullptr ? "latent_image" : ComfyGraph::kind(*other));
      return;
    }
    set(*latent, "width", "width");
    set(*latent, "height", "height");
    const json pictures = graph_.value(*latent, "batch_size");
    if (pictures.is_number() && pictures != 1) settings_.leave_out("batch_size", pictures);
  }

  void read_model(const json& sampler) {
    std::set<const json*> seen{nullptr};
    const json* node = graph_.node(ComfyGraph::input(sampler, "model"));
    for (; seen.insert(node).second; node = graph_.node(ComfyGraph::input(*node, "model"))) {
      const std::string kind = ComfyGraph::kind(*node);
      if (kind == "ModelSamplingSD3")
        set(*node, "shift", "shift");
      else if (kind == "SkipLayerGuidanceSD3")
        read_skipped_layers(*node);
      else
        settings_.leave_out(kind, name_of_file(*node));
    }
  }

  // Null: it loads none.
  json name_of_file(const json& node) const {
    for (const char* name : {"ckpt_name", "unet_name", "lora_name"})
      if (json file = graph_.value(node, name); file.is_string()) return file;
    return nullptr;
  }

  void read_skipped_layers(const json& node) {
    json fields;
    const json layers = graph_.value(node, "layers");  // "7, 8, 9"
    fields["layers"] =
        json::parse(layers.is_string() ? "[" + layers.get<std::string>() + "]" : "", nullptr, false);
    for (const auto& [theirs, ours] :
         {std::pair("scale", "scale"), std::pair("start_percent", "start"), std::pair("end_percent", "stop")})
      fields[ours] = graph_.value(node, theirs);
    if (fields["layers"].is_discarded()) fields["layers"] = layers;
    settings_.set("skip_layer_guidance", fields, "SkipLayerGuidanceSD3");
  }

  // `options`: for CLIP-L, for the second CLIP, for T5.
  void read_prompt(const json& sampler, const std::string& input, const std::array<const char*, 3>& options) {
    std::vector<std::string> passed;
    const json* encoder = graph_.upstream(sampler, input, is_text_encoder, is_sampler,
                                          [&](const std::string& kind) { passed.push_back(kind); });
    for (const std::string& kind : passed) settings_.leave_out(kind);
    if (encoder == nullptr) return;
    const std::array<const char*, 3> inputs{"clip_l", "clip_g", "t5xxl"};
    const json one = graph_.value(*encoder, "text");
    const json first = one.is_string() ? one : graph_.value(*encoder, inputs[0]);
    if (!first.is_string()) return settings_.leave_out(input + " text of " + ComfyGraph::kind(*encoder));
    settings_.set(options[0], first, input);
    for (std::size_t i = 1; i < inputs.size(); ++i)
      if (const json other = graph_.value(*encoder, inputs[i]); other.is_string() && other != first)
        settings_.set(options[i], other, inputs[i]);
  }

  const ComfyGraph& graph_;
  ForeignSettings settings_;
};

}  // namespace

std::optional<Recipe> recipe_from_parameters(std::string_view text) {
  constexpr std::string_view kSettings = "Steps: ", kNegative = "Negative prompt:";
  const auto starts_line = [&](std::size_t at) { return at == 0 || text[at - 1] == '\n'; };
  std::size_t settings_at = text.rfind(kSettings);
  while (settings_at != text.npos && !starts_line(settings_at))
    settings_at = settings_at == 0 ? text.npos : text.rfind(kSettings, settings_at - 1);
  if (settings_at == text.npos) return std::nullopt;
  const std::string_view prompts = text.substr(0, settings_at);
  std::size_t negative_at = prompts.find(kNegative);
  while (negative_at != prompts.npos && !starts_line(negative_at))
    negative_at = prompts.find(kNegative, negative_at + 1);
  ForeignSettings settings;
  settings.options().prompt = trimmed(prompts.substr(0, negative_at));
  if (negative_at != prompts.npos)
    settings.options().negative_prompt = trimmed(prompts.substr(negative_at + kNegative.size()));
  SettingsLine line(text.substr(settings_at));
  std::string name, value;
  constexpr int kMostSettings = 1000;  // far more than any program writes
  for (int i = 0; i < kMostSettings && line.next(name, value); ++i) read_setting(settings, name, value);
  return std::move(settings).finished();
}

Recipe recipe_from_comfy_graph(std::string_view text, const Location& location) {
  const ComfyGraph graph(parse_json_object(text, location));
  ComfyReader reader(graph);
  if (!reader.read())
    throw FileError(location + ": ComfyUI's graph has no KSampler, whose settings could be read", {},
                    location.file);
  return std::move(reader).finished();
}

}  // namespace sd35
