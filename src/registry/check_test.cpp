// Checks and repairs of a whole registry, while it serves.
#include "registry/check.h"

#include <algorithm>

#include "db/database.h"
#include "registry/local_blobs.h"
#include "registry/manifest_document.h"
#include "registry/schema.h"
#include "registry/test_registry.h"

namespace skiff::registry {
namespace {

class RegistryCheckTest : public RegistryTest {
 protected:
  Path file_of(const std::string& bytes) const {
    const std::string hex = oci::Digest::of(bytes).hex();
    return options_.root / "content/blobs/sha256" / hex.substr(0, 2) / hex;
  }
  std::vector<Problem> check(const CheckOptions& options = {}) {
    std::vector<Problem> problems;
    const auto checked =
        registry_->check(options, [&](const Problem& p) { problems.push_back(p); }, {});
    EXPECT_TRUE(checked) << checked.error().message();
    if (checked) summary_ = *checked;
    return problems;
  }
  static bool tells(const std::vector<Problem>& problems, const std::string& words) {
    return std::ranges::any_of(
        problems, [&](const Problem& p) { return p.what.find(words) != std::string::npos; });
  }
  // Changes the registry's database while nobody serves it.
  void edit(const std::string& sql) {
    stop();
    edit_tables(sql);
    start();
  }

  CheckSummary summary_;
};

TEST_F(RegistryCheckTest, AWholeRegistryIsCounted) {
  push_image("a/b", "1", "{}", {"one", "two"});
  push_image("c", "1", "{}", {"one"});
  client().push_blob("c", "loose");
  client().start("d");
  EXPECT_TRUE(check({.deep = true, .repair = true}).empty());
  EXPECT_EQ(summary_.repositories, 2u);
  EXPECT_EQ(summary_.manifests, 2u);
  EXPECT_EQ(summary_.blobs, 4u);
  EXPECT_EQ(summary_.bytes, 2u + 3u + 3u + 5u);
}

TEST_F(RegistryCheckTest, ALostBlobComesBackByAPush) {
  const std::string digest = push_image("a", "1", "{}", {"layer"});
  std::filesystem::remove(file_of("layer"));
  auto problems = check();
  EXPECT_TRUE(tells(problems, "registry: blob sha256:"));
  EXPECT_TRUE(problems[0].remedy.starts_with("push a:1 again, or ")) << problems[0].remedy;
  EXPECT_TRUE(tells(problems, cat("registry: manifest a@", digest, " (1) is not whole: ")));
  // A manifest that names what is lost is not taken in: that is what a repair brings.
  EXPECT_EQ(client().put_manifest("a", "2", image_of("{}", {"layer"})).status, 201);
  check({.repair = true});
  EXPECT_NE(client().put_manifest("a", "3", image_of("{}", {"layer"})).status, 201);
  const std::string blob = blob_path("a", oci::Digest::of("layer").str());
  EXPECT_EQ(client().head(blob).status, 404);
  problems = check({.deep = true, .repair = true});
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_TRUE(problems[0].what.ends_with("is missing")) << problems[0].what;
  EXPECT_EQ(problems[0].remedy, "push it again, or delete it");
  EXPECT_EQ(client().get(manifest_path("a", "1")).status, 200);
  push_image("a", "1", "{}", {"layer"});
  EXPECT_TRUE(check({.deep = true}).empty());
  EXPECT_EQ(client().get(blob).body, "layer");
}

TEST_F(RegistryCheckTest, ADamagedBlobIsFound) {
  push_image("a", "1", "{}", {"layer"});
  ASSERT_TRUE(write_file(file_of("layer"), "Layer"));
  size_t told = 0;
  const auto totals = registry_->scrub({.unread_since = clock_.now() + std::chrono::hours(1)},
                                       [&](const Error&) { ++told; }, {});
  EXPECT_EQ(totals->damaged, 1u);
  EXPECT_EQ(told, 1u);
  EXPECT_TRUE(tells(check(), "is damaged: its content is not what it was"));
  EXPECT_TRUE(tells(check(), "is not whole: layers[0]"));
  check({.repair = true});
  push_image("a", "1", "{}", {"layer"});
  EXPECT_TRUE(check({.deep = true}).empty());
}

TEST_F(RegistryCheckTest, ADamagedBlobIsSetAsideUntilItIsPushedAgain) {
  push_image("a", "1", "{}", {"layer"});
  const oci::Digest digest = oci::Digest::of("layer");
  const Path aside = options_.root / "content" / "quarantine" / "sha256" / digest.hex();
  const std::string blob = blob_path("a", digest.str());
  ASSERT_TRUE(write_file(file_of("layer"), "Layer"));
  ASSERT_TRUE(registry_->scrub({.unread_since = clock_.now() + std::chrono::hours(1)},
                               [](const Error&) {}, {}));
  EXPECT_FALSE(std::filesystem::exists(file_of("layer")));
  EXPECT_EQ(*read_file(aside), "Layer");
  EXPECT_EQ(client().head(blob).status, 404);
  EXPECT_EQ(client().get(blob).status, 404);
  const auto problems = check();
  EXPECT_TRUE(std::ranges::any_of(
      problems, [&](const Problem& problem) { return problem.where == aside.native(); }));
  push_image("a", "1", "{}", {"layer"});
  EXPECT_EQ(client().get(blob).body, "layer");
  EXPECT_FALSE(std::filesystem::exists(aside));
  EXPECT_TRUE(check({.deep = true}).empty());
}

TEST_F(RegistryCheckTest, WhatNoRecordHasGoes) {
  push_image("a", "1", "{}", {"layer"});
  edit("DELETE FROM link WHERE digest = '" + oci::Digest::of("layer").str() +
       "'; DELETE FROM blob WHERE digest = '" + oci::Digest::of("layer").str() + "';");
  push_image("b", "1", "{}", {"other"});
  edit("DELETE FROM candidate; DELETE FROM link WHERE digest = '" + oci::Digest::of("other").str() +
       "';");
  EXPECT_TRUE(tells(check(), "is stored, and no record has it"));
  EXPECT_TRUE(tells(check(), "is of no repository"));
  check({.repair = true});
  EXPECT_FALSE(std::filesystem::exists(file_of("layer")));
  EXPECT_FALSE(std::filesystem::exists(file_of("other")));
  push_image("a", "1", "{}", {"layer"});
  push_image("b", "1", "{}", {"other"});
  EXPECT_TRUE(check({.deep = true}).empty());
}

TEST_F(RegistryCheckTest, RecordsOfWhatAManifestNamesAreWrittenAnew) {
  push_image("a", "1", "{}", {"layer"});
  edit("DELETE FROM edge;");
  EXPECT_TRUE(tells(check(), "names other things than its records say"));
  EXPECT_EQ(check({.repair = true}).size(), 1u);
  EXPECT_TRUE(check().empty());
  // Not garbage then, however long it lies.
  clock_.advance(options_.metadata.grace * 2);
  EXPECT_EQ(*registry_->collect_garbage(), 0u);
}

TEST_F(RegistryCheckTest, AChangedManifestIsMendedByAPush) {
  push_image("a", "1", "{}", {"layer"});
  edit(on_sqlite() ? "UPDATE manifest SET bytes = CAST(replace(bytes, 'layers', 'leyers') AS BLOB);"
                   : "UPDATE manifest SET bytes = convert_to("
                     "replace(convert_from(bytes, 'UTF8'), 'layers', 'leyers'), 'UTF8');");
  EXPECT_TRUE(tells(check({.repair = true}), "is not whole: its content is sha256:"));
  push_image("a", "1", "{}", {"layer"});
  EXPECT_TRUE(check().empty());
}

TEST_F(RegistryCheckTest, ChecksBesideOtherWorkFindNothing) {
  std::atomic<bool> done = false;
  std::thread checker([&] {
    while (!done) {
      for (const Problem& p : check({.deep = true, .repair = true})) ADD_FAILURE() << p.what;
    }
  });
  for (int i = 0; i < 30; ++i) {
    const std::string name = cat("r", i % 3);
    const std::string digest = push_image(name, "1", cat("{\"n\":", i, "}"), {cat("layer", i % 5)});
    EXPECT_EQ(client().remove(manifest_path(name, digest)).status, 202);
    clock_.advance(options_.metadata.grace * 2);
    EXPECT_TRUE(registry_->collect_garbage());
  }
  done = true;
  checker.join();
}

// The rest is looked at all the same.
TEST_F(RegistryCheckTest, ARecordWithoutADigestIsAProblem) {
  push_image("a", "1", "{}", {"layer"});
  edit(
      "INSERT INTO blob(digest, size, state) VALUES ('what is this', 1, 'stored');"
      "UPDATE manifest SET digest = 'md5:0';");
  const auto problems = check();
  EXPECT_TRUE(tells(problems, "the record of blob \"what is this\" names no digest"));
  EXPECT_TRUE(tells(problems, "the record of manifest \"md5:0\" names no digest"));
  EXPECT_EQ(summary_.blobs, 2u);
}

// As a disk that lies, or somebody's editing, may leave them: neither a start nor a collection
// stops at one.
TEST_F(RegistryCheckTest, RecordsWithoutADigestKeepNothingElseFromBeingCollected) {
  push_image("a", "1", "{}", {"layer"});
  edit(
      "INSERT INTO blob(digest, size, state) VALUES ('what is this', 1, 'arriving');"
      "INSERT INTO candidate(repository, digest, review) SELECT id, 'nor this', 0 FROM "
      "repository;");
  EXPECT_FALSE(tells(check(), "names no digest"));
  const auto collected = registry_->collect_garbage();
  EXPECT_TRUE(collected) << collected.error().message();
  EXPECT_TRUE(check({.deep = true}).empty());
}

// By a client, since the check looked at it.
TEST_F(RegistryCheckTest, NothingIsWrittenOfAManifestThatIsGone) {
  const std::string digest = push_image("a", "1", "{}", {"layer"});
  const std::string bytes = image_of("{}", {"layer"});
  stop();
  auto metadata = open_metadata();
  const auto manifest =
      read_manifest(bytes, std::string(oci::kMediaTypeManifest), *oci::Digest::parse(digest));
  ASSERT_TRUE(manifest);
  EXPECT_TRUE(*metadata->rewrite_edges("a", *manifest));
  auto gone = *manifest;
  gone.row.digest = oci::Digest::of("gone");
  const auto written = metadata->rewrite_edges("a", gone);
  ASSERT_TRUE(written) << written.error().message();
  EXPECT_FALSE(*written);
}

class NoUnlink : public DurableFiles {
  Result<> sync_file(int fd) override { return system().sync_file(fd); }
  Result<> rename(const Path& from, const Path& to) override { return system().rename(from, to); }
  Result<> sync_directory(const Path& directory) override {
    return system().sync_directory(directory);
  }
  Result<> unlink(const Path& path) override { return Error(Code::kUnavailable, path.native()); }
};

TEST_F(RegistryCheckTest, ARepairThatIsBrokenOffIsFinishedAtStart) {
  push_image("a", "1", "{}", {"layer"});
  edit("UPDATE blob SET size = 7 WHERE digest = '" + oci::Digest::of("layer").str() + "';");
  stop();
  {
    NoUnlink files;
    LocalBlobs blobs(*content::open_recorded_store(options_.root / "content", files));
    auto metadata = open_metadata();
    DigestLocks locks;
    const auto checked = check_registry({blobs, *metadata, locks, options_.root}, {.repair = true},
                                        [](const Problem&) {}, {});
    ASSERT_FALSE(checked);
  }
  ASSERT_TRUE(std::filesystem::exists(file_of("layer")));
  start();
  EXPECT_FALSE(std::filesystem::exists(file_of("layer")));
  EXPECT_FALSE(tells(check(), "no record has it"));
}

}  // namespace
}  // namespace skiff::registry
