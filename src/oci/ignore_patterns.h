// IgnorePatterns: the .dockerignore file (builder and command line share it), with the
// rules of Docker's reference, "dockerignore file":
//
//   one pattern a line; '#' in the first column is a comment; '!' takes back; a leading '/'
//   means nothing; the last match wins; a match of a directory matches all below it;
//   '*' and '?' stay within a path component, '[a-z]' is a class, '\' takes the next
//   character as it is, '**' spans any number of directories.
//
//   IgnorePatterns p = TRY(IgnorePatterns::parse("*.log\n!keep.log\n"));
//   p.excluded("a.log")       true
//   p.excluded("keep.log")    false
//
// Paths are relative to the root of the context, with '/' and without "./".
// A value; thread-compatible. Matching takes time in proportion to pattern times path.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace skiff::oci {

class IgnorePatterns {
 public:
  IgnorePatterns() = default;  // excludes nothing
  // kInvalidArgument names the line and the pattern.
  static Result<IgnorePatterns> parse(std::string_view text);
  // Each is one, also with '#' in the first column. kInvalidArgument names the pattern.
  static Result<IgnorePatterns> of(const std::vector<std::string>& patterns);

  // Whether `path`, or a directory above it, is left out.
  bool excluded(const std::string& path) const;
  // Whether something below the directory `path`, itself excluded, may be taken back by a
  // later '!' pattern: if not, a walk need not descend.
  bool may_contain_exceptions(const std::string& path) const;
  bool empty() const { return patterns_.empty(); }

 private:
  enum class Kind { kLiteral, kAnyOne, kStar, kClass, kDirsEnter, kDirsInside, kRest };
  struct Token {
    Kind kind;
    char literal = 0;
    bool negated = false;                       // of a class
    std::vector<std::pair<char, char>> ranges;  // of a class
  };
  struct Pattern {
    bool takes_back = false;
    std::vector<Token> tokens;
  };

  Result<> add(std::string_view text);
  static Result<Pattern> compile(std::string_view text);
  static Result<Token> compile_class(std::string_view& rest);
  static bool accepts(const Token& token, char c);
  // The states of the pattern's automaton after all of `text`; state i stands before token i.
  static std::vector<bool> run(const Pattern& pattern, std::string_view text);

  std::vector<Pattern> patterns_;
};

}  // namespace skiff::oci
