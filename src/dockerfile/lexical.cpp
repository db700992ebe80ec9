#include "dockerfile/lexical.h"

#include <algorithm>
#include <map>

#include "base/strings.h"

namespace skiff::dockerfile {

namespace {

constexpr std::string_view kBlanks = " \t\v\f\r";

bool is_blank(char c) { return kBlanks.find(c) != std::string_view::npos || c == '\n'; }

std::string_view trim_left(std::string_view text) {
  size_t first = text.find_first_not_of(kBlanks);
  return first == std::string_view::npos ? std::string_view() : text.substr(first);
}

bool is_comment(std::string_view line) { return trim_left(line).starts_with('#'); }

// "key=value" of a directive line "# key = value".
std::optional<std::pair<std::string, std::string>> parse_directive(std::string_view line) {
  std::string_view text = trim_left(line);
  if (!text.starts_with('#')) return std::nullopt;
  auto parts = split_once(text.substr(1), '=');
  if (!parts) return std::nullopt;
  std::string key = to_lower(trim(parts->first));
  std::string value(trim(parts->second));
  auto is_alnum = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  if (key.empty() || value.empty() || (key[0] >= '0' && key[0] <= '9') ||
      !std::all_of(key.begin(), key.end(), is_alnum))
    return std::nullopt;
  return std::pair(std::move(key), std::move(value));
}

bool may_hold_heredocs(std::string_view keyword) {
  return keyword == "run" || keyword == "copy" || keyword == "add";
}

// The terminator of a word such as "<<EOF", "3<<-'E'".
std::optional<Heredoc> parse_heredoc_word(std::string_view word) {
  size_t at = word.find_first_not_of("0123456789");
  if (at == std::string_view::npos || !word.substr(at).starts_with("<<")) return std::nullopt;
  std::string_view rest = word.substr(at + 2);
  Heredoc out;
  if (rest.starts_with('-')) {
    out.chomp = true;
    rest.remove_prefix(1);
  }
  if (rest.empty() || rest.find('<') != std::string_view::npos) return std::nullopt;
  for (size_t i = 0; i < rest.size(); ++i) {
    char c = rest[i];
    if (c == '"' || c == '\'') {
      out.expand = false;
      size_t end = rest.find(c, i + 1);
      if (end == std::string_view::npos) return std::nullopt;
      out.name.append(rest.substr(i + 1, end - i - 1));
      i = end;
    } else if (c == '\\' && i + 1 < rest.size()) {
      out.expand = false;
      out.name.push_back(rest[++i]);
    } else {
      out.name.push_back(c);
    }
  }
  if (out.name.empty()) return std::nullopt;
  return out;
}

class Lexer {
 public:
  explicit Lexer(const SourceText& source) : source_(source), lines_(source.lines()) {}

  Result<RawDockerfile> run() {
    TRY(read_directives());
    while (next_ < lines_.size()) TRY(read_instruction());
    if (out_.instructions.empty())
      return Error(Code::kInvalidArgument, cat(source_.name(), ": file with no instructions"));
    return std::move(out_);
  }

 private:
  Error error(LineSpan span, std::string message) const {
    return source_.at(span, Error(Code::kInvalidArgument, std::move(message)));
  }

  // Directives stand at the very top; the first line that is none ends them.
  Result<> read_directives() {
    std::map<std::string, int> seen;
    const bool interpreted = !lines_.empty() && lines_[0].starts_with("#!");
    for (size_t i = interpreted ? 1 : 0; i < lines_.size(); ++i) {
      auto directive = parse_directive(lines_[i]);
      if (!directive) return {};
      auto& [key, value] = *directive;
      if (key != "syntax" && key != "escape" && key != "check") return {};
      int line = static_cast<int>(i) + 1;
      if (!seen.emplace(key, line).second)
        return error({line, line}, cat("only one ", key, " parser directive can be used"));
      directives_end_ = i + 1;
      if (key == "syntax") out_.syntax = value;
      if (key == "check") {
        out_.check = value;
        out_.check_line = line;
      }
      if (key == "escape") {
        if (value != "\\" && value != "`")
          return error({line, line}, cat("invalid escape token ", quoted(value),
                                         ": must be a backslash or a backtick"));
        out_.escape = value[0];
      }
    }
    return {};
  }

  // Cuts the escape character (and blanks) off the end of a line that goes on; an escaped
  // escape does not continue.
  bool cut_continuation(std::string& line) const {
    size_t last = line.find_last_not_of(" \t");
    if (last == std::string::npos || line[last] != out_.escape) return false;
    if (last > 0 && line[last - 1] == out_.escape) return false;
    line.resize(last);
    return true;
  }

  Result<> read_instruction() {
    std::string line(trim_left(lines_[next_++]));
    if (line.starts_with('#')) {
      if (next_ > directives_end_) comments_.emplace_back(trim(std::string_view(line).substr(1)));
      return {};
    }
    std::vector<std::string> comments = std::exchange(comments_, {});
    if (line.empty()) return {};
    RawInstruction out;
    out.comments = std::move(comments);
    out.span.first = static_cast<int>(next_);
    bool goes_on = cut_continuation(line);
    bool has_empty = false;
    while (goes_on && next_ < lines_.size()) {
      std::string more = lines_[next_++];
      if (is_comment(more)) continue;
      if (trim_left(more).empty()) {
        has_empty = true;
        continue;
      }
      goes_on = cut_continuation(more);
      line += more;
    }
    out.span.last = static_cast<int>(next_);
    if (has_empty) out_.warnings.push_back({"Empty continuation line", out.span.last});
    out.text = trim(line);
    split_instruction(out);
    TRY(read_flags(out));
    TRY(read_heredocs(out));
    out_.instructions.push_back(std::move(out));
    return {};
  }

  static void split_instruction(RawInstruction& out) {
    size_t end = out.text.find_first_of(kBlanks);
    out.keyword = to_lower(out.text.substr(0, end));
    if (end != std::string::npos) out.arguments = trim(out.text.substr(end));
  }

  // Words that start with "--" right after the keyword; a bare "--" ends them.
  Result<> read_flags(RawInstruction& out) {
    std::string_view rest = out.arguments;
    for (;;) {
      rest = trim_left(rest);
      if (!rest.starts_with("--")) break;
      auto [word, size] = take_flag(rest);
      rest.remove_prefix(size);
      if (word == "--") break;
      out.flags.push_back(std::move(word));
    }
    out.arguments = std::string(trim_left(rest));
    return {};
  }

  // The unquoted first word of `text` and how many bytes it takes.
  std::pair<std::string, size_t> take_flag(std::string_view text) const {
    std::string word;
    char quote = 0;
    size_t i = 0;
    for (; i < text.size(); ++i) {
      char c = text[i];
      if (quote == 0 && is_blank(c)) break;
      if (c == out_.escape && quote != '\'' && i + 1 < text.size()) {
        word.push_back(text[++i]);
      } else if (quote == 0 && (c == '"' || c == '\'')) {
        quote = c;
      } else if (quote != 0 && c == quote) {
        quote = 0;
      } else {
        word.push_back(c);
      }
    }
    return {std::move(word), i};
  }

  Result<> read_heredocs(RawInstruction& out) {
    std::string keyword = out.keyword;
    std::string_view arguments = out.arguments;
    if (keyword == "onbuild") {
      size_t end = arguments.find_first_of(kBlanks);
      keyword = to_lower(arguments.substr(0, end));
      arguments = end == std::string_view::npos ? "" : trim_left(arguments.substr(end));
    }
    if (!may_hold_heredocs(keyword) || arguments.starts_with('[')) return {};
    for (const std::string& word : split_quoted_words(arguments, '\\')) {
      auto heredoc = parse_heredoc_word(word);
      if (!heredoc) continue;
      TRY(read_heredoc_body(out, *heredoc));
      out.heredocs.push_back(std::move(*heredoc));
    }
    return {};
  }

  Result<> read_heredoc_body(RawInstruction& out, Heredoc& heredoc) {
    while (next_ < lines_.size()) {
      std::string_view line = lines_[next_];
      const std::string end = cat(source_.returns(next_++), "\n");
      out.span.last = static_cast<int>(next_);
      const std::string_view whole = line;
      if (heredoc.chomp) line.remove_prefix(std::min(line.find_first_not_of('\t'), line.size()));
      if (line == heredoc.name) {
        out.heredoc_text += cat(line, "\n");
        return {};
      }
      out.heredoc_text += cat(whole, end);
      heredoc.content += cat(line, end);
    }
    return error(out.span, cat("unterminated heredoc: no line ", quoted(heredoc.name)));
  }

  const SourceText& source_;
  const std::vector<std::string>& lines_;
  size_t next_ = 0;
  size_t directives_end_ = 0;  // lines
  std::vector<std::string> comments_;
  RawDockerfile out_;
};

}  // namespace

Result<RawDockerfile> parse_lexical(const SourceText& source) { return Lexer(source).run(); }

std::vector<std::string> split_quoted_words(std::string_view text, char escape) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (quote == 0 && is_blank(c)) {
      if (in_word) words.push_back(std::exchange(word, {}));
      in_word = false;
      continue;
    }
    in_word = true;
    if (c == escape && quote != '\'') {
      if (i + 1 == text.size()) break;  // an escape at the very end says nothing
      word.push_back(c);
      c = text[++i];
    } else if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else if (c == quote) {
      quote = 0;
    }
    word.push_back(c);
  }
  if (in_word) words.push_back(std::move(word));
  return words;
}

std::vector<std::string> split_blank_words(std::string_view text) {
  std::vector<std::string> words;
  for (;;) {
    text = trim_left(text);
    if (text.empty()) return words;
    size_t end = std::min(text.find_first_of(" \t\v\f\r\n"), text.size());
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

}  // namespace skiff::dockerfile
