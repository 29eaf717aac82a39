// Tar archives as data sets use them (WebDataset shards): an index of members with random access, and a
// writer. Formats: POSIX.1-2017 pax "ustar Interchange Format"; GNU tar manual, "Basic Tar Format".
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/atomic_file.h"
#include "core/file_reader.h"

namespace sd35 {

// A regular file inside an archive.
struct TarMember {
  std::string name;          // as stored, without a leading "./"
  std::uint64_t offset = 0;  // of its bytes in the archive
  std::uint64_t size = 0;
};

// The regular files of an archive in its order: old, ustar, GNU (long names, large sizes) and pax (path,
// size). Folders and links are passed over. The members found always lie inside the file.
//
// Throws FileError when the archive cannot be read or does not begin with a member (a compressed archive, for
// one). Damage after that (a wrong checksum, a size beyond the end) ends the list with one line to `warn`
// that names the archive and the last good member; nothing after it can be trusted.
std::vector<TarMember> read_tar_index(const FileReader& archive, const WarningFunction& warn);

// Writes an archive that GNU tar, Python and read_tar_index() read. The same members give the same bytes: no
// time, owner or directory order is stored. The file appears complete in commit() or not at all.
class TarWriter {
 public:
  // Throws FileError when the file cannot be made.
  explicit TarWriter(const std::filesystem::path& path) : file_(path) {}

  // Appends a regular file. Throws ArgumentError for a name that is empty, holds NUL or begins with '/', or
  // more than 8 GiB - 1 byte; FileError when the disk is full.
  void add(std::string_view name, std::span<const std::byte> bytes);
  void add(std::string_view name, std::string_view text) {
    add(name, std::as_bytes(std::span(text.data(), text.size())));
  }
  // Puts the archive in place. Throws FileError.
  void commit();

 private:
  void write_member(std::string_view name, char type, std::span<const std::byte> bytes);

  AtomicFile file_;
};

}  // namespace sd35
