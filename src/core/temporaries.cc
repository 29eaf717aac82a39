#include "core/temporaries.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace sd35 {
namespace {

namespace fs = std::filesystem;

// ".sd35-MMMMMMMM-RRRRRRRRRRRRRRRR.tmp": this start of this machine, and a random number.
constexpr std::string_view kPrefix = ".sd35-", kSuffix = ".tmp";
constexpr std::size_t kMachineDigits = 8, kRandomDigits = 16;
constexpr std::time_t kSecondsOfADay = 24 * 60 * 60;

bool is_hexadecimal(std::string_view digits) {
  return digits.find_first_not_of("0123456789abcdef") == digits.npos;
}

// Empty where the system does not say.
const std::string& this_machine() {
  static const std::string machine = [] {
    std::string id;
    std::ifstream("/proc/sys/kernel/random/boot_id") >> id;
    id.resize(std::min(id.size(), kMachineDigits));
    return id.size() == kMachineDigits && is_hexadecimal(id) ? id : "";
  }();
  return machine;
}

// The machine in a temporary's name; nothing for other names.
std::string_view machine_of(std::string_view name) {
  if (name.size() != kPrefix.size() + kMachineDigits + 1 + kRandomDigits + kSuffix.size() ||
      !name.starts_with(kPrefix) || !name.ends_with(kSuffix))
    return {};
  const std::string_view machine = name.substr(kPrefix.size(), kMachineDigits);
  const std::string_view random = name.substr(kPrefix.size() + kMachineDigits + 1, kRandomDigits);
  return is_hexadecimal(machine) && is_hexadecimal(random) ? machine : std::string_view();
}

bool is_still_there(int descriptor, const fs::path& path) {
  struct stat opened {
  }, named{};
  return ::fstat(descriptor, &opened) == 0 && ::lstat(path.c_str(), &named) == 0 &&
         opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

// Opened for writing because of the lock: on a network share only those who may write can have one.
int open_to_lock(const fs::path& path) {
  constexpr int kFlags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  const int file = ::open(path.c_str(), O_RDWR | kFlags);
  return file < 0 && errno == EISDIR ? ::open(path.c_str(), O_RDONLY | O_DIRECTORY | kFlags) : file;
}

void remove_if_left(const fs::path& path) {
  const int descriptor = open_to_lock(path);
  if (descriptor < 0) return;
  struct stat status {};
  const bool known = ::fstat(descriptor, &status) == 0;
  const bool here = machine_of(path.filename().string()) == this_machine();
  const bool old = known && std::time(nullptr) - status.st_mtime > kSecondsOfADay;
  std::error_code ignored;
  if ((here || old) && ::flock(descriptor, LOCK_EX | LOCK_NB) == 0 && is_still_there(descriptor, path))
    fs::remove_all(path, ignored);
  ::close(descriptor);
}

bool is_first_look(const fs::path& folder) {
  static std::mutex mutex;
  static std::set<fs::path> seen;
  const std::lock_guard lock(mutex);
  return seen.insert(fs::absolute(folder)).second;
}

// Temporary folders that are being filled, and what they will be called.
struct ShownTargets {
  std::mutex mutex;
  std::map<fs::path, fs::path> targets;
};

ShownTargets& shown_targets() {
  static ShownTargets all;
  return all;
}

}  // namespace

ShownTarget::ShownTarget(fs::path path, fs::path target) : path_(std::move(path)) {
  ShownTargets& all = shown_targets();
  const std::lock_guard lock(all.mutex);
  all.targets.insert_or_assign(path_, std::move(target));
}

ShownTarget::~ShownTarget() {
  ShownTargets& all = shown_targets();
  const std::lock_guard lock(all.mutex);
  all.targets.erase(path_);
}

fs::path shown_path(const fs::path& path) {
  ShownTargets& all = shown_targets();
  const std::lock_guard lock(all.mutex);
  for (const auto& [temporary, target] : all.targets)
    if (const auto end = std::ranges::mismatch(temporary, path); end.in1 == temporary.end()) {
      fs::path shown = target;
      for (auto name = end.in2; name != path.end(); ++name) shown /= *name;
      return shown;
    }
  return path;
}

std::string temporary_name() {
  static std::random_device random;
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  char digits[kRandomDigits + 1];
  std::snprintf(digits, sizeof digits, "%08x%08x", random(), random());
  const std::string& machine = this_machine();
  return std::string(kPrefix) + (machine.empty() ? std::string(kMachineDigits, '0') : machine) + "-" +
         digits + std::string(kSuffix);
}

bool hold_temporary(int descriptor, const fs::path& path) {
  while (::flock(descriptor, LOCK_EX) != 0)
    if (errno != EINTR) break;  // a file system without locks, where nobody gets one to remove it either
  return is_still_there(descriptor, path);
}

void remove_leftovers(const fs::path& folder) noexcept {
  try {
    if (!is_first_look(folder)) return;
    std::vector<fs::path> found;
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
      if (!machine_of(entry->path().filename().string()).empty()) found.push_back(entry->path());
    std::ranges::for_each(found, remove_if_left);
  } catch (const std::exception&) {
    return;  // they only take up space
  }
}

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

void flush_folder(const fs::path& folder) noexcept {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  (void)::fsync(descriptor);
  ::close(descriptor);
}

std::string why_not_replaced(const std::filesystem::path& path) {
  struct statx status {};
  if (::statx(AT_FDCWD, path.c_str(), 0, STATX_TYPE, &status) != 0) return "";
  if ((status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0) return "is mounted for itself";
  return (status.stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND)) != 0 ? "is immutable" : "";
}

}  // namespace sd35
