#include "convert/format.h"

#include <filesystem>

#include "core/error.h"
#include "core/messages.h"
#include "core/type_names.h"

namespace sd35 {
namespace {

constexpr std::array kFormats = {
    std::pair<std::string_view, Format>{"f32", DType::f32},
    std::pair<std::string_view, Format>{"f16", DType::f16},
    std::pair<std::string_view, Format>{"bf16", DType::bf16},
    std::pair<std::string_view, Format>{"fp8", ScaledFp8Format{}},
    std::pair<std::string_view, Format>{"q8_0", BlockType::q8_0},
    std::pair<std::string_view, Format>{"q4_0", BlockType::q4_0},
    std::pair<std::string_view, Format>{"q4_1", BlockType::q4_1},
    std::pair<std::string_view, Format>{"q5_0", BlockType::q5_0},
    std::pair<std::string_view, Format>{"q5_1", BlockType::q5_1},
    std::pair<std::string_view, Format>{"nf4", Nf4Format{false}},
    std::pair<std::string_view, Format>{"nf4-dq", Nf4Format{true}},
};

constexpr std::array kLayouts = {
    std::pair<std::string_view, Layout>{"diffusers", Layout::diffusers},
    std::pair<std::string_view, Layout>{"single", Layout::single},
    std::pair<std::string_view, Layout>{"gguf", Layout::gguf},
};

// The value of `name` in a table; else an error that lists them.
template <class Table>
auto find_name(const Table& table, std::string_view name, const std::string& what) {
  std::string known;
  for (const auto& [known_name, value] : table) {
    if (known_name == name) return value;
    known += (known.empty() ? "" : ", ") + std::string(known_name);
  }
  throw ArgumentError("unknown " + what + " " + in_quotes(name) + "; known: " + known);
}

Layout layout_of_extension(const std::filesystem::path& output) {
  if (output.extension() == ".gguf") return Layout::gguf;
  return output.extension() == ".safetensors" ? Layout::single : Layout::diffusers;
}

}  // namespace

Format format_from_name(std::string_view name) {
  if (name.empty()) return AsStored{};
  const std::string canonical = canonical_type_name(name);
  const bool fp8 = canonical == "f8_e4m3" || canonical == "float8" || canonical == "f8";
  return find_name(kFormats, fp8 ? "fp8" : canonical, "type of weights");
}

std::string name_of(const Format& format) {
  for (const auto& [name, known] : kFormats)
    if (known == format) return std::string(name);
  if (const auto* blocks = std::get_if<BlockType>(&format)) return std::string(name_of(*blocks));
  return std::string(name_of(std::get<DType>(format)));
}

Layout layout_of(std::string_view name, const std::string& output, const Format& format) {
  const Layout layout = name.empty() ? layout_of_extension(output) : find_name(kLayouts, name, "layout");
  const bool blocks = std::holds_alternative<BlockType>(format),
             nf4 = std::holds_alternative<Nf4Format>(format);
  if (blocks && layout != Layout::gguf)
    throw ArgumentError(name_of(format) +
                        " exists in GGUF files only; name an output that ends in .gguf, or the layout gguf");
  if (nf4 && layout != Layout::diffusers)
    throw ArgumentError(name_of(format) +
                        " exists in the diffusers layout only; name a folder as the output");
  if (std::holds_alternative<ScaledFp8Format>(format) && layout == Layout::gguf)
    throw ArgumentError("GGUF files have no fp8; q8_0 is as small and closer to the weights");
  return layout;
}

}  // namespace sd35
