#include "access/room.h"

#include <gtest/gtest.h>

#include "access/newcomers.h"
#include "base/strings.h"
#include "db/test_postgres.h"

namespace skiff::access {
namespace {

// Who owns a place adds them without asking.
TEST(AccessRoom, ThereAreSoManyGrantsOfOneNameAndNoMore) {
  const TempDir dir = *TempDir::make("/tmp", "skiff-access-");
  PostgresForTests::place_tables_of(dir.path());
  const ManualClock clock{TimePoint(std::chrono::hours(24))};
  Store store = *Store::open_or_create(dir.path(), clock);
  const Subject known{Subject::Kind::kKnown};
  const auto fill = [&](std::string_view into, std::string_view columns, std::string_view values) {
    ASSERT_TRUE(store.db().execute(cat("INSERT INTO ", into, "(node", columns,
                                       ") WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL ",
                                       "SELECT i + 1 FROM n WHERE i < ", kMostGrants,
                                       ") SELECT 'acme/' || i", values, " FROM n")));
  };
  fill("access_grant", ", subject_kind, role", ", 'known', 'pull'");
  for (const char* full : {"acme", "acme/web", "acme/web/deep"}) {
    const Result<> one_more = set_grant(store, full, known, Role::kPull);
    ASSERT_FALSE(one_more) << full;
    EXPECT_EQ(one_more.error().code(), Code::kFailedPrecondition);
    EXPECT_EQ(one_more.error().message(),
              "acme and what is below it have 10000 grants, as many as there may be: remove some "
              "first");
  }
  EXPECT_FALSE(add_user(store, {.name = "eve"}, {Role::kPull, "acme"}));
  EXPECT_TRUE(set_grant(store, "acme/7", known, Role::kPush));  // another in its place
  EXPECT_TRUE(set_grant(store, "acme2", known, Role::kPull));
  EXPECT_TRUE(set_grant(store, "", known, Role::kPull));
  ASSERT_TRUE(remove_grant(store, "acme/7", known));
  EXPECT_TRUE(set_grant(store, "acme", known, Role::kPull));

  fill("closed_node", "", "");
  EXPECT_FALSE(set_visibility(store, "acme/web", Visibility::kPrivate));
  EXPECT_TRUE(set_visibility(store, "acme/7", Visibility::kPrivate));
}

}  // namespace
}  // namespace skiff::access
