#include "solver/pruning.h"

#include <gtest/gtest.h>

namespace skiff::solver {
namespace {

constexpr TimePoint at(int64_t hour) { return TimePoint(std::chrono::hours(hour)); }

CacheRecord record(const char* id, uint64_t size, int64_t used_at_hour) {
  return {.id = id, .size = size, .last_used = at(used_at_hour)};
}

// Their ids, in order.
std::string gone(const std::vector<CacheRecord>& records, const PruneOptions& options,
                 uint64_t free_bytes = 1000) {
  std::string out;
  for (const CacheRecord& one : chosen_to_go(records, options, at(100), free_bytes)) out += one.id;
  return out;
}

const std::vector<CacheRecord> kRecords = {record("a", 10, 50), record("b", 20, 90),
                                           record("c", 30, 10), record("d", 40, 90)};

TEST(Pruning, TakesAllThatMayGo) {
  EXPECT_EQ(gone(kRecords, {}), "cadb");
  EXPECT_EQ(gone(kRecords, {.until = std::chrono::hours(20)}), "ca");
  EXPECT_EQ(gone(kRecords, {.filter = *RecordFilter::parse({"id~=[bc]"})}), "cb");
  std::vector<CacheRecord> records = kRecords;
  records[0].in_use = true;
  records[2].shared = true;
  EXPECT_EQ(gone(records, {}), "cdb");
  EXPECT_EQ(gone(records, {.all = false}), "db");
}

TEST(Pruning, ComesDownToASize) {
  EXPECT_EQ(gone(kRecords, {.max_used_bytes = 100}), "");
  EXPECT_EQ(gone(kRecords, {.max_used_bytes = 99}), "c");
  EXPECT_EQ(gone(kRecords, {.max_used_bytes = 60}), "ca");
  EXPECT_EQ(gone(kRecords, {.reserved_bytes = 60}), "ca");
  EXPECT_EQ(gone(kRecords, {.reserved_bytes = 75, .max_used_bytes = 1}), "c");
  // The size is that of the whole cache, whatever may go.
  EXPECT_EQ(gone(kRecords, {.filter = *RecordFilter::parse({"id~=[ab]"}), .max_used_bytes = 95}),
            "a");
  std::vector<CacheRecord> records = kRecords;
  records[2].shared = true;
  EXPECT_EQ(gone(records, {.max_used_bytes = 70}), "");
  EXPECT_EQ(gone(records, {.max_used_bytes = 60}), "a");
}

TEST(Pruning, FreesTheDisk) {
  EXPECT_EQ(gone(kRecords, {.min_free_bytes = 1000}), "");
  EXPECT_EQ(gone(kRecords, {.min_free_bytes = 1001}), "c");
  EXPECT_EQ(gone(kRecords, {.min_free_bytes = 1031}), "ca");
  EXPECT_EQ(gone(kRecords, {.min_free_bytes = 5000}), "cadb");
  EXPECT_EQ(gone(kRecords, {.reserved_bytes = 60, .min_free_bytes = 5000}), "ca");
  EXPECT_EQ(gone(kRecords, {.max_used_bytes = 60, .min_free_bytes = 1001}), "ca");
  EXPECT_EQ(gone(kRecords, {.max_used_bytes = 90, .min_free_bytes = 1}), "c");
}

}  // namespace
}  // namespace skiff::solver
