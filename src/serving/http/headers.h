// The fields of a request's or an answer's head.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sd35::serving {

// Whether two names of fields are the same: letters of ASCII match in either case.
bool same_name(std::string_view a, std::string_view b);

// In the order in which they came; a name may occur several times.
class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<std::pair<std::string, std::string>> fields) : fields_(fields) {}

  void add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }
  // Instead of all that have this name.
  void set(const std::string& name, std::string value);
  // The first of this name; nullptr: there is none.
  const std::string* find(std::string_view name) const;
  // The first of this name, or "".
  std::string_view value(std::string_view name) const;
  int count(std::string_view name) const;

  std::size_t size() const { return fields_.size(); }
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

// Whether a list such as "gzip, br;q=0.5" names `token`, and not with a weight of zero.
bool lists(std::string_view list, std::string_view token);

// Without blanks and tabs at both ends.
std::string_view trimmed(std::string_view text);

}  // namespace sd35::serving
