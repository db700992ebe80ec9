// More of what every Snapshotter does: one layer is seen with owners of any mapping, and what is
// written through one has the owners of inside. Included after snapshotter_suite.h.
#pragma once

#include <functional>
#include <thread>

#include "snapshot/snapshotter_suite.h"
#include "sys/namespaces.h"

namespace skiff::snapshot {

class MappedSnapshotterSuite : public SnapshotterSuite {
 protected:
  using Ids = std::shared_ptr<const sys::UserNamespace>;

  void SetUp() override {
    if (sys::in_user_namespace()) GTEST_SKIP() << "file systems of files are the machine's to map";
    SnapshotterSuite::SetUp();
  }

  static Ids ids_from(uint32_t first) {
    const std::vector<sys::IdMapping> map{{.inside = 0, .outside = first, .size = 65536}};
    auto ids = sys::UserNamespace::make({.uids = map, .gids = map});
    EXPECT_TRUE(ids) << ids.error().message();
    return *ids;
  }
  MountedSnapshot mount_as(const std::string& key, const Ids& ids) {
    const Path target = dir_.path() / cat("mapped-", mounts_++);
    EXPECT_TRUE(make_directories(target));
    Mount what = store_->mount_of(key).value();
    what.ids = ids;
    auto mounted = MountedSnapshot::mount(what, target);
    EXPECT_TRUE(mounted) << mounted.error().message();
    return std::move(*mounted);
  }
  static void as_root_of(const Ids& ids, const std::function<void()>& work) {
    std::thread([&] {
      ASSERT_TRUE(sys::make_files_as_root_of(ids->maps()));
      work();
    }).join();
  }
  static std::string owner(const Path& path) {
    struct stat st{};
    EXPECT_EQ(::lstat(path.c_str(), &st), 0) << path;
    return cat(st.st_uid, ":", st.st_gid);
  }
};

TEST_P(MappedSnapshotterSuite, OneLayerServesEveryMapping) {
  must_unpack("base", "", LayerTar().add({.name = "f", .uid = 7, .gid = 8}, "x").take());
  must_unpack("top", "base", LayerTar().add({.name = "g", .uid = 9}, "y").take());
  for (const char* key : {"one", "two", "plain"}) ASSERT_TRUE(store_->prepare(key, "top"));
  const MountedSnapshot one = mount_as("one", ids_from(100000));
  const MountedSnapshot two = mount_as("two", ids_from(300000));
  const MountedSnapshot plain = mount("plain");
  EXPECT_EQ(owner(one.path() / "f"), "100007:100008");
  EXPECT_EQ(owner(one.path() / "g"), "100009:100000");
  EXPECT_EQ(owner(two.path() / "f"), "300007:300008");
  EXPECT_EQ(owner(plain.path() / "f"), "7:8");
  // Only those that are mapped write.
  EXPECT_FALSE(write_file_durably(one.path() / "new", "x"));
}

TEST_P(MappedSnapshotterSuite, WhatIsWrittenComesDownAsInside) {
  must_unpack(
      "base", "",
      LayerTar().directory("d").add({.name = "d/f", .uid = 7, .gid = 8}, "x").file("gone").take());
  ASSERT_TRUE(store_->prepare("box", "base"));
  const Ids ids = ids_from(100000);
  {
    const MountedSnapshot box = mount_as("box", ids);
    as_root_of(ids, [&] {
      EXPECT_TRUE(write_file_durably(box.path() / "new", "x"));
      EXPECT_TRUE(write_file(box.path() / "d/f", "copied up"));
      EXPECT_EQ(::unlink((box.path() / "gone").c_str()), 0);
    });
    EXPECT_EQ(::chown((box.path() / "d").c_str(), 100005, 100006), 0);
    EXPECT_EQ(owner(box.path() / "new"), "100000:100000");
    EXPECT_EQ(owner(box.path() / "d/f"), "100007:100008");
  }
  EXPECT_EQ(changes_of("box"), (std::vector<std::string>{"C /d", "C /d/f", "D /gone", "A /new"}));
  const std::string tar = diff_of("box");
  StringSource source(tar);
  TarReader reader(source);
  std::map<std::string, std::string> owners;
  while (const TarEntry* entry = reader.next().value()) {
    owners[entry->name] = cat(entry->uid, ":", entry->gid);
  }
  const std::map<std::string, std::string> wanted{
      {"d/", "5:6"}, {"d/f", "7:8"}, {".wh.gone", "0:0"}, {"new", "0:0"}};
  EXPECT_EQ(owners, wanted);
  // The next one who has it may be of another mapping, or of none.
  EXPECT_EQ(owner(mount_as("box", ids_from(300000)).path() / "d/f"), "300007:300008");
  EXPECT_EQ(owner(mount("box").path() / "d/f"), "7:8");
}

TEST_P(MappedSnapshotterSuite, WithoutLayersToo) {
  ASSERT_TRUE(store_->prepare("box", ""));
  const Ids ids = ids_from(100000);
  {
    const MountedSnapshot box = mount_as("box", ids);
    as_root_of(ids, [&] { EXPECT_TRUE(write_file_durably(box.path() / "new", "x")); });
  }
  EXPECT_EQ(owner(mount("box").path() / "new"), "0:0");
}

TEST_P(MappedSnapshotterSuite, ItIsKnownBeforehandWhetherTheKernelCan) {
  const Result<> can = check_mapped_mounts(dir_.path());
  EXPECT_TRUE(can) << can.error().message();
}

}  // namespace skiff::snapshot
