#include "weights/files/tensor_file_writer.h"

#include <utility>

#include "core/error.h"
#include "core/messages.h"

namespace sd35 {

void TensorFileWriter::open(const std::filesystem::path& path, std::string_view header,
                            std::vector<Part> parts) {
  parts_ = std::move(parts);
  file_.open(path);
  file_.write(std::as_bytes(std::span(header)));
  skip_complete();
}

void TensorFileWriter::skip_complete() {
  while (current_ < parts_.size() && written_ == parts_[current_].bytes) {
    const std::vector<std::byte> zeros(parts_[current_].padding);
    file_.write(zeros);
    ++current_;
    written_ = 0;
  }
}

void TensorFileWriter::write(const std::string& name, std::span<const std::byte> bytes) {
  // A tensor without elements is complete before its turn.
  if (bytes.empty()) return;
  if (current_ == parts_.size() || parts_[current_].name != name)
    throw Error("tensor " + in_quotes(name) + " written out of turn");
  if (bytes.size() > parts_[current_].bytes - written_)
    throw Error("more bytes written to tensor " + in_quotes(name) + " than it has");
  file_.write(bytes);
  written_ += bytes.size();
  skip_complete();
}

void TensorFileWriter::commit(Existing existing) {
  if (current_ != parts_.size())
    throw Error("tensor " + in_quotes(parts_[current_].name) + " was not written in full");
  file_.commit(existing);
}

}  // namespace sd35
