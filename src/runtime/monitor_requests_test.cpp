#include "runtime/monitor_requests.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "sys/unix_socket.h"

namespace skiff::runtime {
namespace {

TEST(WaitingClients, OneThatDoesNotReadIsLetGoAndHoldsNobodyUp) {
  EventLoop loop;
  ASSERT_TRUE(loop.open());
  auto [slow, slow_end] = sys::socket_pair(SOCK_STREAM).value();
  auto [quick, quick_end] = sys::socket_pair(SOCK_STREAM).value();
  WaitingClients clients(loop);
  clients.add(std::move(slow_end));
  clients.add(std::move(quick_end));
  const std::string line(1000, 'x');
  size_t got = 0;
  bool let_go = false;
  for (int i = 0; i < 10'000 && !let_go; ++i) {
    clients.tell_all(json::object({{"line", line}}));
    std::array<char, 4096> buffer;
    ssize_t n = ::recv(quick.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    ASSERT_GT(n, 0) << i;
    got += static_cast<size_t>(n);
    // Only a closed end makes a write an error.
    let_go = ::send(slow.get(), "", 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno == EPIPE;
  }
  EXPECT_TRUE(let_go);
  EXPECT_GT(got, 0U);
}

}  // namespace
}  // namespace skiff::runtime
