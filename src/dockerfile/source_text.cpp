#include "dockerfile/source_text.h"

#include <algorithm>

#include "base/strings.h"

namespace skiff::dockerfile {

namespace {

constexpr size_t kMaxLine = 65535;
constexpr int kLinesAround = 3;
constexpr size_t kMaxShownBytes = 200;

}  // namespace

Result<SourceText> SourceText::make(std::string name, std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  SourceText out;
  out.text_ = text;
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  out.name_ = std::move(name);
  out.lines_ = split(text, '\n');
  if (out.lines_.back().empty()) out.lines_.pop_back();
  for (std::string& line : out.lines_) {
    const size_t whole = line.size();
    while (line.ends_with('\r')) line.pop_back();
    out.returns_.push_back(whole - line.size());
    if (line.size() > kMaxLine)
      return Error(Code::kInvalidArgument,
                   cat(out.name_, ":", &line - out.lines_.data() + 1,
                       ": line greater than max allowed size of ", kMaxLine));
  }
  return out;
}

std::string SourceText::place(LineSpan span) const { return cat(name_, ":", span.first); }

Error SourceText::at(LineSpan span, const Error& error) const {
  std::string message =
      cat(place(span), ": ", without_controls(error.message()), "\n", excerpt(span));
  return Error(error.code(), std::move(message));
}

std::string SourceText::excerpt(LineSpan span) const {
  int first = std::max(1, span.first - kLinesAround);
  int last = std::min(static_cast<int>(lines_.size()), span.last + kLinesAround);
  std::string out;
  for (int n = first; n <= last; ++n) {
    std::string number = cat(n);
    if (number.size() < 4) number.insert(0, 4 - number.size(), ' ');
    bool marked = n >= span.first && n <= span.last;
    std::string shown =
        cat(number, " | ", marked ? ">>> " : "    ",
            without_controls(std::string_view(lines_[n - 1]).substr(0, kMaxShownBytes)));
    out += shown.substr(0, shown.find_last_not_of(' ') + 1) + "\n";
  }
  if (!out.empty()) out.pop_back();
  return out;
}

namespace {

// A line of an excerpt: its number, and whether it is one of those that the error is about.
std::optional<std::pair<int, bool>> excerpt_line(std::string_view text) {
  constexpr std::string_view kBar = " | ";
  text = text.substr(0, text.find('\n'));
  const size_t bar = text.find(" |");
  if (bar < 4 || bar == std::string_view::npos) return std::nullopt;
  const auto number = parse_int(trim(text.substr(0, bar)));
  if (!number) return std::nullopt;
  const bool is_marked = text.substr(bar).starts_with(cat(kBar, ">>>"));
  return std::pair(static_cast<int>(*number), is_marked);
}

// The last of the marked lines of an excerpt; `line` without one.
int last_marked(std::string_view excerpt, int line) {
  while (const auto one = excerpt_line(excerpt)) {
    if (one->second) line = std::max(line, one->first);
    const size_t end = excerpt.find('\n');
    if (end == std::string_view::npos) break;
    excerpt.remove_prefix(end + 1);
  }
  return line;
}

}  // namespace

std::optional<PlacedError> take_apart(std::string_view message, std::string_view file_name) {
  const std::string before = cat(file_name, ":");
  if (!message.starts_with(before)) return std::nullopt;
  const auto split = split_once(message.substr(before.size()), ':');
  const auto line = split ? parse_int(split->first) : std::nullopt;
  if (!line) return std::nullopt;
  std::string_view text = split->second;
  if (text.starts_with(' ')) text.remove_prefix(1);
  // The first of the lines: a number in four columns or more, and a bar.
  for (size_t end = text.find('\n'); end != std::string_view::npos;
       end = text.find('\n', end + 1)) {
    const std::string_view next = text.substr(end + 1);
    if (excerpt_line(next)) {
      const int first = static_cast<int>(*line);
      return PlacedError{first, last_marked(next, first), std::string(text.substr(0, end))};
    }
  }
  return PlacedError{static_cast<int>(*line), static_cast<int>(*line), std::string(text)};
}

std::string without_controls(std::string_view text) {
  // Of UTF-8, the first byte of U+0080 to U+009F: those are commands, too.
  constexpr unsigned char kC1 = 0xc2;
  std::string out;
  bool after_c1 = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : '\0');
    const bool is_c1 = byte == kC1 && next >= 0x80 && next < 0xa0;
    const bool is_c0 = byte < 0x20 && byte != '\t' && byte != '\n';
    if (is_c0 || is_c1 || after_c1 || byte == 0x7f) {
      out += cat("\\x", to_hex(text.substr(i, 1)));
    } else {
      out += text[i];
    }
    after_c1 = is_c1;
  }
  return out;
}

}  // namespace skiff::dockerfile
