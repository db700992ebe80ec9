#include "engine/id_shift.h"

#include <gtest/gtest.h>

namespace skiff::engine {
namespace {

const sys::IdMaps kMaps{.uids = {{0, 100000, 65536}}, .gids = {{0, 200000, 65536}}};

TarEntry entry(uint64_t uid, uint64_t gid) { return {.name = "f", .uid = uid, .gid = gid}; }

TEST(IdShift, OwnersBothWays) {
  const IdShift shift(kMaps);
  TarEntry one = entry(1000, 50);
  ASSERT_TRUE(shift.to_outside(one));
  EXPECT_EQ(one.uid, 101000U);
  EXPECT_EQ(one.gid, 200050U);
  shift.to_inside(one);
  EXPECT_EQ(one.uid, 1000U);
  EXPECT_EQ(one.gid, 50U);
  TarEntry hosts = entry(0, 0);
  shift.to_inside(hosts);
  EXPECT_EQ(hosts.uid, sys::kUnmappedId);
  EXPECT_EQ(hosts.gid, sys::kUnmappedId);
}

TEST(IdShift, WithoutMapsNothingChanges) {
  TarEntry one = entry(70000, 4294967294);
  IdShift().to_inside(one);
  ASSERT_TRUE(IdShift().to_outside(one));
  EXPECT_EQ(one.uid, 70000U);
  EXPECT_EQ(one.gid, 4294967294U);
}

TEST(IdShift, AnOwnerThatTheContainerDoesNotHaveIsRefused) {
  for (TarEntry one : {entry(65536, 0), entry(0, 65536), entry(uint64_t{1} << 32U, 0)}) {
    const Result<> shifted = IdShift(kMaps).to_outside(one);
    ASSERT_FALSE(shifted);
    EXPECT_NE(shifted.error().message().find("cannot be mapped to a host ID"), std::string::npos);
  }
}

// capabilities(7), "File capability extended attribute versioning": the third revision is the
// second with the id of the user namespace's root behind it.
TEST(IdShift, FileCapabilitiesAreBoundToTheContainersRoot) {
  const std::string second(
      "\x01\x00\x00\x02"
      "permittdinherit.",
      20);
  const std::string third = std::string(
                                "\x01\x00\x00\x03"
                                "permittdinherit.",
                                20) +
                            std::string("\xa0\x86\x01\x00", 4);
  TarEntry one = entry(0, 0);
  one.xattrs["security.capability"] = second;
  ASSERT_TRUE(IdShift(kMaps).to_outside(one));
  EXPECT_EQ(one.xattrs["security.capability"], third);
  TarEntry unmapped = one;
  IdShift(kMaps).to_inside(one);
  EXPECT_EQ(one.xattrs["security.capability"], second);
  IdShift().to_inside(unmapped);
  EXPECT_EQ(unmapped.xattrs["security.capability"], second);
}

}  // namespace
}  // namespace skiff::engine
