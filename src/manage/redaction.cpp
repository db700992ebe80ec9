#include "manage/redaction.h"

#include <algorithm>
#include <array>

#include "base/strings.h"

namespace skiff::manage {

namespace {

constexpr std::array<std::string_view, 4> kSecrets = {"password", "secret", "token", "key"};

// Behind the last '@' that may end who logs in. One in a path is taken for that, too, where a colon
// stands before the path: a password with a slash in it looks so.
std::string_view without_login(std::string_view text) {
  const std::string_view authority = text.substr(0, text.find_first_of("/?#"));
  const size_t at = authority.rfind('@');
  if (at != std::string_view::npos) return text.substr(at + 1);
  const size_t later = text.rfind('@');
  const bool may_be = authority.find(':') != std::string_view::npos;
  return may_be && later != std::string_view::npos ? text.substr(later + 1) : text;
}

}  // namespace

std::string without_secrets(const std::string& text) {
  const size_t slashes = text.find("://");
  const size_t begin = slashes == std::string::npos ? 0 : slashes + 3;
  const std::string_view rest = std::string_view(text).substr(begin);
  if (slashes != std::string::npos) {
    const std::string_view place = without_login(rest);
    return cat(text.substr(0, begin), place.substr(0, place.find_first_of("?#")));
  }
  // USER:PASSWORD@HOST, whose scheme was forgotten.
  const size_t at = rest.rfind('@');
  const bool has_login = at != std::string_view::npos && rest.find(':') < at;
  const std::string place = has_login ? std::string(rest.substr(at + 1)) : text;
  const size_t question = place.find('?');
  const bool asks = question != std::string::npos && place.find('=', question) != std::string::npos;
  return asks ? place.substr(0, question) : place;
}

json::Value without_secrets(const json::Value& value) {
  if (value.is_string()) return without_secrets(value.as_string());
  if (value.is_array()) {
    json::Array out;
    for (const json::Value& item : value.as_array()) out.push_back(without_secrets(item));
    return out;
  }
  if (!value.is_object()) return value;
  json::Value out = json::object();
  for (const auto& [name, member] : value.as_object()) {
    const bool is_secret = std::ranges::find(kSecrets, name) != kSecrets.end();
    out.set(name, is_secret ? json::Value("***") : without_secrets(member));
  }
  return out;
}

}  // namespace skiff::manage
