// What is removed with a name or an id, and what keeps it.
#include <sqlite3.h>

#include <future>

#include "content/layout.h"
#include "images/test_images.h"

namespace skiff::images {
namespace {

class ImageRemoval : public testing::Test {
 protected:
  static std::function<ImageUser(const oci::Digest&)> used_by(const Image& image, bool running) {
    return [id = image.id, running](const oci::Digest& asked) {
      return asked == id ? ImageUser(std::string(64, 'c'), running) : ImageUser();
    };
  }
  // From now on the database does not let go of the row whose `column` is `value`.
  void refuse(const std::string& table, const std::string& column, const std::string& value) {
    execute(cat("CREATE TRIGGER refuse BEFORE DELETE ON ", table, " WHEN OLD.", column, " = '",
                value, "' BEGIN SELECT RAISE(ABORT, 'stays'); END"));
  }
  void refuse_nothing() { execute("DROP TRIGGER refuse"); }
  void execute(const std::string& sql) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open((images_.root() / "images/images.db").c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sql;
    sqlite3_close(database);
  }
  TestImages images_;
};

TEST_F(ImageRemoval, TheLastNameTakesTheImageAlong) {
  const Image image = images_.make("web:1", {{{"a", "1"}}, {{"b", "2"}}});
  ASSERT_TRUE(images_->unpack(image, {}, {}));
  ASSERT_TRUE(images_->tag(image, reference("web:2")));
  EXPECT_EQ(images_.must_remove("web:1"), Lines{"untagged web:1"});
  const auto removed = images_.remove("web:2");
  ASSERT_TRUE(removed) << message_of(removed);
  const std::string top = image.snapshot_name();
  const std::string bottom = oci::chain_id(image.config.diff_ids, 1).str();
  EXPECT_EQ(*removed, (Lines{"untagged web:2", cat("deleted ", image.id.str()),
                             cat("deleted ", top), cat("deleted ", bottom)}));
  images_.expect_empty();
}

TEST_F(ImageRemoval, WhatImagesShareStays) {
  const Files shared = {{"base", "x"}};
  const Image one = images_.make("one", {shared, {{"a", "1"}}});
  const Image two = images_.make("two", {shared, {{"a", "2"}}});
  ASSERT_TRUE(images_->unpack(one, {}, {}) && images_->unpack(two, {}, {}));
  ASSERT_TRUE(images_.remove("one"));
  EXPECT_EQ(images_.file_in(two, "base"), "x");
  EXPECT_EQ(images_.blobs().size(), 4u);
  EXPECT_EQ(images_.snapshots().size(), 2u);
  ASSERT_TRUE(images_.remove("two"));
  images_.expect_empty();
}

TEST_F(ImageRemoval, ByIdWithNamesInSeveralRepositoriesItMustBeForced) {
  const Image image = images_.make("web:1", {{{"a", "1"}}});
  ASSERT_TRUE(images_->tag(image, reference("other:1")));
  const auto refused = images_.remove(image.id.str());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(message_of(refused),
            cat("conflict: unable to delete ", image.id.short_hex(),
                " (must be forced) - image is referenced in multiple repositories"));
  EXPECT_EQ(images_.names(), (Lines{"other:1", "web:1"}));
  const auto forced = images_.remove(image.id.short_hex(), true);
  EXPECT_EQ(*forced,
            (Lines{"untagged other:1", "untagged web:1", cat("deleted ", image.id.str())}));
  images_.expect_empty();
}

TEST_F(ImageRemoval, AnImageThatAnotherNameHoldsTooLosesThisOne) {
  const Image image = images_.make("web:1", {{{"a", "1"}}});
  const auto held = images_.lease();
  images_.make_index("other:1", {image.target}, *held);
  EXPECT_EQ(images_.remove("other:1", false, used_by(image, true))->at(0), "untagged other:1");
  EXPECT_EQ(images_.names(), Lines{"web:1"});
  EXPECT_EQ(images_.find("web:1").id, image.id);
}

TEST_F(ImageRemoval, AStoppedContainerKeepsItsImageUnlessForced) {
  const Image image = images_.make("web:1", {{{"a", "1"}}});
  const auto in_use = used_by(image, false);
  EXPECT_EQ(
      message_of(images_.remove("web:1", false, in_use)),
      cat("conflict: unable to remove repository reference \"web:1\" (must force) - container ",
          "cccccccccccc is using its referenced image ", image.id.short_hex()));
  EXPECT_EQ(message_of(images_.remove(image.id.str(), false, in_use)),
            cat("conflict: unable to delete ", image.id.short_hex(),
                " (must be forced) - image is being used by stopped container cccccccccccc"));
  EXPECT_EQ(images_.names(), Lines{"web:1"});
  EXPECT_TRUE(images_.remove(image.id.str(), true, in_use));
  images_.expect_empty();
}

TEST_F(ImageRemoval, ARunningContainerKeepsItsImage) {
  const Image image = images_.make("web:1", {{{"a", "1"}}});
  const auto in_use = used_by(image, true);
  for (const bool force : {false, true}) {
    EXPECT_EQ(message_of(images_.remove(image.id.str(), force, in_use)),
              cat("conflict: unable to delete ", image.id.short_hex(),
                  " (cannot be forced) - image is being used by running container cccccccccccc"));
  }
  // By its name it only loses that.
  EXPECT_EQ(images_.must_remove("web:1", true, in_use), Lines{"untagged web:1"});
  EXPECT_EQ(images_.names(), Lines{"<none>"});
  // One name of several is no conflict.
  ASSERT_TRUE(images_->tag(image, reference("web:2")) && images_->tag(image, reference("web:3")));
  EXPECT_EQ(images_.must_remove("web:3", false, in_use), Lines{"untagged web:3"});
}

TEST_F(ImageRemoval, AParentStaysWhileItHasChildren) {
  const Image parent = images_.make("", {{{"a", "1"}}});
  const Image child =
      images_.make("child", {{{"a", "1"}}, {{"b", "2"}}}, oci::Platform::host(), parent.id.str());
  EXPECT_EQ(message_of(images_.remove(parent.id.str(), true)),
            cat("conflict: unable to delete ", parent.id.short_hex(),
                " (cannot be forced) - image has dependent child images"));
  EXPECT_EQ(images_.must_remove("child"),
            (Lines{"untagged child:latest", cat("deleted ", child.id.str()),
                   cat("deleted ", parent.id.str())}));
  images_.expect_empty();
}

TEST_F(ImageRemoval, AllPlatformsOfATargetGoTogether) {
  const auto lease = images_.lease();
  const auto arm = images_.write({{{"a", "1"}}}, *lease, kArm64);
  const auto amd = images_.write({{{"a", "2"}}}, *lease, kAmd64);
  images_.make_index("both", {arm, amd}, *lease);
  ASSERT_TRUE(images_->unpack(*images_->find("both", kAmd64), {}, {}));
  EXPECT_EQ(images_.must_remove("both", true).size(), 4u);  // a name, two ids, a snapshot
  EXPECT_TRUE(images_.names().empty());
  EXPECT_TRUE(images_.snapshots().empty());
}

TEST_F(ImageRemoval, ATargetWithoutANameGoesWithoutThoseOfTheSameImage) {
  const auto lease = images_.lease();
  const oci::Descriptor lone = images_.write({{{"a", "1"}}}, *lease);
  images_.put(lone, "");
  const oci::Descriptor kept = images_.make_index("kept", {lone}, *lease);
  ASSERT_EQ(images_.names(), (Lines{"<none>", "kept:latest"}));
  EXPECT_TRUE(images_->remove_unused(std::vector{kept.digest}, ImageStore::Named::kNot, nobody));
  EXPECT_EQ(images_.names(), (Lines{"<none>", "kept:latest"}));
  EXPECT_TRUE(images_->remove_unused(std::vector{lone.digest}, ImageStore::Named::kNot, nobody));
  EXPECT_EQ(images_.names(), Lines{"kept:latest"});
  EXPECT_TRUE(images_->unpack(*images_->find("kept"), {}, {}));

  images_.put(lone, "");
  const auto in_use = [](const oci::Digest&) { return ImageUser("c0ffee"); };
  ASSERT_TRUE(images_.must_remove("kept").size() > 0);
  EXPECT_TRUE(images_->remove_unused(std::vector{lone.digest}, ImageStore::Named::kNot, in_use));
  EXPECT_EQ(images_.names(), Lines{"<none>"});
}

// Whoever uses it by the time that it would go keeps it, names and all.
TEST_F(ImageRemoval, WhatIsUsedIsNotRemovedAsUnused) {
  const Image image = images_.make("web", {{{"a", "1"}}});
  images_.make("other", {{{"a", "2"}}});
  const auto in_use = [](const oci::Digest&) { return ImageUser("c0ffee"); };
  const auto kept =
      images_->remove_unused(std::vector{image.target.digest}, ImageStore::Named::kToo, in_use);
  ASSERT_TRUE(kept) << message_of(kept);
  EXPECT_TRUE(kept->empty());
  EXPECT_EQ(images_.names(), (Lines{"other:latest", "web:latest"}));
  EXPECT_TRUE(*images_->still_has(image));
  const auto removed =
      images_->remove_unused(std::vector{image.target.digest}, ImageStore::Named::kToo, nobody);
  ASSERT_TRUE(removed) << message_of(removed);
  EXPECT_EQ(removed->front().what, "web:latest");
  EXPECT_EQ(images_.names(), Lines{"other:latest"});
  EXPECT_FALSE(*images_->still_has(image));
  EXPECT_TRUE(
      images_->remove_unused(std::vector{image.target.digest}, ImageStore::Named::kToo, nobody)
          ->empty());
}

// Each turn looks at all targets: one a target would take time with the square of their number.
TEST_F(ImageRemoval, UnusedTargetsGoInOneTurn) {
  std::vector<oci::Digest> targets;
  for (int i = 0; i < 20; ++i) {
    const std::string number = cat(i);
    targets.push_back(images_.make(cat("web:", i), {{{"a", number}}}).target.digest);
  }
  int turns = 0;
  images_->set_extra_roots([&]() -> Result<ImageStore::Roots> {
    ++turns;
    return ImageStore::Roots{};
  });
  const oci::Digest used = images_->find("web:7")->id;
  const auto in_use = [&](const oci::Digest& id) { return ImageUser(id == used ? "c0ffee" : ""); };
  const auto removed = images_->remove_unused(targets, ImageStore::Named::kToo, in_use);
  ASSERT_TRUE(removed) << message_of(removed);
  EXPECT_EQ(turns, 1);
  EXPECT_EQ(images_.names(), Lines{"web:7"});
  EXPECT_TRUE(images_->unpack(*images_->find("web:7"), {}, {}));
}

// While nobody knows what a damaged image needs, no other goes: of several, not one either.
TEST_F(ImageRemoval, BesideADamagedImageNothingIsRemoved) {
  const oci::Digest first = images_.make("first", {{{"a", "1"}}}).target.digest;
  const oci::Digest second = images_.make("second", {{{"a", "2"}}}).target.digest;
  const oci::Digest damaged = images_.make("damaged", {{{"a", "3"}}}).target.digest;
  const Path file = content::Layout(images_.root() / "content").blob(damaged);
  const auto before = std::filesystem::last_write_time(file);
  std::string bytes = *read_file(file);
  bytes[bytes.size() / 2] ^= 1;
  std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  ASSERT_TRUE(write_file(file, bytes));
  std::filesystem::last_write_time(file, before);
  images_.reopen();

  const auto pruned =
      images_->remove_unused(std::vector{first, second}, ImageStore::Named::kToo, nobody);
  ASSERT_FALSE(pruned);
  EXPECT_NE(pruned.error().message().find(damaged.str()), std::string::npos);
  EXPECT_EQ(images_->remove("first", false, true, nobody).error().code(), Code::kDataLoss);
  EXPECT_TRUE(images_->unpack(*images_->find("first"), {}, {}));
  EXPECT_TRUE(images_->unpack(*images_->find("second"), {}, {}));
}

// Who wants it after the removal has looked for users waits, and finds it gone.
TEST_F(ImageRemoval, WhatIsFoundUnusedIsUsedByNobodyMeanwhile) {
  const Image image = images_.make("web:1", {{{"a", "1"}}});
  ASSERT_TRUE(images_->tag(image, reference("other:1")));
  std::future<Result<>> tagged;
  std::future<Result<bool>> found;
  const auto look = [&](const oci::Digest&) {
    tagged = std::async(std::launch::async, [&] { return images_->tag(image, reference("new")); });
    found = std::async(std::launch::async, [&] { return images_->still_has(image); });
    return ImageUser();
  };
  EXPECT_EQ(images_.must_remove(image.id.str(), true, look),
            (Lines{"untagged other:1", "untagged web:1", cat("deleted ", image.id.str())}));
  EXPECT_EQ(message_of(tagged.get()), cat("No such image: ", image.id.str()));
  EXPECT_FALSE(*found.get());
  images_.expect_empty();
}

// Of several targets of one image, too.
TEST_F(ImageRemoval, ARefusedRemovalChangesNothing) {
  const auto lease = images_.lease();
  const oci::Descriptor lone = images_.write({{{"a", "1"}}}, *lease);
  images_.put(lone, "web:1");
  images_.make_index("kept", {lone}, *lease);
  const Image child = images_.make("child", {{{"a", "1"}}, {{"b", "2"}}}, oci::Platform::host(),
                                   images_.find("web:1").id.str());
  EXPECT_FALSE(images_.remove(images_.find("web:1").id.str(), true));
  EXPECT_EQ(images_.names(), (Lines{"child:latest", "kept:latest", "web:1"}));
}

// An image id may stand for several targets, and a name for a tag and its digest.
TEST_F(ImageRemoval, ARemovalThatFailsMidwayChangesNothing) {
  const Image image = images_.make("web:1", {{{"a", "1"}}});
  const oci::Reference digest = reference(cat("web@", image.target.digest.str()));
  images_.put(image.target, digest.str());
  const auto lease = images_.lease();
  const oci::Descriptor index = images_.make_index("index", {image.manifest}, *lease);
  const Lines names = images_.names();
  ASSERT_EQ(names.size(), 3u);
  const auto expect_refused = [&](const std::string& what) {
    const auto removed = images_.remove(what, true);
    ASSERT_FALSE(removed) << what;
    EXPECT_NE(message_of(removed).find("stays"), std::string::npos) << message_of(removed);
    EXPECT_EQ(images_.names(), names) << what;
  };
  for (const oci::Digest& target : {image.target.digest, index.digest}) {
    refuse("target", "digest", target.str());
    expect_refused(image.id.str());
    refuse_nothing();
  }
  for (const std::string& name : {digest.str(), std::string("docker.io/library/web:1")}) {
    refuse("name", "name", name);
    expect_refused("web:1");
    refuse_nothing();
  }
  images_.must_remove("web:1");
  EXPECT_EQ(images_.names(), Lines{"index:latest"});
}

TEST_F(ImageRemoval, RemovingWhatIsNotThereIsAnError) {
  EXPECT_EQ(message_of(images_.remove("none")), "No such image: none:latest");
}

}  // namespace
}  // namespace skiff::images
