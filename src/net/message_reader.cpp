#include "net/message_reader.h"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <cstring>
#include <limits>

#include "base/strings.h"

namespace skiff::net {

namespace http = boost::beast::http;
using boost::beast::string_view;
using boost::system::error_code;

namespace {

// "0\r\n\r\n". Beast asserts that it is not given less a second time.
constexpr size_t kShortestEnd = 5;
constexpr size_t kReadSize = size_t{32} * 1024;
// A field costs a hundred bytes of memory beyond its own.
constexpr size_t kMaxFields = 256;
constexpr size_t kMaxExtensions = 4096;        // bytes behind a chunk's size
constexpr size_t kMaxTrailer = size_t{16384};  // bytes of names and values
// What opens an HTTP/2 connection, up to its first blank line (RFC 9113, 3.4). Beast knows
// no version beyond 1.1.
constexpr std::string_view kHttp2Preface = "PRI * HTTP/2.0\r\n\r\n";

std::string_view std_view(string_view text) { return {text.data(), text.size()}; }

// Collects the head, and copies the bytes of a chunked body to where the caller wants them.
template <bool is_request>
class Parser : public http::basic_parser<is_request> {
 public:
  Parser() {
    this->header_limit(kMaxHead);
    this->body_limit(boost::none);
    this->eager(false);
  }

  MessageHead head;
  std::span<char> wanted;  // room for body bytes
  size_t copied = 0;

 private:
  void on_request_impl(http::verb, string_view method, string_view target, int version,
                       error_code&) override {
    head.method = std_view(method);
    head.target = std_view(target);
    head.version = version;
  }
  void on_response_impl(int status, string_view, int version, error_code&) override {
    head.status = status;
    head.version = version;
  }
  void on_field_impl(http::field, string_view name, string_view value, error_code& ec) override {
    if (in_trailer_) {
      trailer_size_ += name.size() + value.size();
      if (trailer_size_ > kMaxTrailer) ec = http::error::header_limit;
      return;
    }
    if (is_request && ++fields_ > kMaxFields) ec = http::error::header_limit;
    head.headers.add(std_view(name), std::string(std_view(value)));
  }
  void on_header_impl(error_code&) override { in_trailer_ = true; }
  void on_body_init_impl(boost::optional<std::uint64_t> const&, error_code&) override {}
  size_t on_body_impl(string_view, error_code&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, string_view extensions, error_code& ec) override {
    if (extensions.size() > kMaxExtensions) ec = http::error::header_limit;
  }
  size_t on_chunk_body_impl(std::uint64_t, string_view body, error_code&) override {
    size_t n = std::min(body.size(), wanted.size() - copied);
    std::memcpy(wanted.data() + copied, body.data(), n);
    copied += n;
    return n;
  }
  void on_finish_impl(error_code&) override {}

  bool in_trailer_ = false;
  size_t fields_ = 0;
  size_t trailer_size_ = 0;
};

enum class BodyKind { kNone, kLength, kChunked, kToEnd };

Error bad_message(std::string_view why) {
  return {Code::kInvalidArgument, cat("malformed HTTP message: ", why)};
}

Error parse_error(const error_code& ec) {
  if (ec == http::error::header_limit) {
    return {Code::kResourceExhausted,
            cat("HTTP header is larger than ", kMaxHead, " bytes or ", kMaxFields, " fields")};
  }
  return bad_message(ec.message());
}

// Whether a request line that Beast refuses for its version is one of another HTTP: Beast says
// the same of words that are no version at all.
bool names_other_version(std::string_view text) {
  std::string_view line = text.substr(0, text.find("\r\n"));
  if (line.size() == text.size() && line.ends_with('\r')) line.remove_suffix(1);  // its LF may come
  size_t target = line.find(' ');
  if (target == std::string_view::npos) return false;
  std::string_view version = line.substr(line.find(' ', target + 1) + 1);
  auto digit = [&](size_t i) { return version[i] >= '0' && version[i] <= '9'; };
  return version.size() == 8 && version.starts_with("HTTP/") && digit(5) && version[6] == '.' &&
         digit(7);
}

// A request line that alone is larger than a head may be.
Error endless_request_line(std::string_view text) {
  if (text.substr(0, kMaxHead).find(' ') == std::string_view::npos) {
    return bad_message("endless method");
  }
  return {Code::kOutOfRange, "request target is too long"};
}

// Field lines that go on in the next one mean different things to different readers (RFC 9112,
// 5.2); Beast joins them.
bool has_folded_line(std::string_view head) {
  for (size_t at = 0; (at = head.find("\r\n", at)) != std::string_view::npos; at += 2) {
    if (at + 2 < head.size() && (head[at + 2] == ' ' || head[at + 2] == '\t')) return true;
  }
  return false;
}

// Beast accepts equal lengths, and codings other than "chunked" and leaves their meaning to the
// caller.
Result<> check_framing(const MessageHead& head) {
  const std::vector<std::string> lengths = head.headers.all("Content-Length");
  if (lengths.size() > 1 || (!lengths.empty() && lengths[0].find(',') != std::string::npos)) {
    return bad_message("more than one Content-Length");
  }
  const std::vector<std::string> codings = head.headers.all("Transfer-Encoding");
  if (codings.empty()) return {};
  if (head.headers.find("Content-Length")) {
    return bad_message("both Content-Length and Transfer-Encoding");
  }
  if (codings.size() > 1 || !equals_ignore_case(trim(codings[0]), "chunked")) {
    return bad_message("unsupported Transfer-Encoding");
  }
  if (head.version < 11) return bad_message("Transfer-Encoding in HTTP/1.0");
  return {};
}

}  // namespace

struct MessageReader::Impl {
  explicit Impl(Role r) : role(r) {}

  Role role;
  std::string buffer;
  size_t position = 0;  // of the first unused byte in buffer
  std::unique_ptr<Parser<true>> request;
  std::unique_ptr<Parser<false>> response;
  BodyKind body = BodyKind::kNone;
  uint64_t left = 0;  // of a body with a length
  // Of a request whose head an error of the stream interrupted: the next call goes on there.
  bool in_head = false;
  bool begun = false;  // with more than empty lines

  std::string_view unused() const { return std::string_view(buffer).substr(position); }

  // Reads more behind the unused bytes; false at the end of the stream.
  Result<bool> fill(Source& stream) {
    buffer.erase(0, position);
    position = 0;
    const size_t old = buffer.size();
    Result<size_t> n = size_t{0};
    buffer.resize_and_overwrite(old + kReadSize, [&](char* bytes, size_t) {
      n = stream.read({bytes + old, kReadSize});
      return old + n.value_or(0);
    });
    if (!n) return n.error();
    return *n > 0;
  }

  template <typename P>
  Result<std::optional<MessageHead>> parse_head(P& parser, Source& stream) {
    while (!parser.is_header_done()) {
      error_code ec = http::error::need_more;
      // Empty lines before a request line are to be ignored (RFC 9112, 2.2).
      while (!begun && role == Role::kRequests && unused().starts_with("\r\n")) position += 2;
      if (!unused().empty() && unused() != "\r") {
        begun = true;
        ec = {};
        const size_t start = position;
        position += parser.put({unused().data(), unused().size()}, ec);
        const auto taken = std::string_view(buffer).substr(start, position - start);
        if (role == Role::kRequests && has_folded_line(taken)) return bad_message("folded field");
      }
      if (!ec) continue;
      const bool has_first_line = parser.head.status != 0 || !parser.head.method.empty();
      if (ec == http::error::header_limit && role == Role::kRequests && !has_first_line) {
        return endless_request_line(unused());
      }
      if (ec == http::error::bad_version && names_other_version(unused())) {
        return Error(Code::kUnimplemented, "unsupported HTTP version");
      }
      if (ec != http::error::need_more) return parse_error(ec);
      if (!TRY(fill(stream))) {
        if (begun) return Error(Code::kDataLoss, "connection ended within an HTTP header");
        return std::optional<MessageHead>();
      }
    }
    in_head = begun = false;
    MessageHead& head = parser.head;
    TRY(check_framing(head));
    head.keep_alive = parser.keep_alive();
    head.chunked = parser.chunked();
    if (parser.content_length()) head.content_length = *parser.content_length();
    set_body(head);
    return std::optional(std::move(head));
  }

  // Takes the preface of HTTP/2 from the stream, if that is what comes.
  Result<bool> take_http2_preface(Source& stream) {
    while (!unused().empty() && unused().size() < kHttp2Preface.size() &&
           kHttp2Preface.starts_with(unused())) {
      if (!TRY(fill(stream))) return false;
    }
    if (!unused().starts_with(kHttp2Preface)) return false;
    position += kHttp2Preface.size();
    return true;
  }

  Result<std::optional<MessageHead>> parse_request(Source& stream) {
    if (in_head) return parse_head(*request, stream);
    if (unused().empty() && !TRY(fill(stream))) return std::optional<MessageHead>();
    if (TRY(take_http2_preface(stream))) {
      MessageHead head;
      head.method = "PRI";
      head.target = "*";
      head.version = 20;
      return std::optional(std::move(head));
    }
    request = std::make_unique<Parser<true>>();
    in_head = true;
    return parse_head(*request, stream);
  }

  void set_body(MessageHead& head) {
    bool never =
        role == Role::kResponses && (head.status < 200 || head.status == 204 || head.status == 304);
    if (never) {
      body = BodyKind::kNone;
    } else if (head.chunked) {
      body = BodyKind::kChunked;
    } else if (head.content_length) {
      left = *head.content_length;
      body = left > 0 ? BodyKind::kLength : BodyKind::kNone;
    } else if (role == Role::kRequests) {
      head.content_length = 0;
      body = BodyKind::kNone;
    } else {
      head.keep_alive = false;
      body = BodyKind::kToEnd;
    }
  }

  // Body bytes without coding: first what is buffered, then straight from the stream.
  Result<size_t> read_plain(Source& stream, std::span<char> out) {
    if (unused().empty()) return stream.read(out);
    size_t n = std::min(out.size(), unused().size());
    std::memcpy(out.data(), unused().data(), n);
    position += n;
    return n;
  }

  Result<size_t> read_length(Source& stream, std::span<char> out) {
    size_t n = TRY(read_plain(stream, out.first(std::min<uint64_t>(out.size(), left))));
    if (n == 0) {
      return Error(Code::kDataLoss,
                   cat("connection ended ", left, " bytes before the end of the HTTP body"));
    }
    left -= n;
    if (left == 0) body = BodyKind::kNone;
    return n;
  }

  template <typename P>
  Result<size_t> read_chunked(P& parser, Source& stream, std::span<char> out) {
    parser.wanted = out;
    parser.copied = 0;
    while (!parser.is_done() && parser.copied < out.size()) {
      error_code ec = http::error::need_more;
      if (!unused().empty()) {
        ec = {};
        position += parser.put({unused().data(), unused().size()}, ec);
      }
      if (!ec) continue;
      if (ec != http::error::need_more) return parse_error(ec);
      if (parser.copied > 0) break;  // give what there is before waiting for more
      if (unused().size() > kMaxHead) return parse_error(http::error::header_limit);
      do {
        if (!TRY(fill(stream))) {
          return Error(Code::kDataLoss, "connection ended within a chunked HTTP body");
        }
      } while (unused().size() < kShortestEnd);
    }
    if (parser.is_done()) body = BodyKind::kNone;
    return parser.copied;
  }
};

MessageReader::MessageReader(Role role) : impl_(std::make_unique<Impl>(role)) {}
MessageReader::MessageReader(MessageReader&&) noexcept = default;
MessageReader& MessageReader::operator=(MessageReader&&) noexcept = default;
MessageReader::~MessageReader() = default;

Result<std::optional<MessageHead>> MessageReader::read_head(Source& stream) {
  if (impl_->role == Role::kRequests) return impl_->parse_request(stream);
  impl_->response = std::make_unique<Parser<false>>();
  impl_->begun = false;
  return impl_->parse_head(*impl_->response, stream);
}

void MessageReader::no_body() { impl_->body = BodyKind::kNone; }

Result<size_t> MessageReader::read_body(Source& stream, std::span<char> buffer) {
  if (buffer.empty()) return size_t{0};
  switch (impl_->body) {
    case BodyKind::kNone:
      return size_t{0};
    case BodyKind::kLength:
      return impl_->read_length(stream, buffer);
    case BodyKind::kToEnd: {
      size_t n = TRY(impl_->read_plain(stream, buffer));
      if (n == 0) impl_->body = BodyKind::kNone;
      return n;
    }
    case BodyKind::kChunked:
      if (impl_->request) return impl_->read_chunked(*impl_->request, stream, buffer);
      return impl_->read_chunked(*impl_->response, stream, buffer);
  }
  return size_t{0};
}

bool MessageReader::body_finished() const { return impl_->body == BodyKind::kNone; }

std::optional<uint64_t> MessageReader::body_left() const {
  if (impl_->body == BodyKind::kNone) return 0;
  if (impl_->body == BodyKind::kLength) return impl_->left;
  return std::nullopt;
}

bool MessageReader::within_head() const { return impl_->in_head || !impl_->unused().empty(); }

bool MessageReader::has_buffered() const { return !impl_->unused().empty(); }

std::string MessageReader::take_buffered() {
  std::string out(impl_->unused());
  impl_->buffer.clear();
  impl_->position = 0;
  return out;
}

}  // namespace skiff::net
