// More of what every Snapshotter does: trees are those that GNU tar and libarchive unpack, and a
// diff unpacks to the tree that it was taken of. Included after snapshotter_suite.h.
#pragma once

#include "snapshot/diff_source.h"
#include "snapshot/snapshotter_suite.h"
#include "snapshot/tree_samples.h"

namespace skiff::snapshot {

TEST_P(SnapshotterSuite, LayersAreTheTreesOfTheOracles) {
  int count = 0;
  for (const SampleArchive& each : sample_archives(dir_.path())) {
    SCOPED_TRACE(each.command);
    const std::string name = cat("layer-", count++);
    must_unpack(name, "", each.tar);
    expect_judged(each.tar, listing_of(name), each.judges, RootShown::kNo);
  }
}

TEST_P(SnapshotterSuite, ADiffUnpacksToTheTreeItWasTakenOf) {
  must_unpack("base", "",
              LayerTar()
                  .directory("keep")
                  .file("keep/a", "1")
                  .directory("gone")
                  .file("gone/b", "1")
                  .directory("remade")
                  .file("remade/old", "1")
                  .file("deleted", "1")
                  .file("changed", "1")
                  .file("linked", "1")
                  .hard_link("linked-again", "linked")
                  .symlink("points", "changed")
                  .directory("becomes-file")
                  .file("becomes-file/x", "1")
                  .file("becomes-directory", "1")
                  .take());
  ASSERT_TRUE(store_->prepare("box", "base"));
  Listing expected;
  {
    const MountedSnapshot box = mount("box");
    const Path& root = box.path();
    make_rich_tree(root);
    add_xattrs(root);
    add_odd_things(root);
    ASSERT_TRUE(write_file(root / "keep/b", "2"));
    ASSERT_TRUE(write_file(root / "changed", "2"));
    std::filesystem::remove_all(root / "gone");
    std::filesystem::remove_all(root / "remade");
    std::filesystem::remove(root / "deleted");
    std::filesystem::remove(root / "points");
    ASSERT_TRUE(make_directories(root / "remade", 0700));
    ASSERT_TRUE(write_file(root / "remade/new", "2"));
    std::filesystem::remove_all(root / "becomes-file");
    ASSERT_TRUE(write_file(root / "becomes-file", "2"));
    std::filesystem::remove(root / "becomes-directory");
    ASSERT_TRUE(make_directories(root / "becomes-directory/sub", 0755));
    ASSERT_EQ(::chmod((root / "linked").c_str(), 0600), 0);
    std::filesystem::rename(root / "zlink", root / "alink");
    expected = list_tree(root);
  }
  const std::string diff = diff_of("box");
  DiffSource read(*store_, "box", {});
  EXPECT_EQ(read_all(read, size_t{1} << 30U).value(), diff);
  must_unpack("again", "base", diff);
  EXPECT_EQ(difference(expected, listing_of("again")), "");
  ASSERT_TRUE(store_->commit("sealed", "box"));
  EXPECT_EQ(difference(expected, listing_of("sealed")), "");
  EXPECT_EQ(diff_of("sealed"), diff);
}

TEST_P(SnapshotterSuite, ASealedLayerIsWhatItsTarSays) {
  must_unpack("base", "", LayerTar().directory("d").file("d/gone", "1").file("kept", "1").take());
  for (const std::string parent : {"", "base"}) {
    const std::string key = cat("box-on-", parent);
    ASSERT_TRUE(store_->prepare(key, parent));
    Listing expected;
    {
      const MountedSnapshot box = mount(key);
      make_rich_tree(box.path());
      add_xattrs(box.path());
      add_odd_things(box.path());
      std::filesystem::remove(box.path() / "d/gone");
      expected = list_tree(box.path());
    }
    std::string tar;
    const std::string name = cat("sealed-on-", parent);
    const auto store = [&](Source& source) -> Result<std::string> {
      tar = TRY(read_all(source, size_t{1} << 30U));
      return name;
    };
    const auto sealed = store_->seal(key, store, {}, {});
    ASSERT_TRUE(sealed) << sealed.error().message();
    EXPECT_EQ(store_->stat(key).error().code(), Code::kNotFound);
    EXPECT_EQ(store_->stat(name)->parent, parent);
    EXPECT_EQ(difference(expected, listing_of(name)), "");
    EXPECT_EQ(diff_of(name), tar);
    must_unpack(cat("again-on-", parent), parent, tar);
    EXPECT_EQ(difference(expected, listing_of(cat("again-on-", parent))), "");
  }
}

TEST_P(SnapshotterSuite, AFailedSealLeavesTheSnapshotActive) {
  must_unpack("taken", "", LayerTar().file("f", "1").take());
  ASSERT_TRUE(store_->prepare("box", ""));
  ASSERT_TRUE(write_file(mount("box").path() / "f", "mine"));
  const auto taken =
      store_->seal("box", [](Source&) { return Result<std::string>("taken"); }, {}, {});
  EXPECT_EQ(taken.error().code(), Code::kAlreadyExists);
  const auto refuse = [](Source&) -> Result<std::string> { return Error(Code::kInternal, "no"); };
  EXPECT_EQ(store_->seal("box", refuse, {}, {}).error().code(), Code::kInternal);
  const auto no_room = [](uint64_t) -> Result<> { return Error(Code::kResourceExhausted, "full"); };
  const auto store = [](Source& tar) -> Result<std::string> {
    TRY(read_all(tar, size_t{1} << 30U));
    return std::string("new");
  };
  EXPECT_EQ(store_->seal("box", store, no_room, {}).error().code(), Code::kResourceExhausted);
  EXPECT_EQ(store_->stat("box")->kind, Kind::kActive);
  EXPECT_EQ(*read_file(mount("box").path() / "f"), "mine");
  EXPECT_EQ(names(), (Lines{"taken", "box"}));
}

// More than a pipe holds: whoever stops reading must not leave the other side stuck.
TEST_P(SnapshotterSuite, ADiffCanBeGivenUp) {
  must_unpack("base", "", LayerTar().take());
  ASSERT_TRUE(store_->prepare("box", "base"));
  ASSERT_TRUE(write_file(mount("box").path() / "big", std::string(size_t{4} << 20U, 'x')));
  std::array<char, 100> buffer;
  CancelSource cancel;
  {
    DiffSource diff(*store_, "box", cancel.token());
    EXPECT_EQ(diff.read(buffer).value(), buffer.size());
    cancel.cancel();
    EXPECT_EQ(diff.read(buffer).error().code(), Code::kCancelled);
  }
  DiffSource unknown(*store_, "none", {});
  EXPECT_EQ(unknown.read(buffer).error().code(), Code::kNotFound);
  EXPECT_EQ(unknown.read(buffer).error().code(), Code::kNotFound);
}

TEST_P(SnapshotterSuite, ChangesAreThoseThatWereMade) {
  must_unpack("base", "",
              LayerTar()
                  .directory("d")
                  .file("d/a", "1")
                  .file("d/b", "1")
                  .directory("e")
                  .file("e/c", "1")
                  .directory("f")
                  .file("f/g", "1")
                  .take());
  ASSERT_TRUE(store_->prepare("box", "base"));
  EXPECT_EQ(changes_of("box"), Lines());
  {
    const MountedSnapshot box = mount("box");
    ASSERT_TRUE(write_file(box.path() / "d/a", "2"));
    ASSERT_TRUE(write_file(box.path() / "d/new", "2"));
    std::filesystem::remove(box.path() / "d/b");
    std::filesystem::remove_all(box.path() / "e");
    std::filesystem::remove_all(box.path() / "f");
    ASSERT_TRUE(make_directories(box.path() / "f"));
    ASSERT_TRUE(write_file(box.path() / "f/h", "2"));
  }
  EXPECT_EQ(changes_of("box"),
            (Lines{"C /d", "C /d/a", "D /d/b", "A /d/new", "D /e", "C /f", "D /f/g", "A /f/h"}));
}

TEST_P(SnapshotterSuite, DiffsOfRandomChangesUnpackToTheSameTree) {
  std::string parent;
  for (unsigned round = 0; round < 15; ++round) {
    const std::string box = cat("box-", round);
    ASSERT_TRUE(store_->prepare(box, parent));
    Listing expected;
    {
      const MountedSnapshot mounted = mount(box);
      Scrambler scrambler(mounted.path(), round);
      for (int i = 0; i < 60; ++i) scrambler.step();
      expected = list_tree(mounted.path());
    }
    const std::string name = cat("layer-", round);
    must_unpack(name, parent, diff_of(box));
    ASSERT_EQ(difference(expected, listing_of(name)), "") << "round " << round;
    parent = name;
  }
}

}  // namespace skiff::snapshot
