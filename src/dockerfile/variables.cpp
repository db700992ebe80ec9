#include "dockerfile/variables.h"

#include <algorithm>

#include "base/strings.h"

namespace skiff::dockerfile {

namespace {

constexpr int kMaxNesting = 100;
constexpr size_t kMaxValue = size_t{1} << 20U;
constexpr size_t kMaxPatternText = size_t{64} << 10U;  // matching may take its square

bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80) != 0;
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

Error syntax_error(std::string_view what) {
  return Error(Code::kInvalidArgument, cat("syntax error: ", what));
}

Result<> check_size(const std::string& value) {
  if (value.size() <= kMaxValue) return {};
  return Error(Code::kResourceExhausted, cat("value is longer than ", kMaxValue, " bytes"));
}

size_t character_size(std::string_view text, size_t at) {
  size_t size = 1;
  while (at + size < text.size() && (static_cast<unsigned char>(text[at + size]) & 0xC0U) == 0x80)
    ++size;
  return size;
}

enum class Operator { kShortestPrefix, kLongestPrefix, kShortestSuffix, kLongestSuffix };

std::string strip(std::string_view value, std::string_view pattern, Operator op) {
  if (op == Operator::kShortestPrefix || op == Operator::kLongestPrefix) {
    auto ends = pattern_match_ends(pattern, value, 0);
    if (ends.empty()) return std::string(value);
    return std::string(value.substr(op == Operator::kShortestPrefix ? ends.front() : ends.back()));
  }
  std::optional<size_t> cut;
  size_t step = 1;
  for (size_t at = 0; at <= value.size(); at += step) {
    step = at < value.size() ? character_size(value, at) : 1;  // never starts inside a character
    auto ends = pattern_match_ends(pattern, value, at);
    if (ends.empty() || ends.back() != value.size()) continue;
    cut = at;
    if (op == Operator::kLongestSuffix) break;
  }
  return std::string(value.substr(0, cut.value_or(value.size())));
}

std::string replace(std::string_view value, std::string_view pattern, std::string_view replacement,
                    bool all) {
  std::string out;
  bool done = false;
  for (size_t at = 0; at < value.size();) {
    auto ends = done ? std::vector<size_t>() : pattern_match_ends(pattern, value, at);
    if (ends.empty() || ends.back() == at) {
      out.push_back(value[at++]);
      continue;
    }
    out += replacement;
    at = ends.back();
    done = !all;
  }
  return out;
}

enum class Reading {
  kWord,   // quotes group, and go
  kBody,   // quotes are characters like others
  kShown,  // quotes group, and stay; so does what names a variable that is unset
};

// Reads one text from left to right, expanding it.
class Walk {
 public:
  Walk(std::string_view text, char escape, const Expander::Lookup& lookup,
       const Expander::TellUnset& tell_unset, Reading reading)
      : text_(text), escape_(escape), lookup_(lookup), tell_unset_(tell_unset), reading_(reading) {}

  Result<std::string> all() {
    std::string out = TRY(until(0, false));
    end_word();
    return out;
  }
  std::vector<std::string> take_words() { return std::move(words_); }

 private:
  bool at_end() const { return at_ >= text_.size(); }
  char peek() const { return text_[at_]; }

  // Up to the character `stop` (0: the end), which is consumed. `raw` keeps escapes, for
  // patterns.
  Result<std::string> until(char stop, bool raw) {
    if (++nesting_ > kMaxNesting) return syntax_error("substitutions nested too deeply");
    std::string out;
    while (!at_end()) {
      TRY(check_size(out));
      char c = peek();
      if (stop != 0 && c == stop) {
        ++at_;
        --nesting_;
        return out;
      }
      if (c == '\'' && reading_ != Reading::kBody) {
        out += keep(as_read(c, TRY(single_quoted())));
      } else if (c == '"' && reading_ != Reading::kBody) {
        out += keep(as_read(c, TRY(double_quoted())));
      } else if (c == '$') {
        out += add_split(TRY(dollar()));
      } else if (c == escape_) {
        out += keep(escaped(raw));
      } else {
        ++at_;
        out += add_split(std::string(1, c));
      }
    }
    if (stop != 0) return syntax_error(cat("missing '", stop, "'"));
    --nesting_;
    return out;
  }

  std::string as_read(char quote, std::string quoted) const {
    if (reading_ != Reading::kShown) return quoted;
    const std::string mark(1, quote);
    return cat(mark, quoted, mark);
  }

  std::string escaped(bool raw) {
    ++at_;
    if (at_end()) return {};
    std::string c(1, text_[at_++]);
    if (raw) return cat('\\', c);
    if (reading_ == Reading::kBody && c != "$" && c[0] != escape_) return cat(escape_, c);
    return c;
  }

  Result<std::string> single_quoted() {
    size_t end = text_.find('\'', at_ + 1);
    if (end == std::string_view::npos)
      return Error(Code::kInvalidArgument,
                   "unexpected end of statement while looking for matching single-quote");
    std::string out(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return out;
  }

  Result<std::string> double_quoted() {
    ++at_;
    ++quoted_;
    std::string out;
    while (!at_end()) {
      TRY(check_size(out));
      char c = peek();
      if (c == '"') {
        ++at_;
        --quoted_;
        return out;
      }
      if (c == '$') {
        out += TRY(dollar());
        continue;
      }
      ++at_;
      if (c == escape_ && !at_end() && (peek() == '"' || peek() == '$' || peek() == escape_))
        c = text_[at_++];
      out.push_back(c);
    }
    return Error(Code::kInvalidArgument,
                 "unexpected end of statement while looking for matching double-quote");
  }

  std::string name() {
    size_t start = at_;
    if (at_end()) return {};
    if (is_name_start(peek())) {
      while (!at_end() && (is_name_start(peek()) || is_digit(peek()))) ++at_;
    } else if (is_digit(peek())) {
      while (!at_end() && is_digit(peek())) ++at_;
    } else if (std::string_view("@*#?-$!").find(peek()) != std::string_view::npos) {
      ++at_;
    }
    return std::string(text_.substr(start, at_ - start));
  }

  Result<std::string> dollar() {
    ++at_;
    if (at_end() || peek() != '{') {
      std::string variable = name();
      if (variable.empty()) return std::string("$");
      auto value = lookup_(variable);
      if (stays(value)) return cat("$", variable);
      return plain(variable, value);
    }
    ++at_;
    ++quoted_;  // what stands in the braces is not split by itself
    auto value = braces();
    --quoted_;
    return value;
  }

  bool stays(const std::optional<std::string>& value) const {
    return reading_ == Reading::kShown && !value;
  }

  std::string plain(const std::string& variable, const std::optional<std::string>& value) const {
    if (!value && tell_unset_) tell_unset_(variable);
    return value.value_or("");
  }

  Result<std::string> braces() {
    if (at_end()) return syntax_error("missing '}'");
    if (peek() == '{' || peek() == '}' || peek() == ':') return syntax_error("bad substitution");
    std::string variable = name();
    if (variable.empty()) return syntax_error("bad substitution");
    std::optional<std::string> value = lookup_(variable);
    if (at_end()) return syntax_error("missing '}'");
    char op = text_[at_++];
    if (op == '}') return stays(value) ? cat("${", variable, "}") : plain(variable, value);
    bool colon = op == ':';
    if (colon) {
      if (at_end()) return syntax_error("missing '}'");
      op = text_[at_++];
    }
    // In a heredoc: the brace is not closed where the line ends.
    if (op == '\n' || op == '\r') return syntax_error("missing '}'");
    if (op == '-' || op == '+' || op == '?') return conditional(variable, value, op, colon);
    plain(variable, value);
    bool matches = !colon && (op == '#' || op == '%' || op == '/');
    if (matches && value && value->size() > kMaxPatternText)
      return Error(Code::kResourceExhausted, cat(variable, ": longer than ", kMaxPatternText,
                                                 " bytes, too long for a pattern"));
    if (!colon && (op == '#' || op == '%')) return stripped(variable, value, op);
    if (!colon && op == '/') return replaced(variable, value);
    return Error(Code::kInvalidArgument, cat("unsupported modifier (", colon ? ":" : "",
                                             std::string(1, op), ") in substitution"));
  }

  Result<std::string> conditional(const std::string& variable,
                                  const std::optional<std::string>& value, char op, bool colon) {
    std::string word = TRY(until('}', false));
    if (stays(value)) return cat("${", variable, colon ? ":" : "", std::string(1, op), word, "}");
    plain(variable, value);
    bool set = value && !(colon && value->empty());
    if (op == '-') return set ? *value : word;
    if (op == '+') return set ? word : std::string();
    if (set) return *value;
    if (word.empty()) word = colon ? "is not allowed to be empty" : "is not allowed to be unset";
    return Error(Code::kInvalidArgument, cat(variable, ": ", word));
  }

  Result<std::string> stripped(const std::string& variable, const std::optional<std::string>& value,
                               char op) {
    const bool longest = !at_end() && peek() == op;
    if (longest) ++at_;
    std::string pattern = TRY(until('}', true));
    if (stays(value)) return cat("${", variable, std::string(longest ? 2 : 1, op), pattern, "}");
    const std::string text = value.value_or("");
    if (op == '#')
      return strip(text, pattern, longest ? Operator::kLongestPrefix : Operator::kShortestPrefix);
    return strip(text, pattern, longest ? Operator::kLongestSuffix : Operator::kShortestSuffix);
  }

  Result<std::string> replaced(const std::string& variable,
                               const std::optional<std::string>& value) {
    const bool all = !at_end() && peek() == '/';
    if (all) ++at_;
    std::string pattern = TRY(until('/', true));
    std::string replacement = TRY(until('}', false));
    if (stays(value)) return cat("${", variable, "/", pattern, "/", replacement, "}");
    return replace(value.value_or(""), pattern, replacement, all);
  }

  // The three below build the list of words beside the one text.
  std::string keep(std::string piece) {
    if (quoted_ == 0) {
      current_ += piece;
      in_word_ = true;
    }
    return piece;
  }
  std::string add_split(std::string piece) {
    if (quoted_ != 0) return piece;
    for (char c : piece) {
      if (is_space(c)) {
        end_word();
      } else {
        current_.push_back(c);
        in_word_ = true;
      }
    }
    return piece;
  }
  void end_word() {
    if (in_word_) words_.push_back(std::exchange(current_, {}));
    in_word_ = false;
  }

  std::string_view text_;
  char escape_;
  const Expander::Lookup& lookup_;
  const Expander::TellUnset& tell_unset_;
  Reading reading_;
  size_t at_ = 0;
  int nesting_ = 0;
  int quoted_ = 0;
  std::string current_;
  bool in_word_ = false;
  std::vector<std::string> words_;
};

}  // namespace

std::vector<size_t> pattern_match_ends(std::string_view pattern, std::string_view text,
                                       size_t from) {
  std::vector<size_t> ends{from};
  for (size_t p = 0; p < pattern.size() && !ends.empty();) {
    std::vector<size_t> next;
    char c = pattern[p++];
    if (c == '*') {
      for (size_t end : ends) {
        size_t i = next.empty() ? end : std::max(end, next.back() + 1);
        bool reachable = i == end || text[i - 1] != '\n';
        for (; reachable && i <= text.size(); ++i) {
          next.push_back(i);
          reachable = i < text.size() && text[i] != '\n';
        }
      }
    } else if (c == '?') {
      for (size_t end : ends)
        if (end < text.size() && text[end] != '\n') next.push_back(end + character_size(text, end));
    } else {
      if (c == '\\' && p < pattern.size()) c = pattern[p++];
      for (size_t end : ends)
        if (end < text.size() && text[end] == c) next.push_back(end + 1);
    }
    ends = std::move(next);
  }
  return ends;
}

Result<std::string> Expander::word(std::string_view text) const {
  return Walk(text, escape_, lookup_, tell_unset_, Reading::kWord).all();
}

Result<std::vector<std::string>> Expander::words(std::string_view text) const {
  Walk walk(text, escape_, lookup_, tell_unset_, Reading::kWord);
  TRY(walk.all());
  return walk.take_words();
}

Result<std::string> Expander::body(std::string_view text) const {
  return Walk(text, '\\', lookup_, tell_unset_, Reading::kBody).all();
}

Result<std::string> Expander::shown(std::string_view text) const {
  return Walk(text, escape_, lookup_, tell_unset_, Reading::kShown).all();
}

}  // namespace skiff::dockerfile
