#include "serving/page/page.h"

#include <fstream>
#include <iterator>
#include <string>

#include "core/error.h"
#include "core/hash128.h"
#include "core/messages.h"
#include "serving/embedded.h"

namespace sd35::serving {
namespace {

constexpr const char* kPolicy =
    "default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'; base-uri 'none'";
constexpr const char* kNames[] = {"index.html", "app.js", "app.css"};

const char* type_of(std::string_view name) {
  if (name.ends_with(".html")) return "text/html; charset=utf-8";
  if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
  return "text/css; charset=utf-8";
}

std::string path_of(std::string_view name) { return name == "index.html" ? "/" : "/" + std::string(name); }

// A browser asks each time whether it still has the right one.
void send_file(const Call& call, std::string_view name, std::string_view bytes, std::string_view packed) {
  const Headers& asked = call.request().headers;
  const bool pack = !packed.empty() && lists(asked.value("Accept-Encoding"), "gzip");
  const std::string tag = "\"" + hash128(bytes).hex() + (pack ? "-gzip\"" : "\"");
  Headers headers{{"ETag", tag}, {"Cache-Control", "no-cache"}, {"Vary", "Accept-Encoding"}};
  if (lists(asked.value("If-None-Match"), tag)) return call.exchange->respond({304, headers, ""});
  headers.add("Content-Type", type_of(name));
  headers.add("Content-Security-Policy", kPolicy);
  headers.add("Referrer-Policy", "no-referrer");
  if (pack) headers.add("Content-Encoding", "gzip");
  call.exchange->respond({200, headers, std::string(pack ? packed : bytes)});
}

void send_from_folder(const Call& call, const std::filesystem::path& folder, const std::string& name) {
  std::ifstream file(folder / name, std::ios::binary);
  if (!file) throw RequestError(404, "not_found", "there is nothing at this address");
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  send_file(call, name, bytes, "");
}

}  // namespace

bool add_page_routes(Router& router, const std::filesystem::path& folder) {
  if (!folder.empty()) {
    if (!std::filesystem::is_regular_file(folder / "index.html"))
      throw ArgumentError("the folder of --page, " + in_quotes(folder.string()) + ", holds no index.html");
    for (const std::string name : kNames)
      router.add({"GET", path_of(name), Dialect::page,
                  [folder, name](const Call& call) { send_from_folder(call, folder, name); }, true});
    return true;
  }
  const std::vector<EmbeddedFile> files = embedded_page();
  for (const EmbeddedFile& file : files)
    router.add({"GET", path_of(file.name), Dialect::page,
                [file](const Call& call) { send_file(call, file.name, file.bytes, file.packed); }, true});
  return !files.empty();
}

}  // namespace sd35::serving
