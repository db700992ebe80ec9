#include <thread>

#include "engine/log_reader_fixture.h"
#include "runtime/log_record.h"

namespace skiff::engine {
namespace {

TEST_F(LogReaderTest, ReadsStreamTimeAndText) {
  append(line("one") + line("two", "stderr"));
  LogReader reader = open();
  auto first = reader.next();
  ASSERT_TRUE(first && *first);
  EXPECT_EQ((*first)->text, "one\n");
  EXPECT_EQ((*first)->stream, StreamKind::kStdout);
  EXPECT_EQ(format_rfc3339((*first)->time), "2026-01-02T03:04:05.6Z");
  auto second = reader.next();
  ASSERT_TRUE(second && *second);
  EXPECT_EQ((*second)->stream, StreamKind::kStderr);
  auto end = reader.next();
  EXPECT_TRUE(end && !*end);
}

TEST_F(LogReaderTest, AMissingLogIsEmpty) {
  LogReader reader = open();
  EXPECT_EQ(read(reader), "");
  append_lines(1, 1);
  ASSERT_TRUE(reader.refresh());
  EXPECT_EQ(read(reader), "1 ");
}

TEST_F(LogReaderTest, ReadsRotatedFilesOldestFirst) {
  append_lines(1, 2, ".2");
  append_lines(3, 4, ".1");
  append_lines(5, 6);
  LogReader reader = open();
  EXPECT_EQ(read(reader), "1 2 3 4 5 6 ");
}

TEST_F(LogReaderTest, TailCountsOverFiles) {
  append_lines(1, 2, ".2");
  append_lines(3, 4, ".1");
  append_lines(5, 6);
  EXPECT_EQ(tail(0), "");
  EXPECT_EQ(tail(1), "6 ");
  EXPECT_EQ(tail(2), "5 6 ");
  EXPECT_EQ(tail(3), "4 5 6 ");
  EXPECT_EQ(tail(4), "3 4 5 6 ");
  EXPECT_EQ(tail(6), "1 2 3 4 5 6 ");
  EXPECT_EQ(tail(100), "1 2 3 4 5 6 ");
}

TEST_F(LogReaderTest, TailOfALargeFileFindsItsLines) {
  for (int i = 1; i <= 5000; ++i) append(line(std::to_string(i) + std::string(40, 'x')));
  std::string got = tail(2);
  EXPECT_TRUE(got.starts_with("4999xxx")) << got;
  EXPECT_EQ(split(got, ' ').size(), 3U);
}

TEST_F(LogReaderTest, AnUnfinishedLineIsGivenOnceItIsWhole) {
  std::string whole = line("two");
  append(line("one") + whole.substr(0, 10));
  LogReader reader = open();
  EXPECT_EQ(read(reader), "one ");
  append(whole.substr(10));
  EXPECT_EQ(read(reader), "two ");
}

TEST_F(LogReaderTest, AnUnfinishedLineIsNotCountedByTail) {
  append(line("one") + line("two") + "{\"log\":\"thr");
  EXPECT_EQ(tail(1), "two ");
}

TEST_F(LogReaderTest, DamagedLinesArePassedOver) {
  append(line("one") + "{\"log\":\"torn\n\n" + line("two"));
  LogReader reader = open();
  EXPECT_EQ(read(reader), "one two ");
}

TEST_F(LogReaderTest, FollowsOverRotationsWithoutGapOrRepeat) {
  append_lines(1, 2);
  LogReader reader = open();
  EXPECT_EQ(read(reader), "1 2 ");
  append_lines(3, 3);
  rotate();
  append_lines(4, 4);
  rotate();
  append_lines(5, 5);
  ASSERT_TRUE(reader.refresh());
  EXPECT_EQ(read(reader), "3 4 5 ");
  ASSERT_TRUE(reader.refresh());
  EXPECT_EQ(read(reader), "");
}

// As it is for a moment while the files move one number up.
TEST_F(LogReaderTest, ANumberWithoutAFileHidesNoneBehindIt) {
  append_lines(1, 1, ".3");
  append_lines(2, 2, ".2");
  append_lines(3, 3);
  LogReader reader = open();
  EXPECT_EQ(read(reader), "1 2 3 ");
}

TEST_F(LogReaderTest, AFollowerThatIsTwoRotationsBehindMissesNoneInAThird) {
  append_lines(1, 1);
  LogReader reader = open();
  EXPECT_EQ(read(reader), "1 ");
  for (int i = 2; i <= 3; ++i) {
    rotate();
    append_lines(i, i);
  }
  std::filesystem::rename(path_.native() + ".2", path_.native() + ".3");
  std::filesystem::rename(path_.native() + ".1", path_.native() + ".2");
  ASSERT_TRUE(reader.refresh());
  EXPECT_EQ(read(reader), "2 3 ");
}

TEST_F(LogReaderTest, AFollowerMissesNothingWhileAnotherThreadRotates) {
  constexpr int kLast = 4000;
  std::thread writer([this] {
    auto log = runtime::LogWriter::open({.path = path_, .max_bytes = 2000, .max_files = 1000});
    for (int i = 1; i <= kLast; ++i) {
      EXPECT_TRUE(log->write(runtime::OutputStream::kStdout, cat(i, "\n"), TimePoint()));
    }
  });
  LogReader reader = open();
  std::string got;
  while (!got.ends_with(cat(" ", kLast, " "))) {
    got += read(reader);
    if (!reader.refresh() || HasFailure()) break;
  }
  writer.join();
  std::string expected;
  for (int i = 1; i <= kLast; ++i) expected += cat(i, " ");
  EXPECT_TRUE(got == expected) << got.size() << " of " << expected.size();
}

TEST_F(LogReaderTest, CompressedFilesAreRead) {
  append_lines(1, 2, ".2");
  append_lines(3, 4, ".1");
  append_lines(5, 6);
  compress(2);
  EXPECT_EQ(tail(100), "1 2 3 4 5 6 ");
  EXPECT_EQ(tail(3), "4 5 6 ");
  compress(1);
  EXPECT_EQ(tail(100), "1 2 3 4 5 6 ");
  EXPECT_EQ(tail(3), "4 5 6 ");
  EXPECT_EQ(tail(4), "3 4 5 6 ");
  EXPECT_EQ(tail(5), "2 3 4 5 6 ");
  // What it unpacked has no name.
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir_.path()), {}), 3);
}

TEST_F(LogReaderTest, AFileThatItHasReadIsKnownAgainWhenItIsCompressed) {
  append_lines(1, 2);
  LogReader reader = open();
  EXPECT_EQ(read(reader), "1 2 ");
  rotate();
  append_lines(3, 4);
  rotate();
  append_lines(5, 5);
  compress(2);
  ASSERT_TRUE(reader.refresh());
  EXPECT_EQ(read(reader), "3 4 5 ");
  rotate();
  append_lines(6, 6);
  for (int number = 1; number <= 2; ++number) compress(number);
  ASSERT_TRUE(reader.refresh());
  EXPECT_EQ(read(reader), "6 ");
}

TEST_F(LogReaderTest, AFileThatIsCompressedWhileItIsReadCostsNothing) {
  append_lines(1, 3, ".1");
  append_lines(4, 5);
  uint64_t newest = inode();
  LogReader reader = open();
  rotate();
  for (int number = 1; number <= 2; ++number) compress(number);
  append_lines(6, 6);
  ASSERT_TRUE(reader.refresh());
  reader.stop_at(newest, line("4").size());
  EXPECT_EQ(read(reader), "1 2 3 4 ");
}

TEST_F(LogReaderTest, ABrokenCompressedFileIsTold) {
  append("no gzip", ".1.gz");
  append_lines(1, 1);
  EXPECT_EQ(tail(1), "1 ");
  LogReader reader = open();
  auto entry = reader.next();
  ASSERT_FALSE(entry);
  EXPECT_NE(entry.error().message().find("unpack a file of"), std::string::npos);
}

TEST_F(LogReaderTest, ARotationWhileItReadsHidesNothing) {
  append_lines(1, 2);
  LogReader reader = open();
  rotate();
  append_lines(3, 3);
  EXPECT_EQ(read(reader), "1 2 ");
  ASSERT_TRUE(reader.refresh());
  EXPECT_EQ(read(reader), "3 ");
}

TEST_F(LogReaderTest, StopsAtAByteOfAFile) {
  append_lines(1, 2);
  uint64_t old = inode();
  rotate();
  append_lines(3, 4);
  LogReader now = open();
  now.stop_at(inode(), line("3").size());
  EXPECT_EQ(read(now), "1 2 3 ");
  LogReader before = open();
  before.stop_at(old, line("1").size());
  EXPECT_EQ(read(before), "1 ");
  LogReader gone = open();
  gone.stop_at(1, 1000);
  EXPECT_EQ(read(gone), "");
}

TEST(FormatLogEntry, PutsTimeAndDetailsInFront) {
  LogEntry entry;
  entry.text = "hi\n";
  entry.time = *parse_rfc3339("2026-01-02T03:04:05.6Z");
  entry.attributes = {{"a b", "1&2"}, {"c", "d"}};
  EXPECT_EQ(format_log_entry(entry, false, false), "hi\n");
  EXPECT_EQ(format_log_entry(entry, true, false), "2026-01-02T03:04:05.600000000Z hi\n");
  EXPECT_EQ(format_log_entry(entry, false, true), "a+b=1%262,c=d hi\n");
}

class LocalLogReaderTest : public LogReaderTest {
 protected:
  LocalLogReaderTest() { format_ = runtime::LogFormat::kLocal; }
  static std::string record(const std::string& text) {
    std::string out;
    runtime::append_log_record(out, runtime::OutputStream::kStdout, 1'500'000'000, text + "\n");
    return out;
  }
  void append_records(int first, int last, const std::string& suffix = "") {
    for (int i = first; i <= last; ++i) append(record(std::to_string(i)), suffix);
  }
};

TEST_F(LocalLogReaderTest, ReadsStreamTimeAndText) {
  std::string bytes;
  runtime::append_log_record(bytes, runtime::OutputStream::kStderr, 1'500'000'000, "a\n");
  runtime::append_log_record(bytes, runtime::OutputStream::kStdout, 1'500'000'000, "end");
  append(bytes);
  LogReader reader = open();
  auto first = reader.next();
  ASSERT_TRUE(first && *first);
  EXPECT_EQ((*first)->text, "a\n");
  EXPECT_EQ((*first)->stream, StreamKind::kStderr);
  EXPECT_EQ(format_rfc3339((*first)->time), "1970-01-01T00:00:01.5Z");
  auto second = reader.next();
  ASSERT_TRUE(second && *second);
  EXPECT_EQ((*second)->text, "end");
}

TEST_F(LocalLogReaderTest, TailGoesOverRotatedFiles) {
  append_records(1, 9000, ".1");
  append_records(9001, 9003);
  EXPECT_EQ(tail(2), "9002 9003 ");
  EXPECT_EQ(tail(5), "8999 9000 9001 9002 9003 ");
  EXPECT_EQ(tail(0), "");
  EXPECT_TRUE(tail(100'000).starts_with("1 2 3 "));
}

TEST_F(LocalLogReaderTest, ARecordThatIsNotWholeIsReadWhenItIs) {
  append_records(1, 2);
  const std::string whole = record("three");
  append(whole.substr(0, 9));
  LogReader reader = open();
  EXPECT_EQ(read(reader), "1 2 ");
  EXPECT_EQ(tail(1), "2 ");
  append(whole.substr(9));
  EXPECT_EQ(read(reader), "three ");
}

TEST_F(LocalLogReaderTest, ATornRecordThatTheWriterCutsOffIsForgotten) {
  append_records(1, 2);
  const uint64_t good = std::filesystem::file_size(path_);
  append(record("torn").substr(0, 9));
  LogReader reader = open();
  EXPECT_EQ(read(reader), "1 2 ");
  std::filesystem::resize_file(path_, good);
  append_records(3, 4);
  EXPECT_EQ(read(reader), "3 4 ");
}

TEST_F(LocalLogReaderTest, FollowsARotation) {
  append_records(1, 3);
  LogReader reader = open();
  EXPECT_EQ(read(reader), "1 2 3 ");
  append_records(4, 4);
  rotate();
  append_records(5, 6);
  ASSERT_TRUE(reader.refresh());
  EXPECT_EQ(read(reader), "4 5 6 ");
}

}  // namespace
}  // namespace skiff::engine
