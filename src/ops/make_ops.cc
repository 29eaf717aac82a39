#include <map>

#include "core/error.h"
#include "ops/ops.h"
#include "sd35/sd35.h"

namespace sd35 {
namespace {

std::map<std::string, EngineFactory, std::less<>>& registered() {
  static std::map<std::string, EngineFactory, std::less<>> engines;
  return engines;
}

std::string known_engines() {
  std::string names = "native, ref";
  for (const auto& [name, factory] : registered()) names += ", " + name;
  return names;
}

}  // namespace

void register_engine(const std::string& name, EngineFactory factory) {
  registered().insert_or_assign(name, std::move(factory));
}

bool has_engine(std::string_view engine) {
  return engine == "native" || engine == "ref" || registered().contains(engine);
}

std::unique_ptr<Ops> make_ops(std::string_view engine, DType compute_type, const std::string& device) {
  const auto other = registered().find(engine);
  if (other != registered().end()) return other->second(compute_type, device);
  if (!has_engine(engine)) {
    const std::string hint = engine == "torch" ? " (torch is in programs built with -DSD35_TORCH=ON)" : "";
    throw ArgumentError("unknown engine '" + std::string(engine) + "'; known: " + known_engines() + hint,
                        "engine");
  }
  if (device != "cpu")
    throw ArgumentError("the engine '" + std::string(engine) + "' runs on the cpu only, not on '" + device +
                            "'; known engines: " + known_engines(),
                        "device");
  if (engine == "native") return make_native_ops(compute_type);
  if (compute_type != DType::f32)
    throw ArgumentError("the ref engine computes in f32 only; use --dtype f32", "dtype");
  return make_ref_ops();
}

}  // namespace sd35
