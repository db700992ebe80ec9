#include "buildkit/sessions.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "sys/unix_socket.h"

namespace skiff::buildkit {
namespace {

TEST(SessionsTest, SeveralStandBesideOneAnother) {
  Sessions sessions;
  auto first = *sys::socket_pair(SOCK_STREAM);
  auto second = *sys::socket_pair(SOCK_STREAM);
  sessions.add({.id = "first", .methods = {"/A.b/C"}}, std::move(first.first));
  sessions.add({.id = "second"}, std::move(second.first));
  const auto found = sessions.find("first");
  ASSERT_TRUE(found);
  EXPECT_TRUE((*found)->answers("/a.B/c"));
  EXPECT_FALSE((*found)->answers("/a.B/d"));
  EXPECT_TRUE(sessions.find("second"));
}

TEST(SessionsTest, OneThatIsReplacedTakesNoOtherAway) {
  Sessions sessions;
  auto first = *sys::socket_pair(SOCK_STREAM);
  auto second = *sys::socket_pair(SOCK_STREAM);
  const auto replaced = sessions.add({.id = "a"}, std::move(first.first));
  const auto other = sessions.add({.id = "a"}, std::move(second.first));
  sessions.remove(replaced);
  const auto found = sessions.find("a");
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(*found, other);
}

TEST(SessionsTest, WhoHasNoneAnswersNothing) {
  const auto silent = Sessions::silent();
  ASSERT_TRUE(silent);
  EXPECT_FALSE((*silent)->answers("/A.b/C"));
  EXPECT_FALSE((*silent)->channel().ask("/A.b/C", "", {}));
}

TEST(SessionsTest, AChannelKnowsThatItsPeerIsGone) {
  auto pair = *sys::socket_pair(SOCK_STREAM);
  const auto channel = RpcChannel::over(std::move(pair.first));
  EXPECT_TRUE(channel->alive());
  pair.second.reset();
  EXPECT_FALSE(channel->alive());
}

}  // namespace
}  // namespace skiff::buildkit
