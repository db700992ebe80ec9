#include "access/guesses.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace skiff::access {
namespace {

using std::chrono::seconds;

class AccessGuesses : public testing::Test {
 protected:
  void fail(int times, const std::string& account, const std::string& address) {
    for (int i = 0; i < times; ++i) ASSERT_TRUE(guesses_->failed(account, address));
  }
  int64_t wait(const std::string& account, const std::string& address) {
    return guesses_->must_wait(account, address).count();
  }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-access-");
  ManualClock clock_{TimePoint(std::chrono::hours(24))};
  std::unique_ptr<Guesses> guesses_ = *Guesses::open(dir_.path(), clock_);
};

TEST_F(AccessGuesses, FromOneAddressTakeLongerAndLonger) {
  for (int i = 0; i < 9; ++i) fail(1, "a" + std::to_string(i), "192.0.2.7");
  EXPECT_EQ(wait("b", "192.0.2.7"), 0);
  fail(1, "x", "192.0.2.7");
  EXPECT_EQ(wait("b", "192.0.2.7"), 1);  // whatever the name
  EXPECT_EQ(wait("b", "192.0.2.8"), 0);
  fail(3, "x", "192.0.2.7");
  EXPECT_EQ(wait("b", "192.0.2.7"), 8);
  clock_.advance(seconds(7));
  EXPECT_EQ(wait("b", "192.0.2.7"), 1);
  clock_.advance(seconds(1));
  EXPECT_EQ(wait("b", "192.0.2.7"), 0);
  fail(40, "y", "192.0.2.7");
  EXPECT_EQ(wait("b", "192.0.2.7"), 900);
}

TEST_F(AccessGuesses, AtOneAccountFromManyAddresses) {
  for (int i = 0; i < 20; ++i) fail(1, "ann", "192.0.2." + std::to_string(i));
  EXPECT_EQ(wait("ann", "198.51.100.1"), 1);
  for (int i = 0; i < 100; ++i) fail(1, "ann", "192.0.2." + std::to_string(i));
  // Who it belongs to gets in within the minute.
  EXPECT_EQ(wait("ann", "198.51.100.1"), 60);
  clock_.advance(seconds(60));
  EXPECT_EQ(wait("ann", "198.51.100.1"), 0);
  ASSERT_TRUE(guesses_->succeeded("ann"));
  fail(1, "ann", "198.51.100.1");
  EXPECT_EQ(wait("ann", "198.51.100.1"), 0);
}

TEST_F(AccessGuesses, ARestartForgetsNothingAnHourAll) {
  fail(14, "ann", "192.0.2.7");
  EXPECT_EQ(wait("b", "192.0.2.7"), 16);
  guesses_.reset();
  guesses_ = *Guesses::open(dir_.path(), clock_);
  EXPECT_EQ(wait("b", "192.0.2.7"), 16);
  clock_.advance(std::chrono::hours(1));
  fail(1, "ann", "192.0.2.7");
  EXPECT_EQ(wait("b", "192.0.2.7"), 0);
  struct stat status{};
  ASSERT_EQ(::stat((dir_.path() / "guesses.db").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(AccessGuesses, WhoWaitedIsCheckedOneAtATime) {
  const auto begin = [&] { return guesses_->begin("ann", "192.0.2.7").count(); };
  for (int i = 0; i < 50; ++i) EXPECT_EQ(begin(), 0);  // nobody was wrong yet
  for (int i = 0; i < 50; ++i) guesses_->end("ann", "192.0.2.7");
  fail(10, "ann", "192.0.2.7");
  EXPECT_EQ(begin(), 1);
  clock_.advance(seconds(1));
  EXPECT_EQ(begin(), 0);
  EXPECT_EQ(begin(), 1);  // while the first is being checked
  guesses_->end("ann", "192.0.2.7");
  EXPECT_EQ(begin(), 0);
}

TEST(AccessGuessing, Addresses) {
  EXPECT_EQ(guessing_address("192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(guessing_address("127.0.0.1"), "");
  EXPECT_EQ(guessing_address("[::1]"), "");
  EXPECT_EQ(guessing_address("[2001:db8:1:2:3:4:5:6]"), "2001:db8:1:2::/64");
  EXPECT_EQ(guessing_address("::ffff:192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(guessing_address("::ffff:127.0.0.1"), "");
  EXPECT_EQ(guessing_address(""), "");
  EXPECT_EQ(guessing_address("x"), "");
}

}  // namespace
}  // namespace skiff::access
