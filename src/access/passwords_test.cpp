#include "access/passwords.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/strings.h"

namespace skiff::access {
namespace {

TEST(AccessPasswords, AreJudgedBeforeTheyAreTaken) {
  for (const std::string& bad :
       {std::string(), std::string(73, 'x'), std::string("a\0b", 3), std::string("skiff_x")}) {
    EXPECT_FALSE(hash_password(bad));
  }
  const std::string hash = *hash_password(std::string(72, 'x'));
  EXPECT_TRUE(hash.starts_with("$2b$10$"));
  EXPECT_TRUE(password_matches(std::string(72, 'x'), hash));
  EXPECT_FALSE(password_matches(std::string(71, 'x'), hash));
  EXPECT_FALSE(password_matches("x", "no hash"));
  // What crypt(3) does not look at.
  EXPECT_FALSE(password_matches(std::string(73, 'x'), hash));
  EXPECT_FALSE(password_matches(std::string("right\0wrong", 11), *hash_password("right")));
}

TEST(AccessPasswords, WhoIsNotThereHasNoPassword) {
  PasswordChecker checker;
  const std::string others = *hash_password("right");
  EXPECT_FALSE(*checker.check("nobody", "right", std::nullopt, others));
  EXPECT_FALSE(*checker.check("nobody", "right", std::nullopt));
}

TEST(AccessPasswords, ManyAtOnceAreAllAnswered) {
  PasswordChecker checker;
  const std::string hash = *hash_password("right");
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&, i] {
      const bool good = i % 2 == 0;
      const auto checked = checker.check(cat("user", i), good ? "right" : "wrong", hash);
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
