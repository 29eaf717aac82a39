// Tensors that become a file one after another: what the writers of safetensors and GGUF share.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/atomic_file.h"

namespace sd35 {

class TensorFileWriter {
 public:
  struct Part {
    std::string name;
    std::size_t bytes = 0;
    std::size_t padding = 0;  // zeros behind it
  };

  // Begins the file. Throws FileError when it cannot be made.
  void open(const std::filesystem::path& path, std::string_view header, std::vector<Part> parts);
  // The next bytes of the part `name`, which may come in pieces. Throws Error when it is not the turn of
  // `name` or the bytes are more than it has, FileError when the disk is full.
  void write(const std::string& name, std::span<const std::byte> bytes);
  // Puts the file in place. Throws Error when bytes are missing, ArgumentError for an existing file that is
  // not to be replaced, FileError as above.
  void commit(Existing existing);

 private:
  void skip_complete();

  AtomicFile file_;
  std::vector<Part> parts_;
  std::size_t current_ = 0;  // the part whose turn it is
  std::size_t written_ = 0;  // its bytes so far
};

}  // namespace sd35
