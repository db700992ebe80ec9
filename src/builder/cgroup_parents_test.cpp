// `--cgroup-parent` of builds: what becomes of the cgroups that are named.
#include "builder/cgroup_parents.h"

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

TEST_F(CgroupParentsTest, TheLastUserRemoves) {
  CgroupParents parents;
  {
    const auto outer = *parents.use(cat(name_, "/a"));
    {
      const auto inner = *parents.use(cat(name_, "/inner/b"));
      EXPECT_TRUE(sys::Cgroup::create(cat(name_, "/inner/b"))->remove());
      EXPECT_TRUE(is_there(cat(name_, "/inner")));
    }
    EXPECT_FALSE(is_there(cat(name_, "/inner")));
    EXPECT_TRUE(is_there(name_));
  }
  EXPECT_FALSE(is_there(name_));
}

}  // namespace
}  // namespace skiff::builder
