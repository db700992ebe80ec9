// The resctrl file system is played by a directory: few machines have one.
#include "runtime/resctrl.h"

#include <gtest/gtest.h>

#include "runtime/resctrl_stats.h"

namespace skiff::runtime {
namespace {

class Resctrl : public testing::Test {
 protected:
  Resctrl() : dir_(*TempDir::make("/tmp", "skiff-resctrl")) {
    std::filesystem::create_directories(root() / "info");
  }
  const Path& root() const { return dir_.path(); }
  // The kernel makes the files of a class; here the test does.
  void make_class(const std::string& name) const {
    std::filesystem::create_directories(root() / name / "mon_groups");
    for (const char* file : {"tasks", "schemata"}) {
      ASSERT_TRUE(write_file_durably(root() / name / file, ""));
    }
  }

 private:
  TempDir dir_;
};

TEST_F(Resctrl, AClassThatIsThereIsUsedAndKept) {
  make_class("fast");
  OciIntelRdt rdt{
      .clos_id = "fast", .l3_cache_schema = "L3:0=f", .memory_bandwidth_schema = "MB:0=20"};
  Result<ResctrlGroup> group = ResctrlGroup::open(rdt, "c1", root());
  ASSERT_TRUE(group) << group.error().message();
  ASSERT_TRUE(group->add(42));
  EXPECT_EQ(*read_file(root() / "fast/schemata"), "L3:0=f\nMB:0=20\n");
  EXPECT_EQ(*read_file(root() / "fast/tasks"), "42");
  EXPECT_TRUE(group->made().empty());
}

TEST_F(Resctrl, AClassOfItsOwnIsRemoved) {
  OciIntelRdt rdt;
  Result<ResctrlGroup> group = ResctrlGroup::open(rdt, "c1", root());
  ASSERT_TRUE(group) << group.error().message();
  EXPECT_EQ(group->made(), std::vector<std::string>{(root() / "c1").native()});
  EXPECT_TRUE(remove_resctrl(group->made()));
  EXPECT_FALSE(std::filesystem::exists(root() / "c1"));
}

TEST_F(Resctrl, AMonitoringGroupIsMade) {
  make_class("fast");
  OciIntelRdt rdt{.clos_id = "fast", .monitoring = true};
  Result<ResctrlGroup> group = ResctrlGroup::open(rdt, "c1", root());
  ASSERT_TRUE(group) << group.error().message();
  EXPECT_TRUE(std::filesystem::exists(root() / "fast/mon_groups/c1"));
  EXPECT_TRUE(remove_resctrl(group->made()));
  EXPECT_TRUE(std::filesystem::exists(root() / "fast"));
}

TEST_F(Resctrl, WhatDoesNotExistIsNamed) {
  OciIntelRdt rdt{.clos_id = "gone"};
  EXPECT_NE(ResctrlGroup::open(rdt, "c1", root()).error().message().find("/gone"),
            std::string::npos);
  std::string none = ResctrlGroup::open(rdt, "c1", root() / "nowhere").error().message();
  EXPECT_NE(none.find("not supported or enabled"), std::string::npos) << none;
}

TEST_F(Resctrl, StatisticsAreInRuncsWords) {
  make_class("c1/mon_groups/c1");
  const std::pair<const char*, const char*> files[] = {
      {"schemata", "    MB:0=100\n    L3:0=fff\n"},
      {"c1/schemata", "    MB:0=20\n    L3:0=f\n"},
      {"info/L3/cbm_mask", "fff\n"},
      {"info/L3/min_cbm_bits", "1\n"},
      {"info/L3/num_closids", "16\n"},
      {"info/MB/min_bandwidth", "10\n"},
      {"info/L3_MON/mon_features", "llc_occupancy\nmbm_total_bytes\n"},
      {"c1/mon_groups/c1/mon_data/mon_L3_00/llc_occupancy", "4096\n"},
      {"c1/mon_groups/c1/mon_data/mon_L3_00/mbm_total_bytes", "123\n"},
      {"c1/mon_groups/c1/mon_data/mon_L3_00/mbm_local_bytes", "77\n"}};
  for (const auto& [file, text] : files) {
    std::filesystem::create_directories((root() / file).parent_path());
    ASSERT_TRUE(write_file_durably(root() / file, text));
  }
  const json::Value wanted = *json::parse(R"({
      "l3_cache_info": {"cbm_mask": "fff", "min_cbm_bits": 1, "num_closids": 16},
      "l3_cache_schema_root": "L3:0=fff", "l3_cache_schema": "L3:0=f",
      "mem_bw_info": {"min_bandwidth": 10},
      "mem_bw_schema_root": "MB:0=100", "mem_bw_schema": "MB:0=20",
      "mbm_stats": [{"mbm_total_bytes": 123}], "cmt_stats": [{"llc_occupancy": 4096}]})");
  EXPECT_EQ(resctrl_stats(OciIntelRdt{.monitoring = true}, "c1", root()).dump(), wanted.dump());
  EXPECT_EQ(resctrl_stats(std::nullopt, "c1", root()).dump(), "{}");
  EXPECT_EQ(resctrl_stats(OciIntelRdt{}, "c1", root() / "nowhere").dump(), "{}");
}

}  // namespace
}  // namespace skiff::runtime
