// Indexes made by hand, mounted for real: what the kernel reads is what was written.
#include <sys/mman.h>
#include <sys/xattr.h>

#include <random>

#include "snapshot/erofs_test_support.h"
#include "snapshot/suite_support.h"

namespace skiff::snapshot {
namespace {

using Id = ErofsTree::Id;

constexpr TimePoint kTime{std::chrono::seconds(1'000'000'000) + std::chrono::nanoseconds(7)};
const ErofsAttributes kPlain{.mode = 0644, .mtime = kTime};

std::string random_bytes(size_t size) {
  std::mt19937_64 random(size);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

Id add(ErofsTree& tree, Id directory, const std::string& name, const Result<Id>& inode) {
  EXPECT_TRUE(inode) << inode.error().message();
  EXPECT_TRUE(tree.link(directory, name, *inode));
  return *inode;
}

struct stat stat_of(const Path& path) {
  struct stat st{};
  EXPECT_EQ(::lstat(path.c_str(), &st), 0) << path;
  return st;
}

std::string xattr_of(const Path& path, const char* name) {
  std::string value(70'000, '\0');
  const ssize_t n = ::lgetxattr(path.c_str(), name, value.data(), value.size());
  EXPECT_GE(n, 0) << name;
  value.resize(static_cast<size_t>(std::max<ssize_t>(n, 0)));
  return value;
}

TEST(ErofsImage, OneOfEverything) {
  const std::string data = random_bytes(4096);
  ErofsTree tree({.mode = 01777, .uid = 1, .gid = 2, .mtime = kTime});
  const Id dir =
      add(tree, 0, "dir", tree.add_directory({.mode = 02751, .uid = 70'000, .mtime = kTime}));
  const ErofsPiece piece{.offset = 0, .size = 700, .source_offset = 1024};
  const Id file =
      add(tree, dir, "file", tree.add_file({.mode = 04755, .mtime = kTime}, 700, {&piece, 1}));
  EXPECT_TRUE(tree.link(0, "again", file));
  constexpr TimePoint kOld{std::chrono::nanoseconds(-1)};
  add(tree, 0, "empty", tree.add_file({.mode = 0600, .gid = 99'999, .mtime = kOld}, 0, {}));
  add(tree, 0, "short", tree.add_symlink({.mode = 0777, .mtime = kTime}, "dir/file"));
  add(tree, 0, "long", tree.add_symlink({.mode = 0777, .mtime = kTime}, std::string(4095, 't')));
  add(tree, 0, "middle", tree.add_symlink({.mode = 0777, .mtime = kTime}, std::string(500, 't')));
  add(tree, 0, "null", tree.add_special(kPlain, S_IFCHR, 1, 3));
  add(tree, 0, "disk", tree.add_special(kPlain, S_IFBLK, 259, 1'000'000));
  add(tree, 0, "fifo", tree.add_special(kPlain, S_IFIFO));
  add(tree, 0, "socket", tree.add_special(kPlain, S_IFSOCK));
  const MountedIndex mounted(index_of(tree, data), data);

  EXPECT_EQ(list_tree(mounted.path()).size(), 11u);
  EXPECT_EQ(*read_file(mounted.path() / "dir/file"), data.substr(1024, 700));
  EXPECT_EQ(*read_file(mounted.path() / "empty"), "");
  struct stat st = stat_of(mounted.path() / "");
  EXPECT_EQ(st.st_mode, static_cast<mode_t>(S_IFDIR | 01777));
  EXPECT_EQ(st.st_uid, 1u);
  EXPECT_EQ(st.st_nlink, 3u);
  st = stat_of(mounted.path() / "again");
  EXPECT_EQ(st.st_ino, stat_of(mounted.path() / "dir/file").st_ino);
  EXPECT_EQ(st.st_nlink, 2u);
  EXPECT_EQ(st.st_mode, static_cast<mode_t>(S_IFREG | 04755));
  EXPECT_EQ(time_of(st.st_mtim), kTime);
  EXPECT_EQ(stat_of(mounted.path() / "dir").st_uid, 70'000u);
  st = stat_of(mounted.path() / "empty");
  EXPECT_EQ(st.st_gid, 99'999u);
  EXPECT_EQ(time_of(st.st_mtim), kOld);
  EXPECT_EQ(std::filesystem::read_symlink(mounted.path() / "short"), "dir/file");
  EXPECT_EQ(std::filesystem::read_symlink(mounted.path() / "long").native(),
            std::string(4095, 't'));
  EXPECT_EQ(std::filesystem::read_symlink(mounted.path() / "middle").native(),
            std::string(500, 't'));
  EXPECT_EQ(stat_of(mounted.path() / "null").st_rdev, ::makedev(1, 3));
  EXPECT_EQ(stat_of(mounted.path() / "disk").st_rdev, ::makedev(259, 1'000'000));
  EXPECT_TRUE(S_ISFIFO(stat_of(mounted.path() / "fifo").st_mode));
  EXPECT_TRUE(S_ISSOCK(stat_of(mounted.path() / "socket").st_mode));
}

TEST(ErofsImage, ExtendedAttributesOfEveryKind) {
  // Version 2; the owner rw-, user 1000 r--, the group ---, the mask r--, others ---.
  const std::string acl(
      "\2\0\0\0\1\0\6\0\377\377\377\377\2\0\4\0\350\3\0\0\4\0\0\0\377\377\377\377"
      "\20\0\4\0\377\377\377\377\40\0\0\0\377\377\377\377",
      44);
  const std::string capability("\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  const std::map<std::string, std::string> xattrs = {{"user.empty", ""},
                                                     {"user.large", std::string(60'000, 'l')},
                                                     {"trusted.t", "1"},
                                                     {"security.capability", capability},
                                                     {"system.posix_acl_access", acl}};
  ErofsTree tree({.mode = 0755});
  add(tree, 0, "file", tree.add_file({.mode = 0640, .xattrs = xattrs}, 0, {}));
  add(tree, 0, "dir",
      tree.add_directory({.mode = 0750, .xattrs = {{"system.posix_acl_default", acl}}}));
  add(tree, 0, "link",
      tree.add_symlink({.mode = 0777, .xattrs = {{"trusted.t", std::string(600, 'x')}}}, "t"));
  const MountedIndex mounted(index_of(tree, ""), "");
  for (const auto& [name, value] : xattrs) {
    EXPECT_EQ(xattr_of(mounted.path() / "file", name.c_str()), value) << name;
  }
  EXPECT_EQ(read_xattrs(open_file(mounted.path(), O_RDONLY)->get(), "file")->size(), 5u);
  EXPECT_EQ(xattr_of(mounted.path() / "dir", "system.posix_acl_default"), acl);
  EXPECT_EQ(xattr_of(mounted.path() / "link", "trusted.t").size(), 600u);
  EXPECT_EQ(std::filesystem::read_symlink(mounted.path() / "link"), "t");
}

TEST(ErofsImage, ADirectoryOfTwentyThousand) {
  ErofsTree tree({.mode = 0755});
  const std::string longest(255, '\xff');
  add(tree, 0, longest, tree.add_file(kPlain, 0, {}));
  for (int i = 0; i < 20'000; ++i) add(tree, 0, cat("file-", i), tree.add_file(kPlain, 0, {}));
  const MountedIndex mounted(index_of(tree, ""), "");
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(mounted.path())) {
    names.insert(entry.path().filename());
  }
  EXPECT_EQ(names.size(), 20'001u);
  EXPECT_TRUE(names.contains(longest));
  const UniqueFd root = *open_file(mounted.path(), O_RDONLY | O_DIRECTORY);
  struct stat st{};
  for (const std::string& name : names) {
    ASSERT_EQ(::fstatat(root.get(), name.c_str(), &st, 0), 0) << name;
  }
  for (const char* name : {"", "file-20000", "file", "file-1x", "a", "~"}) {
    EXPECT_EQ(::fstatat(root.get(), name, &st, 0), -1) << name;
    EXPECT_EQ(errno, ENOENT);
  }
}

// Reads `path` at random places, by pread and through a mapping.
void expect_random_reads(const Path& path, const std::string& expected) {
  const UniqueFd fd = *open_file(path, O_RDONLY);
  std::mt19937_64 random(expected.size());
  std::string buffer(200'000, '\0');
  for (int i = 0; i < 300; ++i) {
    const size_t offset = random() % expected.size();
    const size_t size = random() % (i % 2 == 0 ? 1000 : buffer.size());
    const ssize_t n = ::pread(fd.get(), buffer.data(), size, static_cast<off_t>(offset));
    ASSERT_EQ(std::string_view(buffer).substr(0, static_cast<size_t>(std::max<ssize_t>(n, 0))),
              std::string_view(expected).substr(offset, size))
        << offset << " " << size;
  }
  void* mapped = ::mmap(nullptr, expected.size(), PROT_READ, MAP_PRIVATE, fd.get(), 0);
  ASSERT_NE(mapped, MAP_FAILED);
  EXPECT_TRUE(std::string_view(static_cast<const char*>(mapped), expected.size()) == expected);
  ::munmap(mapped, expected.size());
}

TEST(ErofsImage, RandomReadsOfLargeAndSparseFiles) {
  const std::string data = random_bytes(9 << 20);
  struct {
    std::string name;
    uint64_t size;
    std::vector<ErofsPiece> pieces;
  } const kFiles[] = {
      {"large", 8'000'001, {{0, 8'000'001, 512}}},
      {"holes", 3'000'000, {{4096, 8192, 1024}, {1 << 20, 300'000, 9216}, {2 << 20, 512, 512}}},
      {"odd", 3'000'000, {{3, 8192, 1024}, {1 << 20, 300'001, 9216}, {2'999'999, 1, 512}}},
      {"small chunks", 100'000, {{512, 512, 0}, {2048, 1024, 512}, {99'840, 160, 1536}}},
      {"nothing", 1'000'000, {}}};
  ErofsTree tree({.mode = 0755});
  for (const auto& file : kFiles) {
    add(tree, 0, file.name, tree.add_file(kPlain, file.size, file.pieces));
  }
  const MountedIndex mounted(index_of(tree, data), data);
  for (const auto& file : kFiles) {
    std::string expected(file.size, '\0');
    for (const ErofsPiece& piece : file.pieces) {
      expected.replace(piece.offset, piece.size, data.substr(piece.source_offset, piece.size));
    }
    SCOPED_TRACE(file.name);
    expect_random_reads(mounted.path() / file.name, expected);
  }
}

TEST(ErofsImage, HolesAreSeenAsHoles) {
  const std::string data = random_bytes(8192);
  const ErofsPiece piece{.offset = uint64_t{5} << 40U, .size = 4096, .source_offset = 512};
  ErofsTree tree({.mode = 0755});
  add(tree, 0, "f", tree.add_file(kPlain, (uint64_t{5} << 40U) + 10'000, {&piece, 1}));
  const MountedIndex mounted(index_of(tree, data), data);
  const UniqueFd fd = *open_file(mounted.path() / "f", O_RDONLY);
  const off_t start = ::lseek(fd.get(), 0, SEEK_DATA);
  EXPECT_GT(start, off_t{4} << 40U);
  EXPECT_LE(start, off_t{5} << 40U);
  std::string read(10'000, 'x');
  ASSERT_EQ(::pread(fd.get(), read.data(), read.size(), off_t{5} << 40U), 10'000);
  EXPECT_EQ(read, data.substr(512, 4096) + std::string(10'000 - 4096, '\0'));
}

// Whiteouts and opaque directories mean to overlayfs what they mean on a disk.
TEST(ErofsImage, LayersOfAnOverlay) {
  ErofsTree below({.mode = 0755, .mtime = kTime});
  const Id dir = add(below, 0, "dir", below.add_directory({.mode = 0755}));
  add(below, dir, "hidden", below.add_file(kPlain, 0, {}));
  const Id merged = add(below, 0, "merged", below.add_directory({.mode = 0755}));
  add(below, merged, "stays", below.add_file(kPlain, 0, {}));
  add(below, merged, "goes", below.add_file(kPlain, 0, {}));
  add(below, 0, "deleted", below.add_directory({.mode = 0755}));
  ErofsTree above({.mode = 0711, .mtime = kTime});
  const Id opaque =
      add(above, 0, "dir",
          above.add_directory({.mode = 0700, .xattrs = {{"trusted.overlay.opaque", "y"}}}));
  add(above, opaque, "new", above.add_file(kPlain, 0, {}));
  add(above, 0, "deleted", above.add_special({}, S_IFCHR));
  const Id merged_above = add(above, 0, "merged", above.add_directory({.mode = 0755}));
  add(above, merged_above, "goes", above.add_special({}, S_IFCHR));
  add(above, merged_above, "comes", above.add_file(kPlain, 0, {}));
  const MountedIndex lower(index_of(below, ""), "");
  const MountedIndex upper(index_of(above, ""), "");
  const UniqueFd overlay = overlay_of({upper.path(), lower.path()});
  std::vector<std::string> names;
  for (const auto& [path, line] : list_tree(sys::fd_path(overlay.get()))) names.push_back(path);
  EXPECT_EQ(join(names, " "), "dir dir/new merged merged/comes merged/stays");
  EXPECT_EQ(stat_of(Path(sys::fd_path(overlay.get())) / "").st_mode & 07777, 0711u);
}

TEST(ErofsImage, PathsOfAnyLengthAndErrorsWithTheirNames) {
  const TempDir dir = *TempDir::make("/var/tmp", "skiff-index-");
  const Path deep = dir.path() / std::string(200, 'd') / std::string(200, 'e');
  ASSERT_TRUE(make_directories(deep));
  ASSERT_TRUE(write_file(deep / "index", index_of(ErofsTree(), "")));
  ASSERT_TRUE(write_file(deep / "data", ""));
  auto mounted = sys::mount_erofs(deep / "index", deep / "data");
  ASSERT_TRUE(mounted) << mounted.error().message();
  EXPECT_TRUE(list_tree(sys::fd_path(mounted->get())).empty());
  auto refused = sys::mount_erofs(deep / "data", deep / "data");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("/data"), std::string::npos)
      << refused.error().message();
  EXPECT_FALSE(sys::mount_erofs(deep / "no", deep / "data"));
}

}  // namespace
}  // namespace skiff::snapshot
