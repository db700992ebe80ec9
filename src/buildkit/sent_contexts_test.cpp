#include "buildkit/sent_contexts.h"

#include <gtest/gtest.h>

#include <array>
#include <thread>

namespace skiff::buildkit {
namespace {

// Gives a piece, and then what it is told to.
class BodyThatEnds : public Source {
 public:
  explicit BodyThatEnds(Result<size_t> end) : end_(std::move(end)) {}
  Result<size_t> read(std::span<char> buffer) override {
    if (std::exchange(begun_, true)) return end_;
    return std::string_view("piece").copy(buffer.data(), buffer.size());
  }

 private:
  Result<size_t> end_;
  bool begun_ = false;
};

TEST(SentContextsTest, WhoTakesItReadsWhatIsSent) {
  SentContexts contexts;
  constexpr size_t kMore = size_t{3} << 20U;  // than a socket holds
  const std::string bytes(kMore, 'x');
  std::jthread sender([&] {
    StringSource body(bytes);
    EXPECT_TRUE(contexts.send("a", body));
  });
  auto taken = contexts.take("a", {});
  ASSERT_TRUE(taken) << taken.error().message();
  EXPECT_TRUE(*read_all(**taken, 2 * kMore) == bytes);
}

TEST(SentContextsTest, ABodyThatBreaksOffIsNoContext) {
  SentContexts contexts;
  std::jthread sender([&] {
    BodyThatEnds body(Error(Code::kUnavailable, "gone"));
    EXPECT_FALSE(contexts.send("a", body));
  });
  auto taken = contexts.take("a", {});
  ASSERT_TRUE(taken);
  const auto bytes = read_all(**taken, 1000);
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().message(), "the client stopped sending the context");
}

TEST(SentContextsTest, ASenderEndsWhenNobodyWantsMore) {
  SentContexts contexts;
  std::jthread sender([&] {
    BodyThatEnds endless(size_t{1});
    EXPECT_TRUE(contexts.send("a", endless));
  });
  EXPECT_TRUE(contexts.take("a", {}));
}

TEST(SentContextsTest, ACancelledBuildReadsNoMore) {
  SentContexts contexts;
  CancelSource given_up;
  CancelSource read;
  class Stuck : public Source {
   public:
    explicit Stuck(CancelToken until) : until_(std::move(until)) {}
    Result<size_t> read(std::span<char> /*buffer*/) override {
      while (!until_.cancelled()) std::this_thread::yield();
      return size_t{0};
    }

   private:
    CancelToken until_;
  };
  std::jthread sender([&] {
    Stuck body(read.token());
    EXPECT_TRUE(contexts.send("a", body));
  });
  auto taken = contexts.take("a", given_up.token());
  ASSERT_TRUE(taken);
  given_up.cancel();
  std::array<char, 1> buffer;
  const auto got = (*taken)->read(buffer);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Code::kCancelled);
  read.cancel();
}

TEST(SentContextsTest, EachGoesToTheBuildOfItsName) {
  SentContexts contexts;
  std::jthread sender([&] {
    StringSource first("first");
    EXPECT_TRUE(contexts.send("a", first));
  });
  StringSource other("other");
  std::jthread taker([&] {
    auto taken = contexts.take("b", {});
    ASSERT_TRUE(taken);
    EXPECT_EQ(*read_all(**taken, 1000), "other");
  });
  EXPECT_TRUE(contexts.send("b", other));
  auto taken = contexts.take("a", {});
  ASSERT_TRUE(taken);
  EXPECT_EQ(*read_all(**taken, 1000), "first");
}

}  // namespace
}  // namespace skiff::buildkit
