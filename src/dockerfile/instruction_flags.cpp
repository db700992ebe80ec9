#include "dockerfile/instruction_flags.h"

#include <algorithm>
#include <array>

#include "base/nearest_word.h"
#include "base/strings.h"
#include "codec/json.h"

namespace skiff::dockerfile {

namespace {

constexpr std::array<std::string_view, 3> kMayRepeat = {"mount", "device", "exclude"};

}  // namespace

Error invalid_instruction(std::string message) {
  return Error(Code::kInvalidArgument, std::move(message));
}

Result<InstructionFlags> InstructionFlags::read(const RawInstruction& raw) {
  InstructionFlags out;
  for (const std::string& flag : raw.flags) {
    size_t at = flag.find('=');
    std::string name = flag.substr(2, at == std::string::npos ? at : at - 2);
    std::optional<std::string> value;
    if (at != std::string::npos) value = flag.substr(at + 1);
    const bool twice = std::ranges::any_of(out.values_, [&](auto& v) { return v.first == name; });
    if (twice && std::ranges::find(kMayRepeat, name) == kMayRepeat.end()) {
      return invalid_instruction(cat("duplicate flag specified: --", name));
    }
    out.values_.emplace_back(std::move(name), std::move(value));
  }
  return out;
}

std::optional<std::optional<std::string>> InstructionFlags::take(const std::string& name) {
  known_.push_back(cat("--", name));
  auto found = std::ranges::find(values_, name, &Values::value_type::first);
  if (found == values_.end()) return std::nullopt;
  auto value = std::move(found->second);
  values_.erase(found);
  return value;
}

Result<std::string> InstructionFlags::text(const std::string& name) {
  auto value = take(name);
  if (!value) return std::string();
  if (!*value) return invalid_instruction(cat("missing a value on flag: --", name));
  if ((*value)->empty()) return invalid_instruction(cat("empty value on flag: --", name));
  return **value;
}

Result<std::vector<std::string>> InstructionFlags::all(const std::string& name) {
  std::vector<std::string> out;
  for (;;) {
    std::string value = TRY(text(name));
    if (value.empty()) return out;
    out.push_back(std::move(value));
  }
}

Result<std::optional<bool>> InstructionFlags::boolean(const std::string& name) {
  auto given = take(name);
  if (!given) return std::nullopt;
  std::string value = to_lower(given->value_or("true"));
  if (value == "true" || value == "false") return value == "true";
  return invalid_instruction(cat("expecting boolean value for flag --", name, ", not: ", value));
}

Result<> InstructionFlags::refuse(const std::string& name) {
  if (!take(name)) return {};
  return Error(Code::kUnimplemented,
               cat("the flag --", name, " is not supported: steps get no devices of the host"));
}

Result<> InstructionFlags::finish() const {
  if (values_.empty()) return {};
  std::string flag = cat("--", values_.front().first);
  return invalid_instruction(cat("unknown flag: ", flag, did_you_mean(flag, known_)));
}

Result<> no_flags(const RawInstruction& raw) { return TRY(InstructionFlags::read(raw)).finish(); }

std::string keyword_of(const RawInstruction& raw) { return to_upper(raw.keyword); }

Result<std::string> whole_text(const RawInstruction& raw) {
  TRY(no_flags(raw));
  if (raw.arguments.empty()) {
    return invalid_instruction(cat(keyword_of(raw), " requires exactly one argument"));
  }
  return raw.arguments;
}

Result<std::optional<std::vector<std::string>>> json_words(std::string_view text) {
  if (!text.starts_with('[')) return std::nullopt;
  auto parsed = json::parse(text);
  if (!parsed || !parsed->is_array()) return std::nullopt;
  std::vector<std::string> words;
  for (const json::Value& item : parsed->as_array()) {
    if (!item.is_string()) {
      return invalid_instruction(
          "when using JSON array syntax, arrays must be comprised of strings only");
    }
    words.push_back(item.as_string());
  }
  return words;
}

Result<std::vector<std::string>> words_or_json(std::string_view text) {
  if (auto words = TRY(json_words(text))) return std::move(*words);
  return split_blank_words(text);
}

Result<Command> parse_command(std::string_view text) {
  if (auto words = TRY(json_words(text))) return Command{std::move(*words), false};
  if (text.empty()) return Command{};
  return Command{{std::string(text)}, true};
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
  std::string near = nearest_word(word, candidates);
  return near.empty() ? "" : cat(" (did you mean ", near, "?)");
}

}  // namespace skiff::dockerfile
