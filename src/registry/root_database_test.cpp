#include <gtest/gtest.h>

#include "access/store.h"
#include "base/strings.h"
#include "registry/backup.h"
#include "registry/elsewhere.h"
#include "registry/metadata.h"

namespace skiff::registry {
namespace {

class DatabaseFile : public testing::Test {
 protected:
  // As in a program that reaches no servers, whatever other tests have set.
  DatabaseFile() { set_database_connector(nullptr); }
  Result<std::unique_ptr<MetadataStore>> open_own() {
    return open_metadata(root_, {}, Clock::system());
  }
  TempDir dir_ = *TempDir::make("/tmp", "skiff-registry-");
  const Path& root_ = dir_.path();
  const DatabaseName name_{"postgresql://ann@db/skiff", "/etc/skiff/password"};
};

TEST_F(DatabaseFile, SaysWhereTheTablesAre) {
  EXPECT_EQ(*database_of(root_), std::nullopt);
  ASSERT_TRUE(place_elsewhere(root_, name_));
  EXPECT_EQ(*database_of(root_), name_);
  const DatabaseName other{"postgresql://ann@other/skiff", ""};
  ASSERT_TRUE(place_elsewhere(root_, other));
  EXPECT_EQ(*database_of(root_), other);
}

// A registry.db without rows would have a repair take all blobs away.
TEST_F(DatabaseFile, NobodyMakesOtherTablesBesideThose) {
  ASSERT_TRUE(place_elsewhere(root_, name_));
  const auto opened = open_own();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), Code::kFailedPrecondition);
  EXPECT_NE(opened.error().message().find(name_.url), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(root_ / "registry.db"));
  EXPECT_FALSE(access::Store::open_or_create(root_, Clock::system()));
  EXPECT_FALSE(std::filesystem::exists(root_ / "access.db"));
}

TEST_F(DatabaseFile, ABackupSaysThatItHasNoTables) {
  ASSERT_TRUE(place_elsewhere(root_, name_));
  const auto made = backup::make(root_, root_ / "backup", {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code(), Code::kFailedPrecondition);
  EXPECT_NE(made.error().message().find(name_.url), std::string::npos);
}

TEST_F(DatabaseFile, TablesOfTheRootAreNotForgotten) {
  ASSERT_TRUE(open_own());
  const auto noted = place_elsewhere(root_, name_);
  ASSERT_FALSE(noted);
  EXPECT_EQ(noted.error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(*database_of(root_), std::nullopt);
  for (const char* suffix : {"", "-wal", "-shm"}) {
    std::filesystem::remove(root_ / cat("registry.db", suffix));
  }
  EXPECT_FALSE(place_elsewhere(root_, name_));  // lost ones
}

}  // namespace
}  // namespace skiff::registry
