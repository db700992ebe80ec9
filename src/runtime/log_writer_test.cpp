#include "runtime/log_writer.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>

#include "base/strings.h"
#include "codec/json.h"
#include "runtime/log_record.h"

namespace skiff::runtime {
namespace {

const TimePoint kNow = parse_rfc3339("2026-11-24T01:02:03.5Z").value();
constexpr std::chrono::seconds kSecond{1};

class LogWriterTest : public testing::Test {
 protected:
  LogWriter open(uint64_t max_bytes = 0, int max_files = 1) {
    return LogWriter::open({path_, max_bytes, max_files}).value();
  }
  std::string text(const char* suffix = "") { return read_file(path_.native() + suffix).value(); }
  // The "log" members of the file's lines.
  std::vector<std::string> entries(const char* suffix = "") {
    std::vector<std::string> out;
    for (const std::string& line : split(text(suffix), '\n')) {
      if (!line.empty()) out.push_back(json::parse(line).value().string("log"));
    }
    return out;
  }

  TempDir dir_ = TempDir::make("/tmp", "skiff-log-writer-").value();
  Path path_ = dir_.path() / "c-json.log";
};

TEST_F(LogWriterTest, ALineIsAsDockerWritesIt) {
  LogWriter log = open();
  ASSERT_TRUE(log.write(OutputStream::kStdout, "hello\n", kNow));
  ASSERT_TRUE(log.write(OutputStream::kStderr, "a<b>&\t\"c\"\xff\n", kNow + kSecond));
  EXPECT_EQ(text(),
            "{\"log\":\"hello\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-24T01:02:03.5Z\"}\n"
            "{\"log\":\"a\\u003cb\\u003e\\u0026\\t\\\"c\\\"\\ufffd\\n\",\"stream\":\"stderr\","
            "\"time\":\"2026-11-24T01:02:04.5Z\"}\n");
  EXPECT_EQ(log.size(), text().size());
}

TEST_F(LogWriterTest, EachLineOfOneReadHasATimeOfItsOwn) {
  LogWriter log = open();
  ASSERT_TRUE(log.write(OutputStream::kStdout, "one\ntwo\nthree\n", kNow));
  std::set<std::string> times;
  for (const std::string& line : split(text(), '\n')) {
    if (!line.empty()) times.insert(json::parse(line).value().string("time"));
  }
  EXPECT_EQ(times.size(), 3U);
}

TEST_F(LogWriterTest, PiecesOfALineWaitForItsEnd) {
  LogWriter log = open();
  ASSERT_TRUE(log.write(OutputStream::kStdout, "one ", kNow));
  ASSERT_TRUE(log.write(OutputStream::kStderr, "other\n", kNow));
  EXPECT_EQ(log.pending(OutputStream::kStdout), "one ");
  ASSERT_TRUE(log.write(OutputStream::kStdout, "line\ntwo\nend", kNow));
  ASSERT_TRUE(log.end(kNow));
  EXPECT_EQ(entries(), (std::vector<std::string>{"other\n", "one line\n", "two\n", "end"}));
}

TEST_F(LogWriterTest, LongLinesAreCutAtSixteenKibibytes) {
  LogWriter log = open();
  const std::string piece(LinePieces::kLongestPiece, 'x');
  ASSERT_TRUE(log.write(OutputStream::kStdout, piece + piece + "tail\n", kNow));
  ASSERT_TRUE(log.write(OutputStream::kStdout, piece, kNow));
  ASSERT_TRUE(log.write(OutputStream::kStdout, "\n", kNow));
  EXPECT_EQ(entries(), (std::vector<std::string>{piece, piece, "tail\n", piece, "\n"}));
}

TEST_F(LogWriterTest, ACutLeavesCharactersWhole) {
  LogWriter log = open();
  std::string line(LinePieces::kLongestPiece - 1, 'x');
  ASSERT_TRUE(log.write(OutputStream::kStdout, line + "\xe2\x82\xac\n", kNow));
  EXPECT_EQ(entries(), (std::vector<std::string>{line, "\xe2\x82\xac\n"}));
}

TEST_F(LogWriterTest, AnyCutOfTheInputGivesTheSameLog) {
  std::string input;
  for (int i = 0; i < 3000; ++i) input += std::string(static_cast<size_t>(i * 7 % 90), 'a') + "\n";
  input += std::string(40'000, 'z') + "\n";
  std::vector<std::string> whole;
  for (size_t step : {input.size(), size_t{1}, size_t{7}, size_t{16'384}, size_t{32'768}}) {
    std::filesystem::remove(path_);
    LogWriter log = open();
    for (size_t i = 0; i < input.size(); i += step) {
      ASSERT_TRUE(log.write(OutputStream::kStdout, std::string_view(input).substr(i, step), kNow));
    }
    if (whole.empty()) whole = entries();
    EXPECT_EQ(entries(), whole) << step;
  }
  EXPECT_EQ(join(whole, ""), input);
}

TEST_F(LogWriterTest, RotationKeepsTheNewestFiles) {
  LogWriter log = open(1000, 3);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(log.write(OutputStream::kStdout, cat("line ", i, "\n"), kNow));
  }
  std::vector<std::string> kept = entries(".2");
  for (const char* suffix : {".1", ""}) {
    std::vector<std::string> more = entries(suffix);
    kept.insert(kept.end(), more.begin(), more.end());
  }
  EXPECT_FALSE(std::filesystem::exists(path_.native() + ".3"));
  EXPECT_EQ(kept.back(), "line 99\n");
  for (size_t i = 0; i < kept.size(); ++i) {
    EXPECT_EQ(kept[i], cat("line ", 100 - kept.size() + i, "\n"));
  }
  EXPECT_GE(text(".1").size(), 1000U);
  EXPECT_LT(text(".1").size(), 1200U);
}

TEST_F(LogWriterTest, CompressedFilesMoveWithTheOthers) {
  LogWriter log = open(200, 4);
  auto rotate = [&](const std::string& text) {
    const int before = log.rotations();
    while (log.rotations() == before) ASSERT_TRUE(log.write(OutputStream::kStdout, text, kNow));
  };
  rotate("one\n");
  std::filesystem::rename(path_.native() + ".1", path_.native() + ".1.gz");
  const std::string packed = text(".1.gz");
  rotate("two\n");
  EXPECT_EQ(text(".2.gz"), packed);
  EXPECT_FALSE(std::filesystem::exists(path_.native() + ".1.gz"));
  rotate("three\n");
  EXPECT_EQ(text(".3.gz"), packed);
  rotate("four\n");
  // The highest number has the plain file now, and not the compressed one beside it.
  EXPECT_FALSE(std::filesystem::exists(path_.native() + ".3.gz"));
  EXPECT_EQ(entries(".3").at(1), "two\n");
  EXPECT_EQ(log.rotations(), 4);
}

TEST_F(LogWriterTest, RotationOfOneFileStartsAnew) {
  LogWriter log = open(500, 1);
  uint64_t first = log.inode();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(log.write(OutputStream::kStdout, "0123456789\n", kNow));
  EXPECT_NE(log.inode(), first);
  EXPECT_LT(text().size(), 500U);
  EXPECT_FALSE(std::filesystem::exists(path_.native() + ".1"));
  EXPECT_FALSE(std::filesystem::exists(path_.native() + ".new"));
}

TEST_F(LogWriterTest, ATornLineIsClosedAtTheNextStart) {
  ASSERT_TRUE(write_file(path_, "{\"log\":\"a\\n\"}\n{\"log\":\"to"));
  LogWriter log = open();
  ASSERT_TRUE(log.write(OutputStream::kStdout, "next\n", kNow));
  std::vector<std::string> lines = split(text(), '\n');
  EXPECT_EQ(lines.at(1), "{\"log\":\"to");
  EXPECT_EQ(json::parse(lines.at(2)).value().string("log"), "next\n");
}

TEST_F(LogWriterTest, AFullDiskLosesWholeLinesAndIsTold) {
  LogWriter log = open();
  ASSERT_TRUE(log.write(OutputStream::kStdout, "before\n", kNow));
  // A limit on the file's size stands for the full disk.
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit old{};
  ::getrlimit(RLIMIT_FSIZE, &old);
  rlimit low{log.size() + 20, old.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &low);
  EXPECT_FALSE(log.write(OutputStream::kStdout, "lost\n", kNow));
  ::setrlimit(RLIMIT_FSIZE, &old);
  ASSERT_TRUE(log.write(OutputStream::kStdout, "after\n", kNow));
  EXPECT_EQ(entries(), (std::vector<std::string>{"before\n", "after\n"}));
}

class LocalLogTest : public LogWriterTest {
 protected:
  LogWriter open(uint64_t max_bytes = 0, int max_files = 1) {
    return LogWriter::open({path_, max_bytes, max_files, LogFormat::kLocal}).value();
  }
  std::vector<std::string> records(const char* suffix = "") {
    std::vector<std::string> out;
    std::string bytes = text(suffix);
    std::string_view rest = bytes;
    LogRecord record;
    for (;;) {
      LogRecordTake take = take_log_record(rest, record);
      if (take.state != LogRecordState::kWhole) break;
      EXPECT_GE(record.time_ns, unix_nanos(kNow));
      out.push_back(cat(record.text, record.partial ? "" : "\n"));
      rest.remove_prefix(take.size);
    }
    EXPECT_EQ(rest.size(), 0U);
    return out;
  }
};

TEST_F(LocalLogTest, HoldsTheSamePieces) {
  LogWriter log = open();
  const std::string piece(LinePieces::kLongestPiece, 'x');
  ASSERT_TRUE(log.write(OutputStream::kStdout, "one\n" + piece + "rest\nend", kNow));
  EXPECT_EQ(log.pending(OutputStream::kStdout), "end");
  ASSERT_TRUE(log.end(kNow));
  EXPECT_EQ(records(), (std::vector<std::string>{"one\n", piece, "rest\n", "end"}));
  EXPECT_EQ(log.size(), text().size());
}

TEST_F(LocalLogTest, RotationLosesNoRecordOfTheKeptFiles) {
  LogWriter log = open(1000, 3);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(log.write(OutputStream::kStdout, cat("line ", i, "\n"), kNow));
  }
  EXPECT_FALSE(std::filesystem::exists(path_.native() + ".3"));
  std::vector<std::string> kept = records(".2");
  for (const char* suffix : {".1", ""}) {
    std::vector<std::string> more = records(suffix);
    kept.insert(kept.end(), more.begin(), more.end());
  }
  EXPECT_GT(kept.size(), 40U);
  for (size_t i = 0; i < kept.size(); ++i) {
    EXPECT_EQ(kept[i], cat("line ", 100 - kept.size() + i, "\n"));
  }
}

TEST_F(LocalLogTest, ATornRecordIsCutOffAtTheNextStart) {
  {
    LogWriter log = open();
    ASSERT_TRUE(log.write(OutputStream::kStdout, "kept\nlast\n", kNow));
  }
  const std::string whole = text();
  for (size_t size = whole.size() / 2; size < whole.size(); ++size) {
    ASSERT_TRUE(write_file(path_, whole.substr(0, size)));
    LogWriter log = open();
    ASSERT_TRUE(log.write(OutputStream::kStdout, "next\n", kNow));
    EXPECT_EQ(records(), (std::vector<std::string>{"kept\n", "next\n"})) << size;
  }
}

}  // namespace
}  // namespace skiff::runtime
