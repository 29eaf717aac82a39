#include "hub/pull.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <system_error>
#include <thread>

#include "core/error.h"
#include "core/file_reader.h"
#include "core/messages.h"
#include "hub/digest.h"
#include "hub/listing.h"
#include "hub/partial_file.h"
#include "hub/transfer.h"
#include "weights/model/hub_cache.h"

namespace sd35::hub {
namespace {

namespace fs = std::filesystem;

constexpr int kTries = 6;  // that bring nothing, one after another
constexpr std::uint64_t kSpareBytes = 100'000'000;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// As `hf auth login` leaves it.
std::string token_of_environment() {
  for (const char* name : {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"})
    if (const std::string token = variable(name); !token.empty()) return token;
  fs::path file = variable("HF_TOKEN_PATH");
  if (file.empty() && !variable("HF_HOME").empty()) file = fs::path(variable("HF_HOME")) / "token";
  if (file.empty() && !variable("XDG_CACHE_HOME").empty())
    file = fs::path(variable("XDG_CACHE_HOME")) / "huggingface/token";
  if (file.empty() && !variable("HOME").empty())
    file = fs::path(variable("HOME")) / ".cache/huggingface/token";
  std::error_code error;
  if (file.empty() || !fs::exists(file, error)) return "";
  constexpr std::uint64_t kLongestToken = 4096;
  std::string token = read_whole_file(file, kLongestToken);
  token.erase(token.find_last_not_of(" \r\n\t") + 1);
  return token;
}

std::string endpoint_of(const PullOptions& options) {
  std::string endpoint = options.endpoint.empty() ? variable("HF_ENDPOINT") : options.endpoint;
  if (endpoint.empty()) endpoint = "https://huggingface.co";
  if (!endpoint.starts_with("https://") && !endpoint.starts_with("http://"))
    throw ArgumentError("the hub's address is " + in_quotes(endpoint) + "; it must begin with https://");
  return endpoint;
}

[[noreturn]] void fail_refused(const Refusal& refusal, const std::string& name, const std::string& endpoint,
                               bool with_token) {
  const std::string page = endpoint + "/" + name,
                    said = refusal.message.empty() ? "" : " (" + refusal.message + ")";
  if (refusal.code == "GatedRepo" || refusal.status == 403)
    throw FileError(
        name + ": its authors give it to those who accept their terms: do so at " + page + ", then " +
        (with_token ? "check that the token is of that account" : "log in (hf auth login, or HF_TOKEN)") +
        " and pull again" + said);
  if (refusal.status == 401 || refusal.code == "RepoNotFound" || refusal.status == 404)
    throw FileError(
        name + ": the hub has nothing of this name, revision or file that it would show" +
        (with_token ? " with this token" : "; for a private one log in (hf auth login, or HF_TOKEN)") + ": " +
        page + said);
  throw FileError(name + ": the hub answered " + std::to_string(refusal.status) + said + "; try again later");
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    throw FileError("cannot make the folder " + in_quotes(folder.string()) + ": " + error.message(), {},
                    folder);
}

// The folder of one model in the cache.
class ModelFolder {
 public:
  ModelFolder(const fs::path& cache, const std::string& name)
      : folder_(cache / hub_folder(name)), locks_(cache / ".locks" / hub_folder(name)) {
    for (const char* part : {"blobs", "refs", "snapshots"}) make_folder(folder_ / part);
    make_folder(locks_);
  }

  const fs::path& folder() const { return folder_; }
  fs::path blob(const RemoteFile& file) const { return folder_ / "blobs" / file.etag; }
  fs::path lock(const RemoteFile& file) const { return locks_ / (file.etag + ".lock"); }
  fs::path snapshot(const std::string& commit) const { return folder_ / "snapshots" / commit; }

  bool has(const RemoteFile& file) const {
    std::error_code error;
    return fs::file_size(blob(file), error) == file.size && !error;
  }

  // Gives a blob the name that it has in the model.
  void link(const RemoteFile& file, const std::string& commit) const {
    const fs::path to = snapshot(commit) / file.path;
    make_folder(to.parent_path());
    const fs::path target = fs::relative(blob(file), to.parent_path());
    std::error_code error;
    if (fs::read_symlink(to, error) == target) return;
    const fs::path temporary = to.string() + ".new";
    fs::remove(temporary, error);
    fs::create_symlink(target, temporary, error);
    if (!error) fs::rename(temporary, to, error);
    if (error) throw FileError("cannot write " + in_quotes(to.string()) + ": " + error.message(), {}, to);
  }

  // Which commit a branch is at.
  void set_reference(const std::string& revision, const std::string& commit) const {
    if (revision == commit) return;
    const fs::path to = folder_ / "refs" / revision, temporary = to.string() + ".new";
    make_folder(to.parent_path());
    std::ofstream stream(temporary);
    stream << commit;
    stream.close();
    std::error_code error;
    fs::rename(temporary, to, error);
    if (!stream || error) throw FileError("cannot write " + in_quotes(to.string()), {}, to);
  }

 private:
  fs::path folder_, locks_;
};

class Pull {
 public:
  Pull(const std::string& name, const PullOptions& options, const PullCallbacks& callbacks)
      : name_(name),
        options_(options),
        callbacks_(callbacks),
        token_(token_of_environment()),
        transfer_(endpoint_of(options), token_),
        folder_(options.cache.empty() ? hub_cache_folder() : options.cache, name) {}

  PullReport run() {
    const RemoteModel model = listed();
    const std::vector<RemoteFile> files =
        options_.files.empty() ? needed_files(model, options_.t5, name_) : named_files(model, options_.files);
    PullReport report{
        folder_.snapshot(model.commit), model.commit, model.license, model.license_link, files.size(), 0, 0};
    for (const RemoteFile& file : files) report.bytes += file.size;
    now_.all_bytes = report.bytes;
    check_room(files);
    for (const RemoteFile& file : files) {
      now_.file = file.path;
      const std::uint64_t before = now_.bytes;
      if (!folder_.has(file)) fetch(file, model.commit);
      folder_.link(file, model.commit);
      now_.bytes = before + file.size;
      go_on();
    }
    folder_.set_reference(options_.revision, model.commit);
    report.fetched = fetched_;
    return report;
  }

 private:
  bool patience() const { return !callbacks_.on_progress || callbacks_.on_progress(now_); }
  void go_on() const {
    if (!patience()) throw Cancelled();
  }

  RemoteModel listed() {
    try {
      return model_from_json(transfer_.text("/api/models/" + in_url(name_) + "/revision/" +
                                                in_url(options_.revision) + "?blobs=true",
                                            [this] { return patience(); }),
                             name_);
    } catch (const RefusedError& error) {
      fail_refused(error.refusal(), name_, transfer_.endpoint(), !token_.empty());
    }
  }

  void check_room(const std::vector<RemoteFile>& files) const {
    std::uint64_t missing = 0;
    for (const RemoteFile& file : files)
      if (!folder_.has(file))
        missing += file.size - std::min(file.size, PartialFile::size_of(folder_.blob(file)));
    struct statvfs disk {};
    if (statvfs(folder_.folder().c_str(), &disk) != 0) return;
    const std::uint64_t free = std::uint64_t{disk.f_bavail} * disk.f_frsize;
    if (missing == 0 || free >= missing + kSpareBytes) return;
    throw FileError(name_ + ": " + std::to_string(missing / 1'000'000) + " MB are missing, and " +
                        in_quotes(folder_.folder().string()) + " has room for " +
                        std::to_string(free / 1'000'000) + " MB; HF_HUB_CACHE names a folder elsewhere",
                    {}, folder_.folder());
  }

  // Waits for others that fetch the same file.
  void fetch(const RemoteFile& file, const std::string& commit) {
    const FileLock lock(folder_.lock(file), [this] { return patience(); });
    if (folder_.has(file)) return;
    for (int damaged = 0;; ++damaged) {
      PartialFile partial(folder_.blob(file));
      receive(file, commit, partial);
      partial.flush();
      const std::string digest = file.large ? sha256_of(partial.path(), [this] { return patience(); })
                                            : git_blob_of(partial.path(), [this] { return patience(); });
      if (digest == file.etag) return partial.commit();
      partial.discard();
      if (damaged > 0)
        throw FileError(name_ + ": " + in_quotes(file.path) +
                        " came twice with other content than the hub's list says (" + digest +
                        " instead of " + file.etag + "); try again later");
    }
  }

  // All of `file`, in as many connections as it takes.
  void receive(const RemoteFile& file, const std::string& commit, PartialFile& partial) {
    const std::uint64_t before = now_.bytes;
    const std::string path = "/" + in_url(name_) + "/resolve/" + commit + "/" + in_url(file.path);
    int fruitless = 0;
    while (partial.size() < file.size || (file.size == 0 && fruitless == 0)) {
      if (partial.size() > file.size) partial.restart();
      const std::uint64_t had = partial.size();
      now_.bytes = before + had;
      const bool whole = receive_some(file, path, partial, before);
      if (partial.size() > file.size) break;  // the digest says so
      fruitless = partial.size() > had ? 0 : fruitless + 1;
      if (whole && partial.size() < file.size && fruitless == 0) ++fruitless;
      if (fruitless >= kTries)
        throw FileError(name_ + ": " + in_quotes(file.path) + " does not come: the connection to " +
                        transfer_.endpoint() +
                        " breaks; what is there stays, and the next pull goes on from it");
      if (fruitless > 0) wait(fruitless);
    }
    now_.bytes = before;
  }

  bool receive_some(const RemoteFile& file, const std::string& path, PartialFile& partial,
                    std::uint64_t before) {
    try {
      return transfer_.file(
          path, partial.size(), [&] { partial.restart(); },
          [&](const char* bytes, std::size_t count) {
            partial.append(bytes, count);
            fetched_ += count;
            now_.bytes = before + std::min(partial.size(), file.size);
            return patience();
          },
          [this] { return patience(); });
    } catch (const RefusedError& error) {
      const int status = error.refusal().status;
      constexpr int kNoSuchRange = 416, kTooMany = 429, kFirstOfServer = 500;
      if (status == kNoSuchRange) return partial.restart(), false;
      if (status == kTooMany || status >= kFirstOfServer) return false;
      fail_refused(error.refusal(), name_, transfer_.endpoint(), !token_.empty());
    }
  }

  // Longer each time; 0.5 s, 1 s, 2 s ...
  void wait(int times) const {
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(250 << times);
    while (std::chrono::steady_clock::now() < end) {
      go_on();
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }

  std::string name_;
  const PullOptions& options_;
  const PullCallbacks& callbacks_;
  std::string token_;
  Transfer transfer_;
  ModelFolder folder_;
  PullProgress now_;
  std::uint64_t fetched_ = 0;
};

}  // namespace

PullReport pull(const std::string& name, const PullOptions& options, const PullCallbacks& callbacks) {
  if (!is_hub_name(name))
    throw ArgumentError(
        in_quotes(name) +
        " is not the name of a model on a hub, as stabilityai/stable-diffusion-3.5-medium is");
  const std::string& revision = options.revision;
  if (revision.empty() || revision.front() == '/' || revision.find("..") != revision.npos ||
      revision.find_first_of(std::string("\\\0", 2)) != revision.npos)
    throw ArgumentError("revision is " + in_quotes(revision) + "; it must be a branch, a tag or a commit",
                        "revision");
  return Pull(name, options, callbacks).run();
}

}  // namespace sd35::hub
