// Any bytes as spiece.model, and any text through the tiny model's.
#include <cstdint>
#include <string_view>

#include "random_models/tiny_tokenizers.h"
#include "tests/fuzz/allow_errors.h"
#include "tests/support/temporary_folder.h"
#include "text/tokenizers/precompiled_normalizer.h"
#include "text/tokenizers/sentencepiece_model.h"
#include "text/tokenizers/t5_tokenizer.h"
#include "text/tokenizers/unicode.h"
#include "text/tokenizers/unigram.h"

using namespace sd35;

namespace {

const T5Tokenizer& tiny_tokenizer() {
  static const TemporaryFolder folder;
  static const T5Tokenizer tokenizer = [] {
    write_tiny_tokenizers(folder.path());
    return T5Tokenizer::load(folder / "tokenizer_3");
  }();
  return tokenizer;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = text_of(data, size);
  allow_errors([&] { tiny_tokenizer().encode(bytes, 16); });
  allow_errors([&] {
    const SentencePieceModel model = parse_sentencepiece_model(bytes, "fuzz");
    const PrecompiledNormalizer normalizer(model.character_map, "fuzz");
    const Unigram unigram(model.pieces, model.unknown_id);
    unigram.encode(unicode::encode(normalizer.normalize(U"\u2581a caf\u00e9 \u2028\ufb01")));
  });
  return 0;
}
