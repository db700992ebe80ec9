// Peers that stall, drip or crowd: what ServerOptions::pace and the limits do to them.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <future>
#include <latch>

#include "net/http_server.h"
#include "net/test_server.h"
#include "net/test_tls.h"

namespace skiff::net {
namespace {

using namespace std::chrono_literals;

constexpr uint64_t kHuge = uint64_t{1} << 40U;

ServerOptions hasty(uint64_t least_rate = 0) {
  ServerOptions options;
  options.pace = {.stall = 100ms, .least_rate = least_rate};
  return options;
}

// Reads a body that breaks off, and says nothing.
struct BrokenBody {
  std::promise<Result<std::string>>& read;
  void operator()(Request& request, ResponseWriter& w) const {
    Result<std::string> body = read_all(*request.body, size_t{1} << 28U);
    EXPECT_FALSE(body);
    EXPECT_FALSE(w.started());
    read.set_value(std::move(body));
  }
};

TEST(SlowPeers, ABodyThatStallsIsAnswered408AndTheConnectionEnds) {
  for (const char* framing :
       {"Content-Length: 9\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nab"}) {
    std::promise<Result<std::string>> read;
    TestServer server(BrokenBody{read}, hasty());
    const std::string answer = server.talk(cat("PUT / HTTP/1.1\r\nHost:\r\n", framing));
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 408 ")) << answer;
    EXPECT_NE(answer.find("Connection: close"), std::string::npos) << answer;
    const auto body = read.get_future().get();
    ASSERT_FALSE(body);
    EXPECT_EQ(body.error().code(), Code::kDeadlineExceeded);
  }
}

TEST(SlowPeers, ABodyThatDripsIsTooSlow) {
  std::promise<Result<std::string>> read;
  TestServer server(BrokenBody{read}, hasty(kHuge));  // a rate that nobody keeps
  auto stream = server.connect_port();
  ASSERT_TRUE(stream->write("PUT / HTTP/1.1\r\nHost:\r\nContent-Length: 1000000000\r\n\r\n"));
  auto outcome = read.get_future();
  while (outcome.wait_for(0s) != std::future_status::ready && stream->write("x")) {
  }
  const auto body = outcome.get();
  ASSERT_FALSE(body);
  EXPECT_EQ(body.error().code(), Code::kDeadlineExceeded);
}

TEST(SlowPeers, AHandlerThatIsSlowItselfIsNoSlowPeer) {
  std::latch go_on(1);
  TestServer server(
      [&](Request& request, ResponseWriter& w) {
        char byte = 0;
        const auto first = request.body->read({&byte, 1});
        if (request.path == "/stalls") return;
        EXPECT_EQ(first.value_or(0), 1U);
        go_on.wait();
        EXPECT_EQ(read_all(*request.body, 100).value_or(""), "bcdefghi");
        EXPECT_TRUE(w.send(200, "", ""));
      },
      hasty());
  constexpr std::string_view kRest = " HTTP/1.1\r\nHost:\r\nContent-Length: 9\r\n\r\n";
  auto stream = server.connect_port();
  ASSERT_TRUE(stream->write(cat("PUT /", kRest, "abcdefghi")));
  // Others are given up meanwhile, one after the other: longer than `stall` has passed.
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(server.talk(cat("PUT /stalls", kRest)).starts_with("HTTP/1.1 408"));
  }
  go_on.count_down();
  char answer[12];
  ASSERT_TRUE(read_full(*stream, answer));
  EXPECT_EQ(std::string_view(answer, sizeof answer), "HTTP/1.1 200");
}

// What became of an answer that its client does not read.
class UnreadAnswer : public ::testing::Test {
 protected:
  UnreadAnswer() {
    auto file = open_file(dir_.path() / "big", O_RDWR | O_CREAT, 0600);
    EXPECT_EQ(::ftruncate(file->get(), int64_t{1} << 30U), 0);
    file_ = std::move(*file);
  }

  Handler handler() {
    return [this](Request& request, ResponseWriter& w) {
      sent_.set_value(request.path == "/file" ? w.send_file(200, file_.get(), 0, uint64_t{1} << 30U)
                                              : write_without_end(w));
    };
  }
  static Result<> write_without_end(ResponseWriter& w) {
    TRY(w.begin(200));
    const std::string piece(100'000, 'x');
    for (;;) TRY(w.write(piece));
  }
  void expect_given_up() {
    const Result<> sent = sent_.get_future().get();
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().code(), Code::kDeadlineExceeded) << sent.error().message();
    sent_ = {};
  }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-net-");
  UniqueFd file_;
  std::promise<Result<>> sent_;
};

constexpr const char* kTargets[] = {"/file", "/write"};

TEST_F(UnreadAnswer, IsGivenUp) {
  TestServer server(handler(), hasty());
  for (const bool unix_socket : {false, true}) {
    for (const char* target : kTargets) {
      auto stream = unix_socket ? server.connect() : server.connect_port();
      ASSERT_TRUE(stream->write(cat("GET ", target, " HTTP/1.1\r\nHost:\r\n\r\n")));
      expect_given_up();
    }
  }
}

TEST_F(UnreadAnswer, IsGivenUpUnderTls) {
  ServerOptions options = hasty();
  options.tls = make_certificate(dir_.path(), "server");
  TestServer server(handler(), options);
  for (const char* target : kTargets) {
    TlsClient client(server.port());
    client.write(cat("GET ", target, " HTTP/1.1\r\nHost:\r\n\r\n"));
    expect_given_up();
  }
}

TEST_F(UnreadAnswer, IsGivenUpWhenItsReaderDrips) {
  TestServer server(handler(), hasty(kHuge));
  auto stream = server.connect_port();
  ASSERT_TRUE(stream->write("GET /file HTTP/1.1\r\nHost:\r\n\r\n"));
  auto outcome = sent_.get_future();
  char piece[100];
  while (outcome.wait_for(0s) != std::future_status::ready) ASSERT_TRUE(stream->read(piece));
  const Result<> sent = outcome.get();
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code(), Code::kDeadlineExceeded) << sent.error().message();
}

int socket_option(int fd, int level, int option) {
  int value = -1;
  socklen_t size = sizeof value;
  EXPECT_EQ(::getsockopt(fd, level, option, &value, &size), 0);
  return value;
}

TEST(SlowPeers, AConnectionThatIsHandedOverHasNoLimits) {
  TestServer server(
      [](Request&, ResponseWriter& w) {
        auto connection = w.hijack("HTTP/1.1 101 UPGRADED\r\n\r\n");
        ASSERT_TRUE(connection);
        for (int option : {SO_RCVTIMEO, SO_SNDTIMEO}) {
          timeval limit{.tv_sec = 1, .tv_usec = 1};
          socklen_t size = sizeof limit;
          ASSERT_EQ(::getsockopt(connection->stream->fd(), SOL_SOCKET, option, &limit, &size), 0);
          EXPECT_EQ(limit.tv_sec + limit.tv_usec, 0) << option;
        }
      },
      hasty());
  EXPECT_TRUE(server.talk("GET / HTTP/1.1\r\nHost:\r\n\r\n").starts_with("HTTP/1.1 101"));
}

TEST(SlowPeers, VanishedOnesAreProbedAndGivenUp) {
  for (const auto& [options, patience] : {std::pair(ServerOptions{}, 0), {hasty(), 100}}) {
    TestServer server(
        [patience](Request&, ResponseWriter& w) {
          auto connection = w.hijack("");
          ASSERT_TRUE(connection);
          const int fd = connection->stream->fd();
          EXPECT_EQ(socket_option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
          EXPECT_EQ(socket_option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 60);
          EXPECT_EQ(socket_option(fd, IPPROTO_TCP, TCP_KEEPCNT), 4);
          EXPECT_EQ(socket_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), patience);
        },
        options);
    EXPECT_EQ(server.talk("GET / HTTP/1.1\r\nHost:\r\n\r\n"), "");
  }
}

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost:\r\n\r\n";

bool is_served(Stream& stream) {
  char head[12];
  return stream.write(kGet) && read_full(stream, head).value_or(0) == sizeof head &&
         std::string_view(head, sizeof head) == "HTTP/1.1 200";
}

TEST(SlowPeers, AClientHasItsShareOfConnections) {
  ServerOptions options;
  options.max_connections_per_client = 2;
  std::latch entered(2);
  std::latch go_on(1);
  std::atomic<int> calls = 0;
  TestServer server(
      [&](Request&, ResponseWriter& w) {
        if (++calls <= 2) {
          entered.count_down();
          go_on.wait();
        }
        EXPECT_TRUE(w.send(200, "", "ok"));
      },
      options);
  auto one = server.connect_port();
  auto two = server.connect_port();
  ASSERT_TRUE(one->write(kGet));
  ASSERT_TRUE(two->write(kGet));
  entered.wait();
  EXPECT_FALSE(is_served(*server.connect_port()));  // both of this address are at work
  EXPECT_TRUE(is_served(*server.connect()));        // a Unix socket has no address
  go_on.count_down();
  char head[12];
  ASSERT_TRUE(read_full(*one, head));
  ASSERT_TRUE(read_full(*two, head));
  // Now they are idle, or about to be, and make room.
  auto served = [&] { return is_served(*server.connect_port()); };
  while (!served()) {
  }
}

}  // namespace
}  // namespace skiff::net
