// Reads the input as a component's configuration and as an index of shards. Only Error may come out.
#include <nlohmann/json.hpp>

#include "core/config_file.h"
#include "tests/fuzz/allow_errors.h"
#include "tests/fuzz/input_file.h"
#include "weights/files/safetensors.h"

namespace sd35 {
namespace {

void read_everything(const std::filesystem::path& path) {
  nlohmann::json json;
  allow_errors([&] { json = read_json_file(path); });
  if (json.is_object()) {
    const ConfigReader reader(json, path.string());
    for (const auto& [key, value] : json.items()) {
      allow_errors([&, &key = key] { (void)reader.integer(key, -5, 1 << 20); });
      allow_errors([&, &key = key] { (void)reader.number(key, -1e3, 1e3, 0); });
      allow_errors([&, &key = key] { (void)reader.text(key); });
      allow_errors([&, &key = key] { (void)reader.choice(key, {"silu", "gelu"}); });
      allow_errors([&, &key = key] { (void)reader.boolean(key, false); });
      allow_errors([&, &key = key] { (void)reader.integers(key, 0, 100, 8); });
    }
  }
  allow_errors([&] { (void)read_sharded_safetensors(path); });
}

}  // namespace
}  // namespace sd35

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const sd35::InputFile file(data, size);
  sd35::read_everything(file.path());
  return 0;
}
