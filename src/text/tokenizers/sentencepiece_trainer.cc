#include "text/tokenizers/sentencepiece_trainer.h"

#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <system_error>

#include "core/error.h"
#include "core/file_reader.h"
#include "text/tokenizers/child_process.h"
#include "text/tokenizers/scratch_folder.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;

constexpr const char* kProgram = "spm_train";
constexpr const char* kTexts = "texts";
constexpr const char* kModel = "spiece";
constexpr const char* kLog = "log";
constexpr std::uint64_t kLargestModel = 64'000'000;  // and log

void write_texts(const fs::path& path, const std::vector<std::string>& texts) {
  std::ofstream file(path, std::ios::binary);
  for (const std::string& text : texts) file << text << '\n';
  file.close();
  if (!file) throw FileError("cannot write '" + path.string() + "': is the disk full?", {}, path);
}

// What the program reported as wrong: the line before its last, without the place in its sources.
std::string reported_problem(const fs::path& log) {
  std::string found;
  for_each_line(log, kLargestModel, [&](std::int64_t, std::string_view line) {
    if (!line.empty() && !line.starts_with("Program terminated")) found = line;
  });
  const std::size_t place = found.rfind("] ");
  return place == std::string::npos ? found : found.substr(place + 2);
}

std::string number(double value) {
  std::ostringstream text;
  text.imbue(std::locale::classic());
  text << value;
  return text.str();
}

void check(const SentencePieceTraining& training) {
  constexpr int specials = 3;
  if (training.vocab_size <= specials || training.vocab_size > 10'000'000)
    throw ArgumentError("a vocabulary of " + std::to_string(training.vocab_size) +
                        " pieces; it takes 4 to 10000000");
  if (!(training.character_coverage > 0 && training.character_coverage <= 1))
    throw ArgumentError("a character coverage of " + number(training.character_coverage) +
                        "; it is a share above 0, at most 1");
  if (training.longest_piece < 1 || training.longest_piece > 512)
    throw ArgumentError("pieces of at most " + std::to_string(training.longest_piece) +
                        " characters; it takes 1 to 512");
}

// The options are part of the model, so names are relative to the folder the program runs in.
std::vector<std::string> arguments_for(const SentencePieceTraining& training) {
  std::vector<std::string> arguments = {
      kProgram,
      std::string("--input=") + kTexts,
      std::string("--model_prefix=") + kModel,
      "--model_type=unigram",
      "--vocab_size=" + std::to_string(training.vocab_size),
      "--hard_vocab_limit=false",
      "--character_coverage=" + number(training.character_coverage),
      "--max_sentencepiece_length=" + std::to_string(training.longest_piece),
      "--normalization_rule_name=nmt_nfkc",
      "--pad_id=0",
      "--eos_id=1",
      "--unk_id=2",
      "--bos_id=-1",
      "--num_threads=1",
      "--minloglevel=2"};
  if (!training.required_characters.empty())
    arguments.push_back("--required_chars=" + training.required_characters);
  return arguments;
}

}  // namespace

std::string train_sentencepiece(const std::vector<std::string>& texts, const SentencePieceTraining& training,
                                const std::function<void(double)>& on_progress) {
  check(training);
  const std::optional<fs::path> program = find_program(kProgram);
  if (!program)
    throw Error(std::string("training a SentencePiece model needs the program ") + kProgram +
                ", which is not on the PATH; install SentencePiece (Debian's package sentencepiece)");
  const ScratchFolder folder;
  write_texts(folder / kTexts, texts);
  ChildProcess child(*program, arguments_for(training), folder.path(), kLog);
  const int status = child.wait([&] {
    if (on_progress) on_progress(0);
  });
  if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGINT || WTERMSIG(status) == SIGTERM)) throw Cancelled();
  if (status != 0) {
    const std::string what = reported_problem(folder / kLog);
    if (what.starts_with("Vocabulary size")) throw ArgumentError("training a SentencePiece model: " + what);
    const std::string how = WIFSIGNALED(status)
                                ? std::string("was ended by the signal ") + ::strsignal(WTERMSIG(status))
                                : "failed";
    throw Error(std::string("training a SentencePiece model: ") + kProgram + " " + how +
                (what.empty() ? "" : ": " + what));
  }
  return read_whole_file(folder / "spiece.model", kLargestModel);
}

}  // namespace sd35
