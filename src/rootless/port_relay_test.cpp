#include "rootless/port_relay.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <string>
#include <thread>

#include "base/io.h"

namespace skiff::rootless {
namespace {

// A free one of the loopback.
const HostPort& tcp() {
  static const HostPort port{.tcp = true, .address = "127.0.0.1"};
  return port;
}
const HostPort& udp() {
  static const HostPort port{.tcp = false, .address = "127.0.0.1"};
  return port;
}

UniqueFd connected_to(uint16_t port, int type) {
  UniqueFd fd(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
  const sockaddr_in address = socket_address("127.0.0.1", port).value();
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  return fd;
}

// What bind_port() makes does not block.
void await_input(const UniqueFd& fd) {
  pollfd polled{fd.get(), POLLIN, 0};
  ::poll(&polled, 1, -1);
}

// A relay in a thread, with ports that lead to targets of the test's own.
class PortRelayTest : public testing::Test {
 protected:
  void run() {
    thread_ = std::jthread([this](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        std::array<pollfd, 2> polled{{{relay_.fd(), POLLIN, 0}, {stop_[0], POLLIN, 0}}};
        ::poll(polled.data(), polled.size(), relay_.patience());
        relay_.turn();
      }
    });
  }
  // Led before the thread runs.
  uint16_t lead(const HostPort& port, uint16_t target) {
    BoundPort bound = bind_port(port).value();
    const uint16_t number = bound.number;
    HostPort named = port;
    named.number = number;
    EXPECT_TRUE(
        relay_.lead(named, std::move(bound.socket), socket_address("127.0.0.1", target).value()));
    return number;
  }
  void SetUp() override { ASSERT_EQ(::pipe(stop_.data()), 0); }
  void TearDown() override {
    thread_.request_stop();
    ASSERT_EQ(::write(stop_[1], "x", 1), 1);
    if (thread_.joinable()) thread_.join();
    ::close(stop_[0]);
    ::close(stop_[1]);
  }

  PortRelay relay_ = PortRelay::make().value();
  std::array<int, 2> stop_{};
  std::jthread thread_;
};

TEST_F(PortRelayTest, TcpGoesBothWaysAndEndsADirectionAtATime) {
  const BoundPort target = bind_port(tcp()).value();
  const uint16_t port = lead(tcp(), target.number);
  run();
  // Larger than all buffers on the way, so that each side has to wait for the other.
  const std::string sent(size_t{8} << 20U, 's');
  std::jthread server([&] {
    await_input(target.socket);
    UniqueFd peer(::accept4(target.socket.get(), nullptr, nullptr, SOCK_CLOEXEC));
    FdSource source(peer.get());
    const Result<std::string> heard = read_all(source, sent.size() + 1);
    FdSink sink(peer.get());
    // Our direction is open though the other has ended.
    EXPECT_TRUE(sink.write(heard.value() + "!"));
  });
  const UniqueFd client = connected_to(port, SOCK_STREAM);
  FdSink sink(client.get());
  ASSERT_TRUE(sink.write(sent));
  ASSERT_EQ(::shutdown(client.get(), SHUT_WR), 0);
  FdSource source(client.get());
  const Result<std::string> answer = read_all(source, sent.size() + 2);
  ASSERT_TRUE(answer);
  EXPECT_TRUE(*answer == sent + "!");
}

TEST_F(PortRelayTest, AClientOfNobodyIsTurnedAway) {
  const uint16_t port = lead(tcp(), 1);
  run();
  const UniqueFd client = connected_to(port, SOCK_STREAM);
  char byte = 0;
  EXPECT_LE(::recv(client.get(), &byte, 1, 0), 0);
}

TEST_F(PortRelayTest, UdpClientsEachGetTheirAnswers) {
  const BoundPort target = bind_port(udp()).value();
  const uint16_t port = lead(udp(), target.number);
  run();
  const UniqueFd one = connected_to(port, SOCK_DGRAM);
  const UniqueFd two = connected_to(port, SOCK_DGRAM);
  ASSERT_EQ(::send(one.get(), "one", 3, 0), 3);
  ASSERT_EQ(::send(two.get(), "two", 3, 0), 3);
  for (int i = 0; i < 2; ++i) {
    await_input(target.socket);
    std::array<char, 16> text{};
    sockaddr_in from{};
    socklen_t length = sizeof from;
    auto* generic = reinterpret_cast<sockaddr*>(&from);
    const ssize_t n =
        ::recvfrom(target.socket.get(), text.data(), text.size(), 0, generic, &length);
    ASSERT_EQ(n, 3);
    ASSERT_EQ(::sendto(target.socket.get(), text.data(), 3, 0, generic, length), 3);
  }
  for (const auto& [client, wanted] : {std::pair(&one, "one"), std::pair(&two, "two")}) {
    std::array<char, 16> text{};
    ASSERT_EQ(::recv(client->get(), text.data(), text.size(), 0), 3);
    EXPECT_STREQ(text.data(), wanted);
  }
}

TEST_F(PortRelayTest, ADroppedPortIsFreeThoughItHasClients) {
  const BoundPort target = bind_port(udp()).value();
  HostPort port = udp();
  port.number = lead(udp(), target.number);
  const UniqueFd client = connected_to(port.number, SOCK_DGRAM);
  ASSERT_EQ(::send(client.get(), "x", 1, 0), 1);
  // The datagram is there by now: loopback delivers as it is sent.
  relay_.turn();
  EXPECT_FALSE(bind_port(port));
  relay_.drop(port);
  EXPECT_TRUE(bind_port(port));
}

}  // namespace
}  // namespace skiff::rootless
