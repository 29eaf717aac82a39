#include "text/tokenizers/sentencepiece_model.h"

#include <cmath>
#include <cstring>
#include <span>

#include "core/error.h"
#include "core/file_kind.h"
#include "core/file_reader.h"
#include "text/tokenizers/tokenizer_files.h"

namespace sd35 {
namespace {

// A field of a message: its number and its value, which is a number or bytes.
struct Field {
  std::uint32_t number = 0;
  std::uint64_t value = 0;
  std::string_view bytes;
};

// Fields of the file, and of a piece.
enum : std::uint32_t { kPieces = 1, kTrainer = 2, kNormalizer = 3 };
enum : std::uint32_t { kText = 1, kScore = 2 };

// The fields of a message, one after another.
class Message {
 public:
  Message(std::string_view bytes, const std::string& location) : rest_(bytes), location_(location) {}

  bool next(Field& field) {
    if (rest_.empty()) return false;
    const std::uint64_t key = varint();
    field = {static_cast<std::uint32_t>(key >> 3), 0, {}};
    switch (key & 7) {
      case 0:
        field.value = varint();
        break;
      case 1:
        field.bytes = take(8);
        break;
      case 2:
        field.bytes = take(varint());
        break;
      case 5:
        field.bytes = take(4);
        break;
      default:
        fail("an unknown type of field");
    }
    return true;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw FileError(location_ + ": not a SentencePiece model: " + what, {}, location_);
  }

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<std::uint8_t>(take(1)[0]);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    fail("a number longer than 64 bits");
  }

  std::string_view take(std::uint64_t count) {
    if (count > rest_.size()) fail("the file is cut short, or a length in it is wrong");
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }

  std::string_view rest_;
  const std::string& location_;
};

SentencePiece parse_piece(std::string_view bytes, const std::string& location) {
  SentencePiece piece;
  Message message(bytes, location);
  for (Field field; message.next(field);) {
    if (field.number == kText) piece.text = field.bytes;
    if (field.number == kScore && field.bytes.size() == 4) {
      float score = 0;
      std::memcpy(&score, field.bytes.data(), sizeof(score));
      if (!std::isfinite(score))
        throw FileError(location + ": a piece has a score that is not a number", {}, location);
      piece.score = score;
    }
  }
  return piece;
}

void parse_trainer(std::string_view bytes, const std::string& location, SentencePieceModel& model) {
  enum : std::uint32_t { kModelType = 3, kUnknownId = 40 };
  constexpr std::uint64_t unigram = 1;
  Message message(bytes, location);
  for (Field field; message.next(field);) {
    if (field.number == kModelType && field.value != unigram)
      throw FileError(location + ": not a unigram model; T5 has one", {}, location);
    if (field.number == kUnknownId) model.unknown_id = static_cast<std::int32_t>(field.value);
  }
}

std::string parse_normalizer(std::string_view bytes, const std::string& location) {
  constexpr std::uint32_t character_map = 2;
  std::string map;
  Message message(bytes, location);
  for (Field field; message.next(field);)
    if (field.number == character_map) map = field.bytes;
  return map;
}

}  // namespace

SentencePieceModel parse_sentencepiece_model(std::string_view bytes, const std::string& location) {
  SentencePieceModel model;
  bool has_trainer = false, has_normalizer = false;
  Message message(bytes, location);
  for (Field field; message.next(field);) {
    has_trainer |= field.number == kTrainer;
    has_normalizer |= field.number == kNormalizer;
    if (field.number == kPieces) model.pieces.push_back(parse_piece(field.bytes, location));
    if (field.number == kTrainer) parse_trainer(field.bytes, location, model);
    if (field.number == kNormalizer) model.character_map = parse_normalizer(field.bytes, location);
  }
  if (model.pieces.empty())
    throw FileError(location + ": not a SentencePiece model: it holds no pieces", {}, location);
  // SentencePiece writes both after the pieces.
  if (!has_trainer || !has_normalizer)
    throw FileError(location + ": it ends after " + std::to_string(model.pieces.size()) +
                        " pieces, before the normalizer; the file is cut short",
                    {}, location);
  if (model.unknown_id < 0 || model.unknown_id >= static_cast<std::int32_t>(model.pieces.size()))
    throw FileError(location + ": the id of the unknown piece is beyond the vocabulary", {}, location);
  return model;
}

std::string append_pieces(std::string model, const std::vector<SentencePiece>& pieces) {
  const auto add_length = [](std::string& bytes, std::size_t length) {
    for (; length > 0x7f; length >>= 7) bytes += static_cast<char>(0x80 | (length & 0x7f));
    bytes += static_cast<char>(length);
  };
  constexpr char with_length = 2, four_bytes = 5;  // kinds of fields
  for (const SentencePiece& piece : pieces) {
    std::string message{static_cast<char>(kText << 3 | with_length)};
    add_length(message, piece.text.size());
    message += piece.text;
    message += static_cast<char>(kScore << 3 | four_bytes);
    const auto score = static_cast<float>(piece.score);
    message.append(reinterpret_cast<const char*>(&score), sizeof(score));
    model += static_cast<char>(kPieces << 3 | with_length);
    add_length(model, message.size());
    model += message;
  }
  return model;
}

SentencePieceModel read_sentencepiece_model(const std::filesystem::path& path) {
  const std::string bytes = read_whole_file(path, kLargestTokenizerFile);
  try {
    return parse_sentencepiece_model(bytes, path.string());
  } catch (const FileError&) {
    const std::string kind = file_kind(std::as_bytes(std::span(bytes)));
    if (kind.empty()) throw;
    throw FileError(path.string() + ": not a SentencePiece model; it is " + kind, {}, path);
  }
}

}  // namespace sd35
