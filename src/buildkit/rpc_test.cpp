// Both ends of gRPC over one pair of sockets.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <thread>

#include "base/strings.h"
#include "buildkit/rpc_channel.h"
#include "buildkit/rpc_server.h"
#include "buildkit/test_http2.h"
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

TEST(RpcTest, MuchGoesBothWays) {
  auto server = *RpcServer::start([](RpcCall& call) -> std::optional<RpcFailure> {
    while (auto message = *call.read()) EXPECT_TRUE(call.write(*message));
    return std::nullopt;
  });
  auto channel = connect(*server);
  auto call = channel->call("/a.B/C", {{"long", std::string(4000, 'x')}}, {});
  const std::string large(size_t{3} << 20U, 'x');
  constexpr int kTimes = 5;
  std::jthread writer([&] {
    for (int i = 0; i < kTimes; ++i) EXPECT_TRUE(call->write(large));
    for (int i = 0; i < 2000; ++i) EXPECT_TRUE(call->write(cat(i)));
    EXPECT_TRUE(call->finish_writing());
  });
  for (int i = 0; i < kTimes; ++i) EXPECT_EQ((*call->read())->size(), large.size());
  for (int i = 0; i < 2000; ++i) EXPECT_EQ(**call->read(), cat(i));
  EXPECT_FALSE(*call->read());
  EXPECT_TRUE(call->finish());
}

// Of a peer that is no gRPC server, and says no more than this.
std::unique_ptr<RpcChannel> channel_to(std::string_view said, UniqueFd& peer) {
  auto pair = *sys::socket_pair(SOCK_STREAM);
  peer = std::move(pair.first);
  std::string settings;
  http2::append_frame(settings, http2::kSettings, 0, 0, "");
  EXPECT_EQ(::send(peer.get(), settings.data(), settings.size(), 0), http2::kHead);
  EXPECT_EQ(::send(peer.get(), said.data(), said.size(), 0), static_cast<ssize_t>(said.size()));
  return RpcChannel::over(std::move(pair.second));
}

TEST(RpcTest, WhatIsTooLargeIsRefused) {
  std::string headers;
  http2::append_header(headers, ":status", "200");
  std::string said;
  http2::append_frame(said, http2::kHeaders, http2::kEndHeaders, 1, headers);
  http2::append_frame(said, http2::kData, 0, 1, {"\0\0\x50\0\0begins", 11});
  UniqueFd peer;
  auto channel = channel_to(said, peer);
  auto call = channel->call("/a.B/C", {}, {});
  EXPECT_EQ(call->read().error().code(), Code::kResourceExhausted);
  EXPECT_EQ(call->finish().error().code(), Code::kResourceExhausted);
}

TEST(RpcTest, AnAnswerThatIsNotOfGrpcIsAnError) {
  std::string headers;
  http2::append_header(headers, ":status", "404");
  std::string said;
  http2::append_frame(said, http2::kHeaders, http2::kEndStream | http2::kEndHeaders, 1, headers);
  UniqueFd peer;
  auto channel = channel_to(said, peer);
  const auto reply = channel->ask("/a.B/C", "x", {});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().message(), "no answer of gRPC: HTTP status 404");
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
