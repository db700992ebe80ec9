#include "rootless/packet.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "sys/unix_socket.h"

namespace skiff::rootless {
namespace {

TEST(Packet, AnswersComeAsTheyWere) {
  EXPECT_EQ(decode_answer(encode_answer({})).value(), "");
  EXPECT_EQ(decode_answer("ok 8080").value(), "8080");
  const auto refused = decode_answer(encode_answer(Error::from_errno(EADDRINUSE, "bind tcp 1")));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().sys_errno(), EADDRINUSE);
  EXPECT_EQ(refused.error().message(), "bind tcp 1: Address already in use");
  const auto told = decode_answer(encode_answer(Error(Code::kUnavailable, "no way out")));
  ASSERT_FALSE(told);
  EXPECT_EQ(told.error().message(), "no way out");
}

TEST(Packet, AKeeperThatHasGoneIsTold) {
  auto [ours, theirs] = sys::socket_pair(SOCK_SEQPACKET).value();
  theirs.reset();
  const auto answer = receive_packet(ours.get());
  ASSERT_TRUE(answer);
  EXPECT_EQ(decode_answer(answer->text).error().code(), Code::kUnavailable);
}

TEST(Packet, CarriesADescriptor) {
  auto [ours, theirs] = sys::socket_pair(SOCK_SEQPACKET).value();
  ASSERT_TRUE(send_packet(ours.get(), "with", ours.get()));
  ASSERT_TRUE(send_packet(ours.get(), "without"));
  const Packet with = receive_packet(theirs.get()).value();
  EXPECT_EQ(with.text, "with");
  EXPECT_TRUE(with.fd);
  const Packet without = receive_packet(theirs.get()).value();
  EXPECT_EQ(without.text, "without");
  EXPECT_FALSE(without.fd);
}

}  // namespace
}  // namespace skiff::rootless
