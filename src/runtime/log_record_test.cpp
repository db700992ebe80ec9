#include "runtime/log_record.h"

#include <gtest/gtest.h>

namespace skiff::runtime {
namespace {

std::string record_of(OutputStream stream, std::string_view text) {
  std::string out;
  append_log_record(out, stream, 300, text);
  return out;
}

TEST(LogRecord, IsFramedAsDockersLocalLog) {
  EXPECT_EQ(record_of(OutputStream::kStdout, "hi\n"), std::string("\0\0\0\x0f"
                                                                  "\x0a\6stdout"
                                                                  "\x10\xac\2"
                                                                  "\x1a\2hi"
                                                                  "\0\0\0\x0f",
                                                                  23));
}

TEST(LogRecord, ComesBack) {
  for (std::string_view text : {"line\n", "no newline", "\n", "bytes\xff\x00 of any kind\n"}) {
    const std::string bytes = record_of(OutputStream::kStderr, text) + "what follows";
    LogRecord record;
    LogRecordTake take = take_log_record(bytes, record);
    ASSERT_EQ(take.state, LogRecordState::kWhole);
    EXPECT_EQ(bytes.substr(take.size), "what follows");
    EXPECT_EQ(record.stream, OutputStream::kStderr);
    EXPECT_EQ(record.time_ns, 300);
    EXPECT_EQ(record.partial, !text.ends_with('\n'));
    EXPECT_EQ(std::string(record.text) + (record.partial ? "" : "\n"), text);
  }
}

TEST(LogRecord, EveryCutIsNoticed) {
  const std::string bytes = record_of(OutputStream::kStdout, "some line\n");
  LogRecord record;
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(take_log_record(std::string_view(bytes).substr(0, size), record).state,
              LogRecordState::kCut)
        << size;
  }
}

TEST(LogRecord, DamageIsNoticed) {
  const std::string good = record_of(OutputStream::kStdout, "some line\n");
  LogRecord record;
  for (size_t at : {size_t{0}, size_t{3}, size_t{4}, good.size() - 1}) {
    std::string bytes = good + good;
    bytes[at] = '\x7f';
    EXPECT_NE(take_log_record(bytes, record).state, LogRecordState::kWhole) << at;
  }
  EXPECT_EQ(take_log_record(std::string(64, '\0'), record).state, LogRecordState::kDamaged);
}

}  // namespace
}  // namespace skiff::runtime
