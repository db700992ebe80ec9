// SourceText: the lines of a Dockerfile, and how an error shows its place in them.
//
//   Dockerfile:3: unknown instruction "RNU" (did you mean RUN?)
//      1 |     FROM busybox
//      2 |
//      3 | >>> RNU make
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace skiff::dockerfile {

// Lines are counted from 1; both ends belong to the span.
struct LineSpan {
  int first = 1;
  int last = 1;
};

class SourceText {
 public:
  // `name` is what errors call the file. A byte order mark and carriage returns at the ends
  // of lines are dropped; a line beyond 64 KiB is refused.
  static Result<SourceText> make(std::string name, std::string_view text);

  const std::string& name() const { return name_; }
  const std::string& text() const { return text_; }  // as it came
  const std::vector<std::string>& lines() const { return lines_; }
  // The carriage returns that line `index`, from 0, had at its end: heredocs keep them.
  std::string returns(size_t index) const { return std::string(returns_[index], '\r'); }

  // `error` with the place in front and the lines around it behind.
  Error at(LineSpan span, const Error& error) const;
  std::string place(LineSpan span) const;  // "Dockerfile:3"

 private:
  std::string excerpt(LineSpan span) const;
  std::string name_;
  std::string text_;
  std::vector<std::string> lines_;
  std::vector<size_t> returns_;
};

// What SourceText::at() has made, taken apart again.
struct PlacedError {
  int line = 0;
  int last = 0;      // of the lines that it is about; `line` where it is one
  std::string text;  // without place and lines
};
// nullopt where `message` does not begin with a place in `file_name`.
std::optional<PlacedError> take_apart(std::string_view message, std::string_view file_name);

// What others wrote, to be shown: what a terminal would take for a command is shown as what it is,
// "\\x1b". Ends of lines and tabs stay.
std::string without_controls(std::string_view text);

}  // namespace skiff::dockerfile
