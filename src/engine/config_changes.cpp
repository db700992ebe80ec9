// Dockerfile-like instructions applied to a configuration: `commit --change`,
// `import --change`.
#include <algorithm>
#include <cctype>
#include <functional>

#include "base/strings.h"
#include "codec/json.h"
#include "engine/container_config.h"
#include "engine/engine.h"
#include "engine/files.h"

namespace skiff::engine {

namespace {

using Words = std::vector<std::string>;
using NamedValues = std::vector<std::pair<std::string, std::string>>;

bool is_blank(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }
bool is_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

std::string variable(const oci::RunConfig& config, const std::string& name) {
  for (const std::string& entry : config.env) {
    if (entry.starts_with(name + "=")) return entry.substr(name.size() + 1);
  }
  return "";
}

// A '$' at `at` of `text`: the variable's value, and `at` behind its name.
Result<std::string> expand_variable(const oci::RunConfig& config, std::string_view text,
                                    size_t& at) {
  bool braces = at + 1 < text.size() && text[at + 1] == '{';
  size_t begin = at + (braces ? 2 : 1);
  size_t end = begin;
  while (end < text.size() && is_name(text[end])) ++end;
  if (end == begin && !braces) {
    ++at;
    return std::string("$");
  }
  if (braces && (end == begin || end == text.size() || text[end] != '}')) {
    return Error(Code::kInvalidArgument,
                 cat("only $NAME and ${NAME} can be used in a change: ", text));
  }
  at = end + (braces ? 1 : 0);
  return variable(config, std::string(text.substr(begin, end - begin)));
}

// Splits at blanks outside quotes; quotes and backslashes are taken away, variables replaced
// except between single quotes.
Result<Words> read_words(const oci::RunConfig& config, std::string_view text) {
  Words words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (size_t at = 0; at < text.size();) {
    char c = text[at];
    if (quote == 0 && is_blank(c)) {
      if (in_word) words.push_back(std::exchange(word, ""));
      in_word = false;
      ++at;
      continue;
    }
    in_word = true;
    if (c == quote || (quote == 0 && (c == '"' || c == '\''))) {
      quote = quote == 0 ? c : '\0';
      ++at;
    } else if (c == '\\' && quote != '\'' && at + 1 < text.size()) {
      word += text[at + 1];
      at += 2;
    } else if (c == '$' && quote != '\'') {
      word += TRY(expand_variable(config, text, at));
    } else {
      word += c;
      ++at;
    }
  }
  if (quote != 0) {
    return Error(Code::kInvalidArgument, cat("unterminated quote in: ", text));
  }
  if (in_word) words.push_back(word);
  return words;
}

// The words of a JSON array of strings; nullopt for anything else.
std::optional<Words> read_json_words(std::string_view text) {
  if (!trim(text).starts_with('[')) return std::nullopt;
  auto parsed = json::parse(trim(text));
  if (!parsed || !parsed->is_array()) return std::nullopt;
  Words words;
  for (const json::Value& v : parsed->as_array()) {
    if (!v.is_string()) return std::nullopt;
    words.push_back(v.as_string());
  }
  return words;
}

Words command_of(const oci::RunConfig& config, std::string_view text) {
  if (auto words = read_json_words(text)) return *words;
  Words command = config.shell.value_or(Words{"/bin/sh", "-c"});
  command.emplace_back(trim(text));
  return command;
}

Result<std::string> one_word(const oci::RunConfig& config, std::string_view text) {
  return join(TRY(read_words(config, text)), " ");
}

// "a=b c=d", or in the older form "a b c".
Result<NamedValues> read_pairs(const oci::RunConfig& config, const char* what,
                               std::string_view text) {
  Words words = TRY(read_words(config, text));
  NamedValues pairs;
  if (!words.empty() && words[0].find('=') == std::string::npos) {
    if (words.size() < 2) {
      return Error(Code::kInvalidArgument, cat(what, " must have two arguments"));
    }
    pairs.emplace_back(words[0], join(Words(words.begin() + 1, words.end()), " "));
    return pairs;
  }
  for (const std::string& word : words) {
    auto pair = split_once(word, '=');
    if (!pair || pair->first.empty()) {
      return Error(Code::kInvalidArgument,
                   cat("Syntax error - can't find = in ", skiff::quoted(word),
                       ". Must be of the form: name=value"));
    }
    pairs.emplace_back(pair->first, pair->second);
  }
  return pairs;
}

void add_sorted(std::vector<std::string>& list, std::string entry) {
  auto at = std::lower_bound(list.begin(), list.end(), entry);
  if (at == list.end() || *at != entry) list.insert(at, std::move(entry));
}

Result<> apply_cmd(oci::RunConfig& config, std::string_view text) {
  config.cmd = command_of(config, text);
  return {};
}

Result<> apply_entrypoint(oci::RunConfig& config, std::string_view text) {
  config.entrypoint = command_of(config, text);
  return {};
}

Result<> apply_env(oci::RunConfig& config, std::string_view text) {
  for (const auto& [name, value] : TRY(read_pairs(config, "ENV", text))) {
    std::string prefix = name + "=";
    auto same = std::find_if(config.env.begin(), config.env.end(),
                             [&](const std::string& entry) { return entry.starts_with(prefix); });
    if (same != config.env.end()) {
      *same = prefix + value;
    } else {
      config.env.push_back(prefix + value);
    }
  }
  return {};
}

Result<> apply_label(oci::RunConfig& config, std::string_view text) {
  for (const auto& [name, value] : TRY(read_pairs(config, "LABEL", text))) {
    config.labels.insert_or_assign(name, value);
  }
  return {};
}

Result<> apply_expose(oci::RunConfig& config, std::string_view text) {
  for (const std::string& word : TRY(read_words(config, text))) {
    auto [port, protocol] = TRY(parse_port(word));
    add_sorted(config.exposed_ports, cat(port, "/", protocol));
  }
  return {};
}

Result<> apply_volume(oci::RunConfig& config, std::string_view text) {
  auto paths = read_json_words(text);
  if (!paths) paths = TRY(read_words(config, text));
  for (const std::string& path : *paths) add_sorted(config.volumes, path);
  return {};
}

Result<> apply_user(oci::RunConfig& config, std::string_view text) {
  config.user = TRY(one_word(config, text));
  return {};
}

Result<> apply_workdir(oci::RunConfig& config, std::string_view text) {
  Path base = config.working_dir.empty() ? Path("/") : Path(config.working_dir);
  config.working_dir = (base / TRY(one_word(config, text))).lexically_normal().string();
  return {};
}

Result<> apply_stop_signal(oci::RunConfig& config, std::string_view text) {
  std::string signal = TRY(one_word(config, text));
  TRY(parse_signal(signal));
  config.stop_signal = signal;
  return {};
}

Result<> apply_shell(oci::RunConfig& config, std::string_view text) {
  config.shell = read_json_words(text);
  if (config.shell) return {};
  return Error(Code::kInvalidArgument, "SHELL requires the arguments to be in JSON form");
}

Result<> apply_on_build(oci::RunConfig& config, std::string_view text) {
  std::string trigger(trim(text));
  std::string keyword = to_upper(trigger.substr(0, trigger.find_first_of(" \t")));
  if (keyword == "ONBUILD") {
    return Error(Code::kInvalidArgument, "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  }
  if (keyword == "FROM" || keyword == "MAINTAINER") {
    return Error(Code::kInvalidArgument, cat(keyword, " isn't allowed as an ONBUILD trigger"));
  }
  config.on_build.push_back(std::move(trigger));
  return {};
}

// "30s", "1m30s", "1.5h".
Result<int64_t> read_duration(std::string_view text) {
  TimePoint origin(std::chrono::hours(24) * 365 * 40);
  auto back = parse_time_argument(text, origin);
  bool has_unit = text.find_first_of("hms") != std::string_view::npos;
  if (!back || !has_unit || *back > origin) {
    return Error(Code::kInvalidArgument, cat("invalid duration: ", skiff::quoted(text)));
  }
  return (origin - *back).count();
}

Result<> apply_health_flag(oci::Healthcheck& check, std::string_view flag) {
  auto pair = split_once(flag, '=');
  std::string name(pair ? pair->first : flag);
  std::string_view value = pair ? pair->second : "";
  int64_t* duration = name == "--interval"         ? &check.interval_ns
                      : name == "--timeout"        ? &check.timeout_ns
                      : name == "--start-period"   ? &check.start_period_ns
                      : name == "--start-interval" ? &check.start_interval_ns
                                                   : nullptr;
  if (duration != nullptr) {
    *duration = TRY(read_duration(value));
    return {};
  }
  auto retries = parse_uint(value);
  if (name != "--retries" || !retries || *retries == 0) {
    return Error(Code::kInvalidArgument, cat("HEALTHCHECK: bad flag ", flag));
  }
  check.retries = static_cast<int64_t>(*retries);
  return {};
}

Result<> apply_healthcheck(oci::RunConfig& config, std::string_view text) {
  oci::Healthcheck check;
  text = trim(text);
  while (text.starts_with("--")) {
    size_t end = std::min(text.find_first_of(" \t"), text.size());
    TRY(apply_health_flag(check, text.substr(0, end)));
    text = trim(text.substr(end));
  }
  size_t end = std::min(text.find_first_of(" \t"), text.size());
  std::string kind = to_upper(text.substr(0, end));
  std::string_view command = trim(text.substr(end));
  if (kind == "NONE" && command.empty()) {
    check.test = {"NONE"};
  } else if (kind == "CMD" && !command.empty()) {
    auto words = read_json_words(command);
    check.test = words ? Words{"CMD"} : Words{"CMD-SHELL", std::string(command)};
    if (words) check.test.insert(check.test.end(), words->begin(), words->end());
  } else {
    return Error(Code::kInvalidArgument, cat("HEALTHCHECK: want NONE or CMD command, not ", text));
  }
  config.healthcheck = std::move(check);
  return {};
}

struct Change {
  std::string_view keyword;
  Result<> (*apply)(oci::RunConfig&, std::string_view);
};

constexpr Change kChanges[] = {
    {"CMD", apply_cmd},          {"ENTRYPOINT", apply_entrypoint},
    {"ENV", apply_env},          {"LABEL", apply_label},
    {"EXPOSE", apply_expose},    {"VOLUME", apply_volume},
    {"USER", apply_user},        {"WORKDIR", apply_workdir},
    {"SHELL", apply_shell},      {"STOPSIGNAL", apply_stop_signal},
    {"ONBUILD", apply_on_build}, {"HEALTHCHECK", apply_healthcheck},
};

Result<> apply_change(oci::RunConfig& config, std::string_view line) {
  size_t end = std::min(line.find_first_of(" \t"), line.size());
  std::string keyword = to_upper(line.substr(0, end));
  std::string_view arguments = trim(line.substr(end));
  for (const Change& change : kChanges) {
    if (change.keyword != keyword) continue;
    if (arguments.empty()) {
      return Error(Code::kInvalidArgument, cat(keyword, " requires at least one argument"));
    }
    return change.apply(config, arguments);
  }
  return Error(Code::kInvalidArgument, cat(keyword, " is not a valid change command"));
}

}  // namespace

Result<> apply_changes(oci::RunConfig& config, const std::vector<std::string>& changes) {
  for (const std::string& change : changes) {
    for (const std::string& line : split(change, '\n')) {
      std::string_view text = trim(line);
      if (text.empty() || text.starts_with('#')) continue;
      TRY_CONTEXT(apply_change(config, text), cat("change ", skiff::quoted(text)));
    }
  }
  return {};
}

}  // namespace skiff::engine
