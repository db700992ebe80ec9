// Images as bytes. That the kernel mounts them and reads the same is in snapshot/.
#include "codec/erofs_writer.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "codec/erofs_chunks.h"
#include "codec/erofs_test_support.h"
#include "codec/erofs_xattrs.h"

namespace skiff {
namespace {

using Id = ErofsTree::Id;
using erofs::DataLayout;
using Files = std::map<std::string, ErofsFile>;

constexpr TimePoint kTime{std::chrono::seconds(1'000'000'000) + std::chrono::nanoseconds(7)};

// A source whose every byte tells where it is.
std::string numbered(size_t size) {
  std::string text(size, '\0');
  for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>(1 + (i * 7 + i / 512) % 250);
  return text;
}

ErofsOptions options_for(std::string_view source) {
  return {.source_size = source.size(),
          .read_source = [source](uint64_t offset, std::span<char> buffer) -> Result<> {
            const std::string_view bytes = source.substr(offset, buffer.size());
            EXPECT_EQ(bytes.size(), buffer.size());
            std::ranges::copy(bytes, buffer.begin());
            return {};
          }};
}

std::string image_of(const ErofsTree& tree, std::string_view source) {
  StringSink sink;
  auto written = write_erofs(tree, options_for(source), sink);
  EXPECT_TRUE(written) << written.error().message();
  EXPECT_EQ(written->bytes, sink.text().size());
  return sink.take();
}

Files read_back(const ErofsTree& tree, std::string_view source, uint64_t limit = 1U << 20U) {
  const std::string image = image_of(tree, source);
  return ErofsReader(image, source, limit).read();
}

TEST(ErofsWriter, AnEmptyTree) {
  const ErofsTree tree({.mode = 01755, .uid = 3, .gid = 4, .mtime = kTime});
  const Files files = read_back(tree, "");
  ASSERT_EQ(files.size(), 1u);
  const ErofsFile& root = files.at("");
  EXPECT_EQ(root.mode, static_cast<uint32_t>(S_IFDIR | 01755));
  EXPECT_EQ(root.uid, 3u);
  EXPECT_EQ(root.mtime, 1'000'000'000);
  EXPECT_EQ(root.mtime_nanos, 7u);
  EXPECT_EQ(image_of(tree, "").size(), 2048u);
}

TEST(ErofsWriter, OneOfEverything) {
  const std::string source = numbered(4096);
  ErofsTree tree({.mode = 0755, .mtime = kTime});
  const ErofsAttributes plain{.mode = 0644, .mtime = kTime};
  const auto link = [&](Id directory, const char* name, const Result<Id>& inode) {
    EXPECT_TRUE(inode) << inode.error().message();
    EXPECT_TRUE(tree.link(directory, name, *inode));
    return *inode;
  };
  const Id dir = link(0, "dir", tree.add_directory({.mode = 02770, .uid = 70'000, .mtime = kTime}));
  const ErofsPiece piece{.offset = 0, .size = 700, .source_offset = 1024};
  const Id file = link(dir, "file", tree.add_file(plain, 700, {&piece, 1}));
  link(0, "again", file);
  link(0, "empty", tree.add_file({.mode = 04711, .mtime = TimePoint{}}, 0, {}));
  link(0, "short", tree.add_symlink({.mode = 0777, .mtime = kTime}, "dir/file"));
  link(0, "long", tree.add_symlink({.mode = 0777, .mtime = kTime}, std::string(4095, 't')));
  link(0, "null", tree.add_special(plain, S_IFCHR, 1, 3));
  link(0, "disk", tree.add_special(plain, S_IFBLK, 259, 70'000));
  link(0, "fifo", tree.add_special(plain, S_IFIFO));
  link(0, "socket", tree.add_special(plain, S_IFSOCK));
  const Id unnamed = *tree.add_file(plain, 0, {});
  EXPECT_FALSE(tree.link(0, "again", unnamed));

  const Files files = read_back(tree, source);
  EXPECT_EQ(files.size(), 11u);
  EXPECT_EQ(files.at("dir/file").content, source.substr(1024, 700));
  EXPECT_EQ(files.at("dir/file").layout, DataLayout::kPlain);
  EXPECT_FALSE(files.at("dir/file").extended);
  EXPECT_EQ(files.at("again").nid, files.at("dir/file").nid);
  EXPECT_EQ(files.at("again").links, 2u);
  EXPECT_EQ(files.at("dir").uid, 70'000u);
  EXPECT_TRUE(files.at("dir").extended);
  EXPECT_EQ(files.at("dir").layout, DataLayout::kInline);
  EXPECT_EQ(files.at("empty").mode, static_cast<uint32_t>(S_IFREG | 04711));
  EXPECT_EQ(files.at("empty").mtime, 0);
  EXPECT_EQ(files.at("short").content, "dir/file");
  EXPECT_EQ(files.at("short").layout, DataLayout::kInline);
  EXPECT_EQ(files.at("long").content, std::string(4095, 't'));
  EXPECT_EQ(files.at("null").device, 0x103u);
  EXPECT_EQ(files.at("disk").device, (70'000 & 0xffU) | 259U << 8U | (70'000 & ~0xffU) << 12U);
  EXPECT_TRUE(S_ISFIFO(files.at("fifo").mode));
  EXPECT_TRUE(S_ISSOCK(files.at("socket").mode));
}

TEST(ErofsWriter, TheSameTreeGivesTheSameBytesHoweverItWasMade) {
  ErofsTree one;
  ErofsTree other;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(one.link(0, cat("f", i), *one.add_file({.mode = 0600}, 0, {})));
    ASSERT_TRUE(other.link(0, cat("f", 99 - i), *other.add_file({.mode = 0600}, 0, {})));
  }
  EXPECT_EQ(image_of(one, ""), image_of(other, ""));
}

TEST(ErofsWriter, NamesThatSortBeforeTheDots) {
  ErofsTree tree;
  const std::vector<std::string> names = {"!",   "+x",   "-",    "...", ".a",
                                          "..a", "\x01", "\xff", "z",   std::string(255, 'n')};
  for (const std::string& name : names) {
    ASSERT_TRUE(tree.link(0, name, *tree.add_directory({.mode = 0755})));
  }
  const Files files = read_back(tree, "");
  EXPECT_EQ(files.size(), names.size() + 1);
  for (const std::string& name : names) EXPECT_TRUE(files.contains(name)) << name;
  EXPECT_FALSE(tree.link(0, std::string(256, 'n'), *tree.add_directory({})));
  for (const char* name : {"", ".", "..", "a/b"}) {
    EXPECT_FALSE(tree.link(0, name, *tree.add_directory({}))) << name;
  }
}

TEST(ErofsWriter, LargeDirectories) {
  ErofsTree tree;
  const Id empty = *tree.add_file({.mode = 0644}, 0, {});
  for (int i = 0; i < 5000; ++i) {
    ASSERT_TRUE(tree.link(0, cat(std::string(static_cast<size_t>(i % 200), 'x'), i), empty));
  }
  const Files files = read_back(tree, "");
  EXPECT_EQ(files.size(), 5001u);
  EXPECT_EQ(files.at("0").links, 5000u);
}

TEST(ErofsWriter, ExtendedAttributes) {
  const std::map<std::string, std::string> xattrs = {
      {"user.empty", ""},
      {"user.note", std::string("a\0b", 3)},
      {"trusted.overlay.opaque", "y"},
      {"security.capability", std::string(20, 'c')},
      {"system.posix_acl_access", std::string(28, 'a')},
      {"user.large", std::string(65'535, 'l')}};
  ErofsTree tree({.mode = 0755});
  ASSERT_TRUE(tree.set_attributes(0, {.mode = 0755, .xattrs = xattrs}));
  const Id link =
      *tree.add_symlink({.mode = 0777, .xattrs = {{"trusted.x", std::string(470, 'x')}}}, "t");
  ASSERT_TRUE(tree.add_xattr(link, "trusted.y", "more"));
  ASSERT_TRUE(tree.link(0, "link", link));
  const Files files = read_back(tree, "");
  EXPECT_EQ(files.at("").xattrs, xattrs);
  EXPECT_EQ(files.at("link").xattrs.size(), 2u);
  EXPECT_EQ(files.at("link").content, "t");
  EXPECT_TRUE(is_erofs_xattr("security.selinux"));
  EXPECT_FALSE(is_erofs_xattr("system.nfs4_acl") || is_erofs_xattr("user") || is_erofs_xattr(""));
  for (const std::string& name :
       {std::string("user."), std::string("other.x"), std::string(),
        cat("user.", std::string(251, 'x')), std::string("user.a\0b", 8)}) {
    EXPECT_FALSE(tree.add_xattr(0, name, "")) << name;
  }
  EXPECT_FALSE(tree.add_xattr(0, "user.x", std::string(65'536, 'x')));
  EXPECT_TRUE(tree.add_xattr(0, "user.x", std::string(65'535, 'x')));
  EXPECT_TRUE(tree.add_xattr(0, "user.y", std::string(65'535, 'x')));
  EXPECT_FALSE(tree.add_xattr(0, "user.z", std::string(65'535, 'x')));
}

// A file of `pieces`, as a reader must see it.
std::string expanded(std::span<const ErofsPiece> pieces, uint64_t size, std::string_view source) {
  std::string text(size, '\0');
  for (const ErofsPiece& piece : pieces) {
    text.replace(piece.offset, piece.size, source.substr(piece.source_offset, piece.size));
  }
  return text;
}

void expect_file(std::span<const ErofsPiece> pieces, uint64_t size, DataLayout layout) {
  const std::string source = numbered(200'000);
  ErofsTree tree;
  auto file = tree.add_file({.mode = 0644}, size, pieces);
  ASSERT_TRUE(file) << file.error().message();
  ASSERT_TRUE(tree.link(0, "f", *file));
  const ErofsFile read = read_back(tree, source).at("f");
  EXPECT_EQ(read.layout, layout);
  EXPECT_EQ(read.content, expanded(pieces, size, source));
}

TEST(ErofsWriter, HolesAndOddPieces) {
  using Pieces = std::vector<ErofsPiece>;
  expect_file(Pieces{{0, 10'000, 512}}, 10'000, DataLayout::kPlain);
  expect_file(Pieces{{0, 100, 512}, {100, 9'900, 612}}, 10'000, DataLayout::kPlain);
  expect_file(Pieces{}, 100'000, DataLayout::kChunks);
  expect_file(Pieces{{4096, 4096, 512}, {20'480, 1000, 4608}}, 21'480, DataLayout::kChunks);
  expect_file(Pieces{{4096, 4096, 512}, {20'480, 1000, 4608}}, 100'000, DataLayout::kChunks);
  expect_file(Pieces{{0, 10'000, 513}}, 10'000, DataLayout::kChunks);
  expect_file(Pieces{{1, 1, 512}}, 3, DataLayout::kChunks);
  expect_file(Pieces{{77, 3000, 512}, {5000, 3000, 3512}, {90'000, 1, 9000}}, 90'001,
              DataLayout::kChunks);
  ErofsTree tree;
  EXPECT_FALSE(tree.add_file({}, 10, Pieces{{5, 6, 0}}));
  EXPECT_FALSE(tree.add_file({}, 10, Pieces{{5, 2, 0}, {6, 2, 2}}));
  EXPECT_FALSE(tree.add_file({}, uint64_t{1} << 63U, {}));
}

TEST(ErofsWriter, DataBeyondTheSourceAreRefused) {
  ErofsTree tree;
  const ErofsPiece piece{.offset = 0, .size = 513, .source_offset = 512};
  ASSERT_TRUE(tree.link(0, "f", *tree.add_file({}, 513, {&piece, 1})));
  StringSink sink;
  EXPECT_EQ(write_erofs(tree, {.source_size = 1024}, sink).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(write_erofs(tree, {.source_size = uint64_t{2} << 40U}, sink).error().code(),
            Code::kResourceExhausted);
  EXPECT_TRUE(sink.text().empty());
}

// One record at the end of an enormous hole, as /var/log/lastlog is.
TEST(ErofsWriter, EnormousHolesCostLittle) {
  const std::string source = numbered(4096);
  const uint64_t size = (uint64_t{600} << 30U) + 292;
  const ErofsPiece piece{.offset = size - 292, .size = 292, .source_offset = 0};
  ErofsTree tree;
  ASSERT_TRUE(tree.link(0, "lastlog", *tree.add_file({.mode = 0644}, size, {&piece, 1})));
  EXPECT_LT(image_of(tree, source).size(), 8U << 20U);
  const ErofsPiece far{.offset = uint64_t{1} << 61U, .size = 512, .source_offset = 0};
  ASSERT_TRUE(tree.link(0, "bomb", *tree.add_file({}, uint64_t{1} << 62U, {&far, 1})));
  StringSink sink;
  auto refused = write_erofs(tree, options_for(source), sink);
  EXPECT_EQ(refused.error().code(), Code::kResourceExhausted) << refused.error().message();
  EXPECT_TRUE(sink.text().empty());
}

RC_GTEST_PROP(ErofsWriter, FilesOfRandomPieces, ()) {
  const std::string source = numbered(20'000);
  std::vector<ErofsPiece> pieces;
  uint64_t size = 0;
  uint64_t next = *rc::gen::inRange<uint64_t>(0, 3) * 512;
  for (int left = *rc::gen::inRange(0, 6); left > 0; --left) {
    const bool odd = *rc::gen::inRange(0, 4) == 0;
    const auto step = [&] {
      return static_cast<uint64_t>(*rc::gen::inRange(0, odd ? 3000 : 6)) * (odd ? 1 : 512);
    };
    size += step();
    const uint64_t piece = step();
    pieces.push_back({size, piece, next});
    size += piece;
    next += piece;
  }
  size += static_cast<uint64_t>(*rc::gen::inRange(0, 2000));
  ErofsTree tree;
  RC_ASSERT(tree.link(0, "f", tree.add_file({.mode = 0644}, size, pieces).value()).has_value());
  RC_ASSERT(read_back(tree, source).at("f").content == expanded(pieces, size, source));
}

// Random trees: what was put in is what a reader finds.
RC_GTEST_PROP(ErofsWriter, RandomTrees, ()) {
  ErofsTree tree({.mode = 0755, .mtime = kTime});
  std::vector<std::pair<Id, std::string>> directories = {{0, ""}};
  std::map<std::string, std::string> expected;
  std::vector<Id> files;
  for (int left = *rc::gen::inRange(0, 120); left > 0; --left) {
    const auto [directory, path] = directories[*rc::gen::inRange<size_t>(0, directories.size())];
    const std::string name = *rc::gen::container<std::string>(rc::gen::suchThat(
        rc::gen::arbitrary<char>(), [](char c) { return c != '/' && c != '\0'; }));
    if (name.empty() || name == "." || name == ".." || tree.find(directory, name)) continue;
    const ErofsAttributes attributes{
        .mode = static_cast<uint32_t>(*rc::gen::inRange(0, 010000)),
        .uid = static_cast<uint32_t>(*rc::gen::inRange(0, 3)) * 40'000,
        .mtime = kTime + std::chrono::nanoseconds(*rc::gen::inRange(-2, 3))};
    const int kind = *rc::gen::inRange(0, 4);
    Result<Id> made = kind == 0   ? tree.add_directory(attributes)
                      : kind == 1 ? tree.add_symlink(attributes, std::string(name.size() * 5, 'l'))
                                  : tree.add_file(attributes, 0, {});
    if (kind == 3 && !files.empty()) made = files[*rc::gen::inRange<size_t>(0, files.size())];
    RC_ASSERT(made.has_value());
    RC_ASSERT(tree.link(directory, name, *made).has_value());
    const std::string full = path.empty() ? name : cat(path, "/", name);
    if (kind == 0) directories.emplace_back(*made, full);
    if (kind == 2) files.push_back(*made);
    const ErofsTree::Inode& inode = tree.inode(*made);
    expected[full] = cat(inode.mode, " ", inode.uid, " ", unix_nanos(inode.mtime), " ",
                         S_ISLNK(inode.mode) ? inode.size : 0);
  }
  std::map<std::string, std::string> actual;
  for (const auto& [path, file] : read_back(tree, "")) {
    if (path.empty()) continue;
    actual[path] = cat(file.mode, " ", file.uid, " ", file.mtime * 1'000'000'000 + file.mtime_nanos,
                       " ", file.content.size());
  }
  RC_ASSERT(actual == expected);
}

}  // namespace
}  // namespace skiff
