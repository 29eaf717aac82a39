#include "serving/http/multipart.h"

#include "serving/http/headers.h"

namespace sd35::serving {
namespace {

constexpr std::size_t kMostPartHead = 4096;

// The value of `name` among the parameters that follow the first semicolon, with or without quotes.
std::optional<std::string> parameter(std::string_view field, std::string_view name) {
  std::size_t at = field.find(';');
  while (at < field.size()) {
    const std::size_t begin = field.find_first_not_of("; \t", at);
    const std::size_t equals = field.find('=', std::min(begin, field.size()));
    if (equals == field.npos) return std::nullopt;
    const std::string_view key = trimmed(field.substr(begin, equals - begin));
    std::string value;
    std::size_t i = equals + 1;
    if (i < field.size() && field[i] == '"') {
      for (++i; i < field.size() && field[i] != '"'; ++i) {
        if (field[i] == '\\' && i + 1 < field.size()) ++i;
        value += field[i];
      }
      if (i == field.size()) return std::nullopt;
      at = field.find(';', i);
    } else {
      at = std::min(field.find(';', i), field.size());
      value = trimmed(field.substr(i, at - i));
    }
    if (same_name(key, name)) return value;
  }
  return std::nullopt;
}

// Reads the fields of a part, which end with an empty line.
bool read_head(std::string_view head, FormPart& part) {
  bool named = false;
  while (!head.empty()) {
    const std::string_view line = head.substr(0, head.find("\r\n"));
    head.remove_prefix(std::min(line.size() + 2, head.size()));
    const std::size_t colon = line.find(':');
    if (colon == line.npos) return false;
    if (!same_name(trimmed(line.substr(0, colon)), "Content-Disposition")) continue;
    const std::string_view value = trimmed(line.substr(colon + 1));
    const auto name = parameter(value, "name");
    if (!name || !same_name(trimmed(value.substr(0, value.find(';'))), "form-data")) return false;
    part.name = *name;
    part.file_name = parameter(value, "filename").value_or("");
    named = true;
  }
  return named;
}

}  // namespace

std::optional<std::string> multipart_boundary(std::string_view content_type) {
  if (!same_name(trimmed(content_type.substr(0, content_type.find(';'))), "multipart/form-data"))
    return std::nullopt;
  const auto boundary = parameter(content_type, "boundary");
  if (!boundary || boundary->empty() || boundary->size() > 70) return std::nullopt;
  return boundary;
}

std::optional<std::vector<FormPart>> multipart_parts(std::string_view body, std::string_view boundary) {
  const std::string first = "--" + std::string(boundary), between = "\r\n" + first;
  std::vector<FormPart> parts;
  std::size_t at = body.starts_with(first) ? 0 : body.find(between);
  if (at == body.npos) return std::nullopt;
  at += at == 0 ? first.size() : between.size();
  while (!body.substr(at).starts_with("--")) {
    const std::size_t line_end = body.find("\r\n", at);
    if (line_end == body.npos || !trimmed(body.substr(at, line_end - at)).empty()) return std::nullopt;
    const std::size_t head = line_end + 2, head_end = body.find("\r\n\r\n", line_end);
    if (head_end == body.npos || head_end < head || head_end - head > kMostPartHead) return std::nullopt;
    const std::size_t content = head_end + 4, end = body.find(between, head_end + 2);
    if (end == body.npos || parts.size() == kMostParts) return std::nullopt;
    FormPart part;
    if (!read_head(body.substr(head, head_end - head), part)) return std::nullopt;
    // An empty content shares its line's end with the head.
    part.content = end < content ? std::string_view() : body.substr(content, end - content);
    parts.push_back(std::move(part));
    at = end + between.size();
  }
  return parts;
}

}  // namespace sd35::serving
