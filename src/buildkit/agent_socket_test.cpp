// An agent's socket against a client that answers with what it gets.
#include "buildkit/agent_socket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <vector>

#include "base/io.h"
#include "buildkit/rpc_server.h"
#include "sys/unix_socket.h"

namespace skiff::buildkit {
namespace {

class AgentSocketTest : public ::testing::Test {
 protected:
  AgentSocketTest() {
    auto pair = *sys::socket_pair(SOCK_STREAM);
    server_->serve(std::move(pair.first));
    auto session =
        std::make_shared<Session>(SessionFacts{}, RpcChannel::over(std::move(pair.second)));
    socket_ = *AgentSocket::open(dir_.path() / "agent", "default", std::move(session));
  }

  UniqueFd connect() { return *sys::connect_unix(socket_->path()); }

  // What comes back for a word; "" where the connection is closed.
  static std::string echo(const UniqueFd& connection) {
    constexpr std::string_view kWord = "hello";
    // It may be closed already.
    if (::send(connection.get(), kWord.data(), kWord.size(), MSG_NOSIGNAL) < 0) return "";
    std::array<char, 64> buffer;
    const auto n = FdSource(connection.get()).read(buffer);
    return {buffer.data(), n.value_or(0)};
  }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-agent-");
  std::unique_ptr<RpcServer> server_ =
      *RpcServer::start([](RpcCall& call) -> std::optional<RpcFailure> {
        for (;;) {
          const auto message = call.read();
          if (!message || !*message || !call.write(**message)) return std::nullopt;
        }
      });
  std::unique_ptr<AgentSocket> socket_;
};

TEST_F(AgentSocketTest, MoreConnectionsThanAreServedAtATimeAreServedInTurn) {
  for (int i = 0; i < 200; ++i) {
    const UniqueFd connection = connect();
    ASSERT_EQ(echo(connection), "hello") << i;
    // Until the talk has ended.
    ASSERT_EQ(::shutdown(connection.get(), SHUT_WR), 0);
    std::array<char, 64> rest;
    ASSERT_EQ(FdSource(connection.get()).read(rest).value_or(0), 0U);
  }
}

TEST_F(AgentSocketTest, TooManyAtATimeAreClosedAtOnce) {
  std::vector<UniqueFd> held;
  for (int i = 0; i < 64; ++i) {
    held.push_back(connect());
    ASSERT_EQ(echo(held.back()), "hello");
  }
  for (int i = 0; i < 3; ++i) EXPECT_EQ(echo(connect()), "");
  EXPECT_EQ(echo(held.front()), "hello");
}

}  // namespace
}  // namespace skiff::buildkit
