#include "registry/metrics_text.h"

#include <array>
#include <charconv>

#include "base/strings.h"

namespace skiff::registry {

namespace {

template <typename Number>
std::string number(Number value) {
  std::array<char, 32> digits{};
  return {digits.data(), std::to_chars(digits.begin(), digits.end(), value).ptr};
}

void append_escaped(std::string& out, std::string_view text, bool quotes) {
  for (const char c : text) {
    if (c == '\n') {
      out.append("\\n");
    } else {
      if (c == '\\' || (quotes && c == '"')) out.push_back('\\');
      out.push_back(c);
    }
  }
}

}  // namespace

void MetricsText::family(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  text_.append("# HELP ").append(name).push_back(' ');
  append_escaped(text_, help, false);
  text_.append("\n# TYPE ").append(name).append(" ").append(type).push_back('\n');
}

void MetricsText::line(std::string_view suffix, Labels labels, std::string_view bound,
                       std::string_view value) {
  text_.append(name_).append(suffix);
  char before = '{';
  const auto label = [&](std::string_view name, std::string_view text) {
    text_.push_back(before);
    text_.append(name).append("=\"");
    append_escaped(text_, text, true);
    text_.push_back('"');
    before = ',';
  };
  for (const auto& [name, text] : labels) label(name, text);
  if (!bound.empty()) label("le", bound);
  if (before == ',') text_.push_back('}');
  text_.append(" ").append(value).push_back('\n');
}

void MetricsText::sample(Labels labels, uint64_t value) { line("", labels, "", number(value)); }
void MetricsText::sample(Labels labels, int64_t value) { line("", labels, "", number(value)); }
void MetricsText::sample(Labels labels, double value) { line("", labels, "", number(value)); }

void MetricsText::histogram(Labels labels, const Histogram& histogram) {
  uint64_t up_to = 0;
  for (size_t i = 0; i < Histogram::kBuckets; ++i) {
    up_to += histogram.count(i);
    const bool last = i == Histogram::kBounds.size();
    const std::string bound =
        last ? "+Inf" : number(std::chrono::duration<double>(Histogram::kBounds[i]).count());
    line("_bucket", labels, bound, number(up_to));
  }
  line("_sum", labels, "", number(histogram.seconds()));
  line("_count", labels, "", number(up_to));
}

}  // namespace skiff::registry
