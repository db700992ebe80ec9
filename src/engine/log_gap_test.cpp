// What a follower is told of files that were rotated away before it read them.
#include <optional>

#include "engine/log_reader_fixture.h"

namespace skiff::engine {
namespace {

TEST_F(LogReaderTest, AFollowerThatIsOvertakenIsTold) {
  append_lines(1, 1);
  LogReader reader = open();
  EXPECT_EQ(read(reader), "1 ");
  for (int i = 2; i <= 6; ++i) {
    rotate();
    append_lines(i, i);
    std::filesystem::remove(cat(path_.native(), ".3"));
  }
  ASSERT_TRUE(reader.refresh());
  EXPECT_EQ(
      read(reader),
      "skiff: output may be missing here: the log was rotated away before it was read 4 5 6 ");
}

// Each line is a file of its own.
class RotatedLogTest : public LogReaderTest {
 protected:
  void SetUp() override {
    append("");
    const UniqueFd file = *open_file(path_, O_RDWR);
    runtime::set_log_sequence(file.get(), 1);
    if (runtime::log_sequence(file.get()) != 1) GTEST_SKIP() << "no extended attributes in /tmp";
  }
  void write(int first, int last, int max_files) {
    if (!log_) {
      auto opened =
          runtime::LogWriter::open({.path = path_, .max_bytes = 1, .max_files = max_files});
      log_.emplace(std::move(*opened));
    }
    for (int i = first; i <= last; ++i) {
      ASSERT_TRUE(log_->write(runtime::OutputStream::kStdout, cat(i, "\n"), TimePoint()));
    }
  }
  std::string more(LogReader& reader) {
    EXPECT_TRUE(reader.refresh());
    return read(reader);
  }

  const std::string gap_ =
      "skiff: output may be missing here: the log was rotated away before it was read ";
  std::optional<runtime::LogWriter> log_;
};

TEST_F(RotatedLogTest, AFollowerIsToldWhereAFileIsMissingAndNowhereElse) {
  write(1, 1, 2);
  LogReader reader = open();
  EXPECT_EQ(read(reader), "1 ");
  write(2, 3, 2);
  EXPECT_EQ(more(reader), "2 3 ");
  write(4, 6, 2);
  EXPECT_EQ(more(reader), gap_ + "5 6 ");
  write(7, 8, 2);
  compress(1);
  EXPECT_EQ(more(reader), "7 8 ");
}

TEST_F(RotatedLogTest, AFollowerOfOneFileIsToldOfAFileThatItHasNotMet) {
  write(1, 1, 1);
  LogReader reader = open();
  EXPECT_EQ(read(reader), "1 ");
  write(2, 2, 1);
  EXPECT_EQ(more(reader), "2 ");
  write(3, 4, 1);
  EXPECT_EQ(more(reader), gap_ + "4 ");
}

TEST_F(LogReaderTest, AFollowerOfOneFileIsToldNothing) {
  append_lines(1, 1);
  LogReader reader = open();
  EXPECT_EQ(read(reader), "1 ");
  rotate();
  std::filesystem::remove(cat(path_.native(), ".1"));
  append_lines(2, 2);
  ASSERT_TRUE(reader.refresh());
  EXPECT_EQ(read(reader), "2 ");
}

}  // namespace
}  // namespace skiff::engine
