// The accounts' database is removed or replaced: nobody is let in for that, and nothing is written
// to what is lost.
#include <gtest/gtest.h>

#include "access/accounts.h"
#include "access/directory.h"
#include "access/mark.h"
#include "access/tokens.h"
#include "base/strings.h"

namespace skiff::access {
namespace {

class LostFiles : public testing::Test {
 protected:
  const Path& root() const { return dir_.path(); }
  Path file(const char* suffix = "") const { return (root() / kDatabaseName).native() + suffix; }
  void remove_database() {
    for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(file(suffix));
  }
  Result<std::optional<Store>> open() { return Store::open(root(), clock_); }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-access-");
  ManualClock clock_{TimePoint(std::chrono::hours(24))};
};

TEST_F(LostFiles, ALossIsNotTakenForARegistryWithoutAccounts) {
  ASSERT_TRUE(Store::open_or_create(root(), clock_));
  ASSERT_TRUE(*open());
  remove_database();
  const auto opened = open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), Code::kFailedPrecondition);
  for (const std::string& said :
       {file().native(), std::string("user add"), (root() / kMarkName).native()}) {
    EXPECT_NE(opened.error().message().find(said), std::string::npos) << said;
  }
  ASSERT_TRUE(Store::open_or_create(root(), clock_));  // the first account anew
  ASSERT_TRUE(*open());
  remove_database();
  ASSERT_TRUE(std::filesystem::remove(root() / kMarkName));
  EXPECT_FALSE(*open());
}

TEST_F(LostFiles, ARootOfBeforeIsMarkedWhenItIsOpened) {
  ASSERT_TRUE(Store::open_or_create(root(), clock_));
  ASSERT_TRUE(std::filesystem::remove(root() / kMarkName));
  ASSERT_TRUE(*open());
  EXPECT_TRUE(std::filesystem::exists(root() / kMarkName));
}

TEST_F(LostFiles, NothingIsSaidOfRightsThatAreLost) {
  Store commands = *Store::open_or_create(root(), clock_);
  const int64_t ann = add_account(commands, {.name = "ann"})->id;
  const auto directory = *Directory::open(std::move(**open()));
  ASSERT_TRUE(directory->rights());
  std::filesystem::copy_file(file(), root() / "copy");
  std::filesystem::rename(file(), root() / "away");
  std::filesystem::rename(root() / "copy", file());
  EXPECT_EQ(directory->add_refresh_token(ann, "login").error().code(), Code::kUnavailable);
  clock_.advance(std::chrono::seconds(1));
  for (int i = 0; i < 2; ++i) {
    const auto rights = directory->rights();
    ASSERT_FALSE(rights);
    EXPECT_EQ(rights.error().code(), Code::kUnavailable);
    EXPECT_NE(rights.error().message().find(file().native()), std::string::npos);
  }
  std::filesystem::rename(root() / "away", file());
  EXPECT_TRUE(directory->rights());
}

TEST_F(LostFiles, AUseThatCannotBeWrittenKeepsNobodyOutAndIsWrittenLater) {
  Store commands = *Store::open_or_create(root(), clock_);
  const int64_t ann = add_account(commands, {.name = "ann"})->id;
  const MadeToken token = *add_token(commands, {.account = ann, .label = "ci"});
  const auto used = [&] { return list_tokens(commands, "ann")->front().used; };
  const auto directory = *Directory::open(std::move(**open()));
  ASSERT_TRUE(commands.db().execute(
      "CREATE TRIGGER full BEFORE UPDATE ON token BEGIN SELECT RAISE(FAIL, 'full'); END"));
  EXPECT_TRUE(directory->sign_in_by_token(token.secret));
  EXPECT_FALSE(directory->save_uses());
  EXPECT_EQ(used(), TimePoint{});
  ASSERT_TRUE(commands.db().execute("DROP TRIGGER full"));
  ASSERT_TRUE(directory->save_uses());
  EXPECT_EQ(used(), clock_.now());
}

}  // namespace
}  // namespace skiff::access
