#include "cli/go_functions.h"

#include <algorithm>
#include <cstdio>
#include <optional>

#include "base/strings.h"

namespace skiff::cli {

namespace {

using json::Value;
using Args = std::vector<Value>;

const Value& argument(const Args& args, size_t index) {
  static const Value kNone;
  return index < args.size() ? args[index] : kNone;
}

Error bad_call(std::string_view name, std::string_view reason) {
  return {Code::kFailedPrecondition, cat("template: :1: error calling ", name, ": ", reason)};
}

int64_t length_of(const Value& value) {
  size_t size = value.is_string()  ? value.as_string().size()
                : value.is_array() ? value.as_array().size()
                                   : value.as_object().size();
  return static_cast<int64_t>(size);
}

std::string in_title_case(std::string text) {
  bool starts = true;
  for (char& c : text) {
    if (starts) c = to_upper(std::string(1, c))[0];
    starts = c == ' ';
  }
  return text;
}

Value joined(const Args& args) {
  std::vector<std::string> items;
  for (const auto& item : argument(args, 0).as_array()) items.push_back(go_text(item));
  return {join(items, argument(args, 1).as_string())};
}

Value split_text(const Args& args) {
  json::Array out;
  std::string_view rest = argument(args, 0).as_string();
  const std::string& separator = argument(args, 1).as_string();
  for (size_t at = 0;
       !separator.empty() && (at = rest.find(separator)) != std::string_view::npos;) {
    out.emplace_back(rest.substr(0, at));
    rest.remove_prefix(at + separator.size());
  }
  out.emplace_back(rest);
  return {std::move(out)};
}

// A count of blanks or characters; what is none counts as 0.
size_t count_of(const Value& value) {
  constexpr int64_t kMost = 1 << 16;
  return static_cast<size_t>(std::clamp<int64_t>(value.as_int(), 0, kMost));
}

Value padded(const Args& args) {
  const std::string& text = argument(args, 0).as_string();
  if (text.empty()) return {text};
  return {cat(std::string(count_of(argument(args, 1)), ' '), text,
              std::string(count_of(argument(args, 2)), ' '))};
}

Result<Value> sliced(const Args& args) {
  const Value& of = argument(args, 0);
  int64_t size = length_of(of);
  int64_t from = argument(args, 1).as_int();
  int64_t to = args.size() > 2 ? args[2].as_int() : size;
  if (from < 0 || from > to || to > size) {
    return bad_call("slice", cat("index out of range: ", from < 0 || from > size ? from : to));
  }
  if (of.is_string()) {
    return Value(of.as_string().substr(static_cast<size_t>(from), static_cast<size_t>(to - from)));
  }
  const auto& items = of.as_array();
  if (items.empty()) return Value(json::Array());
  return Value(json::Array(items.begin() + from, items.begin() + to));
}

Result<Value> indexed(const Args& args) {
  Value value = argument(args, 0);
  for (size_t i = 1; i < args.size(); ++i) {
    Value next;
    if (args[i].is_string()) {
      const Value* found = value.find(args[i].as_string());
      next = found != nullptr ? *found : Value("");
    } else {
      int64_t at = args[i].as_int();
      if (at < 0 || at >= static_cast<int64_t>(value.as_array().size())) {
        return bad_call("index", cat("index out of range: ", at));
      }
      next = value.as_array()[static_cast<size_t>(at)];
    }
    value = std::move(next);
  }
  return value;
}

// -1, 0 or 1, as numbers or as texts compare.
int compared(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) {
    return a.as_double() < b.as_double() ? -1 : a.as_double() > b.as_double() ? 1 : 0;
  }
  int order = go_text(a).compare(go_text(b));
  return order < 0 ? -1 : order > 0 ? 1 : 0;
}

bool equals_any(const Args& args) {
  return std::any_of(args.begin() + 1, args.end(),
                     [&](const Value& other) { return args[0] == other; });
}

Result<Value> comparison(const std::string& name, const Args& args) {
  if (args.size() < 2) return bad_call(name, "missing argument for comparison");
  if (name == "eq") return Value(equals_any(args));
  if (name == "ne") return Value(!(args[0] == args[1]));
  int order = compared(args[0], args[1]);
  return Value(name == "lt"   ? order < 0
               : name == "le" ? order <= 0
               : name == "gt" ? order > 0
                              : order >= 0);
}

// One verb of printf: %-10.3s.
struct Verb {
  bool left = false;
  bool zeros = false;
  size_t width = 0;
  std::optional<size_t> precision;
  char letter = 0;
};

size_t take_number(std::string_view& text) {
  constexpr size_t kMost = 1 << 16;
  size_t out = 0;
  for (; !text.empty() && text[0] >= '0' && text[0] <= '9'; text.remove_prefix(1)) {
    out = std::min(kMost, out * 10 + static_cast<size_t>(text[0] - '0'));
  }
  return out;
}

// Takes a verb without its '%' off the front.
Verb take_verb(std::string_view& text) {
  Verb verb;
  while (!text.empty() && (text[0] == '-' || text[0] == '0' || text[0] == '+')) {
    verb.left = verb.left || text[0] == '-';
    verb.zeros = verb.zeros || text[0] == '0';
    text.remove_prefix(1);
  }
  verb.width = take_number(text);
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    verb.precision = take_number(text);
  }
  if (!text.empty()) {
    verb.letter = text[0];
    text.remove_prefix(1);
  }
  return verb;
}

std::string formatted(const Verb& verb, const Value& value) {
  std::string text = go_text(value);
  if (verb.letter == 'q') text = skiff::quoted(text);
  if (verb.letter == 'f') {
    constexpr int kDefault = 6;
    constexpr int kMost = 20;
    int digits =
        verb.precision ? static_cast<int>(std::min<size_t>(*verb.precision, kMost)) : kDefault;
    char number[400];
    text.assign(number, static_cast<size_t>(
                            snprintf(number, sizeof number, "%.*f", digits, value.as_double())));
  } else if (verb.precision && value.is_string()) {
    text = text.substr(0, *verb.precision);
  }
  if (text.size() >= verb.width) return text;
  size_t missing = verb.width - text.size();
  if (verb.left) return text.append(missing, ' ');
  return text.insert(0, missing, verb.zeros ? '0' : ' ');
}

Value printed(const Args& args) {
  std::string out;
  size_t next = 1;
  std::string_view rest = argument(args, 0).as_string();
  while (!rest.empty()) {
    size_t percent = std::min(rest.find('%'), rest.size());
    out.append(rest.substr(0, percent));
    rest.remove_prefix(percent);
    if (rest.empty()) break;
    rest.remove_prefix(1);
    Verb verb = take_verb(rest);
    if (verb.letter == '%') {
      out += '%';
    } else if (verb.letter == 0) {
      out += "%!(NOVERB)";
    } else if (next < args.size()) {
      out += formatted(verb, args[next++]);
    } else {
      out += cat("%!", std::string(1, verb.letter), "(MISSING)");
    }
  }
  return {std::move(out)};
}

Value all_texts(const Args& args) {
  std::vector<std::string> texts;
  for (const Value& arg : args) texts.push_back(go_text(arg));
  return {join(texts, " ")};
}

// {{and}}, {{or}}: the argument that decides.
Value deciding(const Args& args, bool truth) {
  for (const auto& arg : args) {
    if (go_truth(arg) == truth) return arg;
  }
  return args.empty() ? Value() : args.back();
}

using Function = Result<Value> (*)(const Args&);

struct NamedFunction {
  std::string_view name;
  Function call;
};

constexpr NamedFunction kFunctions[] = {
    {"and", [](const Args& args) -> Result<Value> { return deciding(args, false); }},
    {"index", indexed},
    {"join", [](const Args& args) -> Result<Value> { return joined(args); }},
    {"json", [](const Args& args) -> Result<Value> { return Value(argument(args, 0).dump()); }},
    {"len", [](const Args& args) -> Result<Value> { return Value(length_of(argument(args, 0))); }},
    {"lower",
     [](const Args& args) -> Result<Value> {
       return Value(to_lower(argument(args, 0).as_string()));
     }},
    {"not", [](const Args& args) -> Result<Value> { return Value(!go_truth(argument(args, 0))); }},
    {"or", [](const Args& args) -> Result<Value> { return deciding(args, true); }},
    {"pad", [](const Args& args) -> Result<Value> { return padded(args); }},
    {"print", [](const Args& args) -> Result<Value> { return all_texts(args); }},
    {"printf", [](const Args& args) -> Result<Value> { return printed(args); }},
    {"println",
     [](const Args& args) -> Result<Value> { return Value(all_texts(args).as_string() + "\n"); }},
    {"slice", sliced},
    {"split", [](const Args& args) -> Result<Value> { return split_text(args); }},
    {"title",
     [](const Args& args) -> Result<Value> {
       return Value(in_title_case(argument(args, 0).as_string()));
     }},
    {"truncate",
     [](const Args& args) -> Result<Value> {
       return Value(argument(args, 0).as_string().substr(0, count_of(argument(args, 1))));
     }},
    {"upper",
     [](const Args& args) -> Result<Value> {
       return Value(to_upper(argument(args, 0).as_string()));
     }},
};

}  // namespace

Result<Value> call_go_function(const std::string& name, const Args& args) {
  for (std::string_view compare : {"eq", "ne", "lt", "le", "gt", "ge"}) {
    if (name == compare) return comparison(name, args);
  }
  for (const NamedFunction& function : kFunctions) {
    if (function.name == name) return function.call(args);
  }
  return Error(Code::kInvalidArgument,
               cat("template: :1: function ", skiff::quoted(name), " not defined"));
}

bool go_truth(const Value& value) {
  if (value.is_bool()) return value.as_bool();
  if (value.is_number()) return value.as_double() != 0;
  return length_of(value) != 0;
}

std::string go_text(const Value& value) {
  if (value.is_null()) return "<no value>";
  if (value.is_string()) return value.as_string();
  std::vector<std::string> items;
  if (value.is_array()) {
    for (const auto& item : value.as_array()) items.push_back(go_text(item));
    return cat("[", join(items, " "), "]");
  }
  if (value.is_object()) {
    for (const auto& [key, member] : value.as_object()) {
      items.push_back(cat(key, ":", go_text(member)));
    }
    std::sort(items.begin(), items.end());
    return cat("map[", join(items, " "), "]");
  }
  return value.dump();
}

}  // namespace skiff::cli
