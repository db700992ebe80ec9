// ServerOptions::quick: what the server's own thread reads and answers.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <latch>
#include <mutex>
#include <set>
#include <thread>

#include "net/http_server.h"
#include "net/test_server.h"
#include "net/test_tls.h"

namespace skiff::net {
namespace {

using namespace std::chrono_literals;

ServerOptions quick_paths() {
  ServerOptions options;
  options.quick = [](const Request& request) { return request.path.starts_with("/quick"); };
  return options;
}

std::string get(std::string_view path) { return cat("GET ", path, " HTTP/1.1\r\nHost:\r\n\r\n"); }

TEST(QuickRequests, AllHaveOneThreadAndOthersHaveTheirOwn) {
  std::mutex mutex;
  std::set<std::thread::id> quick;
  std::set<std::thread::id> other;
  std::latch both(2);
  TestServer server(
      [&](Request& request, ResponseWriter& w) {
        const bool is_quick = request.path == "/quick";
        if (!is_quick) both.arrive_and_wait();
        std::scoped_lock lock(mutex);
        (is_quick ? quick : other).insert(std::this_thread::get_id());
        EXPECT_TRUE(w.send(200, "", request.path));
      },
      quick_paths());
  std::vector<HttpClient> clients;
  for (int i = 0; i < 8; ++i) clients.push_back(server.client());
  for (int round = 0; round < 3; ++round) {
    for (HttpClient& client : clients) EXPECT_EQ(client.send({.target = "/quick"})->status, 200);
  }
  std::thread one([&] { EXPECT_EQ(clients[0].send({.target = "/a"})->status, 200); });
  EXPECT_EQ(clients[1].send({.target = "/b"})->status, 200);
  one.join();
  EXPECT_EQ(quick.size(), 1U);
  EXPECT_EQ(other.size(), 2U);
  EXPECT_FALSE(other.contains(*quick.begin()));
}

TEST(QuickRequests, AreAnsweredWhileOthersWork) {
  std::latch entered(1);
  std::latch go_on(1);
  TestServer server(
      [&](Request& request, ResponseWriter& w) {
        if (request.path == "/slow") {
          entered.count_down();
          go_on.wait();
        }
        EXPECT_TRUE(w.send(200, "", "ok"));
      },
      quick_paths());
  std::thread slow([&] { EXPECT_EQ(server.client().send({.target = "/slow"})->status, 200); });
  entered.wait();
  EXPECT_EQ(server.client().send({.target = "/quick"})->status, 200);
  go_on.count_down();
  slow.join();
}

TEST(QuickRequests, TheSameConnectionTakesAllKindsInTurn) {
  TestServer server(
      [](Request& request, ResponseWriter& w) {
        const std::string body = read_all(*request.body, 100).value_or("(error)");
        EXPECT_TRUE(w.send(200, "", cat("<", request.method, request.path, body, ">")));
      },
      quick_paths());
  std::string requests;
  std::string expected;
  for (int i = 0; i < 50; ++i) {  // more than are answered in one go
    requests +=
        get("/quick") + get("/x") + "PUT /quick HTTP/1.1\r\nHost:\r\nContent-Length: 2\r\n\r\nhi";
    expected += "<GET/quick><GET/x><PUT/quickhi>";
  }
  requests += "GET /quick HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n";
  expected += "<GET/quick>";
  const std::string answers = server.talk(requests);
  std::string bodies;
  for (size_t at = 0; (at = answers.find('<', at)) != std::string::npos;) {
    const size_t end = answers.find('>', at) + 1;
    bodies += answers.substr(at, end - at);
    at = end;
  }
  EXPECT_EQ(bodies, expected);
}

TEST(QuickRequests, AnAnswerThatIsNotTakenHoldsUpNobody) {
  const std::string large(size_t{16} << 20U, 'x');
  TestServer server(
      [&](Request& request, ResponseWriter& w) {
        const auto sent = w.send(200, "", request.path == "/quick/large" ? large : "ok");
        EXPECT_TRUE(sent);
      },
      quick_paths());
  auto stream = server.connect();
  ASSERT_TRUE(stream->write(get("/quick/large")));
  char first = 0;
  ASSERT_EQ(stream->read({&first, 1}).value_or(0), 1U);
  EXPECT_EQ(server.client().send({.target = "/quick"})->status, 200);
  // Who takes it late gets it whole, and the connection goes on.
  ASSERT_TRUE(stream->write("GET /quick HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n"));
  const std::string rest = *read_all(*stream, large.size() + 1000);
  EXPECT_NE(rest.find(large), std::string::npos);
  EXPECT_TRUE(rest.ends_with("\r\n\r\nok"));
}

TEST(QuickRequests, HeadsThatComeInPiecesHoldNoThread) {
  TestServer server(
      [](Request& request, ResponseWriter& w) { EXPECT_TRUE(w.send(200, "", request.path)); },
      quick_paths());
  std::vector<std::unique_ptr<Stream>> streams;
  for (int i = 0; i < 50; ++i) {
    streams.push_back(server.connect_port());
    ASSERT_TRUE(streams.back()->write("GET /quick HTTP/1.1\r\nHo"));
  }
  EXPECT_EQ(server.client().send({.target = "/quick"})->status, 200);
  for (auto& stream : streams) {
    ASSERT_TRUE(stream->write("st:\r\nConnection: close\r\n\r\n"));
    EXPECT_TRUE(read_all(*stream, 1000)->ends_with("/quick"));
  }
}

TEST(QuickRequests, AHeadThatNeverEndsIsRefused) {
  ServerOptions options = quick_paths();
  options.header_timeout = 100ms;
  TestServer server([](Request&, ResponseWriter& w) { EXPECT_TRUE(w.send(200, "", "ok")); },
                    options);
  EXPECT_TRUE(server.talk(cat(get("/quick"), "GET /quick HTTP/1.1\r\n")).find("HTTP/1.1 408") !=
              std::string::npos);
  EXPECT_TRUE(server.talk("G").starts_with("HTTP/1.1 408"));
}

TEST(QuickRequests, AtTheLimitUnfinishedHeadsMakeRoom) {
  ServerOptions options = quick_paths();
  options.max_connections = 4;
  TestServer server([](Request&, ResponseWriter& w) { EXPECT_TRUE(w.send(200, "", "ok")); },
                    options);
  std::vector<std::unique_ptr<Stream>> slow;
  for (int i = 0; i < 4; ++i) {
    slow.push_back(server.connect());
    ASSERT_TRUE(slow.back()->write("GET / HT"));
  }
  EXPECT_EQ(server.client().send({.target = "/quick"})->status, 200);
}

TEST(QuickRequests, NoWorkerWaitsForAHead) {
  const TempDir dir = *TempDir::make("/tmp", "skiff-net-");
  ServerOptions options = quick_paths();
  options.max_connections = 1;
  const auto ok = [](Request&, ResponseWriter& w) { EXPECT_TRUE(w.send(200, "", "ok")); };
  {
    TestServer server(ok, options);
    auto behind = server.connect();
    ASSERT_TRUE(behind->write(get("/slow") + "GET / HT"));
    EXPECT_EQ(server.client().send({.target = "/quick"})->status, 200);
  }
  options.tls = make_certificate(dir.path(), "server");
  TestServer server(ok, options);
  TlsClient behind(server.port());
  behind.write("GET / HT");
  TlsClient next(server.port());
  next.write(get("/quick"));
  EXPECT_TRUE(next.read().ends_with("ok"));
}

TEST(QuickRequests, MayNotKeepTheirConnectionNorSendFiles) {
  TestServer server(
      [](Request&, ResponseWriter& w) {
        EXPECT_EQ(w.hijack("").has_value(), false);
        EXPECT_EQ(w.send_file(200, 0, 0, 1).has_value(), false);
        EXPECT_TRUE(w.send(200, "", "ok"));
      },
      quick_paths());
  EXPECT_EQ(server.client().send({.target = "/quick"})->status, 200);
}

TEST(QuickRequests, HandlersThatFailAndWatchTheirClientsAreServedOn) {
  TestServer server(
      [](Request& request, ResponseWriter& w) {
        if (request.path == "/quick/silent") return;
        if (request.path == "/quick/throws") throw std::runtime_error("oops");
        if (request.path == "/quick/half") {
          EXPECT_TRUE(w.begin(200));
          return;
        }
        EXPECT_FALSE(w.client_gone().cancelled());
        EXPECT_TRUE(w.send(200, "", "ok"));
      },
      quick_paths());
  HttpClient client(server.connect());
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(client.send({.target = "/quick"})->status, 200);
    EXPECT_EQ(client.send({.target = "/quick/silent"})->status, 500);
    EXPECT_EQ(client.send({.target = "/quick/throws"})->status, 500);
  }
  auto broken = client.send({.target = "/quick/half"});
  ASSERT_TRUE(broken);
  EXPECT_FALSE(read_all(*broken->body, 100));
}

TEST(QuickRequests, AreAnsweredUnderTls) {
  const TempDir dir = *TempDir::make("/tmp", "skiff-net-");
  ServerOptions options = quick_paths();
  options.tls = make_certificate(dir.path(), "server");
  TestServer server(
      [](Request& request, ResponseWriter& w) { EXPECT_TRUE(w.send(200, "", request.path)); },
      options);
  TlsClient client(server.port());
  for (const char* path : {"/quick", "/slow", "/quick/again"}) {
    client.write(get(path));
    EXPECT_TRUE(client.read().ends_with(path));
  }
  client.write("GET /quick/in-");
  client.write("pieces HTTP/1.1\r\nHost:\r\n\r\n");
  EXPECT_TRUE(client.read().ends_with("/quick/in-pieces"));
}

}  // namespace
}  // namespace skiff::net
