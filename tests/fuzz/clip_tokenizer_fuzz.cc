// Any bytes as vocab.json, as merges.txt and as a text.
#include <cstdint>
#include <string_view>

#include "random_models/tiny_tokenizers.h"
#include "tests/fuzz/allow_errors.h"
#include "tests/support/file_bytes.h"
#include "tests/support/temporary_folder.h"
#include "text/tokenizers/clip_tokenizer.h"

using namespace sd35;

namespace {

struct Folders {
  TemporaryFolder good, bad_vocabulary, bad_merges;
  Folders() {
    for (const TemporaryFolder* folder : {&good, &bad_vocabulary, &bad_merges})
      write_tiny_tokenizers(folder->path());
  }
};

void load_and_encode(const std::filesystem::path& folder) {
  allow_errors([&] { ClipTokenizer::load(folder / "tokenizer").encode("a cat's 12 <|endoftext|>", 16); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Folders folders;
  static const ClipTokenizer tokenizer = ClipTokenizer::load(folders.good / "tokenizer_2");
  const std::string_view bytes = text_of(data, size);
  allow_errors([&] { tokenizer.encode(bytes, 16); });
  put_file(folders.bad_vocabulary / "tokenizer" / "vocab.json", std::string(bytes));
  load_and_encode(folders.bad_vocabulary.path());
  put_file(folders.bad_merges / "tokenizer" / "merges.txt", std::string(bytes));
  load_and_encode(folders.bad_merges.path());
  return 0;
}
