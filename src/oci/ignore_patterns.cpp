#include "oci/ignore_patterns.h"

#include <algorithm>
#include <filesystem>

#include "base/strings.h"

namespace skiff::oci {

namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

// What stands between '!' and the end of the line, cleaned: "/a//b/../c/" is "a/c".
std::string clean(std::string_view text) {
  std::string path = std::filesystem::path(text).lexically_normal().native();
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  while (path.size() > 1 && path.front() == '/') path.erase(0, 1);
  return path;
}

Error bad_pattern(std::string_view why) {
  return {Code::kInvalidArgument, cat("syntax error in pattern: ", why)};
}

}  // namespace

Result<IgnorePatterns> IgnorePatterns::parse(std::string_view text) {
  IgnorePatterns out;
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  int number = 0;
  for (const std::string& line : split(text, '\n')) {
    ++number;
    if (line.starts_with('#')) continue;
    TRY_CONTEXT(out.add(line), cat("ignore file, line ", number));
  }
  return out;
}

Result<IgnorePatterns> IgnorePatterns::of(const std::vector<std::string>& patterns) {
  IgnorePatterns out;
  for (const std::string& pattern : patterns) TRY(out.add(pattern));
  return out;
}

Result<> IgnorePatterns::add(std::string_view text) {
  std::string_view pattern = trim(text);
  if (pattern.empty()) return {};
  const bool takes_back = pattern.starts_with('!');
  if (takes_back) pattern = trim(pattern.substr(1));
  const std::string where = skiff::quoted(text);
  if (pattern.empty()) {
    return Error(Code::kInvalidArgument, cat(where, ": illegal exclusion pattern"));
  }
  Pattern compiled = TRY_CONTEXT(compile(clean(pattern)), where);
  compiled.takes_back = takes_back;
  patterns_.push_back(std::move(compiled));
  return {};
}

Result<IgnorePatterns::Pattern> IgnorePatterns::compile(std::string_view text) {
  Pattern out;
  while (!text.empty()) {
    char c = text.front();
    text.remove_prefix(1);
    if (c == '*' && text.starts_with('*')) {
      text.remove_prefix(1);
      if (text.starts_with('/')) text.remove_prefix(1);
      if (text.empty()) {
        out.tokens.push_back({Kind::kRest, 0, false, {}});
      } else {
        out.tokens.push_back({Kind::kDirsEnter, 0, false, {}});
        out.tokens.push_back({Kind::kDirsInside, 0, false, {}});
      }
    } else if (c == '*') {
      out.tokens.push_back({Kind::kStar, 0, false, {}});
    } else if (c == '?') {
      out.tokens.push_back({Kind::kAnyOne, 0, false, {}});
    } else if (c == '[') {
      out.tokens.push_back(TRY(compile_class(text)));
    } else {
      if (c == '\\') {
        if (text.empty()) return bad_pattern("nothing follows the last \\");
        c = text.front();
        text.remove_prefix(1);
      }
      out.tokens.push_back({Kind::kLiteral, c, false, {}});
    }
  }
  return out;
}

Result<IgnorePatterns::Token> IgnorePatterns::compile_class(std::string_view& rest) {
  Token token{Kind::kClass, 0, false, {}};
  auto take = [&]() -> Result<char> {
    if (rest.starts_with('\\')) rest.remove_prefix(1);
    if (rest.empty()) return bad_pattern("[ without ]");
    char c = rest.front();
    rest.remove_prefix(1);
    return c;
  };
  if (rest.starts_with('^')) {
    token.negated = true;
    rest.remove_prefix(1);
  }
  while (token.ranges.empty() || !rest.starts_with(']')) {
    if (rest.starts_with(']')) return bad_pattern("empty []");
    char low = TRY(take());
    char high = low;
    if (rest.starts_with('-') && !rest.starts_with("-]")) {
      rest.remove_prefix(1);
      high = TRY(take());
    }
    if (high < low) return bad_pattern("a range that runs backwards");
    token.ranges.emplace_back(low, high);
  }
  rest.remove_prefix(1);
  return token;
}

bool IgnorePatterns::accepts(const Token& token, char c) {
  switch (token.kind) {
    case Kind::kLiteral:
      return c == token.literal;
    case Kind::kAnyOne:
    case Kind::kStar:
      return c != '/';
    case Kind::kClass: {
      bool in = std::ranges::any_of(
          token.ranges, [c](const auto& range) { return range.first <= c && c <= range.second; });
      return c != '/' && in != token.negated;
    }
    case Kind::kDirsEnter:
      return false;
    case Kind::kDirsInside:
    case Kind::kRest:
      return true;
  }
  return false;
}

std::vector<bool> IgnorePatterns::run(const Pattern& pattern, std::string_view text) {
  const auto& tokens = pattern.tokens;
  // Tokens that may match nothing lead on without a character; all lead forward.
  auto close = [&](std::vector<bool>& states) {
    for (size_t i = 0; i < tokens.size(); ++i) {
      if (!states[i]) continue;
      if (tokens[i].kind == Kind::kStar || tokens[i].kind == Kind::kRest) states[i + 1] = true;
      if (tokens[i].kind == Kind::kDirsEnter) states[i + 1] = states[i + 2] = true;
    }
  };
  std::vector<bool> states(tokens.size() + 1);
  states[0] = true;
  close(states);
  for (char c : text) {
    std::vector<bool> next(tokens.size() + 1);
    for (size_t i = 0; i < tokens.size(); ++i) {
      if (!states[i] || !accepts(tokens[i], c)) continue;
      bool repeats = tokens[i].kind == Kind::kStar || tokens[i].kind == Kind::kRest ||
                     tokens[i].kind == Kind::kDirsInside;
      if (repeats) next[i] = true;
      if (!repeats || (tokens[i].kind == Kind::kDirsInside && c == '/')) next[i + 1] = true;
    }
    close(next);
    states = std::move(next);
  }
  return states;
}

bool IgnorePatterns::excluded(const std::string& path) const {
  bool out = false;
  for (const Pattern& pattern : patterns_) {
    if (pattern.takes_back != out) continue;  // could change nothing
    for (size_t end = 0; end != std::string::npos;) {
      end = path.find('/', end == 0 ? 0 : end + 1);
      if (run(pattern, std::string_view(path).substr(0, end)).back()) {
        out = !pattern.takes_back;
        break;
      }
    }
  }
  return out;
}

bool IgnorePatterns::may_contain_exceptions(const std::string& path) const {
  return std::ranges::any_of(patterns_, [&](const Pattern& pattern) {
    if (!pattern.takes_back) return false;
    std::vector<bool> states = run(pattern, cat(path, "/"));
    return std::ranges::find(states, true) != states.end();
  });
}

}  // namespace skiff::oci
