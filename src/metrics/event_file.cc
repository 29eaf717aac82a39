#include "metrics/event_file.h"

#include <unistd.h>

#include <array>
#include <bit>
#include <chrono>

#include "core/error.h"

namespace sd35 {
namespace {

// Fields of the messages, as protocol buffers tag them: number * 8 + wire type.
namespace event {
constexpr char kWallTime = 0x09, kStep = 0x10, kFileVersion = 0x1a, kSummary = 0x2a, kSessionLog = 0x3a;
}
namespace session_log {
constexpr char kStatus = 0x08, kStart = 1;
}
namespace summary {
constexpr char kValue = 0x0a;
}
namespace value {
constexpr char kTag = 0x0a, kSimpleValue = 0x15;
}

template <class Integer>
std::string little_endian(Integer bits) {
  std::string bytes;
  for (std::size_t i = 0; i < sizeof(bits); ++i) bytes += static_cast<char>(bits >> (8 * i));
  return bytes;
}

std::string varint(std::uint64_t number) {
  std::string bytes;
  for (; number >= 128; number >>= 7) bytes += static_cast<char>(number | 128);
  return bytes += static_cast<char>(number);
}

std::string with_length(char field, const std::string& content) {
  return field + varint(content.size()) + content;
}

double seconds_since_epoch() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string event_at(std::int64_t step) {
  return event::kWallTime + little_endian(std::bit_cast<std::uint64_t>(seconds_since_epoch())) +
         event::kStep + varint(static_cast<std::uint64_t>(step));
}

std::string masked_checksum(const std::string& bytes) {
  return little_endian(std::rotr(crc32c(bytes), 15) + 0xa282ead8u);
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  static const std::array<std::uint32_t, 256> table = [] {
    std::array<std::uint32_t, 256> remainders{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
      std::uint32_t remainder = byte;
      for (int bit = 0; bit < 8; ++bit)
        remainder = (remainder >> 1) ^ ((remainder & 1) != 0 ? 0x82f63b78u : 0);
      remainders[byte] = remainder;
    }
    return remainders;
  }();
  std::uint32_t crc = ~0u;
  for (const char byte : bytes) crc = (crc >> 8) ^ table[(crc ^ static_cast<unsigned char>(byte)) & 255];
  return ~crc;
}

EventFile::EventFile(const std::filesystem::path& folder, std::int64_t first_step)
    : path_(folder /
            ("events.out.tfevents." + std::to_string(static_cast<std::int64_t>(seconds_since_epoch())) + "." +
             std::to_string(getpid()))),
      file_(path_, std::ios::binary) {
  record(event_at(0) + with_length(event::kFileVersion, "brain.Event:2"));
  if (first_step > 0)
    record(event_at(first_step) +
           with_length(event::kSessionLog, {session_log::kStatus, session_log::kStart}));
}

void EventFile::add(std::int64_t step, const std::map<std::string, double>& scalars) {
  std::string values;
  for (const auto& [name, scalar] : scalars)
    values += with_length(summary::kValue,
                          with_length(value::kTag, name) + value::kSimpleValue +
                              little_endian(std::bit_cast<std::uint32_t>(static_cast<float>(scalar))));
  record(event_at(step) + with_length(event::kSummary, values));
}

void EventFile::record(const std::string& event) {
  const std::string length = little_endian(std::uint64_t{event.size()});
  file_ << length << masked_checksum(length) << event << masked_checksum(event) << std::flush;
  if (!file_) throw FileError(path_.string() + " cannot be written", {}, path_);
}

}  // namespace sd35
