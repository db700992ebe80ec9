#include "cli/go_template.h"

#include <algorithm>
#include <map>
#include <vector>

#include "base/strings.h"
#include "cli/docker_members.h"
#include "cli/go_functions.h"

namespace skiff::cli {

namespace {

using json::Value;

constexpr std::string_view kBlanks = " \t\r\n";

Error bad_template(std::string_view reason) {
  return {Code::kInvalidArgument, cat("template: :1: ", reason)};
}

// Literal text, or what stands between braces.
struct Token {
  bool action = false;
  std::string text;
};

// Where the action that begins at `from` ends; braces within quotes are text.
size_t find_close(std::string_view text, size_t from) {
  std::string_view start = text.substr(from);
  if (start.starts_with("/*") || start.starts_with("- /*")) {
    size_t comment = text.find("*/", from);
    return comment == std::string_view::npos ? comment : text.find("}}", comment);
  }
  char quote = 0;
  for (size_t i = from; i < text.size(); ++i) {
    if (quote != 0) {
      if (text[i] == '\\' && quote != '`') {
        ++i;
      } else if (text[i] == quote) {
        quote = 0;
      }
    } else if (text[i] == '"' || text[i] == '`' || text[i] == '\'') {
      quote = text[i];
    } else if (text.substr(i).starts_with("}}")) {
      return i;
    }
  }
  return std::string_view::npos;
}

Result<std::vector<Token>> tokenize(std::string_view text) {
  std::vector<Token> tokens;
  while (!text.empty()) {
    size_t open = text.find("{{");
    if (open != 0) tokens.push_back({false, std::string(text.substr(0, open))});
    if (open == std::string_view::npos) break;
    size_t close = find_close(text, open + 2);
    if (close == std::string_view::npos) return bad_template("unclosed action");
    std::string_view action = text.substr(open + 2, close - open - 2);
    bool trim_left = action.starts_with("- ");
    if (trim_left) action.remove_prefix(2);
    bool trim_right = action.ends_with(" -");
    if (trim_right) action.remove_suffix(2);
    if (trim_left && !tokens.empty() && !tokens.back().action) {
      auto& last = tokens.back().text;
      last.resize(last.find_last_not_of(kBlanks) + 1);
    }
    tokens.push_back({true, std::string(trim(action))});
    text.remove_prefix(close + 2);
    if (trim_right) text.remove_prefix(std::min(text.size(), text.find_first_not_of(kBlanks)));
  }
  return tokens;
}

// Words of an action: quoted strings stay one word with their quotes, parentheses nest.
Result<std::vector<std::string>> split_words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  int depth = 0;
  char quote = 0;
  auto finish_word = [&] {
    if (!word.empty()) words.push_back(std::move(word));
    word.clear();
  };
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (quote != 0) {
      word.push_back(c);
      if (c == '\\' && quote != '`' && i + 1 < text.size()) {
        word.push_back(text[++i]);
      } else if (c == quote) {
        quote = 0;
      }
    } else if (depth == 0 && kBlanks.find(c) != std::string_view::npos) {
      finish_word();
    } else if (depth == 0 && c == '|') {
      finish_word();
      words.emplace_back("|");
    } else {
      if (c == '"' || c == '`' || c == '\'') quote = c;
      depth += c == '(' ? 1 : c == ')' ? -1 : 0;
      if (depth < 0) return bad_template("unexpected right paren");
      word.push_back(c);
    }
  }
  if (quote != 0) return bad_template("unterminated quoted string");
  if (depth != 0) return bad_template("unclosed left paren");
  finish_word();
  return words;
}

std::string unquote(std::string_view word) {
  if (word.front() == '`') return std::string(word.substr(1, word.size() - 2));
  std::string out;
  for (size_t i = 1; i + 1 < word.size(); ++i) {
    if (word[i] != '\\') {
      out.push_back(word[i]);
      continue;
    }
    char c = word[++i];
    out.push_back(c == 'n' ? '\n' : c == 't' ? '\t' : c);
  }
  return out;
}

bool opens_block(std::string_view action) {
  return action.starts_with("if ") || action.starts_with("range ") || action.starts_with("with ");
}

bool is_else(std::string_view action) { return action == "else" || action.starts_with("else "); }

// Docker's templates also know members by their names in Go, which differ in the case of letters:
// ID for Id, APIVersion for ApiVersion, NanoCPUs for NanoCpus.
const Value* find_field(const Value& value, const std::string& name) {
  if (!value.is_object() || isupper(static_cast<unsigned char>(name[0])) == 0) return nullptr;
  std::string wanted = to_lower(name);
  for (const auto& [key, member] : value.as_object()) {
    if (to_lower(key) == wanted) return &member;
  }
  return nullptr;
}

Result<Value> member_of(const Value& value, const std::string& owner, const std::string& name) {
  if (const Value* found = value.find(name)) return *found;
  if (const Value* found = find_field(value, name)) return *found;
  if (has_free_names(owner) || (value.is_object() && may_be_absent(name))) return Value();
  std::string_view reason = value.is_null()     ? "nil pointer evaluating"
                            : value.is_object() ? "map has no entry for key"
                                                : "can't evaluate field";
  return Error(Code::kFailedPrecondition, cat("template: :1: executing \"\" at <.", name,
                                              ">: ", reason, " ", skiff::quoted(name)));
}

Result<Value> walk(Value value, std::string_view path) {
  std::string owner;
  for (const auto& name : split(path, '.')) {
    if (name.empty()) continue;
    Value next = TRY(member_of(value, owner, name));
    value = std::move(next);
    owner = name;
  }
  return value;
}

class Renderer {
 public:
  Renderer(const std::vector<Token>& tokens, const Value& data, TemplateUse use)
      : tokens_(tokens), use_(use) {
    variables_["$"] = data;
  }

  // Renders tokens from `at` until an {{end}} or {{else}} of this level; leaves `at` there.
  Result<std::string> block(size_t& at, const Value& dot, bool nested) {
    std::string out;
    for (; at < tokens_.size(); ++at) {
      const Token& token = tokens_[at];
      if (!token.action) {
        out += token.text;
      } else if (token.text == "end" || is_else(token.text)) {
        if (!nested) return bad_template(cat("unexpected {{", token.text, "}}"));
        return out;
      } else if (opens_block(token.text)) {
        out += TRY(control(at, dot));
      } else if (!token.text.starts_with("/*")) {
        out += TRY(action(token.text, dot));
      }
    }
    if (nested) return bad_template("unexpected EOF");
    return out;
  }

 private:
  // {{$x := .A}} prints nothing.
  Result<std::string> action(const std::string& text, const Value& dot) {
    if (text.starts_with('$')) {
      size_t equals = text.find('=');
      size_t name_end = text.find_first_of(" :=");
      if (equals != std::string::npos && text.find_first_not_of(" :", name_end) == equals) {
        variables_[text.substr(0, name_end)] = TRY(evaluate(text.substr(equals + 1), dot));
        return std::string();
      }
    }
    const Value value = TRY(evaluate(text, dot));
    const bool is_path = (text[0] == '.' || text[0] == '$') && text.find(' ') == std::string::npos;
    if (!value.is_null() || !is_path) return go_text(value);
    return std::string(text_of_nothing(std::string_view(text).substr(text.rfind('.') + 1)));
  }

  // An {{if}}, {{range}} or {{with}} up to its {{end}}, where it leaves `at`.
  Result<std::string> control(size_t& at, const Value& dot) {
    std::string out;
    bool taken = false;
    std::string statement = tokens_[at].text;  // then that of each {{else ...}}
    for (;;) {
      ++at;
      if (taken) {
        TRY(skip(at));
      } else if (statement.empty()) {
        out = TRY(block(at, dot, true));
        taken = true;
      } else {
        taken = TRY(branch(statement, at, dot, out));
      }
      if (tokens_[at].text == "end") return out;
      statement = trim(std::string_view(tokens_[at].text).substr(std::string_view("else").size()));
    }
  }

  // Renders the branch at `at` when its statement takes it, else skips it.
  Result<bool> branch(const std::string& statement, size_t& at, const Value& dot,
                      std::string& out) {
    size_t space = std::min(statement.find(' '), statement.size());
    std::string keyword = statement.substr(0, space);
    std::string expression(trim(std::string_view(statement).substr(space)));
    std::vector<std::string> names;
    if (size_t assign = expression.find(":="); assign != std::string::npos) {
      for (const auto& name : split(expression.substr(0, assign), ',')) {
        names.emplace_back(trim(name));
      }
      expression = trim(std::string_view(expression).substr(assign + 2));
    }
    Value value = TRY(evaluate(expression, dot));
    if (!go_truth(value)) {
      TRY(skip(at));
      return false;
    }
    if (keyword == "range") {
      out = TRY(range(at, value, names));
    } else {
      if (!names.empty()) variables_[names[0]] = value;
      out = TRY(block(at, keyword == "with" ? value : dot, true));
    }
    return true;
  }

  // Past what is not taken, to the {{else}} or {{end}} of this level.
  Result<> skip(size_t& at) {
    for (size_t depth = 0; at < tokens_.size(); ++at) {
      const Token& token = tokens_[at];
      if (!token.action) continue;
      if (depth == 0 && (token.text == "end" || is_else(token.text))) return {};
      if (opens_block(token.text)) ++depth;
      if (token.text == "end") --depth;
    }
    return bad_template("unexpected EOF");
  }

  Result<std::string> range(size_t& at, const Value& value, const std::vector<std::string>& names) {
    if (!value.is_array() && !value.is_object()) {
      return Error(Code::kFailedPrecondition,
                   cat("template: :1: range can't iterate over ", go_text(value)));
    }
    std::string out;
    size_t body = at;
    auto once = [&](const Value& key, const Value& item) -> Result<> {
      if (names.size() == 2) variables_[names[0]] = key;
      if (!names.empty()) variables_[names.back()] = item;
      at = body;
      out += TRY(block(at, item, true));
      return {};
    };
    int64_t index = 0;
    for (const auto& item : value.as_array()) TRY(once(Value(index++), item));
    for (const auto& [key, item] : value.as_object()) TRY(once(Value(key), item));
    if (tokens_[at].text != "end") TRY(skip(at));
    return out;
  }

  Result<Value> evaluate(const std::string& text, const Value& dot) {
    auto words = TRY(split_words(text));
    std::vector<std::string> call;
    Value piped;
    bool has_piped = false;
    for (size_t i = 0; i <= words.size(); ++i) {
      if (i < words.size() && words[i] != "|") {
        call.push_back(words[i]);
        continue;
      }
      if (call.empty()) return bad_template("missing value for command");
      piped = TRY(apply(call, dot, has_piped ? &piped : nullptr));
      has_piped = true;
      call.clear();
    }
    return piped;
  }

  Result<Value> apply(const std::vector<std::string>& words, const Value& dot, const Value* piped) {
    const std::string& first = words[0];
    bool function = isalpha(static_cast<unsigned char>(first[0])) != 0 && first != "true" &&
                    first != "false" && first != "nil";
    if (!function) {
      if (words.size() == 2 && first.size() > 1 && first[0] == '.') return method(words, dot);
      if (words.size() > 1) return bad_template(cat("unexpected ", words[1]));
      if (piped != nullptr) return bad_template(cat("unexpected ", first, " in command"));
      return operand(first, dot);
    }
    std::vector<Value> args;
    for (size_t i = 1; i < words.size(); ++i) args.push_back(TRY(operand(words[i], dot)));
    if (piped != nullptr) args.push_back(*piped);
    if (use_ == TemplateUse::kHeading && leaves_headings(first)) {
      return args.empty() ? Value() : args[0];
    }
    return call_go_function(first, args);
  }

  static bool leaves_headings(std::string_view function) {
    constexpr std::string_view kNames[] = {"join",  "json",     "lower", "split",
                                           "title", "truncate", "upper"};
    return std::find(std::begin(kNames), std::end(kNames), function) != std::end(kNames);
  }

  // {{.Label "name"}}: a method of Docker's rows, a member of an object here.
  Result<Value> method(const std::vector<std::string>& words, const Value& dot) {
    Value name = TRY(operand(words[1], dot));
    auto owner = walk(dot, words[0]);
    if (!owner && use_ == TemplateUse::kHeading) return name;
    const Value members = TRY(std::move(owner));
    const Value* found = members.find(name.as_string());
    return found != nullptr ? *found : Value("");
  }

  Result<Value> operand(const std::string& word, const Value& dot) {
    char c = word[0];
    if (c == '"' || c == '`') return Value(unquote(word));
    if (c == '(') {
      size_t close = word.rfind(')');
      Value inner = TRY(evaluate(word.substr(1, close - 1), dot));
      return walk(inner, std::string_view(word).substr(close + 1));
    }
    if (word == "true" || word == "false") return Value(word == "true");
    if (word == "nil") return Value();
    if (auto number = parse_int(word)) return Value(*number);
    if (c == '$') {
      size_t point = word.find('.');
      auto found = variables_.find(word.substr(0, point));
      if (found == variables_.end()) {
        return bad_template(cat("undefined variable ", skiff::quoted(word)));
      }
      return walk(found->second,
                  point == std::string::npos ? "" : std::string_view(word).substr(point));
    }
    if (c == '.') return walk(dot, word);
    return bad_template(cat("unexpected ", skiff::quoted(word), " in operand"));
  }

  const std::vector<Token>& tokens_;
  TemplateUse use_;
  std::map<std::string, Value> variables_;
};

}  // namespace

Result<std::string> render_template(std::string_view text, const Value& data, TemplateUse use) {
  auto tokens = TRY(tokenize(text));
  Renderer renderer(tokens, data, use);
  size_t at = 0;
  return renderer.block(at, data, false);
}

std::string unescaped_format(std::string_view text) {
  return replace_all(replace_all(text, "\\t", "\t"), "\\n", "\n");
}

}  // namespace skiff::cli
