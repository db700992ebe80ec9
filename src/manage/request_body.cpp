#include "manage/request_body.h"

#include <algorithm>
#include <vector>

#include "base/io.h"
#include "base/strings.h"
#include "manage/redaction.h"

namespace skiff::manage {

using registry::Answer;
using registry::Refusal;

namespace {

constexpr size_t kLongestBody = size_t{64} << 10U;

constexpr registry::ErrorKind kTooLarge{"SIZE_INVALID", 413};

struct Member {
  std::string_view name;
  std::string_view type;  // of [...] what is between the brackets, with the first
  bool is_needed = false;
};

Member member_of(std::string_view word) {
  Member out;
  out.is_needed = word.ends_with('!');
  if (out.is_needed) word.remove_suffix(1);
  const size_t colon = word.find(':');
  out.name = word.substr(0, colon);
  if (colon == std::string_view::npos) return out;
  out.type = word.substr(colon + 1);
  if (out.type.ends_with(']')) out.type.remove_suffix(1);
  return out;
}

std::vector<Member> members_of(std::string_view text) {
  std::vector<Member> out;
  while (!text.empty()) {
    const size_t bracket = text.find('[');
    size_t end = text.find(' ');
    if (bracket < end) end = text.find(' ', text.find(']', bracket));
    out.push_back(member_of(text.substr(0, end)));
    text.remove_prefix(std::min(text.size(), end == std::string_view::npos ? end : end + 1));
  }
  return out;
}

Answer<> check_object(const std::string& where, const json::Value& value, std::string_view members);

Answer<> check_list(const std::string& where, std::string_view type, const json::Value& list) {
  for (size_t i = 0; i < list.as_array().size(); ++i) {
    const json::Value& item = list.as_array()[i];
    const std::string at = cat(where, "[", i, "]");
    if (type == "strings") {
      if (!item.is_string()) return Refusal(kInvalid, cat(at, " must be of type string"));
      continue;
    }
    TRY(check_object(at, item, type.substr(1)));
    if (item.as_object().empty()) return Refusal(kInvalid, cat(at, " says nothing"));
  }
  return {};
}

Answer<> check_type(const std::string& where, std::string_view type, const json::Value& value) {
  const bool is_list = type == "strings" || type.starts_with('[');
  if (is_list && value.is_array()) return check_list(where, type, value);
  if (type == "int" && value.is_int()) return {};
  if (type == "bool" && value.is_bool()) return {};
  const bool is_text = type.empty() || type == "secret" || type == "url";
  if (is_text && value.is_string()) return {};
  return Refusal(kInvalid, cat(where, " must be of type ",
                               is_list   ? "array"
                               : is_text ? "string"
                                         : type));
}

Answer<> check_object(const std::string& where, const json::Value& value,
                      std::string_view members) {
  if (!value.is_object()) {
    return Refusal(kInvalid, cat(where.empty() ? "the body" : where, " must be an object"));
  }
  const std::string before = where.empty() ? "" : cat(where, ".");
  const std::vector<Member> known = members_of(members);
  for (const Member& member : known) {
    const json::Value* const given = value.find(member.name);
    const std::string at = cat(before, member.name);
    if (given != nullptr) TRY(check_type(at, member.type, *given));
    if (given == nullptr && member.is_needed) return Refusal(kInvalid, cat(at, " is needed"));
  }
  for (const auto& [name, ignored] : value.as_object()) {
    if (std::ranges::find(known, name, &Member::name) == known.end()) {
      return Refusal(kInvalid, cat("unknown member ", quoted(cat(before, name))));
    }
  }
  return {};
}

}  // namespace

Answer<json::Value> read_body(net::Request& request, std::string_view members) {
  if (members.empty()) return json::object();
  const Result<std::string> bytes = read_all(*request.body, kLongestBody);
  if (!bytes && bytes.error().code() == Code::kResourceExhausted) {
    return Refusal(kTooLarge, cat("the body is longer than ", kLongestBody, " bytes"));
  }
  if (!bytes) return registry::broken_off(kInvalid, bytes.error());
  const auto body = json::parse(bytes->empty() ? "{}" : *bytes);
  if (!body) return Refusal(kInvalid, cat("the body is no JSON: ", body.error().message()));
  TRY(check_object("", *body, members));
  return *body;
}

json::Value told_body(const json::Value& body, std::string_view members) {
  json::Value out = body;
  for (const Member& member : members_of(members)) {
    if (!body.has(member.name)) continue;
    if (member.type == "secret") out.set(member.name, "***");
    if (member.type == "url") out.set(member.name, without_secrets(body.string(member.name)));
  }
  return out;
}

}  // namespace skiff::manage
