#include "sys/cgroup_parents.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <optional>

#include "base/random.h"
#include "base/strings.h"
#include "sys/cgroup.h"

namespace skiff::sys {
namespace {

bool is_there(const std::string& path) {
  const auto group = Cgroup::open(path);
  return group && !group->members().empty();
}

class CgroupParentsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0 || !cgroup_hierarchies()) GTEST_SKIP() << "needs root and cgroups";
  }
  std::shared_ptr<CgroupParents> open() {
    return *CgroupParents::open(record_, cat(name_, "-own"));
  }
  std::string below(std::string_view path) const { return cat(name_, path); }
  void make(std::string_view path) { EXPECT_TRUE(Cgroup::create(below(path))); }
  void remove(std::string_view path) { EXPECT_TRUE(Cgroup::open(below(path))->remove()); }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-cgroup-parents-test-");
  const Path record_ = dir_.path() / "record";
  const std::string name_ = cat("/skiff-parents-", random_hex(8));
};

TEST_F(CgroupParentsTest, TheLastUserRemoves) {
  const auto parents = CgroupParents::unrecorded();
  {
    const auto outer = *parents->use(below("/a"));
    {
      const auto inner = *parents->use(below("/inner/b"));
      make("/inner/b");
      remove("/inner/b");
      EXPECT_TRUE(is_there(below("/inner")));
    }
    EXPECT_FALSE(is_there(below("/inner")));
    EXPECT_TRUE(is_there(name_));
  }
  EXPECT_FALSE(is_there(name_));
}

TEST_F(CgroupParentsTest, WhatWasThereStays) {
  make("");
  {
    const auto parents = open();
    const auto use = *parents->use(below("/b"));
    make("/b");
    remove("/b");
  }
  open()->sweep();
  EXPECT_TRUE(is_there(name_));
  remove("");
}

TEST_F(CgroupParentsTest, WhatADaemonHasLeftIsSwept) {
  const auto killed = open();
  std::optional<CgroupParents::Use> use = *killed->use(below("/inner/b"));
  make("/inner/b");
  // The next one finds it at work, and the one after that gone.
  open()->sweep();
  EXPECT_TRUE(is_there(below("/inner/b")));
  remove("/inner/b");
  open()->sweep();
  EXPECT_FALSE(is_there(name_));
  // Of what is gone nobody says any more that it is ours.
  make("");
  open()->sweep();
  EXPECT_TRUE(is_there(name_));
  remove("");
}

TEST_F(CgroupParentsTest, WhatADaemonWasAboutToMakeIsSwept) {
  const auto killed = open();
  std::optional<CgroupParents::Use> use = *killed->use(below("/inner/b"));
  std::string planned;
  for (const std::string& line : split(*read_file(record_), '\n')) {
    const auto fields = split_once(line, ' ');
    planned += fields ? cat("0 ", fields->second, "\n") : cat(line, "\n");
  }
  planned += cat("0 /sys/fs/cgroup", name_, "-never-made\n");
  ASSERT_TRUE(write_file_durably(record_, planned));
  open()->sweep();
  EXPECT_FALSE(is_there(name_));
}

TEST_F(CgroupParentsTest, WhatRanOnGoesWithItsUser) {
  {
    const auto first = open();
    const auto use = *first->use(below("/b"));
    make("/b");
  }
  EXPECT_TRUE(is_there(below("/b")));
  {
    const auto second = open();
    const auto use = *second->use(below("/b"));
    second->sweep();
    remove("/b");
    EXPECT_TRUE(is_there(name_));
  }
  EXPECT_FALSE(is_there(name_));
}

TEST_F(CgroupParentsTest, WhatSomebodyHasMadeAnewStays) {
  {
    const auto parents = open();
    const auto use = *parents->use(below("/inner/b"));
    remove("/inner");
    make("/inner");
    const auto second = *parents->use(below("/inner/c"));
  }
  EXPECT_TRUE(is_there(below("/inner")));
  open()->sweep();
  EXPECT_TRUE(is_there(below("/inner")));
  remove("/inner");
  open()->sweep();
  EXPECT_FALSE(is_there(name_));
}

// All other cgroups stand in it, those that no client has named, too.
TEST_F(CgroupParentsTest, OnesOwnIsNeverAmongThem) {
  const std::string own = cat(name_, "/own");
  const auto parents = *CgroupParents::open(record_, own);
  {
    const auto use = *parents->use(cat(own, "/b/c"));
    EXPECT_TRUE(is_there(cat(own, "/b")));
  }
  EXPECT_FALSE(is_there(cat(own, "/b")));
  EXPECT_TRUE(is_there(own));
  remove("/own");
  remove("");
}

TEST_F(CgroupParentsTest, ARecordOfAnotherBootCountsForNothing) {
  {
    const auto parents = open();
    const auto use = *parents->use(below("/b"));
    make("/b");
  }
  remove("/b");
  const std::string text = *read_file(record_);
  ASSERT_TRUE(write_file_durably(record_, cat("0", text)));
  open()->sweep();
  EXPECT_TRUE(is_there(name_));
  ASSERT_TRUE(write_file_durably(record_, text));
  open()->sweep();
  EXPECT_FALSE(is_there(name_));
}

}  // namespace
}  // namespace skiff::sys
