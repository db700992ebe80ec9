#include "engine/log_attributes.h"

#include <regex.h>

#include <cctype>
#include <memory>

#include "base/strings.h"

namespace skiff::engine {

namespace {

std::string option(const ContainerInfo& info, const std::string& name) {
  auto found = info.host_config.log_options.find(name);
  return found == info.host_config.log_options.end() ? "" : found->second;
}

// An extended regular expression of POSIX.
class Pattern {
 public:
  static Result<Pattern> compile(const std::string& text) {
    Pattern pattern;
    auto compiled = std::make_unique<regex_t>();
    if (int code = ::regcomp(compiled.get(), text.c_str(), REG_EXTENDED | REG_NOSUB); code != 0) {
      std::string why(128, '\0');
      ::regerror(code, compiled.get(), why.data(), why.size());
      return invalid_argument(cat(skiff::quoted(text), ": ", why.c_str()));
    }
    pattern.compiled_ = {compiled.release(), [](regex_t* regex) {
                           ::regfree(regex);
                           delete regex;
                         }};
    return pattern;
  }
  bool matches(const std::string& text) const {
    return ::regexec(compiled_.get(), text.c_str(), 0, nullptr, 0) == 0;
  }

 private:
  std::shared_ptr<regex_t> compiled_;
};

using Attributes = std::map<std::string, std::string>;

// Those of `from` that the option `name` lists or the option `name`-regex fits.
void add_named(const ContainerInfo& info, const std::string& name, const Attributes& from,
               Attributes& out) {
  for (const std::string& key : split(option(info, name), ',')) {
    if (auto found = from.find(key); found != from.end()) out.insert(*found);
  }
  const std::string text = option(info, name + "-regex");
  if (text.empty()) return;
  const auto pattern = Pattern::compile(text);
  for (const auto& pair : from) {
    if (pattern && pattern->matches(pair.first)) out.insert(pair);
  }
}

Attributes variables(const std::vector<std::string>& env) {
  Attributes out;
  for (const std::string& entry : env) {
    if (auto pair = split_once(entry, '=')) out.emplace(pair->first, pair->second);
  }
  return out;
}

// As the journal takes it, and docker makes it of a label's name: A_B of "a.b".
std::string journal_name(std::string_view name) {
  std::string out;
  for (char c : name) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0;
    if (!out.empty() || plain) out += plain ? c : '_';
  }
  return to_upper(out);
}

}  // namespace

Result<> check_pattern(const std::string& pattern) {
  TRY(Pattern::compile(pattern));
  return {};
}

Result<std::string> expand_tag(std::string_view tag, const ContainerInfo& info) {
  constexpr size_t kShort = 12;
  const std::string digest = info.image_id.substr(info.image_id.find(':') + 1);
  const std::map<std::string_view, std::string> fields = {{".ID", info.id.substr(0, kShort)},
                                                          {".FullID", info.id},
                                                          {".Name", info.name},
                                                          {".ImageName", info.config.image},
                                                          {".ImageID", digest.substr(0, kShort)},
                                                          {".ImageFullID", info.image_id},
                                                          {".DaemonName", "skiff"}};
  std::string out;
  for (;;) {
    const size_t open = tag.find("{{");
    out.append(tag.substr(0, open));
    if (open == std::string_view::npos) return out;
    const size_t close = tag.find("}}", open);
    const std::string_view name = close == std::string_view::npos
                                      ? std::string_view()
                                      : trim(tag.substr(open + 2, close - open - 2));
    auto found = fields.find(name);
    if (found == fields.end()) {
      return invalid_argument(
          cat("log opt 'tag': ", skiff::quoted(tag.substr(open)),
              " is unknown: there are {{.ID}}, {{.FullID}}, {{.Name}}, {{.ImageName}}, "
              "{{.ImageID}}, {{.ImageFullID}} and {{.DaemonName}}"));
    }
    out.append(found->second);
    tag.remove_prefix(close + 2);
  }
}

std::map<std::string, std::string> log_attributes(const ContainerInfo& info) {
  Attributes out;
  add_named(info, "labels", info.config.run.labels, out);
  add_named(info, "env", variables(info.config.run.env), out);
  // The journal has a field of its own for it.
  const std::string tag = info.host_config.log_driver == "journald" ? "" : option(info, "tag");
  if (auto expanded = expand_tag(tag, info); expanded && !expanded->empty()) {
    out.insert_or_assign("tag", *expanded);
  }
  return out;
}

Result<std::map<std::string, std::string>> journal_fields(const ContainerInfo& info) {
  constexpr size_t kShort = 12;
  std::string tag = option(info, "tag");
  if (tag.empty()) tag = "{{.ID}}";
  tag = TRY(expand_tag(tag, info));
  std::map<std::string, std::string> fields;
  for (const auto& [name, value] : log_attributes(info)) {
    if (std::string field = journal_name(name); !field.empty()) fields[field] = value;
  }
  fields["CONTAINER_ID"] = info.id.substr(0, kShort);
  fields["CONTAINER_ID_FULL"] = info.id;
  fields["CONTAINER_NAME"] = info.name;
  fields["CONTAINER_TAG"] = tag;
  fields["IMAGE_NAME"] = info.config.image;
  fields["SYSLOG_IDENTIFIER"] = tag;
  return fields;
}

}  // namespace skiff::engine
