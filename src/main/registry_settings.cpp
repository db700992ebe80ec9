#include "main/registry_settings.h"

#include <algorithm>
#include <cstdlib>

#include "base/nearest_word.h"
#include "base/strings.h"
#include "codec/yaml.h"

namespace skiff {

namespace {

using yaml::Node;

constexpr size_t kLongestFile = size_t{1} << 20U;

Error refused(const Node& at, std::string_view key, std::string_view why) {
  return yaml::error_at(at.line, at.column, cat(key, " ", why));
}

Result<std::string> text_of(const Node& node, std::string_view key) {
  if (node.kind != Node::Kind::kScalar && node.kind != Node::Kind::kNull) {
    return refused(node, key, "takes one value");
  }
  // "~" is none, and no directory of that name, unless it stands in quotes.
  if (node.kind == Node::Kind::kNull || node.text.empty())
    return refused(node, key, "has an empty value: leave the key out");
  return node.text;
}

Result<> set(const Flag& flag, const Node& node) {
  if (flag.given != nullptr) {
    const bool is_word = node.kind == Node::Kind::kScalar && !node.quoted;
    if (!is_word || (node.text != "true" && node.text != "false")) {
      return refused(node, flag.name, "must be true or false");
    }
    *flag.given = node.text == "true";
    return {};
  }
  if (flag.values == nullptr) {
    *flag.value = TRY(text_of(node, flag.name));
    return {};
  }
  if (node.kind != Node::Kind::kSequence) return refused(node, flag.name, "takes a list");
  flag.values->clear();
  for (const Node& item : node.items) flag.values->push_back(TRY(text_of(item, flag.name)));
  return {};
}

constexpr std::string_view kPrefix = "SKIFF_REGISTRY_";

// SKIFF_REGISTRY_SERVICE_HOST, SKIFF_REGISTRY_PORT_5000_TCP_ADDR, ..._NAME, ..._ENV_PATH
bool is_of_a_service(std::string_view variable) {
  const std::string_view rest = variable.substr(kPrefix.size());
  return rest == "PORT" || rest.starts_with("PORT_") || rest == "SERVICE_HOST" ||
         rest == "SERVICE_PORT" || rest.starts_with("SERVICE_PORT_") || rest == "NAME" ||
         rest.starts_with("ENV_");
}

// Names of options whose values are secrets themselves, not files that hold them.
bool is_secret(const Flag& flag) {
  return std::ranges::any_of(std::initializer_list<std::string_view>{"secret", "password", "token"},
                             [&](std::string_view word) {
                               return flag.name.find(word) != std::string_view::npos &&
                                      flag.value_name != "FILE";
                             });
}

// Without the password of an address: postgres://registry:PASSWORD@host/name.
std::string shown(const Flag& flag, const std::string& value) {
  constexpr std::string_view kHidden = "(hidden)";
  if (is_secret(flag)) return std::string(kHidden);
  const size_t scheme = value.find("://");
  const size_t at = value.find('@', scheme == std::string::npos ? 0 : scheme);
  if (scheme == std::string::npos || at == std::string::npos) return value;
  const size_t colon = value.find(':', scheme + 3);
  if (colon == std::string::npos || colon > at) return value;
  return cat(value.substr(0, colon + 1), kHidden, value.substr(at));
}

}  // namespace

bool Settings::is_setting(const Flag& flag) {
  return flag.name != "config" && flag.name != "version" && flag.name != "help";
}

std::string Settings::variable(const Flag& flag) {
  std::string out(kPrefix);
  for (const char c : flag.name) {
    out += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  }
  return out;
}

const Flag* Settings::find(std::string_view name) const {
  const auto found = std::ranges::find(flags_, name, &Flag::name);
  return found == flags_.end() || !is_setting(*found) ? nullptr : &*found;
}

Result<> Settings::load(const Path& file, Missing missing) {
  const auto bytes = read_file(file, kLongestFile);
  if (!bytes && bytes.error().code() == Code::kNotFound && missing == Missing::kAllowed) return {};
  if (!bytes) return bytes.error();
  const Node document = TRY_CONTEXT(yaml::parse(*bytes), file.native());
  if (document.kind == Node::Kind::kNull) return {};
  if (document.kind != Node::Kind::kMapping) {
    return refused(document, file.native(), "must be a list of KEY: VALUE lines");
  }
  for (const yaml::Member& member : document.members) {
    const Flag* flag = find(member.key);
    if (flag == nullptr) {
      return yaml::error_at(member.line, member.column, cat("unknown key ", quoted(member.key)))
          .with_context(file.native());
    }
    TRY_CONTEXT(set(*flag, member.value), file.native());
    note(*flag, cat(file.native(), ":", member.line));
  }
  return {};
}

Result<> Settings::load_environment() {
  for (const Flag& flag : flags_) {
    const std::string name = variable(flag);
    const char* found = is_setting(flag) ? std::getenv(name.c_str()) : nullptr;
    if (found == nullptr) continue;
    const std::string value = found;
    if (value.empty()) return Error(Code::kInvalidArgument, cat(name, " has an empty value"));
    if (flag.given != nullptr) {
      if (value != "true" && value != "false") {
        return Error(Code::kInvalidArgument, cat(name, " must be true or false"));
      }
      *flag.given = value == "true";
    } else if (flag.values != nullptr) {
      // Items have commas of their own, and no spaces.
      *flag.values = split(value, ' ');
    } else {
      *flag.value = value;
    }
    note(flag, name);
  }
  return {};
}

std::vector<std::string> Settings::unknown_variables(const char* const* environment) const {
  std::vector<std::string> known;
  for (const Flag& flag : flags_) {
    if (is_setting(flag)) known.push_back(variable(flag));
  }
  std::vector<std::string> out;
  for (; *environment != nullptr; ++environment) {
    const std::string_view entry = *environment;
    const std::string_view name = entry.substr(0, entry.find('='));
    if (!name.starts_with(kPrefix) || is_of_a_service(name)) continue;
    if (std::ranges::find(known, name) != known.end()) continue;
    const std::string near = nearest_word(name, known);
    out.push_back(cat("the variable ", name, " is none of an option",
                      near.empty() ? "" : cat(" (did you mean ", near, "?)")));
  }
  return out;
}

Result<> Settings::load_flags(std::span<char* const> arguments) {
  // What is given at all replaces what is elsewhere.
  std::map<const Flag*, std::vector<std::string>> before;
  for (const Flag& flag : flags_) {
    if (flag.values != nullptr) before[&flag] = std::exchange(*flag.values, {});
  }
  TRY(parse_flags(arguments, flags_));
  for (auto& [flag, values] : before) {
    if (flag->values->empty()) *flag->values = std::move(values);
  }
  for (const std::string_view word : arguments) {
    if (!word.starts_with("--")) continue;
    const std::string_view name = word.substr(2, word.find('=') - 2);
    if (const Flag* flag = find(name)) note(*flag, cat("--", name));
  }
  return {};
}

std::string Settings::text() const {
  std::string out;
  for (const Flag& flag : flags_) {
    if (!is_setting(flag)) continue;
    const auto source = sources_.find(std::string(flag.name));
    const std::string from = source == sources_.end() ? "default" : source->second;
    std::string value;
    if (flag.given != nullptr) {
      value = *flag.given ? "true" : "false";
    } else if (flag.values != nullptr) {
      std::vector<std::string> items;
      for (const std::string& item : *flag.values) items.push_back(yaml::scalar(shown(flag, item)));
      value = cat("[", join(items, ", "), "]");
    } else if (!flag.value->empty()) {
      value = yaml::scalar(shown(flag, *flag.value));
    }
    const bool is_set = !value.empty() && value != "[]";
    out += is_set ? cat(flag.name, ": ", value, "  # ", from, "\n") : cat("# ", flag.name, ":\n");
  }
  return out;
}

}  // namespace skiff
