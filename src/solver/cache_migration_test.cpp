// Caches that earlier versions have written.
#include <gtest/gtest.h>

#include "base/random.h"
#include "db/database.h"
#include "solver/cache.h"
#include "solver/key_parts.h"

namespace skiff::solver {
namespace {

// As version 2 had them.
constexpr const char* kSecondVersion[] = {"", R"(
CREATE TABLE records(
  id TEXT PRIMARY KEY, result TEXT NOT NULL, parent TEXT NOT NULL, snapshot TEXT NOT NULL,
  diff_id TEXT NOT NULL, blob TEXT NOT NULL, blob_type TEXT NOT NULL, blob_size INTEGER NOT NULL,
  size INTEGER NOT NULL, description TEXT NOT NULL, platform TEXT NOT NULL, place TEXT NOT NULL,
  text TEXT NOT NULL, parts TEXT NOT NULL, created INTEGER NOT NULL, used INTEGER NOT NULL,
  uses INTEGER NOT NULL, began INTEGER NOT NULL DEFAULT 0);
CREATE INDEX records_by_place ON records(place);
CREATE INDEX records_by_text ON records(text);
CREATE INDEX records_by_parent ON records(parent);
CREATE TABLE keys(
  key TEXT PRIMARY KEY, record TEXT NOT NULL REFERENCES records(id) ON DELETE CASCADE);
CREATE INDEX keys_by_record ON keys(record);
CREATE TABLE gone(key TEXT PRIMARY KEY, why TEXT NOT NULL, at INTEGER NOT NULL);
CREATE INDEX gone_by_time ON gone(at);
INSERT INTO records VALUES('k1', 'sha256:r', 'p', '', '', '', '', 0, 0, '[linux/amd64] RUN make',
  'linux/amd64', 'app|0|2', 'RUN make',
  '[[4,"base image base:1","p"],[0,"network","bridge"]]', 7, 8, 3, 5);
INSERT INTO records VALUES('k4', 'sha256:s', 'sha256:r', 'sha256:s', 'sha256:d', 'sha256:b', 'tar',
  1, 2, '[linux/amd64] COPY a b', 'linux/amd64', 'app|0|3', 'COPY a b', '[]', 7, 8, 3, 5);
INSERT INTO keys VALUES('k1', 'k1'), ('k2', 'k1'), ('k4', 'k4');
)"};

TEST(CacheMigration, RecordsOfTheSecondVersionExplainAndHoldNoLayer) {
  const auto dir = *TempDir::make("/tmp", "skiff-cache-migration-test-");
  const Path file = dir.path() / "cache.db";
  ASSERT_TRUE(Database::open(file, kSecondVersion));
  const auto cache = *Cache::open(file, [](const Layer&) { return true; }, Clock::system());
  const StepIdentity step{.platform = "linux/amd64", .place = "app|0|2", .text = "RUN make"};
  const KeyParts now = {{PartKind::kInput, "base image base:1", "p"},
                        {PartKind::kValue, "network", "none"}};
  const auto miss = cache->explain_miss(step, {"k3"}, now);
  ASSERT_TRUE(miss);
  EXPECT_EQ(miss->reason, "network: \"bridge\" is now \"none\"");
  const KeyParts same = {{PartKind::kInput, "base image base:1", "p"},
                         {PartKind::kValue, "network", "bridge"}};
  EXPECT_EQ(cache->explain_miss(step, {"k3"}, same)->reason, "its record is of an earlier version");
  EXPECT_TRUE(cache->roots()->snapshots.empty());
}

}  // namespace
}  // namespace skiff::solver
