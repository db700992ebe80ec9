#include "dockerfile/instruction_parser.h"

#include <algorithm>
#include <map>

#include "base/duration.h"
#include "base/strings.h"
#include "dockerfile/instruction_flags.h"

namespace skiff::dockerfile {

namespace {

bool valid_stage_name(std::string_view name) {
  if (name.empty() || name[0] < 'a' || name[0] > 'z') return false;
  return name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_.") ==
         std::string_view::npos;
}

Result<InstructionBody> parse_from(const RawInstruction& raw, char) {
  InstructionFlags flags = TRY(InstructionFlags::read(raw));
  FromInstruction out;
  out.platform = TRY(flags.text("platform"));
  TRY(flags.finish());
  std::vector<std::string> words = split_blank_words(raw.arguments);
  bool named = words.size() == 3 && equals_ignore_case(words[1], "as");
  if (words.size() != 1 && !named)
    return invalid_instruction(
        "FROM requires either one argument, or three: FROM <source> [AS <name>]");
  out.image = words[0];
  if (named) {
    out.as_word = words[1];
    out.written_name = words[2];
    out.name = to_lower(words[2]);
    if (!valid_stage_name(out.name))
      return invalid_instruction(cat("invalid name for build stage: ", quoted(words[2]),
                                     ", name can't start with a number or contain symbols"));
  }
  return out;
}

Result<InstructionBody> parse_arg(const RawInstruction& raw, char escape) {
  TRY(no_flags(raw));
  ArgInstruction out;
  for (const std::string& word : split_quoted_words(raw.arguments, escape)) {
    size_t at = word.find('=');
    std::string name = word.substr(0, at);
    if (name.empty()) return invalid_instruction("ARG names can not be blank");
    std::optional<std::string> value;
    if (at != std::string::npos) value = word.substr(at + 1);
    out.args.emplace_back(std::move(name), std::move(value));
  }
  if (out.args.empty()) return invalid_instruction("ARG requires at least one argument");
  return out;
}

// "a=b c=d", or the old "a the rest", of ENV or LABEL.
template <typename Instruction>
Result<InstructionBody> parse_pairs(const RawInstruction& raw, char escape) {
  TRY(no_flags(raw));
  std::vector<std::string> words = split_quoted_words(raw.arguments, escape);
  if (words.empty())
    return invalid_instruction(cat(keyword_of(raw), " requires at least one argument"));
  Instruction out;
  auto& pairs = out.pairs;
  if (words[0].find('=') == std::string::npos) {
    size_t end = raw.arguments.find_first_of(" \t\v\f\r");
    if (end == std::string::npos)
      return invalid_instruction(cat(keyword_of(raw), " must have two arguments"));
    pairs.emplace_back(raw.arguments.substr(0, end), trim(raw.arguments.substr(end)));
    out.legacy = true;
    return out;
  }
  for (const std::string& word : words) {
    size_t at = word.find('=');
    if (at == std::string::npos)
      return invalid_instruction(
          cat("can't find = in ", quoted(word), ". Must be of the form: name=value"));
    if (at == 0) return invalid_instruction(cat(keyword_of(raw), " names can not be blank"));
    pairs.emplace_back(word.substr(0, at), word.substr(at + 1));
  }
  return out;
}

Result<InstructionBody> parse_workdir(const RawInstruction& raw, char) {
  return WorkdirInstruction{TRY(whole_text(raw))};
}

Result<InstructionBody> parse_user(const RawInstruction& raw, char) {
  return UserInstruction{TRY(whole_text(raw))};
}

Result<InstructionBody> parse_stop_signal(const RawInstruction& raw, char) {
  return StopSignalInstruction{TRY(whole_text(raw))};
}

Result<InstructionBody> parse_maintainer(const RawInstruction& raw, char) {
  return MaintainerInstruction{TRY(whole_text(raw))};
}

Result<InstructionBody> parse_expose(const RawInstruction& raw, char) {
  TRY(no_flags(raw));
  ExposeInstruction out{split_blank_words(raw.arguments)};
  if (out.ports.empty()) return invalid_instruction("EXPOSE requires at least one argument");
  std::sort(out.ports.begin(), out.ports.end());
  return out;
}

Result<InstructionBody> parse_volume(const RawInstruction& raw, char) {
  TRY(no_flags(raw));
  VolumeInstruction out{TRY(words_or_json(raw.arguments))};
  if (out.paths.empty()) return invalid_instruction("VOLUME requires at least one argument");
  for (const std::string& path : out.paths)
    if (trim(path).empty())
      return invalid_instruction("VOLUME specified can not be an empty string");
  return out;
}

Result<InstructionBody> parse_cmd(const RawInstruction& raw, char) {
  TRY(no_flags(raw));
  return CmdInstruction{TRY(parse_command(raw.arguments))};
}

Result<InstructionBody> parse_entrypoint(const RawInstruction& raw, char) {
  TRY(no_flags(raw));
  return EntrypointInstruction{TRY(parse_command(raw.arguments))};
}

Result<InstructionBody> parse_shell(const RawInstruction& raw, char) {
  TRY(no_flags(raw));
  auto words = TRY(json_words(raw.arguments));
  if (!words) return invalid_instruction("SHELL requires the arguments to be in JSON form");
  if (words->empty()) return invalid_instruction("SHELL requires at least one argument");
  return ShellInstruction{std::move(*words)};
}

Result<int64_t> duration_flag(InstructionFlags& flags, const std::string& name) {
  std::string text = TRY(flags.text(name));
  if (text.empty()) return 0;
  int64_t ns = TRY_CONTEXT(parse_duration_ns(text), cat("--", name));
  if (ns != 0 && ns < 1'000'000)
    return invalid_instruction(
        cat("interval ", quoted(text), " of --", name, " cannot be less than 1ms"));
  return ns;
}

Result<InstructionBody> parse_healthcheck(const RawInstruction& raw, char) {
  size_t end = std::min(raw.arguments.find_first_of(" \t\v\f\r"), raw.arguments.size());
  std::string kind = to_upper(raw.arguments.substr(0, end));
  std::string_view rest = trim(std::string_view(raw.arguments).substr(end));
  HealthcheckInstruction out;
  if (kind == "NONE") {
    TRY(no_flags(raw));
    if (!rest.empty()) return invalid_instruction("HEALTHCHECK NONE takes no arguments");
    out.check.test = {"NONE"};
    return out;
  }
  if (kind.empty()) return invalid_instruction("HEALTHCHECK requires at least one argument");
  if (kind != "CMD")
    return invalid_instruction(cat("unknown type ", quoted(kind), " in HEALTHCHECK (try CMD)"));
  InstructionFlags flags = TRY(InstructionFlags::read(raw));
  out.check.interval_ns = TRY(duration_flag(flags, "interval"));
  out.check.timeout_ns = TRY(duration_flag(flags, "timeout"));
  out.check.start_period_ns = TRY(duration_flag(flags, "start-period"));
  out.check.start_interval_ns = TRY(duration_flag(flags, "start-interval"));
  if (std::string text = TRY(flags.text("retries")); !text.empty()) {
    auto retries = parse_int(text);
    if (!retries || *retries < 0 || *retries > INT32_MAX)
      return invalid_instruction(
          cat("--retries must be a number of at least 0, not ", quoted(text)));
    out.check.retries = *retries;
  }
  TRY(flags.finish());
  Command command = TRY(parse_command(rest));
  if (command.words.empty()) return invalid_instruction("missing command after HEALTHCHECK CMD");
  out.check.test = {command.shell ? "CMD-SHELL" : "CMD"};
  out.check.test.insert(out.check.test.end(), command.words.begin(), command.words.end());
  return out;
}

Result<InstructionBody> parse_on_build(const RawInstruction& raw, char) {
  std::string text = TRY(whole_text(raw));
  std::string trigger = to_lower(text.substr(0, text.find_first_of(" \t\v\f\r")));
  if (trigger == "onbuild")
    return invalid_instruction("chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  if (trigger == "from" || trigger == "maintainer")
    return invalid_instruction(cat(to_upper(trigger), " isn't allowed as an ONBUILD trigger"));
  if (!raw.heredoc_text.empty()) {
    text += cat("\n", std::string_view(raw.heredoc_text).substr(0, raw.heredoc_text.size() - 1));
  }
  return OnBuildInstruction{std::move(text)};
}

using Parser = Result<InstructionBody> (*)(const RawInstruction&, char escape);
const std::map<std::string, Parser, std::less<>>& parsers() {
  static const std::map<std::string, Parser, std::less<>> kParsers = {
      {"add", parse_copy},
      {"arg", parse_arg},
      {"cmd", parse_cmd},
      {"copy", parse_copy},
      {"entrypoint", parse_entrypoint},
      {"env", parse_pairs<EnvInstruction>},
      {"expose", parse_expose},
      {"from", parse_from},
      {"healthcheck", parse_healthcheck},
      {"label", parse_pairs<LabelInstruction>},
      {"maintainer", parse_maintainer},
      {"onbuild", parse_on_build},
      {"run", parse_run},
      {"shell", parse_shell},
      {"stopsignal", parse_stop_signal},
      {"user", parse_user},
      {"volume", parse_volume},
      {"workdir", parse_workdir},
  };
  return kParsers;
}

}  // namespace

Result<InstructionBody> parse_instruction(const RawInstruction& raw, char escape) {
  auto found = parsers().find(raw.keyword);
  if (found != parsers().end()) return found->second(raw, escape);
  std::vector<std::string> names;
  for (const auto& [name, parser] : parsers()) names.push_back(to_upper(name));
  std::string written = raw.text.substr(0, raw.keyword.size());
  return invalid_instruction(
      cat("unknown instruction ", quoted(written), did_you_mean(raw.keyword, names)));
}

Result<int64_t> parse_duration_ns(std::string_view text) {
  if (const auto nanoseconds = parse_duration(text)) return *nanoseconds;
  return invalid_instruction(cat("invalid duration ", quoted(text)));
}

}  // namespace skiff::dockerfile
