#include "engine/id_pool.h"

#include <gtest/gtest.h>

namespace skiff::engine {
namespace {

using sys::IdMaps;

const std::vector<sys::IdRange> kUids{{1000, 25}, {5000, 10}};
const std::vector<sys::IdRange> kGids{{2000, 100}};

IdMaps maps(uint32_t uid, uint32_t gid, uint32_t size) {
  return {.uids = {{0, uid, size}}, .gids = {{0, gid, size}}};
}

TEST(IdPool, RangesNeverOverlap) {
  IdPool pool;
  EXPECT_EQ(pool.take(kUids, kGids, 10).value(), maps(1000, 2000, 10));
  EXPECT_EQ(pool.take(kUids, kGids, 10).value(), maps(1010, 2010, 10));
  // Five are left of the first range: not in one piece with the second.
  EXPECT_EQ(pool.take(kUids, kGids, 10).value(), maps(5000, 2020, 10));
  EXPECT_EQ(pool.take(kUids, kGids, 10).error().code(), Code::kResourceExhausted);
  EXPECT_EQ(pool.take(kUids, kGids, 5).value(), maps(1020, 2030, 5));
}

TEST(IdPool, WhatIsGivenBackIsFree) {
  IdPool pool;
  const IdMaps first = pool.take(kUids, kGids, 10).value();
  ASSERT_TRUE(pool.take(kUids, kGids, 15));
  pool.keep(first);  // somebody else has it, too
  pool.give_back(first);
  EXPECT_EQ(pool.take(kUids, kGids, 10).value(), maps(5000, 2025, 10));
  pool.give_back(first);
  EXPECT_EQ(pool.take(kUids, kGids, 10).value(), first);
}

TEST(IdPool, WhatSomebodyHadBeforeIsKept) {
  IdPool pool;
  pool.keep(maps(990, 1990, 20));
  EXPECT_EQ(pool.take(kUids, kGids, 10).value(), maps(1010, 2010, 10));
  pool.keep(maps(0, 0, 4000000000));
  EXPECT_FALSE(pool.take(kUids, kGids, 1));
}

}  // namespace
}  // namespace skiff::engine
