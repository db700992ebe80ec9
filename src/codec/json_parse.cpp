// json::parse: a handler of Boost.JSON's event parser that builds our values.
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parse_options.hpp>
#include <charconv>
#include <cmath>

#include "base/strings.h"
#include "codec/json.h"

namespace skiff::json {

namespace {

constexpr size_t kMaxDepth = 100;
// Doubles up to here name one whole number each.
constexpr double kMaxExact = 9007199254740992.0;

// Boost.JSON 1.81 computes doubles with an error in the last digit: read again, exactly.
double nearest_double(std::string_view text, double approximate) {
  double exact = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), exact);
  return read.ec == std::errc() ? exact : approximate;
}

// The names and signatures are those that boost::json::basic_parser calls.
class Builder {
 public:
  using Ec = boost::json::error_code;
  using Text = boost::json::string_view;

  static constexpr size_t max_object_size = static_cast<size_t>(-1);  // NOLINT
  static constexpr size_t max_array_size = static_cast<size_t>(-1);   // NOLINT
  static constexpr size_t max_key_size = static_cast<size_t>(-1);     // NOLINT
  static constexpr size_t max_string_size = static_cast<size_t>(-1);  // NOLINT

  bool on_document_begin(Ec&) { return true; }
  bool on_document_end(Ec&) { return true; }
  bool on_array_begin(Ec&) { return begin(false); }
  bool on_array_end(size_t, Ec&) {
    Array items = std::move(stack_.back().items);
    stack_.pop_back();
    return add(std::move(items));
  }
  bool on_object_begin(Ec&) { return begin(true); }
  bool on_object_end(size_t, Ec&) {
    Object object = Object::from_members(std::move(stack_.back().members));
    stack_.pop_back();
    return add(std::move(object));
  }
  bool on_key_part(Text part, size_t, Ec&) { return append(part); }
  bool on_key(Text part, size_t, Ec&) {
    append(part);
    stack_.back().key = std::exchange(text_, {});
    return true;
  }
  bool on_string_part(Text part, size_t, Ec&) { return append(part); }
  bool on_string(Text part, size_t, Ec&) {
    append(part);
    return add(std::exchange(text_, {}));
  }
  bool on_number_part(Text part, Ec&) { return append(part); }
  bool on_int64(int64_t n, Text, Ec&) {
    text_.clear();
    return add(n);
  }
  bool on_uint64(uint64_t n, Text, Ec&) {
    text_.clear();
    if (n > static_cast<uint64_t>(INT64_MAX)) return add(static_cast<double>(n));
    return add(static_cast<int64_t>(n));
  }
  bool on_double(double d, Text part, Ec& ec) {
    append(part);
    if (!std::isfinite(d)) {
      ec = boost::json::error::exponent_overflow;
      return false;
    }
    d = nearest_double(std::exchange(text_, {}), d);
    if (std::abs(d) <= kMaxExact && d == std::trunc(d)) return add(static_cast<int64_t>(d));
    return add(d);
  }
  bool on_bool(bool b, Ec&) { return add(b); }
  bool on_null(Ec&) { return add(nullptr); }
  bool on_comment_part(Text, Ec&) { return true; }
  bool on_comment(Text, Ec&) { return true; }

  Value take() { return std::move(root_); }

 private:
  struct Frame {
    bool is_object;
    std::vector<Member> members;
    Array items;
    std::string key;
  };

  bool begin(bool is_object) {
    stack_.push_back(Frame{is_object, {}, {}, {}});
    return true;
  }
  bool append(Text part) {
    text_.append(part.data(), part.size());
    return true;
  }
  bool add(Value value) {
    if (stack_.empty()) {
      root_ = std::move(value);
    } else if (Frame& top = stack_.back(); top.is_object) {
      top.members.emplace_back(std::move(top.key), std::move(value));
    } else {
      top.items.push_back(std::move(value));
    }
    return true;
  }

  std::vector<Frame> stack_;
  std::string text_;
  Value root_;
};

Error parse_error(std::string_view why, size_t offset) {
  return {Code::kInvalidArgument, cat("invalid JSON at byte ", offset, ": ", why)};
}

}  // namespace

Result<Value> parse(std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = kMaxDepth;
  boost::json::basic_parser<Builder> parser(options);
  boost::json::error_code ec;
  size_t used = parser.write_some(false, text.data(), text.size(), ec);
  if (ec) return parse_error(ec.message(), used);
  if (used < text.size()) return parse_error("data after the end of the document", used);
  return parser.handler().take();
}

}  // namespace skiff::json
