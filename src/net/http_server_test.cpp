#include "net/http_server.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <latch>

#include "net/test_server.h"

namespace skiff::net {
namespace {

class HttpServerTest : public BothReadings {};
INSTANTIATE_TEST_SUITE_P(Heads, HttpServerTest, ::testing::Bool(), reading_name);

TEST_P(HttpServerTest, AnswersOnUnixAndTcpAndKeepsTheConnection) {
  TestServer server(echo);
  for (auto& stream : {server.connect(), server.connect_port()}) (void)stream;
  HttpClient unix_client(server.connect());
  HttpClient tcp_client(server.connect_port());
  for (HttpClient* client : {&unix_client, &tcp_client}) {
    for (int i = 0; i < 3; ++i) {
      auto r = client->send({.method = "POST", .target = "/a%20b?q=1", .body = "hi"});
      ASSERT_TRUE(r) << r.error().message();
      EXPECT_EQ(r->status, 200);
      EXPECT_TRUE(r->headers.find("Date"));
      EXPECT_EQ(body_of(*r), "POST /a b hi");
      ::usleep(i * 15000);  // the second time the connection has been parked
    }
  }
}

TEST_P(HttpServerTest, RequestsShowTheirParts) {
  Request seen;
  TestServer server([&](Request& request, ResponseWriter& w) {
    seen = request;
    EXPECT_TRUE(w.send(200, "", ""));
  });
  HttpClient client(server.connect_port());
  ASSERT_TRUE(client.send({.target = "/x/y?names=a&names=b%2Fc", .headers = {}}));
  EXPECT_EQ(seen.target, "/x/y?names=a&names=b%2Fc");
  EXPECT_EQ(seen.path, "/x/y");
  EXPECT_EQ(seen.query.all("names"), (std::vector<std::string>{"a", "b/c"}));
  EXPECT_EQ(seen.content_length, 0u);
  EXPECT_TRUE(seen.remote.starts_with("127.0.0.1:"));
  EXPECT_FALSE(seen.tls);
}

TEST_P(HttpServerTest, MalformedRequestsNeverReachTheHandler) {
  std::atomic<int> calls = 0;
  TestServer server([&](Request&, ResponseWriter& w) {
    ++calls;
    EXPECT_TRUE(w.send(200, "", ""));
  });
  struct Case {
    std::string text;
    const char* status;
  };
  const Case cases[] = {
      {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
       "400"},
      {"GET / HTTP/1.1\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"},
      {"GET nothing HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
      {"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
      {"GET /a%zz HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
      {"GET /a?b=%2 HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
      {"rubbish\r\n\r\n", "400"},
      {"GET / HTTP/3.7\r\nHost: a\r\n\r\n", "505"},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505"},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(70000, 'x') + "\r\n\r\n", "431"},
  };
  for (const Case& c : cases) {
    std::string answer = server.talk(c.text);
    EXPECT_TRUE(answer.starts_with(cat("HTTP/1.1 ", c.status, " "))) << c.text << answer;
    EXPECT_NE(answer.find("Connection: close"), std::string::npos);
  }
  EXPECT_EQ(calls, 0);
}

TEST_P(HttpServerTest, AcceptsWhatGoClientsSend) {
  TestServer server(echo);
  EXPECT_NE(server
                .talk("POST /v1.51/containers/x/wait HTTP/1.1\r\nHost: \r\n"
                      "Content-Length: 0\r\nConnection: close\r\n\r\n")
                .find("POST /v1.51/containers/x/wait "),
            std::string::npos);
  EXPECT_NE(server.talk("GET http://api/x HTTP/1.1\r\nHost: api\r\nConnection: close\r\n\r\n")
                .find("GET /x "),
            std::string::npos);
  EXPECT_NE(server.talk("GET /old HTTP/1.0\r\n\r\n").find("GET /old "), std::string::npos);
}

TEST_P(HttpServerTest, PipelinedRequestsAreAnsweredInOrder) {
  TestServer server(echo);
  std::string answer = server.talk(
      "GET /1 HTTP/1.1\r\nHost:\r\n\r\nPOST /2 HTTP/1.1\r\nHost:\r\nContent-Length: 2\r\n\r\nhi"
      "GET /3 HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n");
  size_t one = answer.find("GET /1 ");
  size_t two = answer.find("POST /2 hi");
  size_t three = answer.find("GET /3 ");
  EXPECT_TRUE(one < two && two < three && three != std::string::npos) << answer;
}

TEST_P(HttpServerTest, HeadCarriesTheLengthAndNoBody) {
  TestServer server([](Request& request, ResponseWriter& w) {
    if (request.path == "/preset") {
      w.headers().set("Content-Length", "12345");
      EXPECT_TRUE(w.send(200, "", ""));
    } else if (request.path == "/chunks") {
      EXPECT_TRUE(w.begin(200));
      EXPECT_TRUE(w.write("abc"));
      EXPECT_TRUE(w.finish());
    } else {
      EXPECT_TRUE(w.send(200, "text/plain", "hello"));
    }
  });
  HttpClient client(server.connect());
  auto r = client.send({.method = "HEAD", .target = "/"});
  EXPECT_EQ(r->headers.get("Content-Length"), "5");
  EXPECT_EQ(body_of(*r), "");
  r = client.send({.method = "HEAD", .target = "/preset"});
  EXPECT_EQ(r->headers.get("Content-Length"), "12345");
  r = client.send({.method = "HEAD", .target = "/chunks"});
  EXPECT_EQ(body_of(*r), "");
  r = client.send({.target = "/"});
  EXPECT_EQ(body_of(*r), "hello");
}

TEST_P(HttpServerTest, NoContentHasNeitherBodyNorLength) {
  TestServer server([](Request& request, ResponseWriter& w) {
    EXPECT_TRUE(w.send(request.path == "/304" ? 304 : 204, "", "never sent"));
  });
  HttpClient client(server.connect());
  for (const char* target : {"/204", "/304", "/204"}) {
    auto r = client.send({.target = target});
    ASSERT_TRUE(r);
    EXPECT_FALSE(r->headers.find("Content-Length"));
    EXPECT_EQ(body_of(*r), "");
  }
}

TEST_P(HttpServerTest, HeaderValuesCannotEndTheLine) {
  TestServer server([](Request&, ResponseWriter& w) {
    w.headers().set("X-Label", "a\r\nInjected: yes");
    EXPECT_TRUE(w.send(200, "", ""));
  });
  auto r = server.client().send({.target = "/"});
  EXPECT_FALSE(r->headers.find("Injected"));
}

TEST_P(HttpServerTest, AHandlerThatFailsDoesNotEndTheConnection) {
  TestServer server([](Request& request, ResponseWriter& w) {
    if (request.path == "/silent") return;
    if (request.path == "/throws") throw std::runtime_error("oops");
    EXPECT_TRUE(w.send(200, "", "fine"));
  });
  HttpClient client(server.connect());
  EXPECT_EQ(client.send({.target = "/silent"})->status, 500);
  EXPECT_EQ(client.send({.target = "/throws"})->status, 500);
  EXPECT_EQ(client.send({.target = "/"})->status, 200);
}

TEST_P(HttpServerTest, AnAnswerCutShortDoesNotLookComplete) {
  TestServer server([](Request&, ResponseWriter& w) {
    EXPECT_TRUE(w.begin(200));
    EXPECT_TRUE(w.write("half"));
  });
  auto client = server.client();
  auto r = client.send({.target = "/"});
  ASSERT_TRUE(r);
  EXPECT_FALSE(read_all(*r->body, 100));
}

TEST_P(HttpServerTest, ChunkedAnswersArriveAsTheyAreWritten) {
  std::latch go_on(1);
  TestServer server([&](Request&, ResponseWriter& w) {
    EXPECT_TRUE(w.begin(200));
    EXPECT_TRUE(w.write("first"));
    go_on.wait();
    EXPECT_TRUE(w.write(""));
    EXPECT_TRUE(w.write("second"));
    EXPECT_TRUE(w.finish());
  });
  auto client = server.client();
  auto r = client.send({.target = "/"});
  std::array<char, 64> buffer;
  EXPECT_EQ(*r->body->read(buffer), 5u);
  go_on.count_down();
  EXPECT_EQ(body_of(*r), "second");
}

TEST_P(HttpServerTest, ALengthThatWasPromisedIsKept) {
  TestServer server([](Request& request, ResponseWriter& w) {
    w.headers().set("Content-Length", "6");
    EXPECT_TRUE(w.begin(200));
    EXPECT_TRUE(w.write("abc"));
    if (request.path == "/long") {
      EXPECT_FALSE(w.write("defg"));
    } else if (request.path == "/short") {
      EXPECT_FALSE(w.finish());
    } else {
      EXPECT_TRUE(w.write("def"));
      EXPECT_TRUE(w.finish());
      EXPECT_FALSE(w.finish());
    }
  });
  auto client = server.client();
  auto r = client.send({.target = "/"});
  EXPECT_FALSE(r->headers.find("Transfer-Encoding"));
  EXPECT_EQ(body_of(*r), "abcdef");
  for (const char* target : {"/long", "/short"}) {
    auto other = server.client();
    auto broken = other.send({.target = target});
    EXPECT_FALSE(read_all(*broken->body, 100)) << target;
  }
}

TEST_P(HttpServerTest, BigFilesGoOutWhole) {
  TempDir dir = *TempDir::make("/tmp", "skiff-net-");
  std::string content(size_t{5} << 20U, 'x');
  for (size_t i = 0; i < content.size(); i += 4096) content[i] = static_cast<char>(i / 4096);
  ASSERT_TRUE(write_file(dir.path() / "f", content));
  auto file = open_file(dir.path() / "f", O_RDONLY);
  TestServer server([&](Request&, ResponseWriter& w) {
    w.headers().set("Content-Type", "application/octet-stream");
    EXPECT_TRUE(w.send_file(200, file->get(), 100, content.size() - 100));
  });
  auto client = server.client();
  auto r = client.send({.target = "/"});
  ASSERT_TRUE(r);
  EXPECT_EQ(body_of(*r), content.substr(100));
  EXPECT_EQ(client.send({.method = "HEAD", .target = "/"})->headers.get("Content-Length"),
            cat(content.size() - 100));
}

TEST_P(HttpServerTest, AHeadLeavesWithTheFilesFirstBytes) {
  TempDir dir = *TempDir::make("/tmp", "skiff-net-");
  ASSERT_TRUE(write_file(dir.path() / "f", std::string(1000, 'x')));
  auto file = open_file(dir.path() / "f", O_RDONLY);
  TestServer server(
      [&](Request&, ResponseWriter& w) { EXPECT_TRUE(w.send_file(200, file->get(), 0, 1000)); });
  auto stream = server.connect_port();
  ASSERT_TRUE(stream->write("GET / HTTP/1.1\r\nHost:\r\n\r\n"));
  std::string first(4096, '\0');
  first.resize(stream->read(first).value_or(0));
  EXPECT_TRUE(first.ends_with(cat("\r\n\r\n", std::string(1000, 'x'))));
}

TEST_P(HttpServerTest, ContinueIsSentWhenTheBodyIsWanted) {
  TestServer server([](Request& request, ResponseWriter& w) {
    if (request.path == "/refuse") {
      EXPECT_TRUE(w.send(403, "", "no"));
    } else {
      echo(request, w);
    }
  });
  auto stream = server.connect();
  constexpr std::string_view kHead =
      " HTTP/1.1\r\nHost:\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";
  ASSERT_TRUE(stream->write(cat("PUT /ok", kHead)));
  std::array<char, 4096> buffer;
  size_t n = *stream->read(buffer);
  EXPECT_EQ(std::string_view(buffer.data(), n), "HTTP/1.1 100 Continue\r\n\r\n");
  ASSERT_TRUE(stream->write("body"));
  n = *stream->read(buffer);
  EXPECT_NE(std::string_view(buffer.data(), n).find("PUT /ok body"), std::string::npos);

  std::string refused = server.talk(cat("PUT /refuse", kHead));
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 403"));
  EXPECT_NE(refused.find("Connection: close"), std::string::npos);
}

TEST_P(HttpServerTest, AnUnreadBodyIsDrainedOrTheConnectionCloses) {
  TestServer server([](Request&, ResponseWriter& w) { EXPECT_TRUE(w.send(200, "", "ok")); });
  HttpClient client(server.connect());
  EXPECT_EQ(client.send({.method = "PUT", .target = "/", .body = std::string(1000, 'x')})->status,
            200);
  EXPECT_EQ(client.send({.target = "/"})->status, 200);
  std::string big = server.talk(cat("PUT / HTTP/1.1\r\nHost:\r\nContent-Length: 10000000\r\n\r\n",
                                    std::string(1 << 20U, 'x')));
  EXPECT_TRUE(big.starts_with("HTTP/1.1 200"));
  EXPECT_NE(big.find("Connection: close"), std::string::npos);
}

TEST_P(HttpServerTest, AnswersWhileTheBodyStillArrives) {
  TestServer server([](Request& request, ResponseWriter& w) {
    EXPECT_TRUE(w.begin(200));
    std::array<char, 65536> buffer;
    for (;;) {
      auto n = request.body->read(buffer);
      ASSERT_TRUE(n) << n.error().message();
      if (*n == 0) break;
      ASSERT_TRUE(w.write({buffer.data(), *n}));
    }
    EXPECT_TRUE(w.finish());
  });
  // Far more than the socket's buffers hold: a side that only wrote would block for ever.
  std::string data(size_t{8} << 20U, 'd');
  StringSource source(data);
  auto client = server.client();
  auto r = client.send({.method = "POST", .target = "/", .stream = &source});
  ASSERT_TRUE(r);
  EXPECT_EQ(body_of(*r).size(), data.size());
  auto next = client.send({.target = "/"});
  ASSERT_TRUE(next);
  EXPECT_EQ(body_of(*next), "");  // read to its end: the handler finishes before the client goes
}

TEST_P(HttpServerTest, HijackHandsOverTheConnectionWithEarlyBytes) {
  TestServer server([](Request&, ResponseWriter& w) {
    auto connection =
        w.hijack("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
    ASSERT_TRUE(connection);
    EXPECT_FALSE(w.send(200, "", ""));
    std::string input = connection->early_bytes;
    input += read_all(*connection->stream, 1000).value_or("(error)");
    EXPECT_TRUE(connection->stream->write(cat("got ", input)));
  });
  // The client ends its direction and still reads: half-close.
  auto stream = server.connect();
  ASSERT_TRUE(
      stream->write("POST /attach HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\n"
                    "Upgrade: tcp\r\n\r\nearly "));
  ASSERT_TRUE(stream->write("late"));
  ASSERT_TRUE(stream->shutdown_write());
  std::string all = *read_all(*stream, 1000);
  EXPECT_TRUE(all.starts_with("HTTP/1.1 101 UPGRADED\r\n")) << all;
  EXPECT_TRUE(all.ends_with("\r\n\r\ngot early late")) << all;
}

TEST_P(HttpServerTest, Http2ConnectionsGoToTheirOwnHandler) {
  ServerOptions options;
  options.on_http2 = [](Hijacked connection) {
    EXPECT_TRUE(connection.stream->write(cat("h2:", connection.early_bytes)));
  };
  TestServer server(echo, options);
  constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  EXPECT_EQ(server.talk(kPreface), cat("h2:", kPreface));
}

TEST_P(HttpServerTest, CurlIsServed) {
  TestServer server(echo);
  auto run = [](const std::string& command) {
    FILE* pipe = ::popen(command.c_str(), "r");
    std::string out;
    std::array<char, 4096> buffer;
    while (size_t n = ::fread(buffer.data(), 1, buffer.size(), pipe)) out.append(buffer.data(), n);
    EXPECT_EQ(::pclose(pipe), 0) << command;
    return out;
  };
  EXPECT_EQ(run(cat("curl -sS --noproxy '*' --unix-socket ", server.path().native(),
                    " -d data http://x/one http://x/two")),
            "POST /one dataPOST /two data");
  // Chunked from standard input, and with an expectation.
  EXPECT_EQ(run(cat("printf chunky | curl -sS --noproxy '*' -H 'Expect: 100-continue' -T - ",
                    server.url("/up"))),
            "PUT /up chunky");
  EXPECT_NE(run(cat("curl -sS -I --noproxy '*' ", server.url("/"))).find("200 OK"),
            std::string::npos);
}

}  // namespace
}  // namespace skiff::net
