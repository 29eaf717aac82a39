// Any bytes as vocab.json, as merges.txt and as a text.
#include <cstdint>
#include <fstream>
#include <string_view>

#include "sd35/error.h"
#include "tests/support/temporary_folder.h"
#include "text/tokenizers/clip_tokenizer.h"
#include "text/tokenizers/tiny_tokenizers.h"

using namespace sd35;

namespace {

struct Folders {
  TemporaryFolder good, bad_vocabulary, bad_merges;
  Folders() {
    for (const TemporaryFolder* folder : {&good, &bad_vocabulary, &bad_merges})
      write_tiny_tokenizers(folder->path());
  }
};

void overwrite(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

void load_and_encode(const std::filesystem::path& folder) {
  try {
    ClipTokenizer::load(folder / "tokenizer").encode("a cat's 12 <|endoftext|>", 16);
  } catch (const Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Folders folders;
  static const ClipTokenizer tokenizer = ClipTokenizer::load(folders.good / "tokenizer_2");
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  try {
    tokenizer.encode(bytes, 16);
  } catch (const Error&) {
  }
  overwrite(folders.bad_vocabulary / "tokenizer" / "vocab.json", bytes);
  load_and_encode(folders.bad_vocabulary.path());
  overwrite(folders.bad_merges / "tokenizer" / "merges.txt", bytes);
  load_and_encode(folders.bad_merges.path());
  return 0;
}
