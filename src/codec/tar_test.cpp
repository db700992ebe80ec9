#include "codec/tar.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sys/mman.h>

#include "codec/tar_pax.h"
#include "codec/tar_test_support.h"

namespace skiff {
namespace {

constexpr size_t kBlock = 512;

ReadEntry file(std::string name, std::string body) {
  ReadEntry out{{.name = std::move(name), .size = body.size()}, {}};
  out.body = std::move(body);
  return out;
}

std::string must_write(const std::vector<ReadEntry>& entries) {
  auto bytes = write_tar(entries);
  EXPECT_TRUE(bytes) << bytes.error().message();
  return *bytes;
}

// Puts the right checksum on the header at `at`.
void seal(std::string& archive, size_t at) {
  archive.replace(at + 148, 8, 8, ' ');
  unsigned sum = 0;
  for (size_t i = 0; i < kBlock; ++i) sum += static_cast<unsigned char>(archive[at + i]);
  char digits[8];
  std::snprintf(digits, sizeof digits, "%06o", sum);
  archive.replace(at + 148, 7, digits, 7);
}

std::string error_of(std::string_view archive) {
  const auto entries = read_tar(archive);
  if (entries) return "";
  EXPECT_EQ(entries.error().code(), Code::kInvalidArgument);
  return entries.error().message();
}

TEST(Tar, PlainEntriesAreNothingButUstar) {
  const std::string archive =
      must_write({file("a", "hello"), {{.name = "d/", .type = TarType::kDirectory}, {}}});
  EXPECT_EQ(archive.size(), 5 * kBlock);
  EXPECT_EQ(archive.substr(257, 8), std::string_view("ustar\00000", 8));
  EXPECT_EQ(archive.substr(3 * kBlock), std::string(2 * kBlock, '\0'));
  EXPECT_EQ(archive, must_write(*read_tar(archive)));
}

TEST(Tar, RecordsStandOnlyWhereUstarCannotSayIt) {
  const std::pair<TarEntry, const char*> kOnlyPax[] = {
      {{.name = std::string(300, 'n')}, "path"},
      {{.name = cat("/", std::string(101, 'n'))}, "path"},
      {{.name = "l", .type = TarType::kSymlink, .link_target = std::string(101, 't')}, "linkpath"},
      {{.name = "f", .uid = 1U << 21U}, "uid"},
      {{.name = "f", .gid = UINT32_MAX}, "gid"},
      {{.name = "f", .user = std::string(32, 'u')}, "uname"},
      {{.name = "f", .group = std::string(40, 'g')}, "gname"},
      {{.name = "f", .mtime = TimePoint(std::chrono::nanoseconds(1))}, "mtime"},
      {{.name = "f", .mtime = TimePoint(std::chrono::seconds(-1))}, "mtime"},
      {{.name = "f", .mtime = TimePoint(std::chrono::seconds(int64_t{1} << 33U))}, "mtime"},
      {{.name = "f", .xattrs = {{"user.x", ""}}}, "SCHILY.xattr.user.x"}};
  for (const auto& [entry, key] : kOnlyPax) {
    const std::string archive = must_write({{entry, {}}});
    EXPECT_EQ(archive[156], 'x') << key;
    EXPECT_NE(archive.substr(kBlock, kBlock).find(cat(" ", key, "=")), std::string::npos) << key;
    EXPECT_EQ(archive.size(), 5 * kBlock) << key;
    EXPECT_EQ(describe(read_tar(archive)->front()), describe({entry, {}})) << key;
  }
  const TarEntry kUstar[] = {
      {.name = std::string(100, 'n')},
      {.name = cat(std::string(155, 'p'), "/", std::string(100, 'n'))},
      {.name = cat(std::string(155, 'p'), "/", std::string(99, 'n'), "/"),
       .type = TarType::kDirectory},
      {.name = "l", .type = TarType::kSymlink, .link_target = std::string(100, 't')},
      {.name = "f", .uid = (1U << 21U) - 1, .user = std::string(31, 'u')},
      {.name = "f", .mtime = TimePoint(std::chrono::seconds((int64_t{1} << 33U) - 1))}};
  for (const TarEntry& entry : kUstar) {
    const std::string archive = must_write({{entry, {}}});
    EXPECT_EQ(archive.size(), 3 * kBlock) << entry.name;
    EXPECT_EQ(read_tar(archive)->front().entry.name, entry.name);
    EXPECT_EQ(describe(read_tar(archive)->front()), describe({entry, {}}));
  }
}

TEST(Tar, TheWriterKeepsItsEntriesWhole) {
  StringSink out;
  TarWriter tar(out);
  ASSERT_TRUE(tar.add({.name = "f", .size = 10}));
  ASSERT_TRUE(tar.write_body("12345"));
  EXPECT_EQ(tar.add({.name = "g"}).error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(tar.finish().error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(tar.write_body("678901").error().code(), Code::kFailedPrecondition);
  ASSERT_TRUE(tar.write_body("67890"));
  EXPECT_EQ(out.text().size(), 2 * kBlock);
  StringSource shorter("abc");
  EXPECT_EQ(tar.add_file({.name = "h", .size = 4}, shorter).error().message(),
            "tar entry \"h\": the file ends 1 bytes before its size");
}

TEST(Tar, WhatNoArchiveCanSayIsRefused) {
  using namespace std::string_literals;
  StringSink out;
  TarWriter tar(out);
  EXPECT_FALSE(tar.add({.name = "a\0b"s}));
  EXPECT_FALSE(tar.add({.name = "l", .type = TarType::kSymlink, .link_target = "a\0b"s}));
  EXPECT_FALSE(tar.add({.name = "d", .type = TarType::kCharDevice, .dev_minor = 1U << 21U}));
  EXPECT_FALSE(tar.add({.name = "f", .xattrs = {{"user.x", std::string(2 << 20, 'x')}}}));
  EXPECT_EQ(out.text(), "");
}

TEST(Tar, TheEndIsTwoZeroBlocksOrNothing) {
  const std::string archive = must_write({file("a", "x")});
  EXPECT_EQ(read_tar("")->size(), 0u);
  EXPECT_EQ(read_tar(std::string(10'240, '\0'))->size(), 0u);
  EXPECT_EQ(read_tar(archive.substr(0, 2 * kBlock))->size(), 1u);
  EXPECT_EQ(read_tar(archive.substr(0, 3 * kBlock))->size(), 1u);
  StringSource source(archive);
  TarReader tar(source);
  ASSERT_TRUE(tar.next());
  EXPECT_EQ(*tar.next(), nullptr);
  EXPECT_EQ(*tar.next(), nullptr);
  char byte = 0;
  EXPECT_EQ(*tar.body().read({&byte, 1}), 0u);
}

TEST(Tar, CutAnywhereElseItIsAnError) {
  ReadEntry attributes = file(std::string(200, 'n'), std::string(700, 'b'));
  attributes.entry.xattrs = {{"user.x", std::string(600, 'v')}};
  const std::vector<ReadEntry> entries = {file("first", "hello"), attributes, file("last", "")};
  const std::string whole = must_write(entries);
  std::vector<size_t> good_ends;
  for (size_t count = 0; count <= entries.size(); ++count) {
    const auto some = must_write({entries.begin(), entries.begin() + static_cast<long>(count)});
    good_ends.push_back(some.size() - 2 * kBlock);
  }
  for (size_t length = 0; length < whole.size(); ++length) {
    const bool good = std::ranges::count(good_ends, length) > 0 || length >= whole.size() - kBlock;
    const std::string error = error_of(std::string_view(whole).substr(0, length));
    const bool is_cut = error.ends_with("the archive is cut short");
    ASSERT_TRUE(good ? error.empty() : is_cut) << length << ": " << error;
  }
}

TEST(Tar, TheLastPaddingMayBeMissingWhereThatIsSaid) {
  const std::string whole = must_write({file("a", "hello"), file("b", "last")});
  const size_t end = whole.size() - 2 * kBlock;
  const size_t data_end = end - kBlock + 4;
  for (size_t length = data_end - 1; length < end; ++length) {
    StringSource source(std::string_view(whole).substr(0, length));
    TarReader tar(source, TarReader::LastPadding::kMayBeMissing);
    ASSERT_TRUE(tar.next());
    ASSERT_TRUE(tar.next());
    ASSERT_EQ(bool{tar.next()}, length >= data_end) << length;
  }
}

TEST(Tar, ABodyThatIsCutShortIsAnErrorOfTheBodyToo) {
  const std::string archive = must_write({file("a", std::string(1000, 'x'))});
  StringSource source(std::string_view(archive).substr(0, kBlock + 700));
  TarReader tar(source);
  ASSERT_TRUE(tar.next());
  EXPECT_EQ(read_all(tar.body(), 2000).error().message(), "the archive is cut short");
}

TEST(Tar, ErrorsNameTheEntryAndTheOffset) {
  std::string archive = must_write({file("first", "x"), file("second", "y")});
  archive[2 * kBlock + 100] = 'z';  // in the mode
  EXPECT_EQ(
      error_of(archive),
      "tar header at offset 1024: wrong header checksum: not a tar archive, or a damaged one");
  seal(archive, 2 * kBlock);
  EXPECT_EQ(error_of(archive),
            "tar entry \"second\" at offset 1024: mode is not a number: \"z000644\"");
  EXPECT_NE(error_of(std::string(2000, 'x')).find("not a tar archive"), std::string::npos);
}

TEST(Tar, ABitThatFlipsInAHeaderIsNoticed) {
  const std::string whole = must_write({file("name", "body")});
  for (size_t at = 0; at < kBlock; ++at) {
    // In the checksum itself a zero may become a blank.
    if (at >= 148 && at < 156) continue;
    for (unsigned bit = 0; bit < 8; ++bit) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ (1U << bit));
      EXPECT_NE(error_of(damaged), "") << at << " bit " << bit;
    }
  }
}

TEST(Tar, HostileHeadersAreErrors) {
  const auto changed = [](size_t at, std::string_view bytes, TarEntry entry = {.name = "f"}) {
    std::string archive = must_write({{std::move(entry), {}}});
    archive.replace(at, bytes.size(), bytes);
    seal(archive, 0);
    return error_of(archive);
  };
  using namespace std::string_view_literals;
  EXPECT_NE(changed(124, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"sv), "");  // size -1
  EXPECT_NE(changed(124, "\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"sv), "");
  EXPECT_NE(changed(124, "\x80\xff\0\0\0\0\0\0\0\0\0\0"sv), "");
  EXPECT_NE(changed(136, "\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff"sv), "");  // the year 292e9
  EXPECT_NE(changed(124, "777777777777"sv), "");
  EXPECT_NE(changed(124, "12 45"sv), "");
  EXPECT_NE(changed(156, "Z"sv), "");
  // Metadata that would fill our memory.
  EXPECT_NE(changed(156, "x"sv, {.name = "f", .size = 0}), "");
  for (const char type : {'x', 'g', 'L', 'K'}) {
    std::string archive = must_write({file("f", "")});
    archive[156] = type;
    archive.replace(124, 11, "77777777777");
    seal(archive, 0);
    EXPECT_NE(error_of(archive).find("too large"), std::string::npos) << type;
  }
}

std::string with_pax(std::string_view text) {
  std::string archive = must_write({file("pax", std::string(text)), file("f", "body")});
  archive[156] = 'x';
  seal(archive, 0);
  return archive;
}

// Any number of headers may come before an entry; what they say together is limited as one is.
TEST(Tar, PaxHeadersDoNotAddUpToOurMemory) {
  auto headers = [](char type, int count, bool same_key) {
    std::string archive;
    for (int i = 0; i < count; ++i) {
      const std::string key = cat("comment", same_key ? 0 : i);
      std::string one = must_write({file("pax", tar::pax_record(key, std::string(600'000, 'v')))});
      one[156] = type;
      seal(one, 0);
      archive += one.substr(0, one.size() - 1024);  // without the archive's end
    }
    return archive + must_write({file("f", "body")});
  };
  for (const char type : {'x', 'g'}) {
    EXPECT_NE(error_of(headers(type, 10, false)).find("too many"), std::string::npos) << type;
    EXPECT_EQ(error_of(headers(type, 3, false)), "") << type;
    EXPECT_EQ(error_of(headers(type, 10, true)), "") << type;
  }
}

TEST(Tar, PaxRecordsMustBeWellFormed) {
  EXPECT_EQ(read_tar(with_pax("9 path=g\n"))->front().entry.name, "g");
  EXPECT_EQ(read_tar(with_pax("8 path=\n"))->size(), 1u);  // an empty value means nothing
  for (const char* text :
       {"path=g\n", "8 path=g\n", "11 path=g\n", "99 path=g\n", "9 path=g", " 9 path=g\n",
        "18446744073709551616 path=g\n", "-9 path=g\n", "4 =\n", "0 \n", "2 \n", "11 size=abc\n",
        "11 size=-12\n", "27 size=9223372036854775808\n", "12 mtime=1e9\n", "11 uid=zero\n",
        "25 mtime=99999999999999\n", "23 GNU.sparse.numbytes=1\n"}) {
    EXPECT_NE(error_of(with_pax(text)), "") << text;
  }
  EXPECT_NE(error_of(with_pax(std::string_view("11 path=a\0b\n", 12))), "");
}

TEST(Tar, ASizeInAPaxRecordRules) {
  std::string archive = with_pax("9 size=4\n");
  archive.replace(2 * kBlock + 124, 11, "00000000000");
  seal(archive, 2 * kBlock);
  EXPECT_EQ(read_tar(archive)->front().body, "body");
}

TEST(Tar, BadSparseMapsAreErrors) {
  for (const char* map : {"0,2,1,2", "4,0,2,4", "0,9", "0,3", "x", "0", "0,4,", "5,4"}) {
    const std::string records =
        cat(tar::pax_record("GNU.sparse.size", "8"), tar::pax_record("GNU.sparse.map", map));
    EXPECT_NE(error_of(with_pax(records)), "") << map;
  }
  const std::string good =
      cat(tar::pax_record("GNU.sparse.size", "8"), tar::pax_record("GNU.sparse.map", "1,1,3,3"));
  EXPECT_EQ(read_tar(with_pax(good))->front().body, std::string("\0b\0ody\0\0", 8));
}

TEST(Tar, AnExtendedAttributeHasAName) {
  for (const std::string_view name : {std::string_view(""), std::string_view("\0user.a", 7)}) {
    EXPECT_NE(error_of(with_pax(tar::pax_record(cat("SCHILY.xattr.", name), "v"))), "");
  }
}

TEST(Tar, AFileWhoseNameEndsInASlashIsADirectory) {
  for (const char type : {'\0', '0', '7'}) {
    std::string archive = must_write({{{.name = "d/", .type = TarType::kDirectory}, {}}});
    archive[156] = type;
    seal(archive, 0);
    EXPECT_EQ(read_tar(archive)->front().entry.type, TarType::kDirectory) << type;
    archive.replace(124, 11, "00000001000");
    seal(archive, 0);
    EXPECT_NE(error_of(archive).find("has contents"), std::string::npos) << type;
  }
}

TEST(Tar, ASparseMapWithoutASizeIsOfTheHeadersSize) {
  EXPECT_NE(error_of(with_pax(tar::pax_record("GNU.sparse.map", "1,1,3,3"))), "");
  const std::string pieces =
      cat(tar::pax_record("GNU.sparse.offset", "8"), tar::pax_record("GNU.sparse.numbytes", "4"));
  EXPECT_NE(error_of(with_pax(pieces)), "");
  const std::string whole = tar::pax_record("GNU.sparse.map", "0,1,1,3");
  EXPECT_EQ(read_tar(with_pax(whole))->front().body, "body");
}

TEST(Tar, AClaimOfExabytesCostsNothingUntilItIsRead) {
  const std::string records = cat(tar::pax_record("GNU.sparse.size", "9000000000000000000"),
                                  tar::pax_record("GNU.sparse.map", "8999999999999999996,4"));
  const auto entries = read_tar(with_pax(records), 1000);
  ASSERT_TRUE(entries) << entries.error().message();
  EXPECT_EQ(entries->front().entry.size, 9'000'000'000'000'000'000U);
  EXPECT_EQ(entries->front().body, std::string(1000, '\0'));
}

TEST(Tar, AHoleStaysAHole) {
  constexpr uint64_t kSize = uint64_t{1} << 50U;
  const std::string records =
      cat(tar::pax_record("GNU.sparse.size", std::to_string(kSize)),
          tar::pax_record("GNU.sparse.map", cat("1048576,2,", kSize - 2, ",2")));
  const std::string archive = with_pax(records);
  StringSource source(archive);
  TarReader reader(source);
  const auto entry = reader.next();
  ASSERT_TRUE(entry) << entry.error().message();
  EXPECT_TRUE((*entry)->is_sparse);
  const UniqueFd file(::memfd_create("sparse", MFD_CLOEXEC));
  const auto copied = copy_sparse(reader.body(), file.get(), {});
  ASSERT_TRUE(copied) << copied.error().message();
  struct stat st{};
  ASSERT_EQ(::fstat(file.get(), &st), 0);
  EXPECT_EQ(static_cast<uint64_t>(st.st_size), kSize);
  EXPECT_LT(st.st_blocks, 8192);
  std::array<char, 2> bytes{};
  ASSERT_EQ(::pread(file.get(), bytes.data(), 2, 1048576), 2);
  EXPECT_EQ(std::string_view(bytes.data(), 2), "bo");
  ASSERT_EQ(::pread(file.get(), bytes.data(), 2, kSize - 2), 2);
  EXPECT_EQ(std::string_view(bytes.data(), 2), "dy");
}

TEST(Tar, TypesWithoutABodyHaveNoneWhateverTheirSizeSays) {
  std::string archive =
      must_write({{{.name = "d/", .type = TarType::kDirectory}, {}}, file("f", "body")});
  archive.replace(124, 11, "00000001000");
  seal(archive, 0);
  const auto entries = read_tar(archive);
  ASSERT_TRUE(entries && entries->size() == 2) << entries.error().message();
  EXPECT_EQ((*entries)[0].entry.size, 0u);
  EXPECT_EQ((*entries)[1].body, "body");
}

// Round trips.

std::string text_without_zeros(int most) {
  const auto byte = rc::gen::map(rc::gen::inRange(1, 256), [](int c) { return char(c); });
  return *rc::gen::resize(most, rc::gen::container<std::string>(byte));
}

ReadEntry random_entry() {
  ReadEntry out;
  TarEntry& e = out.entry;
  e.type = static_cast<TarType>(*rc::gen::inRange(0, 7));
  for (int parts = *rc::gen::inRange(1, 6); parts > 0; --parts) {
    e.name += cat(text_without_zeros(150), parts > 1 ? "/" : "");
  }
  while (e.type == TarType::kFile && e.name.ends_with('/')) e.name.pop_back();
  e.mode = static_cast<uint32_t>(*rc::gen::inRange(0, 010000));
  e.uid = *rc::gen::inRange<uint64_t>(0, INT64_MAX);
  e.gid = static_cast<uint64_t>(*rc::gen::inRange(0, 3'000'000));
  e.user = text_without_zeros(50);
  e.group = text_without_zeros(50);
  e.mtime = TimePoint(std::chrono::nanoseconds(
      *rc::gen::inRange<int64_t>(-9'000'000'000'000'000'000, 9'000'000'000'000'000'000)));
  if (e.type == TarType::kHardLink || e.type == TarType::kSymlink) {
    e.link_target = text_without_zeros(250);
  }
  if (e.type == TarType::kCharDevice || e.type == TarType::kBlockDevice) {
    e.dev_major = static_cast<uint32_t>(*rc::gen::inRange(0, 1 << 12));
    e.dev_minor = static_cast<uint32_t>(*rc::gen::inRange(0, 1 << 20));
  }
  for (int n = *rc::gen::inRange(0, 4); n > 0; --n) {
    e.xattrs[cat("user.", text_without_zeros(30))] = *rc::gen::arbitrary<std::string>();
  }
  if (e.type == TarType::kFile) {
    out.body = *rc::gen::resize(3000, rc::gen::arbitrary<std::string>());
    e.size = out.body.size();
  }
  return out;
}

std::vector<ReadEntry> random_entries() {
  std::vector<ReadEntry> entries;
  for (int n = *rc::gen::inRange(0, 5); n > 0; --n) entries.push_back(random_entry());
  return entries;
}

bool same(const ReadEntry& a, const ReadEntry& b) {
  return a.entry.name == b.entry.name && a.entry.user == b.entry.user &&
         a.entry.group == b.entry.group && describe(a) == describe(b);
}

RC_GTEST_PROP(TarProperties, ComesBack, ()) {
  const std::vector<ReadEntry> entries = random_entries();
  const auto archive = write_tar(entries);
  RC_ASSERT(archive.has_value());
  RC_ASSERT(archive->size() % kBlock == 0);
  const auto back = read_tar(*archive);
  RC_ASSERT(back.has_value());
  RC_ASSERT(std::ranges::equal(*back, entries, same));
  RC_ASSERT(*write_tar(*back) == *archive);
}

RC_GTEST_PROP(TarProperties, DamageIsReadOrRefused, ()) {
  std::string archive = *write_tar(random_entries());
  for (int n = *rc::gen::inRange(1, 10); n > 0; --n) {
    const size_t at = *rc::gen::inRange<size_t>(0, archive.size());
    archive[at] = *rc::gen::arbitrary<char>();
    // Half of it with a checksum that is right again.
    if (*rc::gen::arbitrary<bool>()) seal(archive, at / kBlock * kBlock);
  }
  const auto entries = read_tar(archive, size_t{1} << 20U);
  if (!entries) RC_ASSERT(entries.error().code() == Code::kInvalidArgument);
}

RC_GTEST_PROP(TarProperties, TimesComeBack, (int64_t nanos)) {
  const TimePoint time(std::chrono::nanoseconds(nanos / 2));
  RC_ASSERT(*tar::parse_pax_time(tar::format_pax_time(time)) == time);
}

}  // namespace
}  // namespace skiff
