#include "runtime/command_line.h"

#include <unistd.h>

#include <algorithm>

#include "base/io.h"
#include "base/strings.h"
#include "base/truth.h"

namespace skiff::runtime {

namespace {

const CommandFlag* find_flag(std::span<const CommandFlag> flags, std::string_view text) {
  bool one_dash = !text.starts_with("--");
  std::string_view name = text.substr(one_dash ? 1 : 2);
  for (const CommandFlag& flag : flags) {
    // One dash before a long name is accepted too, as runc does.
    if (flag.name == name || (one_dash && !flag.letter.empty() && flag.letter == name)) {
      return &flag;
    }
  }
  return nullptr;
}

}  // namespace

Result<CommandArguments> CommandArguments::parse(std::span<const std::string> arguments,
                                                 std::span<const CommandFlag> flags,
                                                 bool words_end_flags) {
  CommandArguments parsed;
  bool flags_over = false;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& text = arguments[i];
    if (flags_over || text == "-" || !text.starts_with('-')) {
      parsed.words_.push_back(text);
      flags_over = flags_over || words_end_flags;
      continue;
    }
    if (text == "--") {
      flags_over = true;
      continue;
    }
    auto pair = split_once(text, '=');
    std::string_view name = pair ? pair->first : std::string_view(text);
    const CommandFlag* flag = find_flag(flags, name);
    if (flag == nullptr) {
      return Error(Code::kInvalidArgument, cat("flag provided but not defined: ", name));
    }
    std::string value(pair ? pair->second : std::string_view());
    bool takes_next = !flag->value_name.empty() && !pair;
    if (takes_next) {
      if (++i == arguments.size()) {
        return Error(Code::kInvalidArgument, cat("flag needs an argument: ", name));
      }
      value = arguments[i];
    }
    if (flag->value_name.empty() && pair) {
      const auto on = parse_bool(value);
      if (!on) {
        return Error(Code::kInvalidArgument,
                     cat("invalid boolean value ", quoted(value), " for flag ", name));
      }
      if (!*on) continue;
    }
    parsed.values_[std::string(flag->name)].push_back(std::move(value));
  }
  return parsed;
}

std::string CommandArguments::value(std::string_view name) const {
  auto found = values_.find(name);
  return found == values_.end() ? std::string() : found->second.back();
}

std::vector<std::string> CommandArguments::values(std::string_view name) const {
  auto found = values_.find(name);
  return found == values_.end() ? std::vector<std::string>() : found->second;
}

Result<int> CommandArguments::number(std::string_view name, int otherwise) const {
  if (!has(name)) return otherwise;
  std::string text = value(name);
  std::optional<int64_t> number = parse_int(text);
  if (!number || *number < INT32_MIN || *number > INT32_MAX) {
    return Error(Code::kInvalidArgument, cat("invalid value ", quoted(text), " for flag --", name));
  }
  return static_cast<int>(*number);
}

void print(std::string_view text) {
  FdSink out(STDOUT_FILENO);
  [[maybe_unused]] auto written = out.write(cat(text, "\n"));
}

}  // namespace skiff::runtime
