#include "access/passwords.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>

#include "base/strings.h"

namespace skiff::access {
namespace {

TEST(AccessPasswords, AreJudgedBeforeTheyAreTaken) {
  for (const std::string& bad :
       {std::string(), std::string(7, 'x'), std::string("\u00e9\u00e9\u00e9\u00e9"),
        std::string(73, 'x'), std::string("before\0behind", 13), std::string("skiff_pat_x")}) {
    const auto hash = hash_password(bad);
    ASSERT_FALSE(hash) << bad;
    EXPECT_EQ(hash.error().code(), Code::kInvalidArgument);
  }
  EXPECT_TRUE(hash_password("eight--8"));
  const std::string hash = *hash_password(std::string(72, 'x'));
  EXPECT_TRUE(hash.starts_with("$2b$10$"));
  EXPECT_TRUE(password_matches(std::string(72, 'x'), hash));
  EXPECT_FALSE(password_matches(std::string(71, 'x'), hash));
  EXPECT_FALSE(password_matches("x", "no hash"));
  // What crypt(3) does not look at.
  EXPECT_FALSE(password_matches(std::string(73, 'x'), hash));
  EXPECT_FALSE(password_matches(std::string("all right\0wrong", 15), *hash_password("all right")));
}

TEST(AccessPasswords, WhoIsNotThereHasNoPassword) {
  PasswordChecker checker;
  const std::string others = *hash_password("all right");
  EXPECT_FALSE(*checker.check("nobody", "all right", std::nullopt, others));
  EXPECT_FALSE(*checker.check("nobody", "all right", std::nullopt));
}

// Also who sets one: whoever may do that would else take all processors.
TEST(AccessPasswords, WhoIsOneTooManyIsRefused) {
  std::latch end(1);
  std::vector<std::thread> threads;
  // Two at work and 64 waiting.
  for (int i = 0; i < 66; ++i) {
    threads.emplace_back([&] {
      EXPECT_TRUE(password_turns().take([&] {
        end.wait();
        return 0;
      }));
    });
  }
  while (password_turns().waiting() < 64) std::this_thread::yield();
  EXPECT_EQ(hash_password("all right").error().code(), Code::kUnavailable);
  EXPECT_EQ(PasswordChecker().check("ann", "all right", std::nullopt).error().code(),
            Code::kUnavailable);
  end.count_down();
  for (auto& thread : threads) thread.join();
  EXPECT_TRUE(hash_password("all right"));
}

TEST(AccessPasswords, ManyAtOnceAreAllAnswered) {
  PasswordChecker checker;
  const std::string hash = *hash_password("all right");
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&, i] {
      const bool good = i % 2 == 0;
      const auto checked = checker.check(cat("user", i), good ? "all right" : "wrong", hash);
      ASSERT_TRUE(checked);
      EXPECT_EQ(*checked, good);
      if (*checked) ++right;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(right, 8);
}

}  // namespace
}  // namespace skiff::access
