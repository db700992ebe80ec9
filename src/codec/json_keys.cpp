#include "codec/json_keys.h"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parse_options.hpp>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/strings.h"

namespace skiff::json {

namespace {

constexpr size_t kMaxKeyDepth = 100;

// The names and signatures are those that boost::json::basic_parser calls.
class Visitor {
 public:
  using Ec = boost::json::error_code;
  using Text = boost::json::string_view;

  static constexpr size_t max_object_size = static_cast<size_t>(-1);  // NOLINT
  static constexpr size_t max_array_size = static_cast<size_t>(-1);   // NOLINT
  static constexpr size_t max_key_size = static_cast<size_t>(-1);     // NOLINT
  static constexpr size_t max_string_size = static_cast<size_t>(-1);  // NOLINT

  explicit Visitor(const std::function<bool(const Key&)>& visit) : visit_(visit) {}
  bool stopped() const { return stopped_; }

  bool on_document_begin(Ec&) { return true; }
  bool on_document_end(Ec&) { return true; }
  bool on_array_begin(Ec&) { return begin(false); }
  bool on_array_end(size_t, Ec&) { return end(); }
  bool on_object_begin(Ec&) { return begin(true); }
  bool on_object_end(size_t, Ec&) { return end(); }
  bool on_key_part(Text part, size_t, Ec&) {
    text_.append(part.data(), part.size());
    return true;
  }
  bool on_key(Text part, size_t, Ec& ec) {
    text_.append(part.data(), part.size());
    Frame& top = stack_.back();
    top.key = std::exchange(text_, {});
    const bool is_new = top.seen.insert(top.key).second;
    stopped_ = !visit_({top.key, top.parent, !is_new});
    if (stopped_) ec = boost::json::error::extra_data;
    return !stopped_;
  }
  bool on_string_part(Text, size_t, Ec&) { return true; }
  bool on_string(Text, size_t, Ec&) { return true; }
  bool on_number_part(Text, Ec&) { return true; }
  bool on_int64(int64_t, Text, Ec&) { return true; }
  bool on_uint64(uint64_t, Text, Ec&) { return true; }
  bool on_double(double, Text, Ec&) { return true; }
  bool on_bool(bool, Ec&) { return true; }
  bool on_null(Ec&) { return true; }
  bool on_comment_part(Text, Ec&) { return true; }
  bool on_comment(Text, Ec&) { return true; }

 private:
  struct Frame {
    bool is_object;
    std::string parent;
    std::string key;  // the last one
    std::unordered_set<std::string> seen;
  };

  bool begin(bool is_object) {
    std::string parent;
    if (!stack_.empty())
      parent = stack_.back().is_object ? stack_.back().key : stack_.back().parent;
    stack_.push_back(Frame{is_object, std::move(parent), {}, {}});
    return true;
  }
  bool end() {
    stack_.pop_back();
    return true;
  }

  const std::function<bool(const Key&)>& visit_;
  bool stopped_ = false;
  std::vector<Frame> stack_;
  std::string text_;
};

}  // namespace

Result<> each_key(std::string_view text, const std::function<bool(const Key&)>& visit) {
  boost::json::parse_options options;
  options.max_depth = kMaxKeyDepth;
  boost::json::basic_parser<Visitor> parser(options, visit);
  boost::json::error_code ec;
  const size_t used = parser.write_some(false, text.data(), text.size(), ec);
  if (parser.handler().stopped() || (!ec && used == text.size())) return {};
  return Error(Code::kInvalidArgument,
               cat("invalid JSON at byte ", used, ": ", ec ? ec.message() : "data after the end"));
}

}  // namespace skiff::json
