// Names and targets of images that earlier versions have written.
#include "images/catalog.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/strings.h"

namespace skiff::images {
namespace {

constexpr std::string_view kManifest = "application/vnd.oci.image.manifest.v1+json";

const oci::Digest kTarget = oci::Digest::of("target");
const oci::Digest kBegun = oci::Digest::of("begun");
const oci::Digest kLayer = oci::Digest::of("layer");
const oci::Digest kPacked = oci::Digest::of("packed");

// As version 3 had it, with a row in each table.
void write_third_version(const Path& file) {
  constexpr const char* kThird[] = {
      "CREATE TABLE target(digest TEXT PRIMARY KEY, media_type TEXT NOT NULL,"
      " size INTEGER NOT NULL, changed INTEGER NOT NULL, parent TEXT NOT NULL) WITHOUT ROWID;"
      "CREATE TABLE name(name TEXT PRIMARY KEY, repository TEXT NOT NULL,"
      " target TEXT NOT NULL REFERENCES target(digest)) WITHOUT ROWID;"
      "CREATE INDEX name_of_target ON name(target);"
      "CREATE INDEX name_in_repository ON name(repository);"
      "CREATE TABLE source(blob TEXT NOT NULL, domain TEXT NOT NULL, path TEXT NOT NULL,"
      " PRIMARY KEY(blob, domain, path)) WITHOUT ROWID;",
      "CREATE TABLE begun(digest TEXT PRIMARY KEY, media_type TEXT NOT NULL,"
      " size INTEGER NOT NULL, since INTEGER NOT NULL) WITHOUT ROWID;",
      "CREATE TABLE packed(layer TEXT PRIMARY KEY, digest TEXT NOT NULL,"
      " size INTEGER NOT NULL) WITHOUT ROWID;"};
  Database db = *Database::open(file, kThird);
  ASSERT_TRUE(db.run("INSERT INTO target VALUES(?, ?, 7, 8, 'made of')", kTarget.str(), kManifest));
  ASSERT_TRUE(db.run("INSERT INTO name VALUES('docker.io/library/a:1', 'docker.io/library/a', ?)",
                     kTarget.str()));
  ASSERT_TRUE(db.run("INSERT INTO source VALUES(?, 'docker.io', 'library/a')", kLayer.str()));
  ASSERT_TRUE(db.run("INSERT INTO begun VALUES(?, ?, 9, 10)", kBegun.str(), kManifest));
  ASSERT_TRUE(db.run("INSERT INTO packed VALUES(?, ?, 11)", kLayer.str(), kPacked.str()));
}

TEST(CatalogMigration, RowsOfTheThirdVersionStay) {
  const auto dir = *TempDir::make("/tmp", "skiff-catalog-test-");
  const Path file = dir.path() / "images.db";
  write_third_version(file);
  for (int opened = 0; opened < 2; ++opened) {
    Catalog catalog = *Catalog::open(file);
    const auto name = *oci::Reference::parse("a:1");
    const auto found = *catalog.find(name);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->target.digest, kTarget);
    EXPECT_EQ(found->target.size, 7);
    EXPECT_EQ(found->parent, "made of");
    EXPECT_EQ(*catalog.names_of(kTarget), std::vector{name});
    EXPECT_TRUE(*catalog.has_source(kLayer));
    ASSERT_EQ(catalog.begun()->size(), 1);
    EXPECT_EQ(catalog.begun()->front().digest, kBegun);
    const auto packed = *catalog.packed_form(kLayer);
    ASSERT_TRUE(packed);
    EXPECT_EQ(packed->digest, kPacked);
    EXPECT_EQ(packed->compressor, "");  // of nobody: it is not used
  }
}

}  // namespace
}  // namespace skiff::images
