// What goes with a container.
#include <sqlite3.h>

#include "engine/test_engine.h"

namespace skiff::engine {
namespace {

class Removal : public testing::EngineTest {
 protected:
  bool has_layer(const std::string& name) { return images_->snapshots().stat(name).has_value(); }
  void remove_image(const std::string& name) {
    const auto removed = images_->remove(name, true, true,
                                         [](const oci::Digest&) { return images::ImageUser("c"); });
    ASSERT_TRUE(removed) << removed.error().message();
  }
  void remove(const std::string& container) {
    const auto removed = containers().remove(container, {});
    ASSERT_TRUE(removed) << removed.error().message();
  }
  void execute(const std::string& sql) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open((options_.root / "engine.db").c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sql;
    sqlite3_close(database);
  }
};

TEST_F(Removal, TheLayersOfAnImageThatIsGoneGoWithItsLastContainer) {
  const std::string layer = images_->find("box")->snapshot_name();
  const std::string one = create("true");
  const std::string two = create("true");
  remove_image("box");
  EXPECT_TRUE(has_layer(layer));
  remove(one);
  EXPECT_TRUE(has_layer(layer));
  remove(two);
  EXPECT_FALSE(has_layer(layer));
}

// Its blobs may still be here, for somebody who reads them.
TEST_F(Removal, TheyGoAlsoWhileTheImagesBlobsAreHeld) {
  const images::Image image = *images_->find("box");
  const std::string container = create("true");
  const auto lease = *images_->content().lease();
  for (const oci::Digest& blob : {image.id, image.manifest.digest}) {
    ASSERT_TRUE(lease->hold(blob));
  }
  remove_image("box");
  ASSERT_TRUE(images_->content().info(image.id));
  remove(container);
  EXPECT_FALSE(has_layer(image.snapshot_name()));
}

TEST_F(Removal, TheLayersOfAnImageThatLostItsNameStay) {
  const images::Image image = *images_->find("box");
  const std::string container = create("true");
  StringSink tar;
  TarWriter writer(tar);
  ASSERT_TRUE(writer.finish());
  StringSource source(tar.text());
  ASSERT_TRUE(
      import_image(*images_, source, {.name = oci::Reference::parse("box:latest").value()}, {}));
  ASSERT_NE(images_->find("box")->id, image.id);
  remove(container);
  EXPECT_TRUE(has_layer(image.snapshot_name()));
}

TEST_F(Removal, OneThatCannotBeWrittenDownTakesNothing) {
  const std::string id = create("true");
  execute(
      "CREATE TRIGGER refuse BEFORE DELETE ON container BEGIN SELECT RAISE(ABORT, 'stays'); END");
  const auto removed = containers().remove(id, {});
  ASSERT_FALSE(removed);
  EXPECT_NE(removed.error().message().find("stays"), std::string::npos);
  execute("DROP TRIGGER refuse");
  reopen();
  start(id);
  EXPECT_EQ(wait(id), 0);
  remove(id);
  EXPECT_FALSE(has_layer(cat("container-", id)));
}

// A row that the database has no room to delete: of what the files' removal does not help, either.
TEST_F(Removal, OneThatAFullDiskKeepsGivesItsFiles) {
  const std::string id = create("true");
  execute("CREATE TRIGGER full BEFORE DELETE ON container BEGIN SELECT zeroblob(2000000000); END");
  const auto removed = containers().remove(id, {});
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().code(), Code::kResourceExhausted);
  EXPECT_FALSE(has_layer(cat("container-", id)));
  EXPECT_EQ(containers().get(id)->state.status, Status::kDead);
  execute("DROP TRIGGER full");
  remove(id);
}

}  // namespace
}  // namespace skiff::engine
