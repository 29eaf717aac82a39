#include "data/tar.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/error.h"
#include "core/messages.h"
#include "data/tar_header.h"

namespace sd35 {
namespace {

constexpr std::uint64_t kLargestExtension =
    1 << 20;  // a long name or a pax header; they take a few hundred bytes
constexpr std::uint64_t kLargestMember = (std::uint64_t{1} << 33) - 1;  // eleven octal digits
constexpr std::size_t kLongestName = 100;

// What extension headers say of the member after them.
struct Extension {
  std::optional<std::string> name;
  std::optional<std::uint64_t> size;
};

std::optional<std::uint64_t> decimal(std::string_view digits) {
  if (digits.empty() || digits.size() > 18) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return value;
}

// Records "LENGTH KEY=VALUE\n", LENGTH counting all of it. False when they are malformed.
bool parse_pax(std::string_view text, Extension& extension) {
  while (!text.empty()) {
    const std::size_t space = text.find(' ');
    if (space == text.npos) return false;
    const std::optional<std::uint64_t> length = decimal(text.substr(0, space));
    if (!length || *length > text.size() || *length < space + 3 || text[*length - 1] != '\n') return false;
    const std::string_view record = text.substr(space + 1, *length - space - 2);
    const std::size_t equals = record.find('=');
    if (equals == record.npos) return false;
    const std::string_view key = record.substr(0, equals);
    const std::string_view value = record.substr(equals + 1);
    if (key == "path") extension.name = value;
    if (key == "size") {
      extension.size = decimal(value);
      if (!extension.size) return false;
    }
    text.remove_prefix(*length);
  }
  return true;
}

class IndexReader {
 public:
  explicit IndexReader(const FileReader& archive) : archive_(archive) {}

  // What is wrong with the archive after the members found; empty when nothing is.
  std::string read(std::vector<TarMember>& members) {
    Extension extension;
    while (position_ < archive_.size()) {
      TarBlock block;
      if (archive_.read_some(position_, std::as_writable_bytes(std::span(block))) < block.size())
        return "it ends inside a header";
      position_ += block.size();
      if (is_zero(block)) return "";
      const std::optional<TarHeader> header = parse_tar_header(block);
      if (!header) return "a header has a wrong checksum or size";
      std::string problem = header->type == 'L' || header->type == 'x'
                                ? read_extension(*header, extension)
                                : read_member(*header, std::exchange(extension, {}), members);
      if (!problem.empty()) return problem;
    }
    return "it has no end mark and may be cut short";
  }

 private:
  bool fits(std::uint64_t size) const { return size <= archive_.size() - position_; }

  // Past the bytes of a member; the padding of the last one may be missing.
  void skip(std::uint64_t size) {
    position_ = std::min(archive_.size(), position_ + size + tar_padding(size));
  }

  std::string read_extension(const TarHeader& header, Extension& extension) {
    if (header.size > kLargestExtension)
      return "an extension header of " + std::to_string(header.size) + " bytes";
    if (!fits(header.size)) return "it ends inside an extension header";
    std::string text(header.size, '\0');
    archive_.read(position_, std::as_writable_bytes(std::span(text)));
    skip(header.size);
    if (header.type == 'L') {
      extension.name = text.substr(0, text.find('\0'));
      return "";
    }
    return parse_pax(text, extension) ? "" : "a malformed pax header";
  }

  std::string read_member(const TarHeader& header, const Extension& extension,
                          std::vector<TarMember>& members) {
    const bool regular = header.type == '0' || header.type == '\0' || header.type == '7';
    // Links, devices and folders have no bytes, whatever their size field says.
    if (header.type >= '1' && header.type <= '6') return "";
    std::string name = extension.name.value_or(header.name);
    if (header.type == 'S') return "member " + in_quotes(name) + " is a sparse file, which is not read";
    const std::uint64_t size = extension.size.value_or(header.size);
    if (!fits(size))
      return "member " + in_quotes(name) + " of " + std::to_string(size) + " bytes goes beyond its end";
    while (name.starts_with("./")) name.erase(0, 2);
    // An old way to store a folder is a regular file with a slash at its end.
    if (regular && !name.empty() && !name.ends_with('/') && name.find('\0') == name.npos)
      members.push_back({std::move(name), position_, size});
    skip(size);
    return "";
  }

  const FileReader& archive_;
  std::uint64_t position_ = 0;
};

// "LENGTH path=NAME\n"; the length counts its own digits.
std::string pax_path(std::string_view name) {
  const std::string record = " path=" + std::string(name) + "\n";
  std::size_t length = record.size();
  while (std::to_string(length).size() + record.size() != length)
    length = std::to_string(length).size() + record.size();
  return std::to_string(length) + record;
}

}  // namespace

std::vector<TarMember> read_tar_index(const FileReader& archive, const WarningFunction& warn) {
  std::vector<TarMember> members;
  const std::string problem = IndexReader(archive).read(members);
  if (problem.empty()) return members;
  if (members.empty())
    throw FileError("cannot read " + in_quotes(archive.path()) + " as a tar archive: " + problem +
                        " (a compressed archive must be unpacked)",
                    {}, archive.path());
  if (warn)
    warn(in_quotes(archive.path()) + ": " + problem + "; read up to member " +
         in_quotes(members.back().name));
  return members;
}

void TarWriter::add(std::string_view name, std::span<const std::byte> bytes) {
  if (name.empty() || name.starts_with('/') || name.find('\0') != name.npos)
    throw ArgumentError("a tar member cannot have the name " + in_quotes(name));
  if (bytes.size() > kLargestMember)
    throw ArgumentError("tar member " + in_quotes(name) + " has " + std::to_string(bytes.size()) +
                        " bytes; at most " + std::to_string(kLargestMember) + " fit");
  if (name.size() > kLongestName) {
    const std::string record = pax_path(name);
    write_member("PaxHeader", 'x', std::as_bytes(std::span(record)));
    name = name.substr(0, kLongestName);
  }
  write_member(name, '0', bytes);
}

void TarWriter::write_member(std::string_view name, char type, std::span<const std::byte> bytes) {
  const TarBlock header = make_tar_header(name, bytes.size(), type);
  const TarBlock zeros{};
  file_.write(std::as_bytes(std::span(header)));
  file_.write(bytes);
  file_.write(std::as_bytes(std::span(zeros)).first(tar_padding(bytes.size())));
}

void TarWriter::commit() {
  const TarBlock zeros{};
  for (int i = 0; i < 2; ++i) file_.write(std::as_bytes(std::span(zeros)));
  file_.commit();
}

}  // namespace sd35
