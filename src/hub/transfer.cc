#include "hub/transfer.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <exception>
#include <mutex>
#include <string_view>

#include "core/error.h"
#include "core/messages.h"
#include "sd35/sd35.h"

namespace sd35::hub {
namespace {

constexpr long kConnectSeconds = 30, kSilentSeconds = 60, kMostRedirects = 5;
constexpr std::size_t kLongestText = 64'000'000;
constexpr int kOk = 200, kPartial = 206, kFirstRefused = 400;

// One request on its way.
struct Request {
  const Transfer::Receiver* receiver = nullptr;
  const std::function<void()>* restarted = nullptr;
  const Transfer::Patience* patience = nullptr;
  CURL* curl = nullptr;
  bool from_the_middle = false, began = false, cancelled = false, refused = false;
  std::exception_ptr failed;  // of the receiver
};

// Of the last answer, after redirects; empty: it is not there.
std::string header_of(CURL* curl, const char* name) {
  curl_header* header = nullptr;
  constexpr int kLastAnswer = -1;
  if (curl_easy_header(curl, name, 0, CURLH_HEADER, kLastAnswer, &header) != CURLHE_OK) return "";
  return printable(header->value);
}

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* pointer) {
  auto& request = *static_cast<Request*>(pointer);
  try {
    if (!request.began) {
      request.began = true;
      long status = 0;
      curl_easy_getinfo(request.curl, CURLINFO_RESPONSE_CODE, &status);
      request.refused = status >= kFirstRefused;
      if (!request.refused && request.from_the_middle && status != kPartial) (*request.restarted)();
    }
    if (request.refused) return size * count;
    if ((*request.receiver)(data, size * count)) return size * count;
    request.cancelled = true;
  } catch (...) {
    request.failed = std::current_exception();
  }
  return 0;
}

int on_progress(void* pointer, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto& request = *static_cast<Request*>(pointer);
  request.cancelled = request.cancelled || !(*request.patience)();
  return request.cancelled ? 1 : 0;
}

// Whether another try may end better.
bool is_passing(CURLcode code) {
  constexpr std::array kPassing{CURLE_PARTIAL_FILE, CURLE_RECV_ERROR,         CURLE_SEND_ERROR,
                                CURLE_GOT_NOTHING,  CURLE_OPERATION_TIMEDOUT, CURLE_COULDNT_CONNECT,
                                CURLE_HTTP2_STREAM, CURLE_SSL_CONNECT_ERROR};
  return std::ranges::find(kPassing, code) != kPassing.end();
}

}  // namespace

struct Transfer::Handle {
  Handle() {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
    curl = curl_easy_init();
    if (curl == nullptr) throw MemoryError();
  }
  ~Handle() { curl_easy_cleanup(curl); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  // Returns the status of HTTP; 0: the connection ended before the answer did.
  int perform(const std::string& url, const std::string& token, std::uint64_t offset, Request& request) {
    curl_easy_reset(curl);
    request.curl = curl;
    request.from_the_middle = offset > 0;
    const auto set = [&](CURLoption option, auto value) { curl_easy_setopt(curl, option, value); };
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_FOLLOWLOCATION, 1L);
    set(CURLOPT_MAXREDIRS, kMostRedirects);
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_REDIR_PROTOCOLS_STR, url.starts_with("https") ? "https" : "http,https");
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
    set(CURLOPT_LOW_SPEED_LIMIT, 1L);
    set(CURLOPT_LOW_SPEED_TIME, kSilentSeconds);
    set(CURLOPT_USERAGENT, ("sd35/" + version()).c_str());
    set(CURLOPT_WRITEFUNCTION, &on_body);
    set(CURLOPT_WRITEDATA, static_cast<void*>(&request));
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, &on_progress);
    set(CURLOPT_XFERINFODATA, static_cast<void*>(&request));
    std::array<char, CURL_ERROR_SIZE> reason{};
    set(CURLOPT_ERRORBUFFER, reason.data());
    // Not CURLOPT_RESUME_FROM, which takes a server without ranges for a failure.
    const std::string range = std::to_string(offset) + "-";
    if (offset > 0) set(CURLOPT_RANGE, range.c_str());
    if (!token.empty()) {  // libcurl keeps it from other hosts
      set(CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
      set(CURLOPT_XOAUTH2_BEARER, token.c_str());
    }
    const CURLcode code = curl_easy_perform(curl);
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, nullptr);
    if (request.failed) std::rethrow_exception(request.failed);
    if (request.cancelled) throw Cancelled();
    if (status >= kFirstRefused) {
      throw RefusedError(
          {static_cast<int>(status), header_of(curl, "X-Error-Code"), header_of(curl, "X-Error-Message")});
    }
    if (code == CURLE_OK) return static_cast<int>(status);
    if (is_passing(code)) return 0;
    throw FileError(url + ": " + (reason[0] != '\0' ? reason.data() : curl_easy_strerror(code)));
  }

  CURL* curl = nullptr;
};

Transfer::Transfer(std::string endpoint, std::string token)
    : endpoint_(std::move(endpoint)), token_(std::move(token)), handle_(std::make_unique<Handle>()) {
  while (endpoint_.ends_with('/')) endpoint_.pop_back();
}
Transfer::~Transfer() = default;

std::string Transfer::text(const std::string& path, const Patience& patience) {
  std::string text;
  const Receiver receiver = [&](const char* bytes, std::size_t count) {
    if (text.size() + count > kLongestText) throw FileError(endpoint_ + path + ": the answer is too long");
    text.append(bytes, count);
    return true;
  };
  Request request;
  request.receiver = &receiver;
  request.patience = &patience;
  if (handle_->perform(endpoint_ + path, token_, 0, request) != kOk)
    throw FileError(endpoint_ + " cannot be reached, or the connection broke; try again");
  return text;
}

bool Transfer::file(const std::string& path, std::uint64_t offset, const std::function<void()>& restarted,
                    const Receiver& receiver, const Patience& patience) {
  Request request;
  request.receiver = &receiver;
  request.restarted = &restarted;
  request.patience = &patience;
  return handle_->perform(endpoint_ + path, token_, offset, request) != 0;
}

std::string in_url(std::string_view path) {
  constexpr std::string_view kPlain = "-._~/";
  std::string url;
  for (const char character : path) {
    const auto byte = static_cast<unsigned char>(character);
    if (std::isalnum(byte) != 0 || kPlain.find(character) != kPlain.npos) {
      url += character;
    } else {
      url += '%';
      url += "0123456789ABCDEF"[byte / 16];
      url += "0123456789ABCDEF"[byte % 16];
    }
  }
  return url;
}

}  // namespace sd35::hub
