#include "convert/convert.h"

// sd35::convert of the public API.
#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "convert/file_tensor.h"
#include "convert/format.h"
#include "convert/layouts.h"
#include "convert/nf4_tensors.h"
#include "convert/plan.h"
#include "core/atomic_file.h"
#include "core/error.h"
#include "core/messages.h"
#include "core/new_folder.h"
#include "core/progress.h"
#include "core/yielding.h"
#include "mmdit/widths.h"
#include "text/prompt_encoder.h"
#include "vae/config.h"
#include "weights/files/gguf.h"
#include "weights/files/safetensors.h"
#include "weights/model/model_files.h"
#include "weights/model/model_index.h"
#include "weights/model/said_config.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;

constexpr std::array kEncoderNames = {
    std::pair<std::string_view, Component>{"clip_l", Component::text_encoder},
    std::pair<std::string_view, Component>{"clip_g", Component::text_encoder_2},
    std::pair<std::string_view, Component>{"t5xxl", Component::text_encoder_3}};
constexpr int kTokenizers = 3;
// Of general.file_type in GGUF files: what most of the file is.
constexpr std::array kFileTypes = {
    std::pair<Format, std::uint32_t>{DType::f32, 0},
    std::pair<Format, std::uint32_t>{DType::f16, 1},
    std::pair<Format, std::uint32_t>{BlockType::q4_0, 2},
    std::pair<Format, std::uint32_t>{BlockType::q4_1, 3},
    std::pair<Format, std::uint32_t>{BlockType::q8_0, 7},
    std::pair<Format, std::uint32_t>{BlockType::q5_0, 8},
    std::pair<Format, std::uint32_t>{BlockType::q5_1, 9},
    std::pair<Format, std::uint32_t>{DType::bf16, 32},
};

Component component_from_name(const std::string& name) {
  std::string known;
  for (const Component component : kComponents) {
    if (name == folder_of(component)) return component;
    known += std::string(folder_of(component)) + ", ";
  }
  for (const auto& [alias, component] : kEncoderNames)
    if (name == alias) return component;
  throw ArgumentError("unknown component " + in_quotes(name) + "; known: " + known + "clip_l, clip_g, t5xxl");
}

// One component being converted.
struct Part {
  Component component;
  ComponentConfig config;
  std::shared_ptr<const WeightSource> source;
  std::vector<PlannedTensor> plan;
};

ModelFiles open_input(const std::string& input, const ConvertOptions& options) {
  std::error_code error;
  // A file that holds one component without saying which.
  if (options.components.size() == 1 && fs::is_regular_file(input, error))
    return ModelFiles::open_part(component_from_name(options.components[0]), input);
  return ModelFiles::open(input, options.parts);
}

// The components asked for, or all there are.
std::vector<Component> chosen_components(const ModelFiles& files, const ConvertOptions& options) {
  std::vector<Component> list;
  for (const std::string& name : options.components) list.push_back(component_from_name(name));
  for (const Component component : kComponents)
    if (options.components.empty() && files.has(component)) list.push_back(component);
  std::ranges::sort(list);
  list.erase(std::unique(list.begin(), list.end()), list.end());  // clang 14 cannot take ranges::unique
  return list;
}

// In a folder fp8 has no scales, so that diffusers widens it like any other type, and it is the transformer's
// alone unless components are named.
Format format_of(Component component, const Format& format, Layout layout, const ConvertOptions& options) {
  if (layout != Layout::diffusers || !std::holds_alternative<ScaledFp8Format>(format)) return format;
  return component == Component::transformer || !options.components.empty() ? DType::f8_e4m3 : DType::bf16;
}

// Reports how many of all bytes are written.
class ByteProgress {
 public:
  ByteProgress(const Callbacks& callbacks, std::size_t total)
      : progress_(callbacks, Stage::convert), total_(total) {}
  void add(std::size_t bytes) {
    done_ += bytes;
    progress_.report(static_cast<double>(done_) / static_cast<double>(std::max<std::size_t>(1, total_)));
  }

 private:
  StageProgress progress_;
  std::size_t total_, done_ = 0;
};

std::size_t bytes_of(const std::vector<FileTensor>& tensors) {
  std::size_t bytes = 0;
  for (const FileTensor& tensor : tensors) bytes += gguf_bytes(tensor.type, tensor.shape.numel());
  return bytes;
}

// Writes each tensor when `writer` is ready for it.
template <class Writer>
void write_all(Writer& writer, const std::vector<FileTensor>& tensors, ByteProgress& progress) {
  std::map<std::string_view, const FileTensor*> by_name;
  for (const FileTensor& tensor : tensors) by_name[tensor.name] = &tensor;
  for (const auto& entry : writer.entries())
    by_name.at(entry.name)->write([&](std::span<const std::byte> bytes) {
      writer.write(entry.name, bytes);
      progress.add(bytes.size());
    });
  writer.commit(Existing::refused);
}

void write_safetensors_file(const fs::path& path, const std::vector<FileTensor>& tensors,
                            ByteProgress& progress, const std::map<std::string, std::string>& metadata = {}) {
  std::vector<SafetensorsEntry> entries;
  entries.reserve(tensors.size());
  for (const FileTensor& tensor : tensors)
    entries.push_back({tensor.name, std::get<DType>(tensor.type), tensor.shape});
  std::map<std::string, std::string> all = metadata;
  all["format"] = "pt";
  SafetensorsWriter writer(path, std::move(entries), all);
  write_all(writer, tensors, progress);
}

// All components in one file, with prefixes where there are several or the format asks for them.
std::vector<FileTensor> joined_tensors(const std::vector<Part>& parts, bool prefixed) {
  std::vector<FileTensor> list;
  for (const Part& part : parts)
    for (FileTensor& tensor : original_tensors(part.component, part.plan, prefixed))
      list.push_back(std::move(tensor));
  return list;
}

// config.json of a folder; says how the weights are quantized where readers need to know.
nlohmann::json config_of(const Part& part) {
  nlohmann::json config = part.config.json;
  if (std::ranges::any_of(part.plan, is_four_bit)) return config;
  config.erase("quantization_config");
  for (const PlannedTensor& tensor : part.plan)
    if (const auto* nf4 = std::get_if<Nf4Format>(&tensor.format)) {
      config["quantization_config"] = nf4_config(part.plan, nf4->double_quant);
      break;
    }
  return config;
}

// What the model says of itself, for files that have no other place for it. What was derived is not written:
// a reader derives the same, and nobody mistakes it for a statement of the model.
std::string said_by(const std::vector<Part>& parts, const ModelFiles& files) {
  std::map<std::string, nlohmann::json> configs;
  for (const Part& part : parts) {
    if (part.config.said) configs[std::string(folder_of(part.component))] = config_of(part);
    if (part.component != Component::transformer) continue;
    if (files.says_scheduler()) configs["scheduler"] = files.scheduler_config();
    if (const nlohmann::json extras = files.extras(); !extras.empty()) configs["sd35"] = extras;
  }
  return configs.empty() ? "" : text_of_configs(configs);
}

void write_single(const std::vector<Part>& parts, const ModelFiles& files, const fs::path& output,
                  const Callbacks& callbacks) {
  const std::vector<FileTensor> tensors = joined_tensors(parts, true);
  ByteProgress progress(callbacks, bytes_of(tensors));
  std::map<std::string, std::string> metadata;
  if (std::string said = said_by(parts, files); !said.empty())
    metadata[std::string(kConfigKey)] = std::move(said);
  write_safetensors_file(output, tensors, progress, metadata);
}

// A component alone is named as the programs that read it expect: the transformer as ComfyUI-GGUF does, T5 as
// llama.cpp; several as stable-diffusion.cpp does.
void write_gguf(const std::vector<Part>& parts, const ModelFiles& files, const Format& format,
                const fs::path& output, const Callbacks& callbacks) {
  std::vector<FileTensor> tensors = joined_tensors(parts, parts.size() > 1);
  const bool t5 = parts.size() == 1 && parts[0].component == Component::text_encoder_3;
  std::vector<GgufEntry> entries;
  for (FileTensor& tensor : tensors) {
    if (t5) tensor.name = llama_name(tensor.name);
    entries.push_back({tensor.name, tensor.type, tensor.shape});
  }
  GgufMetadata metadata{{"general.architecture", t5 ? "t5encoder" : "sd3"},
                        {"general.quantization_version", std::uint32_t{2}}};
  for (const auto& [known, number] : kFileTypes)
    if (known == format) metadata["general.file_type"] = number;
  if (std::string said = said_by(parts, files); !said.empty())
    metadata[std::string(kConfigKey)] = std::move(said);
  GgufWriter writer(output, std::move(entries), metadata);
  ByteProgress progress(callbacks, bytes_of(tensors));
  write_all(writer, tensors, progress);
}

std::string weight_file(Component component) {
  const bool diffusers = component == Component::transformer || component == Component::vae;
  return std::string(folder_of(component)) + (diffusers ? "/diffusion_pytorch_model" : "/model") +
         ".safetensors";
}

// What makes a folder with all components a model.
void write_model_files(const NewFolder& folder, const ModelFiles& files, const Callbacks& callbacks) {
  nlohmann::ordered_json index = model_index();
  if (files.without_t5()) index["text_encoder_3"] = index["tokenizer_3"] = {nullptr, nullptr};
  if (files.has(Component::vae))
    index["vae"][1] = files.config(Component::vae).value("_class_name", "AutoencoderKL");
  folder.write("model_index.json", index.dump(2) + "\n");
  if (const nlohmann::json extras = files.extras(); !extras.empty())
    folder.write("sd35.json", extras.dump(2) + "\n");
  folder.write("scheduler/scheduler_config.json", files.scheduler_config().dump(2) + "\n");
  for (int number = 1; number <= (files.without_t5() ? kTokenizers - 1 : kTokenizers); ++number) {
    const std::string name = number == 1 ? "tokenizer" : "tokenizer_" + std::to_string(number);
    fs::path source;
    try {
      source = files.tokenizer(number);
    } catch (const FileError& error) {
      warn(callbacks, name + " is left out: " + error.what());
      continue;
    }
    folder.copy_files(source, name);
  }
}

void write_folder(const std::vector<Part>& parts, const ModelFiles& files, const ConvertOptions& options,
                  const fs::path& output, const Callbacks& callbacks) {
  NewFolder folder(output);
  if (options.components.empty()) write_model_files(folder, files, callbacks);
  std::vector<std::vector<FileTensor>> tensors;
  std::size_t bytes = 0;
  for (const Part& part : parts) bytes += bytes_of(tensors.emplace_back(diffusers_tensors(part.plan)));
  ByteProgress progress(callbacks, bytes);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::string name(folder_of(parts[i].component));
    folder.write(name + "/config.json", config_of(parts[i]).dump(2) + "\n");
    write_safetensors_file(folder / weight_file(parts[i].component), tensors[i], progress);
  }
  folder.commit();
}

// Tensors of one component that became the same for the same reason, in the order of the plan's roles.
ConvertReport report_of(const std::vector<Part>& parts) {
  ConvertReport report;
  for (const Part& part : parts) {
    std::map<std::pair<Role, std::string>, ConvertReport::Row> rows;
    for (const PlannedTensor& tensor : part.plan) {
      const bool as_stored = std::holds_alternative<AsStored>(tensor.format);
      const std::string type = as_stored ? tensor.source->type_name() : name_of(tensor.format);
      ConvertReport::Row& row = rows[{tensor.role, type}];
      row.component = folder_of(part.component);
      row.what = name_of(tensor.role);
      row.type = type;
      ++row.tensors;
      row.parameters += static_cast<std::uint64_t>(tensor.source->shape.numel());
    }
    for (auto& [key, row] : rows) report.rows.push_back(std::move(row));
  }
  return report;
}

const Part* find_part(const std::vector<Part>& parts, Component component) {
  const auto found = std::ranges::find(parts, component, &Part::component);
  return found == parts.end() ? nullptr : &*found;
}

// The widths that the converted parts must agree on.
MeetingWidths widths_of(const std::vector<Part>& parts) {
  MeetingWidths widths;
  const Part* const clip_l = find_part(parts, Component::text_encoder);
  const Part* const clip_g = find_part(parts, Component::text_encoder_2);
  if (clip_l != nullptr && clip_g != nullptr) {
    widths.clip = widths.pooled = 0;
    for (const Part* part : {clip_l, clip_g}) {
      const ClipConfig config = ClipConfig::from_json(part->config.json, part->config.location);
      *widths.clip += config.hidden_size;
      *widths.pooled += pooled_width(config, *part->source);
    }
  }
  if (const Part* const t5 = find_part(parts, Component::text_encoder_3))
    widths.t5 = T5Config::from_json(t5->config.json, t5->config.location).d_model;
  if (const Part* const vae = find_part(parts, Component::vae))
    widths.latent_channels = VaeConfig::from_json(vae->config.json, vae->config.location).latent_channels;
  return widths;
}

// Throws if the result could not draw, because it combines parts of different models.
void check_fit(const std::vector<Part>& parts, const ModelFiles& files, const ConvertOptions& options,
               Layout layout) {
  if (const Part* const transformer = find_part(parts, Component::transformer))
    check_widths(files.location_with_parts(),
                 MmditConfig::from_json(transformer->config.json, transformer->config.location),
                 widths_of(parts));
  if (layout != Layout::diffusers || !options.components.empty()) return;  // no tokenizers
  const bool t5 = files.has(Component::text_encoder_3);
  files.check_named_tokenizers(t5);
  if (files.missing_to_generate(t5).empty()) PromptEncoder(files, t5);  // compares vocabularies
}

}  // namespace

ConvertReport convert_model(const std::string& input, const fs::path& output, const ConvertOptions& options,
                            const Callbacks& callbacks) {
  const Format format = format_from_name(options.type);
  const Layout layout = layout_of(options.layout, output.string(), format);
  if (layout != Layout::diffusers) refuse_existing(output);
  const ModelFiles files = open_input(input, options);
  std::vector<Part> parts;
  std::set<std::string> warnings;  // each once: several components may lie in one file
  const auto on_warning = [&](const std::string& warning) {
    if (warnings.insert(warning).second) warn(callbacks, warning);
  };
  for (const Component component : chosen_components(files, options)) {
    Part part{component, files.configuration(component), files.weights(component, on_warning), {}};
    if (!part.config.doubt.empty())
      throw FileError(part.config.doubt + "; name a folder with its config.json instead", {},
                      part.config.location.file);
    part.plan = plan_component(component, part.config.json, part.config.location, *part.source,
                               format_of(component, format, layout, options), layout);
    parts.push_back(std::move(part));
  }
  if (parts.empty()) throw FileError(files.location() + " holds no weights to convert", {}, files.location());
  check_fit(parts, files, options, layout);
  const YieldWhenBusy yielding;
  if (layout == Layout::diffusers) write_folder(parts, files, options, output, callbacks);
  if (layout == Layout::single) write_single(parts, files, output, callbacks);
  if (layout == Layout::gguf) write_gguf(parts, files, format, output, callbacks);
  return report_of(parts);
}

}  // namespace sd35
