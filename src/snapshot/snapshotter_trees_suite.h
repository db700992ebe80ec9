// More of what every Snapshotter does: unpacked trees are those that GNU tar unpacks, and a
// diff unpacks to the tree that it was taken of. Included after snapshotter_suite.h.
#pragma once

#include <sys/xattr.h>

#include <fstream>
#include <random>

#include "snapshot/diff_source.h"
#include "snapshot/snapshotter_suite.h"

namespace skiff::snapshot {

// One of everything that an archive can hold.
inline void make_rich_tree(const Path& root) {
  const std::string deep = cat(std::string(120, 'd'), "/", std::string(200, 'e'));
  ASSERT_TRUE(make_directories(root / deep, 0755));
  ASSERT_TRUE(write_file(root / "empty", ""));
  ASSERT_TRUE(write_file(root / "text", "hello\n"));
  ASSERT_TRUE(write_file(root / "sp ace\n\"\xc3\xa4\xff", "odd name"));
  ASSERT_TRUE(write_file(root / deep / "below", std::string(300'000, 'x')));
  std::filesystem::create_hard_link(root / "text", root / "text-again");
  std::filesystem::create_hard_link(root / deep / "below", root / "zlink");
  std::filesystem::create_symlink("../up/and away", root / "link");
  std::filesystem::create_symlink(std::string(300, 't'), root / "long link");
  ASSERT_EQ(::mkfifo((root / "fifo").c_str(), 0640), 0);
  ASSERT_EQ(::mknod((root / "null").c_str(), S_IFCHR | 0666, makedev(1, 3)), 0);
  ASSERT_EQ(::mknod((root / "disk").c_str(), S_IFBLK | 0660, makedev(259, 70'000)), 0);
  run({"truncate", "-s", "5M", (root / "sparse").native()});
  run({"sh", "-c", "echo middle | dd of=$0 bs=1 seek=2500000 conv=notrunc status=none",
       (root / "sparse").native()});
  ASSERT_EQ(::lchown((root / "link").c_str(), 12, 34), 0);
  ASSERT_EQ(::lchown((root / "text").c_str(), 1000, 1'000'000), 0);
  ASSERT_EQ(::chmod((root / "text").c_str(), 06755), 0);
  ASSERT_EQ(::chmod((root / std::string(120, 'd')).c_str(), 01777), 0);
  const timespec times[2] = {{1'600'000'000, 0}, {1'234'567'890, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (root / "link").c_str(), times, AT_SYMLINK_NOFOLLOW), 0);
}

inline void add_xattrs(const Path& root) {
  const auto set = [&](const char* name, const char* key, std::string_view value) {
    ASSERT_EQ(::lsetxattr((root / name).c_str(), key, value.data(), value.size(), 0), 0) << key;
  };
  set("text", "user.note", std::string_view("a\0b\n=", 5));
  set("link", "trusted.on_link", "x");
  set("empty", "security.capability",
      std::string_view("\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20));
  const timespec times[2] = {{-5, 0}, {-1, 500'000'000}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (root / "fifo").c_str(), times, AT_SYMLINK_NOFOLLOW), 0);
}

TEST_P(SnapshotterSuite, UnpackedTreesAreThoseOfGnuTar) {
  const Path tree = dir_.path() / "tree";
  ASSERT_TRUE(make_directories(tree));
  make_rich_tree(tree);
  add_xattrs(tree);
  const std::string gnu = "tar --sort=name --numeric-owner -c ";
  const std::string commands[] = {gnu + "--format=gnu .",
                                  gnu + "--format=oldgnu -S .",
                                  gnu + "--format=pax --xattrs --xattrs-include='*' .",
                                  gnu + "--format=pax -S --sparse-version=0.0 .",
                                  gnu + "--format=pax -S --sparse-version=0.1 .",
                                  gnu + "--format=pax -S --sparse-version=1.0 .",
                                  gnu + "--format=ustar text text-again link null empty",
                                  "LC_ALL=C.UTF-8 bsdtar -c --format=pax --xattrs -f - [a-r]* t*"};
  int count = 0;
  for (const std::string& command : commands) {
    const std::string name = cat("layer-", count++);
    const std::string archive = (dir_.path() / name).native();
    run({"sh", "-c", cat("cd ", tree.native(), "; ", command, " > ", archive)});
    must_unpack(name, "", *read_file(archive));
    const Path oracle = dir_.path() / cat("oracle-", name);
    ASSERT_TRUE(make_directories(oracle));
    run({"tar", "-xpf", archive, "-C", oracle.native(), "--numeric-owner", "--xattrs",
         "--xattrs-include=*"});
    EXPECT_EQ(difference(list_tree(oracle), listing_of(name)), "") << command;
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

// Makes, changes, moves and removes at random; the same seed does the same.
class Scrambler {
 public:
  Scrambler(Path root, unsigned seed) : root_(std::move(root)), random_(seed) {}

  void step() {
    const Path at = root_ / name();
    std::error_code ignored;  // what is not possible is not done
    switch (pick(8)) {
      case 0:
      case 1:
        std::ofstream(at) << std::string(pick(5000), 'x');
        break;
      case 2:
        std::filesystem::create_directory(at, ignored);
        break;
      case 3:
        std::filesystem::remove_all(at, ignored);
        break;
      case 4:
        std::filesystem::rename(at, root_ / name(), ignored);
        break;
      case 5:
        std::filesystem::create_hard_link(at, root_ / name(), ignored);
        break;
      case 6:
        std::filesystem::create_symlink(name(), at, ignored);
        break;
      default:
        std::filesystem::permissions(at, std::filesystem::perms(0700 + pick(64)), ignored);
    }
  }

 private:
  unsigned pick(unsigned most) { return static_cast<unsigned>(random_() % most); }
  // Few names, so that they meet.
  std::string name() {
    std::string text;
    for (unsigned depth = 1 + pick(3); depth > 0; --depth) {
      text += cat(text.empty() ? "" : "/", static_cast<char>('a' + pick(4)));
    }
    return text;
  }

  Path root_;
  std::mt19937 random_;
};

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
