// GNU tar and bsdtar as oracles: what they write is read as the tree that was archived, and
// what we write they unpack to that tree. Needs root: owners and device nodes are real.
#include "codec/tar_test_support.h"

namespace skiff {
namespace {

enum class Depth { kPlain, kLong };

// One of everything that a tree can hold.
class TarPrograms : public ProgramTest {
 protected:
  void make_tree(Depth depth) {
    const Path root = path("tree");
    const std::string deep =
        depth == Depth::kLong ? cat(std::string(120, 'd'), "/", std::string(200, 'e')) : "d/e";
    ASSERT_TRUE(make_directories(root / deep, 0755));
    ASSERT_TRUE(write_file(root / "empty", ""));
    ASSERT_TRUE(write_file(root / "block", std::string(512, 'b')));
    ASSERT_TRUE(write_file(root / "text", "hello\n"));
    ASSERT_TRUE(write_file(root / "sp ace\n\"\xc3\xa4\xff", "odd name"));
    ASSERT_TRUE(write_file(root / deep / "below", std::string(100'000, 'x')));
    ASSERT_TRUE(write_file(root / std::string(100, 'n'), "a name that just fits"));
    std::filesystem::create_hard_link(root / "text", root / "text-again");
    std::filesystem::create_hard_link(root / deep / "below", root / "zlink");
    std::filesystem::create_symlink("../up/and away", root / "link");
    ASSERT_EQ(::mkfifo((root / "fifo").c_str(), 0640), 0);
    ASSERT_EQ(::mknod((root / "null").c_str(), S_IFCHR | 0666, makedev(1, 3)), 0);
    ASSERT_EQ(::mknod((root / "disk").c_str(), S_IFBLK | 0660, makedev(259, 70'000)), 0);
    if (depth == Depth::kLong) {
      std::filesystem::create_symlink(std::string(300, 't'), root / "long link");
      ASSERT_TRUE(write_file(root / std::string(101, 'n'), "one too many"));
      ASSERT_TRUE(write_file(root / std::string(255, 'm'), "no slash to cut at"));
    }
    ASSERT_EQ(::lchown((root / "link").c_str(), 12, 34), 0);
    ASSERT_EQ(::lchown((root / "text").c_str(), 1000, 1'000'000), 0);
    ASSERT_EQ(::chmod((root / "text").c_str(), 06755), 0);
    ASSERT_EQ(::chmod((root / "d").c_str(), 01777), depth == Depth::kLong ? -1 : 0);
    set_time("text", 1'234'567'890, 0);
  }

  void set_time(const std::string& name, time_t seconds, long nanos) {
    const timespec times[2] = {{seconds, nanos}, {seconds, nanos}};
    ASSERT_EQ(::utimensat(AT_FDCWD, path("tree/" + name).c_str(), times, AT_SYMLINK_NOFOLLOW), 0);
  }
  void set_xattr(const std::string& name, const std::string& key, std::string_view value) {
    ASSERT_EQ(::lsetxattr(path("tree/" + name).c_str(), key.c_str(), value.data(), value.size(), 0),
              0)
        << key;
  }
  // What only PAX can say.
  void add_pax_things() {
    set_time("empty", -315'619'200, 0);
    set_time("block", -1, 500'000'000);
    set_time("fifo", 1'600'000'000, 123'456'789);
    set_time("link", 1'600'000'000, 100);
    set_xattr("text", "user.note", "value");
    set_xattr("text", "user.bin", std::string_view("a\0b\n=", 5));
    set_xattr("text", "user.empty", "");
    set_xattr("text", "user.a=b%3D", "odd key");
    set_xattr("link", "trusted.on_link", "x");
    set_xattr("empty", "security.capability",
              std::string_view("\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20));
    set_xattr("empty", "trusted.t", "x");
    ASSERT_EQ(::lchown(path("tree/null").c_str(), 3'000'000'000, 4'000'000'000), 0);
  }

  std::string archive(const std::string& command) {
    return in_dir(cat("cd tree; ", command, " | cat"));
  }
  void expect_read(const std::string& command, const OnDisk& how) {
    const std::string bytes = archive(command);
    const auto entries = read_tar(bytes);
    ASSERT_TRUE(entries) << entries.error().message();
    expect_pieces(bytes);
    const Tree expected = tree_of(entries_on_disk(path("tree"), how));
    EXPECT_EQ(difference(expected, tree_of(*entries)), "") << command;
  }
  void expect_unpacked(const std::string& command, const OnDisk& how = {}) {
    const std::vector<ReadEntry> entries = entries_on_disk(path("tree"), how);
    const auto bytes = write_tar(entries);
    ASSERT_TRUE(bytes) << bytes.error().message();
    put("ours.tar", *bytes);
    in_dir(cat("rm -rf out; mkdir out; cd out; ", command, " < ../ours.tar"));
    const Tree actual = tree_of(entries_on_disk(path("out"), how));
    EXPECT_EQ(difference(tree_of(entries), actual), "") << command;
  }
};

constexpr char kGnu[] = "tar --sort=name --numeric-owner -c";
constexpr char kGnuXattrs[] = " --xattrs --xattrs-include='*'";

TEST_F(TarPrograms, Ustar) {
  make_tree(Depth::kPlain);
  expect_read(cat(kGnu, " --format=ustar ."), {.whole_seconds = true, .xattrs = false});
}

TEST_F(TarPrograms, UstarWithPrefixes) {
  make_tree(Depth::kPlain);
  ASSERT_TRUE(make_directories(path("tree") / std::string(90, 'a') / std::string(60, 'b'), 0755));
  ASSERT_TRUE(write_file(
      path("tree") / std::string(90, 'a') / std::string(60, 'b') / std::string(99, 'c'), "x"));
  expect_read(cat(kGnu, " --format=ustar ."), {.whole_seconds = true, .xattrs = false});
}

TEST_F(TarPrograms, V7) {
  make_tree(Depth::kPlain);
  in_dir("rm tree/fifo tree/null tree/disk tree/nnn*");
  expect_read(cat(kGnu, " --format=v7 ."), {.whole_seconds = true, .xattrs = false});
}

TEST_F(TarPrograms, Gnu) {
  make_tree(Depth::kLong);
  // Base-256 numbers.
  set_time("empty", -315'619'200, 0);
  set_time("block", 10'000'000'000 - 1'000'000'000, 0);
  ASSERT_EQ(::lchown(path("tree/null").c_str(), 3'000'000'000, 4'000'000'000), 0);
  const OnDisk how = {.whole_seconds = true, .xattrs = false};
  expect_read(cat(kGnu, " --format=gnu ."), how);
  expect_read(cat(kGnu, " --format=oldgnu ."), how);
}

TEST_F(TarPrograms, Pax) {
  make_tree(Depth::kLong);
  add_pax_things();
  expect_read(cat(kGnu, " --format=pax", kGnuXattrs, " ."), {});
}

TEST_F(TarPrograms, PaxGlobalHeaders) {
  make_tree(Depth::kPlain);
  in_dir("find tree -exec chown -h 77:88 {} +; find tree -exec touch -h -d @1111111111 {} +");
  expect_read(cat(kGnu,
                  " --format=pax --pax-option='globexthdr.name=g,mtime=1111111111' "
                  "--pax-option='delete=atime,delete=ctime' ."),
              {.xattrs = false});
}

TEST_F(TarPrograms, Bsdtar) {
  make_tree(Depth::kLong);
  in_dir("rm tree/sp*");  // a name of no locale
  const OnDisk whole = {.whole_seconds = true, .xattrs = false};
  const std::string bsdtar = "find . -mindepth 1 | sort | LC_ALL=C.UTF-8 bsdtar -c -n -T - -f - ";
  expect_read(bsdtar + "--format=gnutar", whole);
  add_pax_things();
  set_time("block", -1, 0);  // libarchive writes a fraction before 1970 wrongly
  ASSERT_EQ(::lremovexattr(path("tree/text").c_str(), "user.a=b%3D"), 0);
  expect_read(bsdtar + "--format=pax --xattrs", {});
}

TEST_F(TarPrograms, SparseFilesInEveryForm) {
  ASSERT_TRUE(make_directories(path("tree"), 0755));
  const auto sparse = [&](const std::string& name, const std::string& writes) {
    in_dir(cat("cd tree; truncate -s 3M ", name, "; for at in ", writes, "; do echo piece-$at | ",
               "dd of=", name, " bs=1 seek=$at conv=notrunc status=none; done"));
  };
  sparse("ends-in-a-hole", "0 100000");
  sparse("starts-in-a-hole", "3145000");
  sparse("all-hole", "");
  // More pieces than the header and one block after it hold.
  std::string many;
  for (int i = 0; i < 60; ++i) many += cat(" ", i * 50'000);
  sparse("many", many);
  ASSERT_TRUE(write_file(path("tree/full"), std::string(10'000, 'f')));
  for (const char* format : {"gnu", "oldgnu", "pax --sparse-version=0.0",
                             "pax --sparse-version=0.1", "pax --sparse-version=1.0"}) {
    const std::string command = cat(kGnu, " -S --format=", format, " .");
    EXPECT_LT(archive(command).size(), 1'000'000u);
    expect_read(command, {.whole_seconds = !std::string_view(format).starts_with("pax")});
  }
  expect_read("bsdtar -c --format=pax --read-sparse -n -f - *", {});
}

// Reads no more than the first blocks: the rest are gigabytes of zeros.
TEST_F(TarPrograms, SizesBeyondUstar) {
  ASSERT_TRUE(make_directories(path("tree"), 0755));
  in_dir("truncate -s 20G tree/big");
  for (const char* format : {"gnu", "pax"}) {
    const std::string head =
        shell(cat("cd ", path("tree").native(), "; (", kGnu, " --format=", format,
                  " big 2>/dev/null || true) | head -c 4096"));
    StringSource source(head);
    TarReader tar(source);
    const auto entry = tar.next();
    ASSERT_TRUE(entry && *entry != nullptr);
    EXPECT_EQ((*entry)->size, uint64_t{20} << 30U) << format;
    const auto next = tar.next();
    ASSERT_FALSE(next);
    EXPECT_NE(next.error().message().find("the archive is cut short"), std::string::npos);
  }
  StringSink out;
  TarWriter writer(out);
  ASSERT_TRUE(writer.add({.name = "big", .size = uint64_t{20} << 30U}));
  put("head.tar", out.text());
  for (const char* program : {"tar -tvf", "bsdtar -tvf"}) {
    const std::string listed = in_dir(cat("(", program, " head.tar 2>/dev/null || true) | cat"));
    EXPECT_NE(listed.find("21474836480"), std::string::npos) << program << ": " << listed;
  }
}

TEST_F(TarPrograms, GnuTarUnpacksWhatWeWrite) {
  make_tree(Depth::kLong);
  add_pax_things();
  expect_unpacked(cat("tar -xp --numeric-owner", kGnuXattrs));
}

TEST_F(TarPrograms, BsdtarUnpacksWhatWeWrite) {
  make_tree(Depth::kLong);
  add_pax_things();
  // Keys are not decoded there, and a fraction before 1970 is read wrongly.
  ASSERT_EQ(::lremovexattr(path("tree/text").c_str(), "user.a=b%3D"), 0);
  set_time("block", -1, 0);
  expect_unpacked("bsdtar -xp --numeric-owner --xattrs --no-fflags -f -");
}

TEST_F(TarPrograms, PythonReadsWhatWeWrite) {
  make_tree(Depth::kLong);
  const std::vector<ReadEntry> entries = entries_on_disk(path("tree"));
  put("ours.tar", *write_tar(entries));
  const std::string listed = in_dir(
      "python3 -c 'import tarfile\n"
      "for m in tarfile.open(\"ours.tar\"):\n"
      "  print(m.name.encode(\"utf-8\", \"surrogateescape\").hex(), m.size, m.mode, m.uid, "
      "m.gid)'");
  std::string expected;
  for (const auto& [e, body] : entries) {
    expected += cat(to_hex(e.name), " ", e.size, " ", e.mode, " ", e.uid, " ", e.gid, "\n");
  }
  EXPECT_EQ(listed, expected);
}

}  // namespace
}  // namespace skiff
