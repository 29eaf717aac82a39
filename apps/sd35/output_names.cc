#include "output_names.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <set>
#include <system_error>

namespace sd35::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDefaultName = "out.png";
constexpr const char* kStandardOutput = "-";

// 0001, 0002, ...
std::string numbered(std::size_t index) {
  char digits[24];
  std::snprintf(digits, sizeof(digits), "%04zu", index + 1);
  return digits;
}

bool is_placeholder(std::string_view name) {
  return !name.empty() && name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == name.npos;
}

// "cat-{seed}.png" of the picture `index` with this seed.
fs::path filled_in(const std::string& pattern, std::uint64_t seed, std::size_t index) {
  std::string name;
  for (std::size_t at = 0; at < pattern.size();) {
    const std::size_t end = pattern[at] == '{' ? pattern.find('}', at) : pattern.npos;
    const std::string placeholder = end == pattern.npos ? "" : pattern.substr(at + 1, end - at - 1);
    if (!is_placeholder(placeholder)) {
      name += pattern[at++];
      continue;
    }
    if (placeholder == "seed")
      name += std::to_string(seed);
    else if (placeholder == "index")
      name += numbered(index);
    else
      throw ArgumentError("--output: unknown {" + placeholder + "}; known are {seed} and {index}");
    at = end + 1;
  }
  return name;
}

fs::path with_number(const fs::path& path, std::size_t index) {
  return path.parent_path() / (path.stem().string() + "-" + numbered(index) + path.extension().string());
}

bool is_folder(const std::string& output) {
  std::error_code ignored;
  return output.ends_with('/') || fs::is_directory(output, ignored);
}

std::vector<fs::path> named(const std::string& output, const std::vector<std::uint64_t>& seeds) {
  std::vector<fs::path> names;
  for (std::size_t i = 0; i < seeds.size(); ++i) names.push_back(filled_in(output, seeds[i], i));
  if (!names.front().has_extension())
    throw ArgumentError("--output " + output +
                        ": a file ends in .png, .jpg, .jpeg or .webp, a new folder in /");
  if (std::set<fs::path>(names.begin(), names.end()).size() < names.size())
    for (std::size_t i = 0; i < names.size(); ++i) names[i] = with_number(names[i], i);
  return names;
}

// Two names of one file are the same.
fs::path resolved(const fs::path& path) {
  std::error_code error;
  const fs::path whole = fs::weakly_canonical(fs::absolute(path, error), error);
  return error ? path : whole;
}

void check_standard_output(std::size_t pictures) {
  if (pictures > 1) throw ArgumentError("--output - takes one picture; several need names");
  if (isatty(STDOUT_FILENO) == 1)
    throw ArgumentError(
        "--output - would fill the terminal with the bytes of a PNG file; send it to a program or a file");
}

void write_to_standard_output(const std::vector<std::uint8_t>& bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), stdout) != bytes.size() || std::fflush(stdout) != 0)
    throw FileError("cannot write the picture to the standard output: " +
                    std::generic_category().message(errno));
}

}  // namespace

void check_different(const std::vector<std::pair<std::string, fs::path>>& files) {
  for (std::size_t i = 0; i < files.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (!files[i].second.empty() && resolved(files[i].second) == resolved(files[j].second))
        throw ArgumentError(files[j].first + " and " + files[i].first + " name the same file, " +
                            files[i].second.string() + "; give each its own");
}

OutputNames::OutputNames(const std::string& output, const std::vector<std::uint64_t>& seeds)
    : replace_(!output.empty() && !is_folder(output)) {
  if (output == kStandardOutput) {
    check_standard_output(seeds.size());
    return;
  }
  if (replace_)
    names_ = named(output, seeds);
  else
    names_.assign(seeds.size(), fs::path(output) / kDefaultName);
  const std::set<fs::path> once(names_.begin(), names_.end());
  for (const fs::path& name : once) {
    // A free name of a folder is found when the picture is there.
    check_output(replace_ ? name : name.parent_path() / ".sd35-check.png");
  }
}

void OutputNames::check_other(const std::string& option, const fs::path& file) const {
  for (const fs::path& name : std::set<fs::path>(names_.begin(), names_.end()))
    check_different({{"--output", name}, {option, file}});
}

std::string OutputNames::save(const Picture& picture, std::size_t index) const {
  if (names_.empty()) {
    write_to_standard_output(encode(picture));
    return "standard output";
  }
  if (!replace_) return save_as_new(picture, names_.at(index)).string();
  sd35::save(picture, names_.at(index));
  return names_.at(index).string();
}

}  // namespace sd35::cli
