// Both ends of gRPC over one pair of sockets.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/strings.h"
#include "buildkit/rpc_channel.h"
#include "buildkit/rpc_server.h"
#include "sys/unix_socket.h"

namespace skiff::buildkit {
namespace {

std::unique_ptr<RpcChannel> connect(RpcServer& server) {
  auto pair = *sys::socket_pair(SOCK_STREAM);
  server.serve(std::move(pair.first));
  return RpcChannel::over(std::move(pair.second));
}

// Waits until nothing more comes.
bool ends(RpcStream& stream) {
  const auto message = stream.read();
  return !message || !*message;
}

TEST(RpcTest, AMessageComesBackWithWhatTheCallSays) {
  auto server = *RpcServer::start([](RpcCall& call) -> std::optional<RpcFailure> {
    auto message = *call.read();
    const std::string reply = cat(call.method(), " ", *message, " ", call.RpcCall::metadata("key"));
    EXPECT_TRUE(call.write(reply));
    return std::nullopt;
  });
  auto channel = connect(*server);
  auto call = channel->call("/a.B/C", {{"key", "value"}}, {});
  ASSERT_TRUE(call->write("hello"));
  EXPECT_EQ(**call->read(), "/a.B/C hello value");
  EXPECT_FALSE(*call->read());
  EXPECT_TRUE(call->finish());
}

TEST(RpcTest, AFailureHasItsCodeAndText) {
  auto server = *RpcServer::start([](RpcCall&) -> std::optional<RpcFailure> {
    return RpcFailure{Error(Code::kNotFound, "no such thing"), ""};
  });
  auto channel = connect(*server);
  auto reply = channel->ask("/a.B/C", "x", {});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code(), Code::kNotFound);
  EXPECT_EQ(reply.error().message(), "no such thing");
}

TEST(RpcTest, StreamsGoBothWaysUntilTheClientEnds) {
  auto server = *RpcServer::start([](RpcCall& call) -> std::optional<RpcFailure> {
    while (auto message = *call.read()) EXPECT_TRUE(call.write(*message));
    return std::nullopt;
  });
  auto channel = connect(*server);
  auto call = channel->call("/a.B/C", {}, {});
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(call->write(cat(i)));
    EXPECT_EQ(**call->read(), cat(i));
  }
  ASSERT_TRUE(call->finish_writing());
  EXPECT_FALSE(*call->read());
  EXPECT_TRUE(call->finish());
}

TEST(RpcTest, ACancelledCallEndsOnBothSides) {
  CancelSource begun;
  CancelSource seen;
  auto server = *RpcServer::start([&](RpcCall& call) -> std::optional<RpcFailure> {
    begun.cancel();
    EXPECT_TRUE(ends(call));
    pollfd told{call.cancelled().fd(), POLLIN, 0};
    EXPECT_EQ(::poll(&told, 1, -1), 1);
    seen.cancel();
    return RpcFailure{Error(Code::kCancelled, "given up"), ""};
  });
  auto channel = connect(*server);
  CancelSource cancel;
  auto call = channel->call("/a.B/C", {}, cancel.token());
  pollfd reached{begun.token().fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&reached, 1, -1), 1);
  cancel.cancel();
  EXPECT_FALSE(*call->read());
  EXPECT_FALSE(call->finish());
  call.reset();
  server.reset();
  EXPECT_TRUE(seen.token().cancelled());
}

TEST(RpcTest, AServerThatEndsTakesItsCallsAlong) {
  CancelSource begun;
  auto server = *RpcServer::start([&](RpcCall& call) -> std::optional<RpcFailure> {
    begun.cancel();
    EXPECT_TRUE(ends(call));
    return std::nullopt;
  });
  auto channel = connect(*server);
  auto call = channel->call("/a.B/C", {}, {});
  pollfd told{begun.token().fd(), POLLIN, 0};
  ASSERT_EQ(::poll(&told, 1, -1), 1);
  server.reset();
  EXPECT_FALSE(*call->read());
  EXPECT_FALSE(call->finish());
}

}  // namespace
}  // namespace skiff::buildkit
