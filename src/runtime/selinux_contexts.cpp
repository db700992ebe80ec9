#include "runtime/selinux_contexts.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>

#include "base/strings.h"

namespace skiff::runtime {

namespace {

using ContextNames = std::map<std::string, std::string, std::less<>>;

// Lines of `name = "value"`; ';' and '#' begin comments.
ContextNames read_names(std::string_view text) {
  ContextNames out;
  for (const std::string& line : split(text, '\n')) {
    const std::string_view words = trim(line);
    if (words.empty() || words.front() == ';' || words.front() == '#') continue;
    const auto pair = split_once(words, '=');
    if (!pair) continue;
    std::string_view value = trim(pair->second);
    while (value.starts_with('"')) value.remove_prefix(1);
    while (value.ends_with('"')) value.remove_suffix(1);
    out.insert_or_assign(std::string(trim(pair->first)), std::string(value));
  }
  return out;
}

std::string context_named(const ContextNames& names, std::string_view name) {
  const auto found = names.find(name);
  return found == names.end() ? "" : found->second;
}

// ROOT/TYPE/contexts/lxc_contexts of the policy that ROOT/config names.
Result<std::string> policy_contexts(const Path& settings) {
  const ContextNames config = read_names(TRY(read_file(settings / "config")));
  const std::string type = context_named(config, "SELINUXTYPE");
  if (type.empty()) return Error(Code::kNotFound, "no policy is named");
  return read_file(settings / type / "contexts" / "lxc_contexts");
}

// Whether the kernel's policy takes it for a label.
bool is_known(const Path& filesystem, const std::string& label) {
  if (label.empty()) return false;
  const Result<UniqueFd> asked = open_file(filesystem / "context", O_WRONLY);
  if (!asked) return false;
  return ::write(asked->get(), label.data(), label.size()) == static_cast<ssize_t>(label.size());
}

struct LabelOption {
  std::string_view name;
  std::string_view value;
};

Result<LabelOption> read_option(std::string_view option) {
  constexpr std::array<std::string_view, 6> kNames = {"disable", "user",  "role",
                                                      "type",    "level", "filetype"};
  const auto pair = split_once(option, ':');
  if (!pair) {
    return Error(Code::kInvalidArgument,
                 cat("bad label option ", quoted(option),
                     ", valid options 'disable' or 'user, role, level, type, filetype' followed by "
                     "':' and a value"));
  }
  if (std::ranges::find(kNames, pair->first) == kNames.end()) {
    return Error(Code::kInvalidArgument,
                 cat("bad label option ", quoted(pair->first),
                     ", valid options 'disable, user, role, level, type, filetype'"));
  }
  return LabelOption{.name = pair->first, .value = pair->second};
}

void apply(const LabelOption& option, SelinuxContext& process, SelinuxContext& mount) {
  if (option.name == "filetype") mount.type = option.value;
  if (option.name == "type") process.type = option.value;
  if (option.name == "role") process.role = option.value;
  if (option.name == "user") process.user = mount.user = option.value;
  if (option.name == "level") process.level = mount.level = option.value;
}

}  // namespace

Result<SelinuxContext> SelinuxContext::parse(std::string_view text) {
  const auto user = split_once(text, ':');
  const auto role = user ? split_once(user->second, ':') : std::nullopt;
  if (!role || user->first.empty() || role->first.empty() || role->second.empty()) {
    return Error(Code::kInvalidArgument, cat("invalid SELinux label ", quoted(text)));
  }
  const auto type = split_once(role->second, ':');
  return SelinuxContext{.user = std::string(user->first),
                        .role = std::string(role->first),
                        .type = std::string(type ? type->first : role->second),
                        .level = std::string(type ? type->second : "")};
}

std::string SelinuxContext::str() const {
  return cat(user, ":", role, ":", type, level.empty() ? "" : ":", level);
}

SelinuxLabels policy_labels(const SelinuxPlaces& places) {
  Result<std::string> text = read_file(places.contexts);
  if (!text) text = policy_contexts(places.settings);
  if (!text) return {};
  const ContextNames names = read_names(*text);
  SelinuxLabels labels{.process = context_named(names, "process"),
                       .mount = context_named(names, "file")};
  const bool is_whole =
      is_known(places.filesystem, labels.process) && is_known(places.filesystem, labels.mount);
  return is_whole ? labels : SelinuxLabels();
}

Result<> check_label_options(const std::vector<std::string>& options) {
  for (const std::string& option : options) {
    if (option != "disable") TRY(read_option(option));
  }
  return {};
}

Result<SelinuxLabels> apply_label_options(const SelinuxLabels& own,
                                          const std::vector<std::string>& options) {
  SelinuxContext process = TRY(SelinuxContext::parse(own.process));
  SelinuxContext mount = TRY(SelinuxContext::parse(own.mount));
  for (const std::string& option : options) {
    if (option == "disable") {
      mount = TRY(SelinuxContext::parse(own.mount));
      mount.level = kUnconfinedLevel;
      return SelinuxLabels{.process = "", .mount = mount.str()};
    }
    apply(TRY(read_option(option)), process, mount);
  }
  return SelinuxLabels{.process = process.str(), .mount = mount.str()};
}

Result<std::vector<std::string>> label_options_of(const std::string& process) {
  std::vector<std::string> out;
  if (process.empty()) return out;
  const SelinuxContext context = TRY(SelinuxContext::parse(process));
  out = {cat("user:", context.user), cat("role:", context.role), cat("type:", context.type)};
  if (!context.level.empty()) out.push_back(cat("level:", context.level));
  return out;
}

}  // namespace skiff::runtime
