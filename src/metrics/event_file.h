// Files that TensorBoard reads: records of protocol buffers with checksums.
// Reference: TensorFlow core/lib/io/record_writer.cc, core/util/event.proto, core/framework/summary.proto.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>

namespace sd35 {

class EventFile {
 public:
  // Creates "events.out.tfevents.<seconds>.<process>" in `folder`. Events of other files of the folder from
  // `first_step` on no longer count: they come again. Throws FileError.
  EventFile(const std::filesystem::path& folder, std::int64_t first_step);
  // Scalars of a step. Throws FileError when the disk is full.
  void add(std::int64_t step, const std::map<std::string, double>& scalars);

 private:
  void record(const std::string& event);

  std::filesystem::path path_;
  std::ofstream file_;
};

// CRC-32C (Castagnoli), RFC 3720 appendix B.4.
std::uint32_t crc32c(std::string_view bytes);

}  // namespace sd35
