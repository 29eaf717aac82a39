#include "weights/layouts/four_bit.h"

#include <functional>
#include <nlohmann/json.hpp>

#include "quant/nf4.h"
#include "tests/unit/weights/weight_files.h"
#include "weights/files/safetensors.h"
#include "weights/layouts/component_weights.h"

namespace sd35 {
namespace {

const std::string kState = ".quant_state.bitsandbytes__nf4";

// A tensor of the file.
struct Part {
  DType dtype;
  Shape shape;
  std::vector<std::byte> bytes;
};

std::vector<std::byte> copied_bytes(std::span<const std::byte> bytes) { return {bytes.begin(), bytes.end()}; }
std::vector<std::byte> copied_bytes(const Tensor& tensor) {
  return copied_bytes({static_cast<const std::byte*>(tensor.raw()), tensor.bytes()});
}

// One weight "a.weight" as bitsandbytes writes it, by suffix, that a test may spoil.
struct Parts {
  std::map<std::string, Part> parts;
  std::vector<float> values;  // what they decode to

  explicit Parts(bool double_quant) : values(6 * 43) {
    std::vector<float> plain(values.size());
    for (std::size_t i = 0; i < plain.size(); ++i)
      plain[i] = static_cast<float>((i * 37) % 101) / 50.0f - 1.0f;
    const FourBitWeight weight = quantize_nf4(plain, double_quant);
    weight.decode(0, weight.count, values.data());
    nlohmann::json state = {
        {"quant_type", "nf4"}, {"blocksize", 64}, {"dtype", "bfloat16"}, {"shape", {6, 43}}};
    parts[""] = {DType::u8, {129, 1}, copied_bytes(weight.nibbles)};
    parts[".absmax"] = {weight.absmax.dtype(), weight.absmax.shape(), copied_bytes(weight.absmax)};
    parts[".quant_map"] = {DType::f32, {16}, copied_bytes(std::as_bytes(std::span(weight.code)))};
    if (weight.nested) {
      const NestedScales& nested = *weight.nested;
      state.update(
          {{"nested_blocksize", 256}, {"nested_dtype", "float32"}, {"nested_offset", nested.offset}});
      parts[".nested_absmax"] = {DType::f32, {1}, copied_bytes(nested.absmax)};
      parts[".nested_quant_map"] = {DType::f32, {256}, copied_bytes(std::as_bytes(std::span(nested.map)))};
    }
    write_state(state.dump());
  }

  void write_state(const std::string& text) {
    parts[kState] = {
        DType::u8, {static_cast<std::int64_t>(text.size())}, copied_bytes(std::as_bytes(std::span(text)))};
  }

  void set_state(const std::string& key, const nlohmann::json& value) {
    const auto* text = reinterpret_cast<const char*>(parts.at(kState).bytes.data());
    auto json = nlohmann::json::parse(text, text + parts.at(kState).bytes.size());
    json[key] = value;
    write_state(json.dump());
  }

  StoredTensors read(const TemporaryFolder& folder) const {
    std::vector<SafetensorsEntry> entries;
    for (const auto& [suffix, part] : parts) entries.push_back({"a.weight" + suffix, part.dtype, part.shape});
    const auto path = folder.path() / "a.safetensors";
    SafetensorsWriter writer(path, entries);
    for (const SafetensorsEntry& entry : writer.entries())
      writer.write(entry.name, parts.at(entry.name.substr(std::string("a.weight").size())).bytes);
    writer.commit();
    return read_weight_file(path).tensors;
  }
};

class FourBit : public testing::TestWithParam<bool> {
 protected:
  TemporaryFolder folder_;
};
INSTANTIATE_TEST_SUITE_P(DoubleQuant, FourBit, testing::Bool());

TEST_P(FourBit, FoldsIntoOneTensor) {
  const Parts parts(GetParam());
  const StoredTensors tensors = parts.read(folder_);
  ASSERT_EQ(tensors.size(), 1u);
  const StoredTensor& weight = tensors.at("a.weight");
  EXPECT_EQ(weight.shape, (Shape{6, 43}));
  EXPECT_EQ(weight.dtype, DType::bf16);
  EXPECT_EQ(weight.type_name(), "nf4");
  EXPECT_EQ(floats_of(weight.read()), parts.values);
  std::vector<float> row(86);
  weight.read_values(86, 86, row.data());
  EXPECT_EQ(row, std::vector(parts.values.begin() + 86, parts.values.begin() + 172));
}

TEST_P(FourBit, RefusesWhatContradictsItself) {
  const auto error = [&](const std::function<void(Parts&)>& spoil) {
    Parts parts(GetParam());
    spoil(parts);
    return file_error(folder_ / "a.safetensors", [&] { parts.read(folder_); });
  };
  const auto state = [&](const std::string& key, const nlohmann::json& value) {
    return error([&](Parts& parts) { parts.set_state(key, value); });
  };
  const auto expect = [](const std::string& message, const std::string& part) {
    EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  expect(error([](Parts& p) { p.parts.erase(""); }), "'a.weight' is missing");
  expect(error([](Parts& p) { p.parts.erase(".absmax"); }), "'a.weight.absmax' is missing");
  expect(error([](Parts& p) { p.parts.erase(".quant_map"); }), "'a.weight.quant_map' is missing");
  expect(state("shape", {6, 44}), "129 bytes");
  expect(state("shape", {16777216, 16777216, 16777216}), "more elements");
  expect(state("shape", {16777216, 16777216, 16777216, 0}), "more elements");
  expect(state("shape", {-1, 43}), "shape");
  expect(state("shape", "6"), "shape");
  expect(state("blocksize", 0), "blocksize");
  expect(state("blocksize", 65), "not a power of two");
  expect(state("blocksize", 128), "'a.weight.absmax'");
  expect(state("dtype", "int8"), "dtype");
  expect(state("quant_type", "fp4"), "quant_type");
  expect(error([](Parts& p) { p.write_state("x"); }), "quant_state");
  if (!GetParam()) {
    expect(state("nested_blocksize", 256), "nested_offset");
    return;
  }
  expect(error([](Parts& p) { p.parts.erase(".nested_absmax"); }), "'a.weight.nested_absmax' is missing");
  expect(error([](Parts& p) { p.parts.erase(".nested_quant_map"); }),
         "'a.weight.nested_quant_map' is missing");
  expect(state("nested_blocksize", 0), "nested_blocksize");
  expect(state("nested_blocksize", 2), "'a.weight.nested_absmax'");
  expect(state("nested_offset", nullptr), "nested_offset");
}

TEST(FourBitCheckpoint, OfDiffusersHasTheShapesItHadBefore) {
  for (const std::string kind : {"nf4", "nf4-dq", "fp4"}) {
    const StoredTensors tensors =
        read_weight_file(std::string(SD35_SOURCE_DIR) + "/tests/golden/quant/transformer_" + kind +
                         "/diffusion_pytorch_model.safetensors")
            .tensors;
    EXPECT_EQ(tensors.at("transformer_blocks.0.norm1.linear.weight").shape, (Shape{9 * 32, 32})) << kind;
    EXPECT_EQ(tensors.at("proj_out.weight").type_name(), kind.substr(0, 3));
    EXPECT_EQ(tensors.at("proj_out.bias").type_name(), "bf16");
    for (const auto& [name, tensor] : tensors) EXPECT_EQ(name.find(".weight."), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace sd35
