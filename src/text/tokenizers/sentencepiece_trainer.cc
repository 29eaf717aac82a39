#include "text/tokenizers/sentencepiece_trainer.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <system_error>

#include "core/error.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;

constexpr const char* kProgram = "spm_train";
constexpr const char* kTexts = "texts";
constexpr const char* kModel = "spiece";
constexpr const char* kLog = "log";

// Removed with everything in it.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (fs::temp_directory_path() / "sd35-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr)
      throw FileError("cannot create a folder in '" + fs::temp_directory_path().string() +
                      "': " + std::generic_category().message(errno));
    path_ = name;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  fs::path operator/(const char* name) const { return path_ / name; }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// The wait status of the program, run in `folder` with what it prints in the file kLog there.
int run(const std::vector<std::string>& arguments, const fs::path& folder) {
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, kLog, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  ::posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  ::pid_t child = 0;
  const int error = ::posix_spawnp(&child, argv.front(), &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error == ENOENT)
    throw Error(std::string("training a SentencePiece model needs the program ") + kProgram +
                ", which is not on the PATH; install SentencePiece (Debian's package sentencepiece)");
  if (error != 0)
    throw Error(std::string("cannot run ") + kProgram + ": " + std::generic_category().message(error));

  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR)
      throw Error(std::string("cannot wait for ") + kProgram + ": " + std::generic_category().message(errno));
  return status;
}

void write_texts(const fs::path& path, const std::vector<std::string>& texts) {
  std::ofstream file(path, std::ios::binary);
  for (const std::string& text : texts) file << text << '\n';
  file.close();
  if (!file) throw FileError("cannot write '" + path.string() + "': is the disk full?");
}

// What the program said was wrong: the line before its last, without the place in its sources.
std::string complaint(const fs::path& log) {
  std::ifstream file(log);
  std::string found;
  for (std::string line; std::getline(file, line);)
    if (!line.empty() && !line.starts_with("Program terminated")) found = line;
  const std::size_t place = found.rfind("] ");
  return place == std::string::npos ? found : found.substr(place + 2);
}

std::string number(double value) {
  std::ostringstream text;
  text.imbue(std::locale::classic());
  text << value;
  return text.str();
}

}  // namespace

std::string train_sentencepiece(const std::vector<std::string>& texts,
                                const SentencePieceTraining& training) {
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

  const ScratchFolder folder;
  write_texts(folder / kTexts, texts);
  // The options are part of the model, so names are relative to the folder.
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
  const int status = run(arguments, folder.path());
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGINT) throw Cancelled();
  std::ifstream file(folder / "spiece.model", std::ios::binary);
  if (status != 0 || !file) {
    const std::string what = complaint(folder / kLog);
    if (what.starts_with("Vocabulary size")) throw ArgumentError("training a SentencePiece model: " + what);
    throw Error(std::string("training a SentencePiece model: ") + kProgram + " failed: " + what);
  }
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace sd35
