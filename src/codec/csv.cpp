#include "codec/csv.h"

#include "base/strings.h"

namespace skiff {

namespace {

class LineReader {
 public:
  explicit LineReader(std::string_view line) : line_(line) {}

  Result<std::vector<std::string>> read() {
    std::vector<std::string> out;
    for (;;) {
      const bool is_quoted = line_.substr(at_).starts_with('"');
      out.push_back(TRY(is_quoted ? quoted_field() : plain_field()));
      if (at_ == line_.size()) return out;
      ++at_;
    }
  }

 private:
  static Error bad(size_t at, std::string_view why) {
    return {Code::kInvalidArgument, cat("parse error on line 1, column ", at + 1, ": ", why)};
  }
  static Error bad_quote(size_t at) { return bad(at, "extraneous or missing \" in quoted-field"); }

  Result<std::string> plain_field() {
    const std::string_view field = line_.substr(at_, line_.find(',', at_) - at_);
    const size_t quote = field.find('"');
    if (quote != std::string_view::npos) return bad(at_ + quote, "bare \" in non-quoted field");
    at_ += field.size();
    return std::string(field);
  }

  Result<std::string> quoted_field() {
    std::string out;
    ++at_;
    for (;;) {
      const size_t end = line_.find('"', at_);
      if (end == std::string_view::npos) return bad_quote(line_.size());
      out += line_.substr(at_, end - at_);
      at_ = end + 1;
      if (at_ == line_.size() || line_[at_] == ',') return out;
      if (line_[at_] != '"') return bad_quote(end);
      out += '"';
      ++at_;
    }
  }

  std::string_view line_;
  size_t at_ = 0;
};

}  // namespace

Result<std::vector<std::string>> parse_csv(std::string_view line) {
  return LineReader(line).read();
}

}  // namespace skiff
