// Any bytes as tokenizer.json of either kind, and as tokenizer_config.json beside the kinds' own files. Only
// Error may come out.
#include "random_models/tiny_tokenizers.h"
#include "tests/fuzz/allow_errors.h"
#include "tests/support/file_bytes.h"
#include "tests/support/temporary_folder.h"
#include "text/tokenizers/clip_tokenizer.h"
#include "text/tokenizers/t5_tokenizer.h"

namespace sd35 {
namespace {

template <class Tokenizer>
void load_and_encode(const std::filesystem::path& folder) {
  allow_errors([&] {
    const Tokenizer tokenizer = Tokenizer::load(folder);
    for (const char* text : {"a cat's 12 <|endoftext|> <pad></s>", "caf\u00e9 \u2028\ufb01 a"})
      for (const int length : {1, 16}) (void)tokenizer.encode(text, length);
  });
}

}  // namespace
}  // namespace sd35

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sd35;
  const std::string_view bytes = text_of(data, size);
  static const TemporaryFolder of_json, of_files;
  static const bool written = (write_tiny_tokenizers(of_files.path()), true);
  (void)written;
  put_file(of_json / "tokenizer.json", std::string(bytes));
  load_and_encode<ClipTokenizer>(of_json.path());
  load_and_encode<T5Tokenizer>(of_json.path());
  put_file(of_files / "tokenizer/tokenizer_config.json", std::string(bytes));
  load_and_encode<ClipTokenizer>(of_files / "tokenizer");
  put_file(of_files / "tokenizer_3/tokenizer_config.json", std::string(bytes));
  load_and_encode<T5Tokenizer>(of_files / "tokenizer_3");
  return 0;
}
