#include "base/flags.h"

#include <algorithm>

#include "base/strings.h"

namespace skiff {

Result<> parse_flags(std::span<char* const> arguments, std::span<const Flag> flags,
                     std::vector<std::string>* words) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    std::string_view word = arguments[i];
    if (!word.starts_with("--") && words != nullptr) {
      words->emplace_back(word);
      continue;
    }
    if (!word.starts_with("--")) {
      return Error(Code::kInvalidArgument, cat("unexpected argument: ", word));
    }
    size_t equals = word.find('=');
    std::string_view name = word.substr(2, equals == std::string_view::npos ? equals : equals - 2);
    auto flag =
        std::find_if(flags.begin(), flags.end(), [&](const Flag& f) { return f.name == name; });
    if (flag == flags.end()) return Error(Code::kInvalidArgument, cat("unknown flag: --", name));
    if (flag->given != nullptr) {
      if (equals != std::string_view::npos) {
        return Error(Code::kInvalidArgument, cat("flag --", name, " takes no value"));
      }
      *flag->given = true;
      continue;
    }
    if (equals == std::string_view::npos && i + 1 == arguments.size()) {
      return Error(Code::kInvalidArgument, cat("flag needs an argument: --", name));
    }
    std::string value(equals == std::string_view::npos ? arguments[++i] : word.substr(equals + 1));
    // What a variable that is not set leaves; to leave a flag out says the same without doubt.
    if (value.empty()) {
      return Error(Code::kInvalidArgument, cat("flag --", name, " has an empty value"));
    }
    if (flag->values != nullptr) {
      flag->values->push_back(std::move(value));
    } else {
      *flag->value = std::move(value);
    }
  }
  return {};
}

std::string flags_help(std::span<const Flag> flags) {
  constexpr size_t kColumn = 24;
  std::string out;
  for (const Flag& flag : flags) {
    std::string left = cat("  --", flag.name, flag.value_name.empty() ? "" : " ", flag.value_name);
    left.resize(std::max(left.size() + 2, kColumn), ' ');
    out += cat(left, flag.help);
    if (flag.value != nullptr && !flag.value->empty()) out += cat(" (default ", *flag.value, ")");
    out += "\n";
  }
  return out;
}

}  // namespace skiff
