#include "remote/challenge.h"

#include <cctype>
#include <optional>
#include <string_view>

#include "base/strings.h"

namespace skiff::remote {

namespace {

bool is_token_char(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

// A reader of one field, from the front.
class Field {
 public:
  explicit Field(std::string_view text) : rest_(text) {}

  void skip(std::string_view set) {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(set), rest_.size()));
  }
  bool at_end() const { return rest_.empty(); }
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::string_view token() {
    size_t n = 0;
    while (n < rest_.size() && is_token_char(rest_[n])) ++n;
    std::string_view word = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return word;
  }
  // A token or a quoted string; nullopt when the quote never ends.
  std::optional<std::string> value() {
    if (!take('"')) return std::string(token());
    std::string text;
    while (!rest_.empty()) {
      char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return text;
      if (c == '\\' && !rest_.empty()) {
        c = rest_.front();
        rest_.remove_prefix(1);
      }
      text.push_back(c);
    }
    return std::nullopt;
  }

 private:
  std::string_view rest_;
};

void parse_field(std::string_view text, std::vector<Challenge>& out) {
  Field field(text);
  bool have_scheme = false;
  for (field.skip(" \t,"); !field.at_end(); field.skip(" \t,")) {
    const std::string word = to_lower(field.token());
    if (word.empty()) return;
    field.skip(" \t");
    if (!field.take('=')) {
      out.push_back({.scheme = word, .parameters = {}});
      have_scheme = true;
      continue;
    }
    field.skip(" \t");
    auto value = field.value();
    if (!value || !have_scheme) return;
    out.back().parameters[word] = *value;
  }
}

}  // namespace

std::string Challenge::parameter(const std::string& name) const {
  auto found = parameters.find(name);
  return found == parameters.end() ? "" : found->second;
}

std::vector<Challenge> parse_challenges(const std::vector<std::string>& fields) {
  std::vector<Challenge> out;
  for (const std::string& field : fields) parse_field(field, out);
  return out;
}

}  // namespace skiff::remote
