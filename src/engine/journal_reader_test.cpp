#include "engine/journal_reader.h"

#include <gtest/gtest.h>

#include "base/strings.h"
#include "engine/journal_export.h"

namespace skiff::engine {
namespace {

std::string binary(const std::string& name, const std::string& value) {
  std::string out = name + "\n";
  for (unsigned shift = 0; shift < 64; shift += 8) out += static_cast<char>(value.size() >> shift);
  return out + value + "\n";
}

TEST(JournalExport, GivesEntriesWhateverTheCut) {
  const std::string bytes = "__CURSOR=s=1;i=2\nMESSAGE=one\nPRIORITY=6\n\n" +
                            binary("MESSAGE", "two\n\nlines=\n") + "A=\n\nMESSAGE=not whole\n";
  for (size_t step : {size_t{1}, size_t{7}, bytes.size()}) {
    JournalExport entries;
    std::vector<JournalExport::Fields> got;
    for (size_t at = 0; at < bytes.size(); at += step) {
      entries.add(std::string_view(bytes).substr(at, step));
      while (auto fields = entries.next().value()) got.push_back(*fields);
    }
    ASSERT_EQ(got.size(), 2U);
    EXPECT_EQ(got[0], (JournalExport::Fields{
                          {"__CURSOR", "s=1;i=2"}, {"MESSAGE", "one"}, {"PRIORITY", "6"}}));
    EXPECT_EQ(got[1], (JournalExport::Fields{{"MESSAGE", "two\n\nlines=\n"}, {"A", ""}}));
  }
}

TEST(JournalExport, RefusesWhatIsNone) {
  JournalExport wrong_end;
  std::string bytes = binary("A", "x");
  bytes.back() = 'y';
  wrong_end.add(bytes);
  EXPECT_EQ(wrong_end.next().error().code(), Code::kDataLoss);
  JournalExport huge;
  huge.add(cat("A\n", std::string(8, '\xff')));
  EXPECT_EQ(huge.next().error().code(), Code::kDataLoss);
  JournalExport endless;
  endless.add(std::string(JournalExport::kLargestEntry + 1, 'x'));
  EXPECT_EQ(endless.next().error().code(), Code::kDataLoss);
}

TEST(JournalEntry, IsWhatTheMonitorSent) {
  LogEntry entry =
      journal_entry({{"MESSAGE", "hi"}, {"PRIORITY", "3"}, {"__REALTIME_TIMESTAMP", "1500000"}});
  EXPECT_EQ(entry.stream, StreamKind::kStderr);
  EXPECT_EQ(entry.text, "hi\n");
  EXPECT_EQ(format_rfc3339(entry.time), "1970-01-01T00:00:01.5Z");
  entry =
      journal_entry({{"MESSAGE", "hi"}, {"PRIORITY", "6"}, {"CONTAINER_PARTIAL_MESSAGE", "true"}});
  EXPECT_EQ(entry.stream, StreamKind::kStdout);
  EXPECT_EQ(entry.text, "hi");
}

}  // namespace
}  // namespace skiff::engine
