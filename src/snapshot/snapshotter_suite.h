// What every Snapshotter does, as tests. A back end includes this in one _test.cpp and writes
//
//   INSTANTIATE_TEST_SUITE_P(Overlay, SnapshotterSuite, testing::Values(&open_overlay));
//
// Needs root: mounts, owners and device nodes are real.
#pragma once

#include "snapshot/snapshotter.h"
#include "snapshot/suite_support.h"

namespace skiff::snapshot {

using OpenSnapshotter = Result<std::unique_ptr<Snapshotter>> (*)(const Path& root,
                                                                 const Clock& clock);

class SnapshotterSuite : public testing::TestWithParam<OpenSnapshotter> {
 protected:
  void SetUp() override { reopen(); }

  void reopen() {
    store_.reset();
    auto opened = GetParam()(root_, clock_);
    ASSERT_TRUE(opened) << opened.error().message();
    store_ = std::move(*opened);
  }
  Result<> unpack(const std::string& name, const std::string& parent, std::string_view tar) {
    StringSource source(tar);
    return store_->unpack(name, parent, source);
  }
  void must_unpack(const std::string& name, const std::string& parent, std::string_view tar) {
    auto done = unpack(name, parent, tar);
    ASSERT_TRUE(done) << done.error().message();
  }
  MountedSnapshot mount(const std::string& key) {
    Path target = dir_.path() / cat("mnt-", key, "-", mounts_++);
    EXPECT_TRUE(make_directories(target));
    auto what = store_->mount_of(key);
    EXPECT_TRUE(what) << what.error().message();
    auto mounted = MountedSnapshot::mount(*what, target);
    EXPECT_TRUE(mounted) << mounted.error().message();
    return std::move(*mounted);
  }
  MountedSnapshot mount_view(const std::string& parent) {
    std::string key = cat("view-", mounts_);
    EXPECT_TRUE(store_->view(key, parent));
    return mount(key);
  }
  Listing listing_of(const std::string& name, RootShown root_shown = RootShown::kNo) {
    return list_tree(mount_view(name).path(), root_shown);
  }
  std::string diff_of(const std::string& key) {
    StringSink tar;
    auto done = store_->diff(key, tar);
    EXPECT_TRUE(done) << done.error().message();
    return tar.take();
  }
  std::vector<std::string> changes_of(const std::string& key) {
    auto changes = store_->changes(key);
    EXPECT_TRUE(changes) << changes.error().message();
    std::vector<std::string> lines;
    for (const Change& change : *changes) {
      lines.push_back(cat("CAD"[static_cast<int>(change.kind)], " ", change.path));
    }
    return lines;
  }
  std::vector<std::string> names() {
    std::vector<std::string> found;
    EXPECT_TRUE(store_->walk([&](const Info& info) -> Result<> {
      found.push_back(info.name);
      return {};
    }));
    return found;
  }
  // How many files the store keeps: what a failure must not change.
  int64_t files_on_disk() {
    if (store_) store_->settle();
    return std::distance(std::filesystem::recursive_directory_iterator(root_), {});
  }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-snapshot-");
  Path root_ = dir_.path() / "store";
  ManualClock clock_{Clock::system().now()};
  std::unique_ptr<Snapshotter> store_;
  int mounts_ = 0;
};

using Lines = std::vector<std::string>;

TEST_P(SnapshotterSuite, TheLifeOfALayerAndAContainer) {
  must_unpack("base", "", LayerTar().directory("etc").file("etc/host", "a").take());
  must_unpack("top", "base", LayerTar().directory("etc").file("etc/more", "b").take());
  ASSERT_TRUE(store_->prepare("box", "top"));
  {
    MountedSnapshot box = mount("box");
    EXPECT_EQ(*read_file(box.path() / "etc/host"), "a");
    EXPECT_EQ(*read_file(box.path() / "etc/more"), "b");
    ASSERT_TRUE(write_file(box.path() / "etc/host", "changed"));
  }
  EXPECT_EQ(changes_of("box"), (Lines{"C /etc", "C /etc/host"}));
  ASSERT_TRUE(store_->commit("sealed", "box"));
  EXPECT_EQ(*read_file(mount_view("sealed").path() / "etc/host"), "changed");
  EXPECT_EQ(*read_file(mount_view("top").path() / "etc/host"), "a");
}

TEST_P(SnapshotterSuite, StatWalkAndUsage) {
  clock_.advance(std::chrono::seconds(5));
  must_unpack("base", "", LayerTar().file("f", std::string(100'000, 'x')).take());
  ASSERT_TRUE(store_->prepare("box", "base"));
  ASSERT_TRUE(store_->view("look", "base"));
  auto info = store_->stat("box");
  ASSERT_TRUE(info);
  EXPECT_EQ(info->parent, "base");
  EXPECT_EQ(info->kind, Kind::kActive);
  EXPECT_EQ(info->created, clock_.now());
  EXPECT_EQ(store_->stat("base")->kind, Kind::kCommitted);
  EXPECT_EQ(store_->stat("look")->kind, Kind::kView);
  EXPECT_EQ(store_->stat("no").error().code(), Code::kNotFound);
  EXPECT_EQ(names(), (Lines{"base", "box", "look"}));
  auto usage = store_->usage("base");
  EXPECT_GE(usage->bytes, 100'000u);
  EXPECT_LE(usage->inodes, 3u);
  EXPECT_EQ(store_->usage("base")->bytes, usage->bytes);
  {
    ASSERT_TRUE(write_file(mount("box").path() / "new", std::string(50'000, 'y')));
  }
  EXPECT_GE(store_->usage("box")->bytes, 50'000u);
  EXPECT_LT(store_->usage("box")->bytes, 100'000u);
}

TEST_P(SnapshotterSuite, NamesAndParentsAreChecked) {
  must_unpack("base", "", LayerTar().take());
  EXPECT_EQ(unpack("base", "", LayerTar().take()).error().code(), Code::kAlreadyExists);
  EXPECT_EQ(unpack("x", "no", LayerTar().take()).error().code(), Code::kNotFound);
  EXPECT_EQ(store_->prepare("x", "no").error().code(), Code::kNotFound);
  EXPECT_EQ(store_->prepare("base", "").error().code(), Code::kAlreadyExists);
  EXPECT_EQ(store_->prepare("", "").error().code(), Code::kInvalidArgument);
  ASSERT_TRUE(store_->prepare("box", "base"));
  EXPECT_EQ(store_->prepare("y", "box").error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(store_->remove("base").error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(store_->commit("base", "box").error().code(), Code::kAlreadyExists);
  EXPECT_EQ(store_->commit("z", "base").error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(store_->mount_of("base").error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(store_->mount_of("no").error().code(), Code::kNotFound);
  EXPECT_EQ(store_->remove("no").error().code(), Code::kNotFound);
  ASSERT_TRUE(store_->remove("box"));
  ASSERT_TRUE(store_->remove("base"));
  EXPECT_TRUE(names().empty());
}

TEST_P(SnapshotterSuite, RemovingGivesTheRoomBack) {
  int64_t before = files_on_disk();
  must_unpack("base", "", LayerTar().directory("d").file("d/f", "x").take());
  ASSERT_TRUE(store_->prepare("box", "base"));
  {
    ASSERT_TRUE(write_file(mount("box").path() / "d/g", "y"));
  }
  ASSERT_TRUE(store_->remove("box"));
  ASSERT_TRUE(store_->remove("base"));
  EXPECT_EQ(files_on_disk(), before);
}

TEST_P(SnapshotterSuite, SnapshotsOfNothing) {
  ASSERT_TRUE(store_->prepare("box", ""));
  {
    MountedSnapshot box = mount("box");
    ASSERT_TRUE(write_file(box.path() / "f", "x"));
  }
  EXPECT_EQ(changes_of("box"), (Lines{"A /f"}));
  ASSERT_TRUE(store_->view("empty", ""));
  EXPECT_TRUE(list_tree(mount("empty").path()).empty());
  ASSERT_TRUE(store_->commit("base", "box"));
  EXPECT_EQ(listing_of("base").size(), 1u);
}

TEST_P(SnapshotterSuite, AViewIsReadOnly) {
  must_unpack("one", "", LayerTar().file("f", "x").take());
  must_unpack("two", "one", LayerTar().file("g", "x").take());
  for (const char* parent : {"one", "two"}) {
    MountedSnapshot view = mount_view(parent);
    auto written = write_file(view.path() / "f", "y");
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().sys_errno(), EROFS);
  }
  ASSERT_TRUE(store_->view("look", "one"));
  StringSink tar;
  EXPECT_EQ(store_->diff("look", tar).error().code(), Code::kFailedPrecondition);
}

TEST_P(SnapshotterSuite, AnUnmountedSnapshotIsGoneFromTheTree) {
  must_unpack("base", "", LayerTar().file("f", "x").take());
  Path target;
  {
    MountedSnapshot view = mount_view("base");
    target = view.path();
    EXPECT_TRUE(std::filesystem::exists(target / "f"));
  }
  EXPECT_FALSE(std::filesystem::exists(target / "f"));
  UniqueFd held;
  {
    MountedSnapshot view = mount_view("base");
    target = view.path();
    held = *open_file(target / "f", O_RDONLY);  // busy: detached instead
  }
  EXPECT_FALSE(std::filesystem::exists(target / "f"));
}

TEST_P(SnapshotterSuite, HundredsOfLayersMountAtOnce) {
  std::string parent;
  for (int i = 0; i < 300; ++i) {
    std::string name = cat("layer-", i);
    must_unpack(name, parent, LayerTar().file(cat("f", i), "x").file("last", cat(i)).take());
    parent = name;
  }
  MountedSnapshot view = mount_view(parent);
  EXPECT_EQ(list_tree(view.path()).size(), 301u);
  EXPECT_EQ(*read_file(view.path() / "last"), "299");
}

TEST_P(SnapshotterSuite, TheRootOfATreeComesFromItsLayers) {
  must_unpack("base", "", LayerTar().directory("./", 0711).take());
  must_unpack("top", "base", LayerTar().file("f").take());
  ASSERT_TRUE(store_->prepare("box", "top"));
  for (const std::string& key : {std::string("box")}) {
    struct stat st{};
    MountedSnapshot mounted = mount(key);
    ASSERT_EQ(::stat(mounted.path().c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 07777, 0711u);
  }
}

}  // namespace skiff::snapshot
