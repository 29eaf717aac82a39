#include "weights/files/safetensors.h"

#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstring>

#include "tests/unit/weights/weight_files.h"

namespace sd35 {
namespace {

constexpr std::array kTypes = {DType::f32,     DType::f16, DType::bf16, DType::f8_e4m3,
                               DType::f8_e5m2, DType::f64, DType::i64,  DType::i32,
                               DType::i16,     DType::i8,  DType::u8,   DType::boolean};

std::span<const std::byte> as_bytes(const std::string& text) { return std::as_bytes(std::span(text)); }

TEST(Safetensors, EveryTypeRoundTrips) {
  const TemporaryFolder folder;
  Tensors tensors;
  for (const DType dtype : kTypes) {
    Tensor tensor({3, 5}, dtype);
    for (std::size_t i = 0; i < tensor.bytes(); ++i)
      static_cast<unsigned char*>(tensor.raw())[i] = static_cast<unsigned char>(7 * i + 1);
    tensors["t." + std::string(name_of(dtype))] = tensor;
  }
  tensors["scalar"] = Tensor::from(Shape{}, std::vector<float>{2.5f});
  tensors["empty"] = Tensor({0, 4}, DType::bf16);
  write_safetensors(folder / "a.safetensors", tensors, {{"key", "välue"}});

  const SafetensorsFile file = read_safetensors(folder / "a.safetensors");
  EXPECT_EQ(file.metadata, (std::map<std::string, std::string>{{"key", "välue"}}));
  ASSERT_EQ(file.tensors.size(), tensors.size());
  for (const auto& [name, expected] : tensors) {
    const Tensor actual = file.tensors.at(name).read();
    EXPECT_EQ(actual.dtype(), expected.dtype()) << name;
    EXPECT_EQ(actual.shape(), expected.shape()) << name;
    EXPECT_EQ(std::memcmp(actual.raw(), expected.raw(), expected.bytes()), 0) << name;
  }
}

TEST(Safetensors, EqualContentGivesEqualBytesAndAlignedTensors) {
  const TemporaryFolder folder;
  const std::vector<SafetensorsEntry> entries = {
      {"b", DType::u8, {3}}, {"c", DType::f32, {1}}, {"a", DType::u8, {2}}, {"d", DType::f64, {1}}};
  std::vector<SafetensorsEntry> reversed(entries.rbegin(), entries.rend());
  for (const auto& [name, order] : {std::pair("x", entries), std::pair("y", reversed)}) {
    SafetensorsWriter writer(folder / name, order);
    for (const SafetensorsEntry& entry : writer.entries())
      writer.write(entry.name, as_bytes(std::string(entry.bytes(), entry.name[0])));
    writer.commit();
  }
  EXPECT_EQ(file_bytes(folder / "x"), file_bytes(folder / "y"));
  for (const auto& [name, tensor] : read_safetensors(folder / "x").tensors)
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.segments[0].data()) % size_of(tensor.dtype), 0u)
        << name;
  std::uint64_t header = 0;
  std::memcpy(&header, file_bytes(folder / "x").data(), sizeof(header));
  EXPECT_EQ((header + sizeof(header)) % 64, 0u);
}

TEST(Safetensors, WriterTakesPiecesAndRefusesMisuse) {
  const TemporaryFolder folder;
  const auto path = folder / "a.safetensors";
  SafetensorsWriter writer(path, {{"a", DType::u8, {4}}, {"b", DType::u8, {0}}, {"c", DType::u8, {1}}});
  EXPECT_THROW(writer.write("c", as_bytes("x")), Error);
  writer.write("a", as_bytes("ab"));
  EXPECT_THROW(writer.write("a", as_bytes("abc")), Error);
  writer.write("a", as_bytes("cd"));
  writer.write("b", {});
  EXPECT_THROW(writer.commit(), Error);
  writer.write("c", as_bytes("e"));
  EXPECT_FALSE(std::filesystem::exists(path));
  writer.commit();
  EXPECT_TRUE(file_bytes(path).ends_with("abcde"));
  EXPECT_EQ(folder.entries(), 1);

  EXPECT_THROW(SafetensorsWriter(path, {{"a", DType::u8, {1}}, {"a", DType::u8, {1}}}), ArgumentError);
  EXPECT_THROW(SafetensorsWriter(path, {{"__metadata__", DType::u8, {1}}}), ArgumentError);
  EXPECT_THROW(SafetensorsWriter(path, {{"\xff", DType::u8, {1}}}), ArgumentError);
  EXPECT_THROW(SafetensorsWriter(path / "below a file", {}), FileError);
}

TEST(Safetensors, FullDiskKeepsTheOldFile) {
  const TemporaryFolder folder;
  const auto path = folder / "a.safetensors";
  write_safetensors(path, {{"old", Tensor::zeros({2})}});
  const std::string before = file_bytes(path);

  rlimit unlimited{};
  getrlimit(RLIMIT_FSIZE, &unlimited);
  const rlimit small{4096, unlimited.rlim_max};
  auto* handler = std::signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  const std::string message = file_error([&] { write_safetensors(path, {{"new", Tensor::zeros({10000})}}); });
  setrlimit(RLIMIT_FSIZE, &unlimited);
  std::signal(SIGXFSZ, handler);

  EXPECT_NE(message.find("a.safetensors': File too large"), std::string::npos) << message;
  EXPECT_EQ(file_bytes(path), before);
  EXPECT_EQ(folder.entries(), 1);
}

class Sharded : public testing::Test {
 protected:
  Sharded() {
    write_safetensors(folder_ / "m-1.safetensors", {{"a", a_}, {"b", b_}});
    write_safetensors(folder_ / "m-2.safetensors", {{"c", c_}});
  }

  std::string error(const std::string& index) {
    put_file(folder_ / "m.safetensors.index.json", index);
    return file_error([&] { read_sharded_safetensors(folder_ / "m.safetensors.index.json"); });
  }

  TemporaryFolder folder_;
  Tensor a_ = numbered({2, 3}), b_ = numbered({4}), c_ = numbered({1});
};

TEST_F(Sharded, ReadsEveryShard) {
  EXPECT_EQ(error(R"({"metadata": {"total_size": 44}, "weight_map":
                  {"a": "m-1.safetensors", "b": "m-1.safetensors", "c": "m-2.safetensors"}})"),
            "no error");
  const SafetensorsFile file = read_sharded_safetensors(folder_ / "m.safetensors.index.json");
  expect_tensors(StoredWeights("", file.tensors), {{"a", a_}, {"b", b_}, {"c", c_}});
}

// diffusers reads these: every tensor is there once.
TEST_F(Sharded, IndexesThatAreWrongAreAWarning) {
  const auto warnings = [&](const std::string& weight_map) {
    put_file(folder_ / "i.json", "{\"weight_map\": " + weight_map + "}");
    std::string all;
    const SafetensorsFile file =
        read_sharded_safetensors(folder_ / "i.json", [&](const std::string& warning) { all += warning; });
    expect_tensors(StoredWeights("", file.tensors), {{"a", a_}, {"b", b_}, {"c", c_}});
    return all;
  };
  EXPECT_EQ(warnings(R"({"a": "m-1.safetensors", "b": "m-1.safetensors", "c": "m-2.safetensors"})"), "");
  const std::string omitted = warnings(R"({"a": "m-1.safetensors", "c": "m-2.safetensors"})");
  EXPECT_NE(omitted.find("i.json: it is wrong about where tensors lie: 'b' is in 'm-1.safetensors'"),
            std::string::npos)
      << omitted;
  const std::string swapped =
      warnings(R"({"a": "m-1.safetensors", "b": "m-2.safetensors", "c": "m-2.safetensors"})");
  EXPECT_NE(swapped.find("'b' is in 'm-1.safetensors'"), std::string::npos) << swapped;
  const std::string nowhere = warnings(
      R"({"a": "m-1.safetensors", "b": "m-1.safetensors", "c": "m-2.safetensors", "x": "m-2.safetensors"})");
  EXPECT_NE(nowhere.find("'x' is in no shard"), std::string::npos) << nowhere;
}

TEST_F(Sharded, RefusesIndexesThatLie) {
  const auto expect_error = [&](const std::string& weight_map, const std::string& part) {
    const std::string message = error("{\"weight_map\": " + weight_map + "}");
    EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  write_safetensors(folder_ / "m-4.safetensors", {{"a", a_}});
  expect_error(R"({"a": "m-1.safetensors", "b": "m-4.safetensors"})",
               "m-4.safetensors: tensor 'a' is in another shard, too");
  expect_error(R"({"a": "m-3.safetensors"})", "shard 'm-3.safetensors' is missing; download it into");
  for (const std::string name :
       {"../m-1.safetensors", "/m-1.safetensors", "x/m-1.safetensors", "..", ".", "", "a\\u0000"})
    expect_error("{\"a\": \"" + name + "\"}", "must be the name of a file in the same folder");
  expect_error(R"({"a": 1})", "must be the name of a file in the same folder");
  expect_error("{}", "holds no weight_map");
  expect_error("[]", "holds no weight_map");
  expect_error(R"({"a": "m-1.safetensors", "a": "m-1.safetensors"})", "key 'a' is there twice");
  EXPECT_NE(error("{").find("not valid JSON"), std::string::npos);
  EXPECT_NE(error("[]").find("the file holds a list; it must be an object"), std::string::npos);
}

}  // namespace
}  // namespace sd35
