// The lexical level of a Dockerfile: directives, comments, continuation lines, flags and
// heredocs (docs.docker.com/reference/dockerfile, "Format"). Knows no instruction's meaning
// beyond which of them may hold heredocs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dockerfile/source_text.h"

namespace skiff::dockerfile {

struct Heredoc {
  std::string name;     // the terminator, unquoted
  std::string content;  // each line with its newline, and with its carriage return
  bool expand = true;   // false where the terminator was quoted
  bool chomp = false;   // "<<-": leading tabs are dropped
};

// One instruction, not yet understood: "COPY --from=a b c".
struct RawInstruction {
  std::string keyword;             // lower case, "copy"
  std::vector<std::string> flags;  // "--from=a", unquoted
  std::string arguments;           // "b c": what is left, continuation lines joined
  std::vector<Heredoc> heredocs;
  std::string text;                   // the whole, continuation lines joined, heredocs not included
  std::vector<std::string> comments;  // right above it, without '#'
  std::string heredoc_text;  // the lines of the heredocs as they stand, with their terminators
  LineSpan span;
};

struct LexicalWarning {
  std::string text;
  int line = 0;
};

struct RawDockerfile {
  char escape = '\\';
  std::string syntax;  // of "# syntax=", or ""
  std::string check;   // of "# check=", or ""
  int check_line = 0;  // of that, from 1; 0: there is none
  std::vector<RawInstruction> instructions;
  std::vector<LexicalWarning> warnings;
};

// Errors carry their place. A file without instructions is one.
Result<RawDockerfile> parse_lexical(const SourceText& source);

// Quote-aware words of `text`, quotes and escapes kept, as ENV, LABEL and ARG have them.
std::vector<std::string> split_quoted_words(std::string_view text, char escape);
// Words between blanks, without regard to quotes.
std::vector<std::string> split_blank_words(std::string_view text);

}  // namespace skiff::dockerfile
