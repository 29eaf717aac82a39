// Requests to a hub of models, by libcurl.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace sd35::hub {

// What the hub answered instead of what was asked for.
struct Refusal {
  int status = 0;       // of HTTP
  std::string code;     // X-Error-Code, as in "GatedRepo"; may be empty
  std::string message;  // X-Error-Message; may be empty
};

// One server. Connections stay open from one request to the next. For one thread at a time.
class Transfer {
 public:
  // `endpoint`: "https://huggingface.co". `token`: goes to that server alone, never to where it redirects to;
  // empty: none.
  Transfer(std::string endpoint, std::string token);
  ~Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  // Receives bytes as they come; false stops.
  using Receiver = std::function<bool(const char* bytes, std::size_t count)>;
  // Called from time to time, also while nothing comes; false stops.
  using Patience = std::function<bool()>;

  // A small text below `path` ("/api/models/..."). Throws RefusedError for an answer that is not 200, FileError
  // when the server cannot be reached, Cancelled when `patience` says so.
  std::string text(const std::string& path, const Patience& patience);

  // A file from byte `offset` on. `restarted` is called before any byte when the server begins at 0 in spite
  // of the offset. Returns false where the connection ended early, so that another call may go on: what came
  // so far has been received. Throws as text() does.
  bool file(const std::string& path, std::uint64_t offset, const std::function<void()>& restarted,
            const Receiver& receiver, const Patience& patience);

  const std::string& endpoint() const { return endpoint_; }

 private:
  struct Handle;
  std::string endpoint_, token_;
  std::unique_ptr<Handle> handle_;
};

// The hub answered, and refused.
class RefusedError : public std::exception {
 public:
  explicit RefusedError(Refusal refusal) : refusal_(std::move(refusal)) {}
  const char* what() const noexcept override { return "refused"; }
  const Refusal& refusal() const { return refusal_; }

 private:
  Refusal refusal_;
};

// "a b" as "a%20b"; slashes stay.
std::string in_url(std::string_view path);

}  // namespace sd35::hub
