// For tests: file trees worth archiving, and the ways to archive them.
#pragma once

#include <sys/xattr.h>

#include <fstream>
#include <random>
#include <vector>

#include "snapshot/tree_oracles.h"
#include "sys/namespaces.h"

namespace skiff::snapshot {

// One of everything that an archive can hold.
inline void make_rich_tree(const Path& root) {
  const std::string deep = cat(std::string(120, 'd'), "/", std::string(200, 'e'));
  ASSERT_TRUE(make_directories(root / deep, 0755));
  ASSERT_TRUE(write_file(root / "empty", ""));
  ASSERT_TRUE(write_file(root / "text", "hello\n"));
  ASSERT_TRUE(write_file(root / "sp ace\n\"\xc3\xa4", "odd name"));
  ASSERT_TRUE(write_file(root / deep / "below", std::string(300'000, 'x')));
  std::filesystem::create_hard_link(root / "text", root / "text-again");
  std::filesystem::create_hard_link(root / deep / "below", root / "zlink");
  std::filesystem::create_symlink("../up/and away", root / "link");
  std::filesystem::create_symlink(std::string(300, 't'), root / "long link");
  ASSERT_EQ(::mkfifo((root / "fifo").c_str(), 0640), 0);
  // Nobody makes devices in a user namespace.
  const bool devices = !sys::in_user_namespace();
  const mode_t character = devices ? S_IFCHR : S_IFIFO;
  const mode_t block = devices ? S_IFBLK : S_IFIFO;
  ASSERT_EQ(::mknod((root / "null").c_str(), character | 0666, makedev(1, 3)), 0);
  ASSERT_EQ(::mknod((root / "disk").c_str(), block | 0660, makedev(259, 70'000)), 0);
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
  if (!sys::in_user_namespace()) set("link", "trusted.on_link", "x");
  set("empty", "security.capability",
      std::string_view("\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20));
}

// For GNU tar alone: libarchive reads no name that is not UTF-8 from a PAX header, and gets the
// sign of a fraction before 1970 wrong.
inline void add_odd_things(const Path& root) {
  ASSERT_TRUE(write_file(root / "odd\xff", "name"));
  const timespec times[2] = {{-5, 0}, {-1, 500'000'000}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (root / "fifo").c_str(), times, AT_SYMLINK_NOFOLLOW), 0);
}

// Shell commands that archive such a tree, the current directory, in every format there is.
inline std::vector<std::string> archive_commands() {
  const std::string gnu = "tar --sort=name --numeric-owner -c ";
  return {gnu + "--format=gnu .",
          gnu + "--format=oldgnu -S .",
          gnu + "--format=pax --xattrs --xattrs-include='*' .",
          gnu + "--format=pax -S --sparse-version=0.0 .",
          gnu + "--format=pax -S --sparse-version=0.1 .",
          gnu + "--format=pax -S --sparse-version=1.0 .",
          gnu + "--format=ustar text text-again link null empty",
          "LC_ALL=C.UTF-8 bsdtar -c --format=pax --xattrs -f - [a-r]* t*"};
}

// What each of them makes of a rich tree, and whom to ask about that.
struct SampleArchive {
  std::string command;
  std::string tar;
  std::vector<const Oracle*> judges;
  RootShown root = RootShown::kNo;  // whether it is in it
};

inline std::vector<SampleArchive> sample_archives(const Path& place) {
  const Path tree = place / "tree";
  EXPECT_TRUE(make_directories(tree));
  make_rich_tree(tree);
  add_xattrs(tree);
  std::vector<SampleArchive> samples;
  const auto archive = [&](const std::vector<const Oracle*>& judges) {
    for (const std::string& command : archive_commands()) {
      const RootShown root = command.ends_with(" .") ? RootShown::kYes : RootShown::kNo;
      std::string tar = run({"sh", "-c", cat("cd ", tree.native(), "; ", command)});
      samples.push_back({command, std::move(tar), judges, root});
    }
  };
  archive(oracles());
  add_odd_things(tree);
  archive({&gnu_tar()});
  return samples;
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

}  // namespace skiff::snapshot
