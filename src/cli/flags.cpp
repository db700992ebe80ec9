#include "cli/flags.h"

#include <algorithm>
#include <cmath>

#include "base/strings.h"
#include "base/truth.h"

namespace skiff::cli {

namespace {

const FlagSpec* find_long(std::span<const FlagSpec> specs, std::string_view name) {
  auto found = std::find_if(specs.begin(), specs.end(),
                            [&](const FlagSpec& spec) { return spec.name == name; });
  return found == specs.end() ? nullptr : &*found;
}

const FlagSpec* find_short(std::span<const FlagSpec> specs, char letter) {
  auto found = std::find_if(specs.begin(), specs.end(),
                            [&](const FlagSpec& spec) { return spec.letter == letter; });
  return found == specs.end() ? nullptr : &*found;
}

Error missing_value(std::string_view flag) {
  return Error(Code::kInvalidArgument, cat("flag needs an argument: ", flag));
}

// "  -f, --force" or "      --format string".
std::string flag_names(const FlagSpec& spec) {
  std::string text = spec.letter != 0 ? cat("  -", spec.letter, ", ") : "      ";
  text += cat("--", spec.name);
  if (spec.kind == FlagKind::kBool) return text;
  bool plain_list = spec.kind == FlagKind::kList && spec.value_name == "string";
  return cat(text, " ", plain_list ? "list" : spec.value_name);
}

// `text` in lines that end before column 80, all but the first indented by `indent`. A last word
// may reach into the margin of five columns rather than stand alone.
std::string wrapped(std::string_view text, size_t indent) {
  constexpr size_t kScreen = 80;
  constexpr size_t kMargin = 5;
  constexpr size_t kNarrowest = 24;
  size_t width = std::max(kScreen - std::min(indent, kScreen), kNarrowest) - kMargin;
  std::string out;
  while (text.size() >= width + kMargin) {
    size_t blank = text.rfind(' ', width - 1);
    if (blank == std::string_view::npos || blank == 0) break;
    out.append(text.substr(0, blank)).append("\n").append(indent, ' ');
    text.remove_prefix(blank + 1);
  }
  return out.append(text);
}

// "-f, --force" or "--format".
std::string shown_name(std::string_view name, char letter) {
  return letter != 0 ? cat("-", letter, ", --", name) : cat("--", name);
}

// Docker's words for a switch that is given something else than a truth.
Error bad_bool(const FlagSpec& spec, std::string_view value) {
  std::string name = shown_name(spec.name, spec.letter);
  return {Code::kInvalidArgument,
          cat("invalid argument ", skiff::quoted(value), " for \"", name,
              "\" flag: strconv.ParseBool: parsing ", skiff::quoted(value), ": invalid syntax")};
}

// A decimal with optional fraction, as sizes and CPU counts have it.
std::optional<double> parse_decimal(std::string_view text) {
  double value = 0;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc() || end != text.data() + text.size() || !std::isfinite(value) || value < 0) {
    return std::nullopt;
  }
  return value;
}

}  // namespace

bool Flags::on(std::string_view name, bool if_absent) const {
  auto found = values_.find(name);
  return found != values_.end() ? parse_bool(found->second.back()).value_or(false) : if_absent;
}

std::string Flags::get(std::string_view name, std::string_view if_absent) const {
  auto found = values_.find(name);
  return found == values_.end() ? std::string(if_absent) : found->second.back();
}

const std::vector<std::string>& Flags::all(std::string_view name) const {
  static const std::vector<std::string> kNone;
  auto found = values_.find(name);
  return found == values_.end() ? kNone : found->second;
}

Result<int64_t> Flags::number(std::string_view name, int64_t if_absent) const {
  if (!has(name)) return if_absent;
  auto value = parse_int(get(name));
  if (!value) {
    return Error(
        Code::kInvalidArgument,
        cat("invalid argument ", skiff::quoted(get(name)), " for \"",
            shown_name(name, letters_.at(std::string(name))), "\" flag: strconv.ParseInt: parsing ",
            skiff::quoted(get(name)), ": invalid syntax"));
  }
  return *value;
}

Result<Flags> parse_flags(std::span<const std::string> words, std::span<const FlagSpec> specs,
                          bool stop_at_args) {
  Flags flags;
  auto set = [&](const FlagSpec& spec, std::string value) {
    flags.values_[std::string(spec.name)].push_back(std::move(value));
    flags.letters_[std::string(spec.name)] = spec.letter;
  };
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--") {
      flags.args.insert(flags.args.end(), words.begin() + static_cast<ptrdiff_t>(i) + 1,
                        words.end());
      break;
    }
    if (word.size() < 2 || word[0] != '-') {
      flags.args.push_back(word);
      if (!stop_at_args) continue;
      flags.args.insert(flags.args.end(), words.begin() + static_cast<ptrdiff_t>(i) + 1,
                        words.end());
      break;
    }
    if (word.starts_with("--")) {
      size_t equals = word.find('=');
      std::string name = word.substr(2, equals == std::string::npos ? equals : equals - 2);
      const FlagSpec* spec = find_long(specs, name);
      if (spec == nullptr) return Error(Code::kInvalidArgument, cat("unknown flag: --", name));
      if (equals != std::string::npos) {
        std::string value = word.substr(equals + 1);
        if (spec->kind == FlagKind::kBool && !parse_bool(value)) return bad_bool(*spec, value);
        set(*spec, std::move(value));
      } else if (spec->kind == FlagKind::kBool) {
        set(*spec, "true");
      } else if (i + 1 < words.size()) {
        set(*spec, words[++i]);
      } else {
        return missing_value(cat("--", name));
      }
      continue;
    }
    // -abc: bool letters, of which the last may take a value, joined, after '=' or apart.
    for (size_t at = 1; at < word.size(); ++at) {
      const FlagSpec* spec = find_short(specs, word[at]);
      if (spec == nullptr) {
        return Error(Code::kInvalidArgument,
                     cat("unknown shorthand flag: '", word[at], "' in ", word));
      }
      if (spec->kind == FlagKind::kBool) {
        if (at + 1 < word.size() && word[at + 1] == '=') {
          std::string value = word.substr(at + 2);
          if (!parse_bool(value)) return bad_bool(*spec, value);
          set(*spec, std::move(value));
          break;
        }
        set(*spec, "true");
        continue;
      }
      std::string value = word.substr(at + 1);
      if (value.starts_with("=")) value.erase(0, 1);
      if (at + 1 == word.size()) {
        if (i + 1 >= words.size()) return missing_value(cat("'", word[at], "' in ", word));
        value = words[++i];
      }
      set(*spec, std::move(value));
      break;
    }
  }
  return flags;
}

std::string flag_help(std::span<const FlagSpec> specs) {
  std::vector<const FlagSpec*> sorted;
  for (const FlagSpec& spec : specs) {
    if (!spec.help.empty()) sorted.push_back(&spec);
  }
  std::sort(sorted.begin(), sorted.end(),
            [](const FlagSpec* a, const FlagSpec* b) { return a->name < b->name; });
  std::vector<std::string> left;
  size_t width = 0;
  for (const FlagSpec* spec : sorted) {
    left.push_back(flag_names(*spec));
    width = std::max(width, left.back().size());
  }
  constexpr size_t kGap = 3;
  std::string out;
  for (size_t i = 0; i < sorted.size(); ++i) {
    left[i].resize(width + kGap, ' ');
    out += cat(left[i], wrapped(sorted[i]->help, width + kGap), "\n");
  }
  return out;
}

Result<int64_t> parse_nano_cpus(std::string_view text) {
  constexpr double kMostCpus = 1e9;
  auto value = parse_decimal(text);
  if (!value || *value > kMostCpus) {
    return Error(Code::kInvalidArgument,
                 cat("invalid argument ", skiff::quoted(text),
                     " for \"--cpus\" flag: failed to parse ", text, " as a rational number"));
  }
  return static_cast<int64_t>(std::llround(*value * 1e9));
}

}  // namespace skiff::cli
