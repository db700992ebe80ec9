// `--cgroup-parent` of builds: what becomes of the cgroups that are named.
#include "sys/cgroup_parents.h"

#include "base/random.h"
#include "builder/run_fixture.h"
#include "sys/cgroup.h"

namespace skiff::builder {
namespace {

bool is_there(const std::string& path) {
  const auto group = sys::Cgroup::open(path);
  return group && !group->members().empty();
}

class CgroupParentsTest : public RunFixture {
 protected:
  const std::string name_ = cat("/skiff-parent-", random_hex(8));
};

TEST_F(CgroupParentsTest, WhatABuildMadeIsGoneWhenItEnds) {
  BuildRequest wanted = request("FROM base:1\nRUN cat /proc/self/cgroup\nRUN echo 2\n");
  wanted.cgroup_parent = cat(name_, "/inner");
  built(wanted);
  EXPECT_NE(told_.output.find("\n2\n"), std::string::npos);
  // With version 2 alone a container sees its own cgroup as the root.
  if (!sys::Cgroup::open("/x")->v2()) {
    EXPECT_NE(told_.output.find(cat(name_, "/inner/build-")), std::string::npos);
  }
  EXPECT_FALSE(is_there(name_));
}

TEST_F(CgroupParentsTest, WhatWasThereStays) {
  auto group = *sys::Cgroup::create(name_);
  BuildRequest wanted = request("FROM base:1\nRUN echo 1\n");
  wanted.cgroup_parent = cat(name_, "/inner");
  built(wanted);
  EXPECT_TRUE(is_there(name_));
  EXPECT_FALSE(is_there(cat(name_, "/inner")));
  EXPECT_TRUE(group.remove());
}

// As a daemon that was killed has left it: the step's bundle and its cgroup.
TEST_F(CgroupParentsTest, StepsOfAKilledDaemonAreEnded) {
  const auto parents = sys::CgroupParents::unrecorded();
  const std::string step = cat(name_, "/inner/build-0123456789ab");
  std::optional<sys::CgroupParents::Use> use = *parents->use(step);
  ASSERT_TRUE(sys::Cgroup::create(step));
  builder_.reset();
  const Path bundle = options_.run_dir / "build-0123456789ab-x";
  std::filesystem::create_directories(bundle);
  const json::Value place = json::object({{"cgroupsPath", step}});
  ASSERT_TRUE(write_file(bundle / "config.json", json::object({{"linux", place}}).dump()));
  open_builder_again();
  EXPECT_FALSE(is_there(step));
  EXPECT_TRUE(is_there(cat(name_, "/inner")));
  use.reset();
  EXPECT_FALSE(is_there(name_));
}

}  // namespace
}  // namespace skiff::builder
