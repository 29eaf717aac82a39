#include "core/file_kind.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "core/error.h"
#include "core/file_reader.h"
#include "core/messages.h"

namespace sd35 {
namespace {

using namespace std::literals;

struct Signature {
  std::string_view start;
  std::string_view kind;
};

// Pickles need code to be read, and run it; nobody should load them unasked.
constexpr auto kPickle = "a PyTorch file (a pickle); convert it to safetensors";

constexpr std::array kSignatures = {
    Signature{"version https://git-lfs"sv,
              "a Git LFS pointer in place of the file itself (run: git lfs pull)"},
    Signature{"version https://hawser"sv,
              "a Git LFS pointer in place of the file itself (run: git lfs pull)"},
    Signature{"\x80\x02"sv, kPickle},
    Signature{"\x80\x03"sv, kPickle},
    Signature{"\x80\x04"sv, kPickle},
    Signature{"\x80\x05"sv, kPickle},
    Signature{"GGUF"sv, "a GGUF file"},
    Signature{"lmgg"sv, "a GGML file, older than GGUF; convert it to GGUF or safetensors"},
    Signature{"tjgg"sv, "a GGJT file, older than GGUF; convert it to GGUF or safetensors"},
    Signature{"\x89PNG\r\n\x1a\n"sv, "a PNG picture"},
    Signature{"\xff\xd8\xff"sv, "a JPEG picture"},
    Signature{"GIF8"sv, "a GIF picture"},
    Signature{"%PDF-"sv, "a PDF document"},
    Signature{"\x1f\x8b"sv, "a gzip archive; unpack it"},
    Signature{"BZh"sv, "a bzip2 archive; unpack it"},
    Signature{"\xfd"
              "7zXZ\0"sv,
              "an xz archive; unpack it"},
    Signature{"7z\xbc\xaf\x27\x1c"sv, "a 7z archive; unpack it"},
    Signature{"Rar!\x1a\x07"sv, "a RAR archive; unpack it"},
    Signature{"\x28\xb5\x2f\xfd"sv, "a zstd archive; unpack it"},
    Signature{"\x89HDF\r\n\x1a\n"sv, "an HDF5 file (of Keras); convert it to safetensors"},
    Signature{"\x93NUMPY"sv, "a NumPy file; convert it to safetensors"},
    Signature{"\x7f"
              "ELF"sv,
              "a program"},
    Signature{"SQLite format 3"sv, "an SQLite database"},
};

constexpr std::string_view kZip = "PK\x03\x04";
constexpr std::size_t kTarMagicAt = 257;

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

// `text` without a byte order mark and white space in front.
std::string_view trimmed(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first == std::string_view::npos ? std::string_view() : text.substr(first);
}

bool is_text(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    const bool never_in_utf8 = byte == 0xc0 || byte == 0xc1 || byte >= 0xf5;
    return byte >= 0x20 ? byte != 0x7f && !never_in_utf8 : (c == '\n' || c == '\r' || c == '\t');
  });
}

// A length below 4 GB, then a header in JSON: the length may begin as a pickle or a picture does.
bool is_safetensors(std::string_view text) {
  constexpr std::string_view kUpperHalf = "\0\0\0\0{"sv;
  return text.size() > 8 && text.substr(4).starts_with(kUpperHalf);
}

std::string zip_kind(std::string_view text) {
  // torch.save puts its pickle first, below a folder of any name.
  return text.find("data.pkl") != std::string_view::npos || text.find("/version") != std::string_view::npos
             ? "a PyTorch file (a zip archive of pickles); convert it to safetensors"
             : "a zip archive; unpack it, or where it is a PyTorch file (.ckpt, .pt, .bin), convert it to "
               "safetensors";
}

std::string text_kind(std::string_view text) {
  constexpr std::size_t kShown = 60;
  const std::string_view inner = trimmed(text);
  const std::string small = lower(inner.substr(0, 64));
  for (const std::string_view start : {"<!doctype html", "<html", "<head"})
    if (small.starts_with(start)) return "a web page (HTML), not the file itself: the download was refused";
  if (inner.starts_with('<')) return "XML or HTML, which begins " + in_quotes(inner.substr(0, kShown));
  if (inner.starts_with('{') || inner.starts_with('['))
    return "JSON, which begins " + in_quotes(inner.substr(0, kShown));
  return "text, which begins " + in_quotes(inner.substr(0, std::min(kShown, inner.find('\n'))));
}

}  // namespace

std::string file_kind(std::span<const std::byte> start) {
  const std::string_view text(reinterpret_cast<const char*>(start.data()),
                              std::min(start.size(), kFileStart));
  if (text.empty()) return "an empty file: its download did not begin";
  if (is_safetensors(text)) return "";
  for (const Signature& signature : kSignatures)
    if (text.starts_with(signature.start)) return std::string(signature.kind);
  if (text.starts_with(kZip)) return zip_kind(text);
  if (text.starts_with("RIFF") && text.substr(0, 12).ends_with("WEBP")) return "a WebP picture";
  if (text.size() > kTarMagicAt && text.substr(kTarMagicAt).starts_with("ustar"))
    return "a tar archive; unpack it";
  if (text.size() == kFileStart && text.find_first_not_of('\0') == std::string_view::npos)
    return "a file that begins with zeros: its download did not end";
  return is_text(text) && !trimmed(text).empty() ? text_kind(text) : "";
}

std::string file_kind(const std::filesystem::path& path) {
  try {
    const FileReader file(path.string());
    std::array<std::byte, kFileStart> start{};
    return file_kind(std::span<const std::byte>(start).first(file.read_some(0, start)));
  } catch (const FileError&) {
    return "";
  }
}

}  // namespace sd35
