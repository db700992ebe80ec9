#include "dockerfile/source_text.h"

#include <algorithm>

#include "base/strings.h"

namespace skiff::dockerfile {

namespace {

constexpr size_t kMaxLine = 65535;
constexpr int kLinesAround = 3;
constexpr size_t kMaxShownBytes = 200;

// Levenshtein distance.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

// What a terminal would take for a command is shown as what it is: "\x1b".
std::string shown_line(std::string_view line) {
  std::string out;
  for (const char c : line.substr(0, kMaxShownBytes)) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\t') || byte == 0x7f) {
      out += cat("\\x", to_hex({&c, 1}));
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

Result<SourceText> SourceText::make(std::string name, std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  SourceText out;
  out.name_ = std::move(name);
  out.lines_ = split(text, '\n');
  if (out.lines_.back().empty()) out.lines_.pop_back();
  for (std::string& line : out.lines_) {
    while (line.ends_with('\r')) line.pop_back();
    if (line.size() > kMaxLine)
      return Error(Code::kInvalidArgument,
                   cat(out.name_, ":", &line - out.lines_.data() + 1,
                       ": line greater than max allowed size of ", kMaxLine));
  }
  return out;
}

std::string SourceText::place(LineSpan span) const { return cat(name_, ":", span.first); }

Error SourceText::at(LineSpan span, const Error& error) const {
  std::string message = cat(place(span), ": ", error.message(), "\n", excerpt(span));
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
    std::string shown = cat(number, " | ", marked ? ">>> " : "    ", shown_line(lines_[n - 1]));
    out += shown.substr(0, shown.find_last_not_of(' ') + 1) + "\n";
  }
  if (!out.empty()) out.pop_back();
  return out;
}

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
    const size_t bar = next.find(" | ");
    if (bar >= 4 && bar != std::string_view::npos && parse_int(trim(next.substr(0, bar)))) {
      return PlacedError{static_cast<int>(*line), std::string(text.substr(0, end))};
    }
  }
  return PlacedError{static_cast<int>(*line), std::string(text)};
}

std::string nearest_word(std::string_view word, const std::vector<std::string>& candidates) {
  std::string best;
  size_t best_distance = std::max<size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    size_t distance = edit_distance(to_lower(word), to_lower(candidate));
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace skiff::dockerfile
