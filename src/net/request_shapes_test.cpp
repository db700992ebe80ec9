// The shapes of requests on which servers, proxies and clients have disagreed (RFC 9112, section
// 11.2, "Request Smuggling"), as one table. A shape is sent in one piece and byte by byte, and
// behind it comes a whole request: where the shape is refused, the rest must not be read as one.
#include <gtest/gtest.h>

#include <mutex>

#include "net/http_server.h"
#include "net/test_server.h"

namespace skiff::net {
namespace {

// Follows each shape.
constexpr std::string_view kNext = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n";

struct Shape {
  const char* name;
  std::string_view bytes;
  // What comes of it and of the request behind: "400" is refused and closed; "METHOD PATH BODY"
  // stands for each request that a handler saw, in order.
  const char* outcome;
};

using namespace std::string_view_literals;  // for the NUL bytes

const std::string kLongName(70'000, 'x');
const std::string kLongMethod = cat(kLongName, " / HTTP/1.1\r\nHost: a\r\n\r\n");
const std::string kLongTarget = cat("GET /", kLongName, " HTTP/1.1\r\nHost: a\r\n\r\n");
const std::string kLongField = cat("GET / HTTP/1.1\r\nHost: a\r\nX: ", kLongName, "\r\n\r\n");

std::string many_fields(int count) {
  std::string text = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < count; ++i) text += cat("X", i, ": y\r\n");
  return text + "\r\n";
}
const std::string kManyFields = many_fields(200);
const std::string kTooManyFields = many_fields(300);
const std::string kLongExtension =
    cat("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2;", kLongName,
        "\r\nhi\r\n0\r\n\r\n");
const std::string kLongTrailer = cat(
    "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX: ", kLongName,
    "\r\n\r\n");

#define PUT_CHUNKED "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

const Shape kShapes[] = {
    // Where a body ends (RFC 9112, 6.3).
    {"length", "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"sv,
     "PUT / hi, GET /next "},
    {"length before coding",
     "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"sv,
     "400"},
    {"coding before length",
     "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"sv,
     "400"},
    {"length twice, the same",
     "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi"sv, "400"},
    {"length twice, different",
     "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 0\r\n\r\nhi"sv, "400"},
    {"length as a list, the same", "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2, 2\r\n\r\nhi"sv,
     "400"},
    {"length as a list, different", "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2, 0\r\n\r\nhi"sv,
     "400"},
    {"length with a plus", "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: +2\r\n\r\nhi"sv, "400"},
    {"length below zero", "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: -2\r\n\r\nhi"sv, "400"},
    {"length in hexadecimal", "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x2\r\n\r\nhi"sv,
     "400"},
    {"length with a blank inside", "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1 0\r\n\r\nhi"sv,
     "400"},
    {"length with a fraction", "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2.0\r\n\r\nhi"sv,
     "400"},
    {"no length", "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\nhi"sv, "400"},
    {"length beyond 64 bits",
     "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551618\r\n\r\nhi"sv, "400"},
    {"length with leading zeros", "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 002\r\n\r\nhi"sv,
     "PUT / hi, GET /next "},
    {"a body with GET", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"sv,
     "GET / hi, GET /next "},

    // Transfer codings (RFC 9112, 6.1).
    {"chunks", PUT_CHUNKED "2\r\nhi\r\n0\r\n\r\n"sv, "PUT / hi, GET /next "},
    {"capital letters",
     "PUT / HTTP/1.1\r\nHost: a\r\ntransfer-ENCODING: Chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"sv,
     "PUT / hi, GET /next "},
    {"another coding", "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\nhi"sv, "400"},
    {"another one before chunked",
     "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"sv, "400"},
    {"chunked not last",
     "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"sv, "400"},
    {"chunked twice",
     "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"sv, "400"},
    {"chunked in two fields",
     "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"sv,
     "400"},
    {"identity in another field",
     "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n"sv,
     "400"},
    {"a coding that begins alike",
     "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunkedx\r\n\r\n0\r\n\r\n"sv, "400"},
    {"a coding that ends alike",
     "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"sv, "400"},
    {"chunked in quotes",
     "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"sv, "400"},
    {"chunked with a parameter",
     "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n"sv, "400"},
    {"chunked behind a comma",
     "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n"sv, "400"},
    {"chunked behind a vertical tab",
     "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0b"
     "chunked\r\n\r\n0\r\n\r\n"sv,
     "400"},
    {"an empty coding", "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \r\n\r\nhi"sv, "400"},
    {"a coding and HTTP/1.0",
     "PUT / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"sv, "400"},
    {"a coding that only looks like one",
     "PUT / HTTP/1.1\r\nHost: a\r\nTransfer_Encoding: chunked\r\nContent-Length: 2\r\n\r\nhi"sv,
     "PUT / hi, GET /next "},

    // Chunks (RFC 9112, 7.1). A body that breaks the grammar is an error to its reader, who has
    // begun: 400 all the same.
    {"chunk extensions", PUT_CHUNKED "2;a=b;c=\"d\"\r\nhi\r\n0;e\r\n\r\n"sv,
     "PUT / hi, GET /next "},
    {"a chunk size in capitals and with zeros", PUT_CHUNKED "0A\r\n0123456789\r\n000\r\n\r\n"sv,
     "PUT / 0123456789, GET /next "},
    {"a chunk size beyond 64 bits", PUT_CHUNKED "10000000000000002\r\nhi\r\n0\r\n\r\n"sv, "400"},
    {"a chunk size below zero", PUT_CHUNKED "-2\r\nhi\r\n0\r\n\r\n"sv, "400"},
    {"a chunk size with a plus", PUT_CHUNKED "+2\r\nhi\r\n0\r\n\r\n"sv, "400"},
    {"a chunk size with 0x", PUT_CHUNKED "0x2\r\nhi\r\n0\r\n\r\n"sv, "400"},
    {"a chunk size with an underscore", PUT_CHUNKED "1_0\r\n0123456789abcdef\r\n0\r\n\r\n"sv,
     "400"},
    {"a chunk size behind a blank", PUT_CHUNKED " 2\r\nhi\r\n0\r\n\r\n"sv, "400"},
    {"no chunk size", PUT_CHUNKED "\r\nhi\r\n0\r\n\r\n"sv, "400"},
    {"a chunk line that ends with LF", PUT_CHUNKED "2\nhi\r\n0\r\n\r\n"sv, "400"},
    {"a chunk extension that ends with LF", PUT_CHUNKED "2;x\nhi\r\n0\r\n\r\n"sv, "400"},
    {"a chunk extension with a bare CR", PUT_CHUNKED "2;x\ry\r\nhi\r\n0\r\n\r\n"sv, "400"},
    {"a chunk that ends with LF", PUT_CHUNKED "2\r\nhi\n0\r\n\r\n"sv, "400"},
    {"a chunk longer than it says", PUT_CHUNKED "2\r\nhi!\r\n0\r\n\r\n"sv, "400"},
    {"a last chunk that ends with LF", PUT_CHUNKED "2\r\nhi\r\n0\r\n\n"sv, "400"},
    {"a trailer", PUT_CHUNKED "2\r\nhi\r\n0\r\nX: y\r\n\r\n"sv, "PUT / hi, GET /next "},
    {"a trailer that would frame",
     PUT_CHUNKED "2\r\nhi\r\n0\r\nContent-Length: 50\r\nTransfer-Encoding: x\r\n\r\n"sv, "400"},
    {"a trailer with a blank before its colon", PUT_CHUNKED "2\r\nhi\r\n0\r\nX : y\r\n\r\n"sv,
     "400"},
    {"an extension without end", kLongExtension, "431"},
    {"a trailer without end", kLongTrailer, "431"},

    // Lines and fields (RFC 9112, 2.2 and 5).
    {"LF for CRLF", "GET / HTTP/1.1\nHost: a\n\n"sv, "400"},
    {"LF for CRLF behind a field", "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n"sv, "400"},
    {"LF for CRLF at the head's end", "GET / HTTP/1.1\r\nHost: a\r\n\n"sv, "400"},
    {"CR in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n"sv, "400"},
    {"CR behind a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\r\n\r\n"sv, "400"},
    {"NUL in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"sv, "400"},
    {"NUL in a name", "GET / HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n"sv, "400"},
    {"NUL in the target", "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"sv, "400"},
    {"a blank before the colon", "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length : 2\r\n\r\nhi"sv,
     "400"},
    {"a tab before the colon", "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length\t: 2\r\n\r\nhi"sv,
     "400"},
    {"no name", "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n"sv, "400"},
    {"no colon", "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n"sv, "400"},
    {"a folded line", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n"sv, "400"},
    {"a folded coding",
     "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"sv, "400"},
    {"a line folded with a tab",
     "PUT / HTTP/1.1\r\nHost: a\r\nX: a\r\n\tContent-Length: 9\r\n\r\n"sv, "400"},
    {"a blank before the first field", "GET / HTTP/1.1\r\n Host: a\r\nHost: a\r\n\r\n"sv, "400"},
    {"blanks around a value", "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: \t 2 \t\r\n\r\nhi"sv,
     "PUT / hi, GET /next "},
    {"empty lines before", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"sv, "GET / , GET /next "},
    {"an empty line of LF before", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"sv, "400"},
    {"many fields", kManyFields, "GET / , GET /next "},
    {"too many fields", kTooManyFields, "431"},
    {"a field too long", kLongField, "431"},

    // The request line (RFC 9112, 3).
    {"rubbish", "rubbish\r\n\r\n"sv, "400"},
    {"HTTP/0.9", "GET /\r\n"sv, "400"},
    {"two blanks", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"sv, "400"},
    {"a tab for a blank", "GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n"sv, "400"},
    {"a blank before", " GET / HTTP/1.1\r\nHost: a\r\n\r\n"sv, "400"},
    {"a blank behind", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"sv, "400"},
    {"a blank in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"sv, "400"},
    {"no target", "GET HTTP/1.1\r\nHost: a\r\n\r\n"sv, "400"},
    {"a method that is no token", "G@T / HTTP/1.1\r\nHost: a\r\n\r\n"sv, "400"},
    {"an unknown method", "BREW / HTTP/1.1\r\nHost: a\r\n\r\n"sv, "BREW / , GET /next "},
    {"a method too long", kLongMethod, "400"},
    {"a target too long", kLongTarget, "414"},
    {"a target without a slash", "GET nothing HTTP/1.1\r\nHost: a\r\n\r\n"sv, "400"},
    {"a whole address", "GET http://a/x?y HTTP/1.1\r\nHost: a\r\n\r\n"sv, "GET /x , GET /next "},
    {"a whole address without a path", "GET http://a HTTP/1.1\r\nHost: a\r\n\r\n"sv,
     "GET / , GET /next "},
    {"a whole address and its query alone", "GET http://a?x/y HTTP/1.1\r\nHost: a\r\n\r\n"sv,
     "GET / , GET /next "},
    {"an address of nobody", "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n"sv, "400"},
    {"another scheme", "GET ftp://a/x HTTP/1.1\r\nHost: a\r\n\r\n"sv, "400"},
    {"a path that holds an address", "GET /a://b/c HTTP/1.1\r\nHost: a\r\n\r\n"sv,
     "GET /a://b/c , GET /next "},
    {"all of the server", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"sv, "OPTIONS * , GET /next "},
    {"all of the server, to read", "GET * HTTP/1.1\r\nHost: a\r\n\r\n"sv, "400"},
    {"a tunnel", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n"sv, "400"},
    {"another major version", "GET / HTTP/3.0\r\nHost: a\r\n\r\n"sv, "505"},
    {"another minor version", "GET / HTTP/1.2\r\nHost: a\r\n\r\n"sv, "505"},
    {"small letters in the version", "GET / http/1.1\r\nHost: a\r\n\r\n"sv, "400"},
    {"a version with zeros", "GET / HTTP/01.1\r\nHost: a\r\n\r\n"sv, "400"},
    {"HTTP/2 where nobody speaks it", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"sv, "505"},

    // Host (RFC 9112, 3.2).
    {"no host", "GET / HTTP/1.1\r\n\r\n"sv, "400"},
    {"an empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n"sv, "GET / , GET /next "},
    {"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"sv, "400"},
    {"the same host twice", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"sv, "400"},
    {"a list of hosts", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"sv, "400"},
    {"a host with a user", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"sv, "400"},
    {"a host with a blank", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"sv, "400"},
    {"a host by its number", "GET / HTTP/1.1\r\nHost: [::1]:5000\r\n\r\n"sv, "GET / , GET /next "},
    {"a host that is a path, as old clients send", "GET / HTTP/1.1\r\nHost: /run/x.sock\r\n\r\n"sv,
     "GET / , GET /next "},

    // How long a connection lives (RFC 9112, 9.3), and what upgrades it.
    {"close", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"sv, "GET / "},
    {"close among others", "GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n"sv, "GET / "},
    {"HTTP/1.0", "GET / HTTP/1.0\r\n\r\n"sv, "GET / "},
    {"HTTP/1.0 kept alive", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"sv,
     "GET / , GET /next "},
    {"an upgrade that nobody offers",
     "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n"sv,
     "GET / , GET /next "},
    {"a fold that hides close", "GET / HTTP/1.1\r\nHost: a\r\nConnection:\r\n close\r\n\r\n"sv,
     "400"},
};

#undef PUT_CHUNKED

// Answers each request, and keeps what it saw. An unreadable body is nobody's request.
class Witness {
 public:
  void operator()(Request& request, ResponseWriter& w) {
    const auto body = read_all(*request.body, size_t{1} << 20U);
    if (!body) return;
    {
      std::scoped_lock lock(mutex_);
      if (!seen_.empty()) seen_ += ", ";
      seen_ += cat(request.method, " ", request.path, " ", *body);
    }
    EXPECT_TRUE(w.send(200, "", "ok"));
  }
  std::string take() {
    std::scoped_lock lock(mutex_);
    return std::exchange(seen_, "");
  }

 private:
  std::mutex mutex_;
  std::string seen_;
};

size_t count(std::string_view text, std::string_view what) {
  size_t n = 0;
  for (size_t at = 0; (at = text.find(what, at)) != std::string_view::npos; ++at) ++n;
  return n;
}

// All that the server says; it learns that no more comes when all of `bytes` is sent.
std::string converse(const TestServer& server, std::string_view bytes, size_t piece) {
  auto stream = server.connect_port();
  // The server may close before it has seen all: what it said is read all the same.
  while (!bytes.empty() && stream->write(bytes.substr(0, piece))) {
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }
  (void)stream->shutdown_write();
  std::string answer;
  char buffer[4096];
  for (;;) {
    const auto n = stream->read(buffer);
    if (n.value_or(0) == 0) return answer;
    answer.append(buffer, *n);
  }
}

class RequestShapes : public ::testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(, RequestShapes, ::testing::Bool(), [](const auto& each) {
  return each.param ? "ReadByTheLoop" : "ReadByWorkers";
});

TEST_P(RequestShapes, AreUnderstoodInOneWayOrRefused) {
  ServerOptions options;
  if (GetParam()) options.quick = [](const Request& request) { return request.method == "GET"; };
  Witness witness;
  TestServer server([&](Request& request, ResponseWriter& w) { witness(request, w); }, options);
  for (const Shape& shape : kShapes) {
    SCOPED_TRACE(shape.name);
    const std::string bytes = cat(shape.bytes, kNext);
    // Long shapes byte by byte would tell nothing more and take seconds.
    for (const size_t piece : {bytes.size(), shape.bytes.size() < 1000 ? 1 : size_t{1400}}) {
      const std::string answer = converse(server, bytes, piece);
      const std::string seen = witness.take();
      if (std::string_view(shape.outcome).size() == 3) {
        EXPECT_TRUE(answer.starts_with(cat("HTTP/1.1 ", shape.outcome, " "))) << answer;
        EXPECT_NE(answer.find("Connection: close"), std::string::npos) << answer;
        EXPECT_EQ(count(answer, "HTTP/1.1 "), 1U) << answer;
        EXPECT_EQ(seen, "");
      } else {
        EXPECT_EQ(seen, shape.outcome);
        EXPECT_EQ(count(answer, "HTTP/1.1 200"), count(shape.outcome, ", ") + 1) << answer;
      }
    }
  }
}

}  // namespace
}  // namespace skiff::net
