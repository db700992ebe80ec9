// Connections of an HttpServer: many at once, at its limits, idle, left by their clients.
#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <latch>

#include "net/http_server.h"
#include "net/test_server.h"

namespace skiff::net {
namespace {

class HttpConnections : public BothReadings {};
INSTANTIATE_TEST_SUITE_P(Heads, HttpConnections, ::testing::Bool(), reading_name);

// Waits for the token as a handler would that works on something long.
bool wait_gone(const CancelToken& token) {
  pollfd item{.fd = token.fd(), .events = POLLIN, .revents = 0};
  return ::poll(&item, 1, 60'000) == 1 && token.cancelled();
}

TEST_P(HttpConnections, TheHandlerLearnsThatItsClientHasGone) {
  std::latch entered(1);
  std::latch left(1);
  bool gone = false;
  TestServer server([&](Request&, ResponseWriter& w) {
    CancelToken token = w.client_gone();
    EXPECT_FALSE(token.cancelled());
    entered.count_down();
    gone = wait_gone(token);
    left.count_down();
  });
  {
    auto stream = server.connect();
    // The bytes sent ahead must not hide the end of the connection.
    ASSERT_TRUE(stream->write("GET / HTTP/1.1\r\nHost:\r\n\r\nGET /next HTTP/1.1\r\n"));
    entered.wait();
  }
  left.wait();
  EXPECT_TRUE(gone);
}

TEST_P(HttpConnections, AWaitingClientIsNotGone) {
  TestServer server([&](Request&, ResponseWriter& w) {
    CancelToken token = w.client_gone();
    pollfd item{.fd = token.fd(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(::poll(&item, 1, 50), 0);
    EXPECT_TRUE(w.send(200, "", "waited"));
  });
  auto client = server.client();
  for (int i = 0; i < 3; ++i) {
    auto r = client.send({.target = "/"});
    ASSERT_TRUE(r);
    EXPECT_EQ(body_of(*r), "waited");
  }
}

TEST_P(HttpConnections, StopCancelsHandlersAndWaitsForThem) {
  std::latch entered(2);
  std::atomic<int> finished = 0;
  TestServer server([&](Request& request, ResponseWriter& w) {
    CancelToken token = w.client_gone();
    if (request.path == "/hijack") {
      auto connection = w.hijack("");
      entered.count_down();
      EXPECT_TRUE(wait_gone(token));
    } else {
      entered.count_down();
      EXPECT_TRUE(wait_gone(token));
    }
    ++finished;
  });
  auto one = server.connect();
  auto two = server.connect();
  auto idle = server.connect();
  ASSERT_TRUE(one->write("GET / HTTP/1.1\r\nHost:\r\n\r\n"));
  ASSERT_TRUE(two->write("GET /hijack HTTP/1.1\r\nHost:\r\n\r\n"));
  entered.wait();
  server.stop();
  EXPECT_EQ(finished, 2);
  char byte = 0;
  EXPECT_EQ(idle->read({&byte, 1}).value_or(0), 0u);
}

TEST_P(HttpConnections, AHundredConnectionsAtOnce) {
  std::latch all(100);
  TestServer server([&](Request& request, ResponseWriter& w) {
    all.arrive_and_wait();  // each needs a thread of its own
    EXPECT_TRUE(w.send(200, "", request.path));
  });
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int i = 0; i < 100; ++i) {
    threads.emplace_back([&, i] {
      HttpClient client(i % 2 == 0 ? server.connect() : server.connect_port());
      auto r = client.send({.target = cat("/", i)});
      if (r && body_of(*r) == cat("/", i)) ++good;
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(good, 100);
}

TEST_P(HttpConnections, AtTheLimitIdleConnectionsMakeRoom) {
  ServerOptions options;
  options.max_connections = 4;
  TestServer server(echo, options);
  std::vector<HttpClient> clients;
  for (int i = 0; i < 12; ++i) {
    clients.push_back(server.client());
    auto r = clients.back().send({.target = "/"});
    ASSERT_TRUE(r) << i << ": " << r.error().message();
    EXPECT_EQ(body_of(*r), "GET / ");
  }
}

TEST_P(HttpConnections, AtTheLimitNewConnectionsWaitForBusyOnes) {
  ServerOptions options;
  options.max_connections = 1;
  std::latch entered(1);
  std::latch go_on(1);
  TestServer server(
      [&](Request& request, ResponseWriter& w) {
        if (request.path == "/slow") {
          entered.count_down();
          go_on.wait();
        }
        w.headers().set("Connection", "close");
        EXPECT_TRUE(w.send(200, "", "ok"));
      },
      options);
  std::thread slow([&] { EXPECT_EQ(server.client().send({.target = "/slow"})->status, 200); });
  entered.wait();
  auto waiting = server.connect();
  ASSERT_TRUE(waiting->write("GET / HTTP/1.0\r\n\r\n"));
  pollfd item{.fd = waiting->fd(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&item, 1, 50), 0);
  go_on.count_down();
  slow.join();
  EXPECT_TRUE(read_all(*waiting, 1000)->starts_with("HTTP/1.1 200"));
}

TEST_P(HttpConnections, IdleAndSlowConnectionsAreClosed) {
  ServerOptions options;
  options.idle_timeout = std::chrono::seconds(1);
  options.header_timeout = std::chrono::seconds(1);
  TestServer server(echo, options);
  auto idle = server.connect();
  char byte = 0;
  EXPECT_EQ(*idle->read({&byte, 1}), 0u);
  EXPECT_TRUE(server.talk("GET / HTTP/1.1\r\nHost: never fini").starts_with("HTTP/1.1 408"));
}

TEST_P(HttpConnections, AbortedUploadsReachTheHandlerAsErrors) {
  std::latch done(2);
  std::atomic<int> errors = 0;
  TestServer server([&](Request& request, ResponseWriter& w) {
    if (!read_all(*request.body, 1000)) ++errors;
    EXPECT_FALSE(w.started());
    done.count_down();
  });
  {
    auto one = server.connect();
    ASSERT_TRUE(one->write("PUT / HTTP/1.1\r\nHost:\r\nContent-Length: 9\r\n\r\nabc"));
    auto two = server.connect();
    ASSERT_TRUE(two->write("PUT / HTTP/1.1\r\nHost:\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab"));
  }
  done.wait();
  EXPECT_EQ(errors, 2);
}

TEST_P(HttpConnections, WritingToAClientThatLeftIsAnErrorAndNoSignal) {
  std::latch entered(1);
  std::latch left(1);
  std::latch done(1);
  bool failed = false;
  TestServer server([&](Request&, ResponseWriter& w) {
    EXPECT_TRUE(w.begin(200));
    entered.count_down();
    left.wait();
    for (int i = 0; i < 1000 && !failed; ++i) failed = !w.write(std::string(10000, 'x'));
    done.count_down();
  });
  {
    auto stream = server.connect();
    ASSERT_TRUE(stream->write("GET / HTTP/1.1\r\nHost:\r\n\r\n"));
    entered.wait();
  }
  left.count_down();
  done.wait();
  EXPECT_TRUE(failed);
}

}  // namespace
}  // namespace skiff::net
