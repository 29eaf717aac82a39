// Reads the input as a segment of a cache of prompts, as it is and with its checksums made right, and as the
// notes beside an encoded prompt. Only Error may come out; what is damaged is a warning.
#include <cstring>
#include <vector>

#include "core/tensor_cache_segment.h"
#include "pipeline/prompt_cache.h"
#include "tests/fuzz/allow_errors.h"
#include "tests/support/file_bytes.h"
#include "tests/support/temporary_folder.h"

namespace sd35 {
namespace {

constexpr const char* kIdentity = "fuzz";
constexpr EmbeddingLayout kLayout{2, 3, 4, 3, 4};
constexpr int kLength = 1, kWidth = 8;

const std::vector<PromptTexts>& texts() {
  static const std::vector<PromptTexts> texts = {{"a", "b", "c"}};
  return texts;
}

EncodedPrompts encoded() {
  return {
      {Tensor::zeros({1, kLayout.clip_tokens + kLength, kWidth}), Tensor::zeros({1, kLayout.pooled_width()})},
      {"a warning"}};
}

// A folder with one segment, which holds a prompt, and the names of the records in it.
struct Cache {
  TemporaryFolder folder;
  std::filesystem::path segment;
  std::string head;
  std::vector<std::string> keys;

  Cache() {
    PromptCache(folder.path(), kIdentity, kLayout, kWidth, check_line).put(texts(), kLength, encoded());
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path()))
      if (entry.is_regular_file()) segment = entry.path();
    const FileReader file(segment.string());
    std::uint64_t position = read_segment_head(file, kIdentity).value();
    const std::vector<std::byte> bytes = file.read(0, position);
    head.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    for (; const auto record = read_record(file, position); position = record->end)
      keys.push_back(record->key);
    require(keys.size() == 3);
  }

  void find() const {
    allow_errors([&] {
      (void)PromptCache(folder.path(), kIdentity, kLayout, kWidth, check_line).find(texts(), kLength);
    });
    allow_errors([&] {  // like the trainer's caches
      TensorCache cache(folder.path(), kIdentity, check_line);
      for (const std::string& key : keys) {
        (void)cache.find(key);
        (void)cache.find(key, {2, 3}, DType::bf16);
      }
    });
  }
};

void put(std::string& bytes, std::size_t at, std::uint64_t number) {
  std::memcpy(bytes.data() + at, &number, sizeof number);
}

std::uint64_t number_at(const std::string& bytes, std::size_t at, std::size_t size) {
  std::uint64_t number = 0;
  std::memcpy(&number, bytes.data() + at, size);
  return number;
}

// A correct head and correct checksums in each complete record; core/tensor_cache_segment.h has the layout. A
// key of the right length becomes one that is looked for; the number that should be 0 says which.
std::string sealed(std::string_view input, const Cache& cache) {
  constexpr std::size_t kValueBytes = 24, kValueHash = 32, kCheck = 48, kHead = 56;
  std::string bytes = cache.head + std::string(input);
  for (std::size_t at = cache.head.size(); at + kHead <= bytes.size();) {
    bytes.replace(at, 4, "rec\n");
    const std::size_t key_bytes = number_at(bytes, at + 4, 4), rank = number_at(bytes, at + 8, 4);
    const std::uint64_t value_bytes = number_at(bytes, at + kValueBytes, 8);
    const std::size_t names = key_bytes + 8 * rank, left = bytes.size() - at - kHead;
    if (names > left) break;
    const std::string& key = cache.keys[number_at(bytes, at + 12, 1) % 3];
    if (key_bytes == key.size()) bytes.replace(at + kHead, key_bytes, key);
    const bool whole = value_bytes <= left - names;
    const std::string_view values =
        whole ? std::string_view(bytes).substr(at + kHead + names, value_bytes) : std::string_view();
    const Hash128 hash = hash128(values);
    put(bytes, at + kValueHash, hash.high);
    put(bytes, at + kValueHash + 8, hash.low);
    Hasher128 check;
    check.add(std::string_view(bytes).substr(at, kCheck));
    check.add(std::string_view(bytes).substr(at + kHead, names));
    put(bytes, at + kCheck, check.digest().low);
    if (!whole) break;
    at += kHead + names + value_bytes;
  }
  return bytes;
}

// The prompt with these notes.
void write_notes(const Cache& cache, std::string_view notes) {
  const EncodedPrompts prompts = encoded();
  Tensor bytes({static_cast<std::int64_t>(notes.size())}, DType::u8);
  std::memcpy(bytes.raw(), notes.data(), notes.size());
  std::filesystem::remove(cache.segment);
  const auto segment = TensorCacheSegment::create(cache.segment, kIdentity);
  segment->append(cache.keys[0], prompts.embedding.tokens);
  segment->append(cache.keys[1], prompts.embedding.pooled);
  segment->append(cache.keys[2], bytes);
}

}  // namespace
}  // namespace sd35

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sd35;
  static const Cache cache;
  const std::string_view bytes = text_of(data, size);
  put_file(cache.segment, std::string(bytes));
  cache.find();
  put_file(cache.segment, sealed(bytes, cache));
  cache.find();
  write_notes(cache, bytes);
  cache.find();
  return 0;
}
