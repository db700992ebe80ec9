#include <fcntl.h>
#include <gtest/gtest.h>

#include "base/cancellation.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/io.h"
#include "base/log.h"
#include "base/random.h"
#include "base/recurring_error.h"
#include "base/size.h"
#include "base/strings.h"

namespace skiff {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return Error(Code::kInvalidArgument, cat(n, " is odd"));
  return n / 2;
}

Result<int> quarter(int n) {
  int h = TRY_CONTEXT(half(n), "first half");
  return TRY(half(h));
}

TEST(Result, TryReturnsTheErrorWithItsContext) {
  EXPECT_EQ(*quarter(8), 2);
  EXPECT_EQ(quarter(6).error().message(), "3 is odd");
  EXPECT_EQ(quarter(5).error().message(), "first half: 5 is odd");
  EXPECT_EQ(quarter(5).error().code(), Code::kInvalidArgument);
}

TEST(Result, ContextComesBeforeTheErrorHoweverLongBothAre) {
  const std::string what(200, 'w');
  EXPECT_EQ(half(5).context(what).error().message(), cat(what, ": 5 is odd"));
  EXPECT_EQ(half(5).context(what).context("on top").error().message(),
            cat("on top: ", what, ": 5 is odd"));
  EXPECT_EQ(*half(8).context(what), 4);
}

TEST(Error, FromErrnoKeepsTheNumberAndMapsTheCode) {
  Error e = Error::from_errno(ENOENT, "open /x");
  EXPECT_EQ(e.message(), "open /x: No such file or directory");
  EXPECT_EQ(e.code(), Code::kNotFound);
  EXPECT_EQ(e.sys_errno(), ENOENT);
}

TEST(Strings, SplitJoinTrim) {
  EXPECT_EQ(join(split("a,b,,c", ','), "|"), "a|b||c");
  EXPECT_EQ(trim(" \t x y \n"), "x y");
  EXPECT_EQ(split_last("a:b:c", ':')->second, "c");
  EXPECT_FALSE(split_once("abc", ':'));
  EXPECT_EQ(replace_all("aXbX", "X", "--"), "a--b--");
}

TEST(Strings, NumbersAreTakenWholeOrNotAtAll) {
  EXPECT_EQ(parse_int("-12"), -12);
  EXPECT_EQ(parse_uint("ff", 16), 255u);
  EXPECT_FALSE(parse_int("12x"));
  EXPECT_FALSE(parse_int(""));
  EXPECT_FALSE(parse_uint("18446744073709551616"));
}

TEST(Clock, Rfc3339RoundTrip) {
  auto t = parse_rfc3339("2026-11-24T01:02:03.5+01:00");
  ASSERT_TRUE(t);
  EXPECT_EQ(format_rfc3339(*t), "2026-11-24T00:02:03.5Z");
  EXPECT_EQ(format_rfc3339_fixed(*t), "2026-11-24T00:02:03.500000000Z");
  EXPECT_EQ(format_rfc3339(TimePoint{}), "0001-01-01T00:00:00Z");
  EXPECT_FALSE(parse_rfc3339("yesterday"));
  EXPECT_FALSE(parse_rfc3339("2026-11-24T01:02:03"));
}

TEST(Io, ReadAllRefusesMoreThanItsLimit) {
  StringSource source("0123456789");
  EXPECT_EQ(read_all(source, 9).error().code(), Code::kResourceExhausted);
  StringSource again("0123456789");
  EXPECT_EQ(*read_all(again, SIZE_MAX), "0123456789");
}

TEST(File, DurableWriteReplacesTheWholeFile) {
  auto dir = TempDir::make("/tmp", "skiff-base-");
  ASSERT_TRUE(dir);
  Path file = dir->path() / "f";
  ASSERT_TRUE(write_file_durably(file, "one"));
  ASSERT_TRUE(write_file_durably(file, "2"));
  EXPECT_EQ(*read_file(file), "2");
}

class FailingRename : public DurableFiles {
 public:
  Result<> sync_file(int) override { return {}; }
  Result<> rename(const Path&, const Path&) override { return Error::from_errno(EIO, "rename"); }
  Result<> sync_directory(const Path&) override { return {}; }
  Result<> unlink(const Path&) override { return {}; }
};

TEST(File, FailedDurableWriteLeavesTheOldFileAndNothingElse) {
  auto dir = TempDir::make("/tmp", "skiff-base-");
  ASSERT_TRUE(dir);
  Path file = dir->path() / "f";
  ASSERT_TRUE(write_file_durably(file, "old"));
  FailingRename failing;
  EXPECT_FALSE(write_file_durably(file, "new", 0600, failing));
  EXPECT_EQ(*read_file(file), "old");
  int entries = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(dir->path()))
    ++entries;
  EXPECT_EQ(entries, 1);
}

TEST(File, ALinksTargetIsReadBesideItsDirectory) {
  TempDir directory = *TempDir::make("/tmp", "skiff-link-");
  std::filesystem::create_symlink("../to/nowhere", directory.path() / "link");
  auto opened = open_file(directory.path(), O_RDONLY | O_DIRECTORY);
  ASSERT_TRUE(opened) << opened.error().message();
  EXPECT_EQ(read_link_at(opened->get(), "link").value_or(""), "../to/nowhere");
  auto missing = read_link_at(opened->get(), "missing");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), Code::kNotFound);
}

TEST(File, RemoveTreeTakesDeepTreesAndMissingOnes) {
  auto dir = TempDir::make("/tmp", "skiff-base-");
  ASSERT_TRUE(dir);
  ASSERT_TRUE(make_directories(dir->path() / "a/b/c"));
  ASSERT_TRUE(write_file(dir->path() / "a/b/f", "x"));
  EXPECT_TRUE(remove_tree(dir->path() / "a"));
  EXPECT_FALSE(std::filesystem::exists(dir->path() / "a"));
  EXPECT_TRUE(remove_tree(dir->path() / "a"));
}

// As a container may leave them: deeper than the descriptors and the stack of its remover.
TEST(File, RemoveTreeTakesTreesThatNoPathReaches) {
  auto dir = TempDir::make("/dev/shm", "skiff-base-");
  ASSERT_TRUE(dir);
  auto at = open_file(dir->path(), O_RDONLY | O_DIRECTORY);
  ASSERT_TRUE(at);
  for (int depth = 0; depth < 5000; ++depth) {
    ASSERT_EQ(::mkdirat(at->get(), "d", 0700), 0);
    ASSERT_EQ(::mkdirat(at->get(), "e", 0700), 0);
    at = UniqueFd(::openat(at->get(), "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(at && *at);
  }
  Result<> removed = remove_tree(dir->path() / "d");
  EXPECT_TRUE(removed) << removed.error().message();
  EXPECT_FALSE(std::filesystem::exists(dir->path() / "d"));
}

TEST(Log, LevelsAreKnownByName) {
  auto level = log_level_named("warn");
  ASSERT_TRUE(level) << level.error().message();
  EXPECT_EQ(*level, LogLevel::kWarn);
  auto unknown = log_level_named("loud");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().message(),
            "unknown log level \"loud\": choose debug, info, warn or error");
}

TEST(RecurringError, IsNewsOnceUntilAnotherOrAnEnd) {
  const Result<int> three = half(3);
  RecurringError failing;
  EXPECT_FALSE(failing.is_news(half(2)));
  EXPECT_TRUE(failing.is_news(three));
  EXPECT_FALSE(failing.is_news(three));
  EXPECT_TRUE(failing.is_news(half(5)));
  EXPECT_TRUE(failing.is_news(three));
  EXPECT_FALSE(failing.is_news(half(2)));
  EXPECT_TRUE(failing.is_news(three));
}

TEST(Cancellation, TokenSeesTheCancel) {
  CancelSource source;
  CancelToken token = source.token();
  EXPECT_TRUE(token.check());
  source.cancel();
  EXPECT_EQ(token.check().error().code(), Code::kCancelled);
  EXPECT_FALSE(CancelToken().cancelled());
}

TEST(Random, HexHasTheAskedLength) {
  EXPECT_EQ(random_hex(12).size(), 12u);
  EXPECT_NE(random_hex(64), random_hex(64));
}

TEST(Size, IsReadAsDockerReadsIt) {
  const std::pair<const char*, int64_t> sizes[] = {{"0", 0},
                                                   {"10", 10},
                                                   {"10b", 10},
                                                   {"10k", 10240},
                                                   {"1M", 1 << 20},
                                                   {"1.5m", 3 << 19},
                                                   {"4mib", 4 << 20},
                                                   {"64MiB", 64 << 20},
                                                   {"6 m", 6 << 20},
                                                   {"6 ", 6},
                                                   {".5k", 512},
                                                   {"2gb", int64_t{2} << 30},
                                                   {"1e3", 1000},
                                                   {"1.0001k", 1024},
                                                   {"1t", int64_t{1} << 40},
                                                   {"1p", int64_t{1} << 50}};
  for (const auto& [text, bytes] : sizes) {
    auto size = parse_size(text);
    ASSERT_TRUE(size) << text << ": " << size.error().message();
    EXPECT_EQ(*size, bytes) << text;
  }
  EXPECT_EQ(*parse_size("1m", SizeUnits::kDecimal), 1'000'000);
  EXPECT_EQ(*parse_size("1.5KB", SizeUnits::kDecimal), 1500);
}

TEST(Size, OthersAreRefusedInDockersWords) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "invalid size: ''"},           {"m", "invalid size: 'm'"},
      {"-1", "invalid size: '-1'"},       {"-0.5m", "invalid size: '-0.5m'"},
      {" 6m", "invalid size: ' 6m'"},     {"1 2", "invalid size: '1 2'"},
      {"6  m", "invalid size: '6  m'"},   {"1e400", "invalid size: '1e400'"},
      {"9000p", "invalid size: '9000p'"}, {"nan", "invalid size: 'nan'"},
      {"10x", "invalid suffix: 'x'"},     {"10bb", "invalid suffix: 'bb'"},
      {"10mi", "invalid suffix: 'mi'"},   {"10mbb", "invalid suffix: 'mbb'"}};
  for (const auto& [text, message] : cases) {
    auto size = parse_size(text);
    ASSERT_FALSE(size) << text;
    EXPECT_EQ(size.error().message(), message) << text;
  }
}

}  // namespace
}  // namespace skiff
