// SELinux labels with a policy's files of the test's own. The kernel here need not have SELinux:
// that a container has its label is seen in tests/machine/selinux.
#include <gtest/gtest.h>
#include <sys/xattr.h>

#include <set>

#include "engine/label_pool.h"
#include "engine/mount_plan.h"
#include "engine/relabel.h"
#include "engine/test_engine.h"

namespace skiff::engine {
namespace {

using Labels = LabelPool::Labels;

// A policy as distributions have it, below `root`.
SelinuxOptions selinux_below(const Path& root) {
  const Path contexts = root / "selinux/targeted/contexts";
  EXPECT_TRUE(make_directories(contexts));
  EXPECT_TRUE(write_file(root / "selinux/config", "SELINUXTYPE=targeted\n"));
  EXPECT_TRUE(write_file(contexts / "lxc_contexts",
                         "process = \"system_u:system_r:container_t:s0\"\n"
                         "file = \"system_u:object_r:container_file_t:s0\"\n"));
  // Of the kernel, which would refuse what its policy does not know.
  EXPECT_TRUE(write_file(root / "selinux/context", ""));
  return {.enabled = true,
          .places = {.settings = root / "selinux",
                     .filesystem = root / "selinux",
                     .contexts = root / "selinux/none"}};
}

std::string level_of(const std::string& label) {
  return runtime::SelinuxContext::parse(label)->level;
}

TEST(LabelPool, EachContainerHasALevelOfItsOwn) {
  const TempDir dir = *TempDir::make("/tmp", "skiff-labels-test-");
  LabelPool pool(selinux_below(dir.path()));
  std::set<std::string> levels;
  for (int i = 0; i < 2000; ++i) {
    const Labels labels = pool.choose({}).value();
    const std::string level = level_of(labels.process);
    EXPECT_TRUE(labels.process.starts_with("system_u:system_r:container_t:s0:c"));
    EXPECT_EQ(labels.mount, cat("system_u:object_r:container_file_t:", level));
    const auto categories = split_once(std::string_view(level).substr(4), ',').value();
    const auto low = parse_uint(categories.first);
    const auto high = parse_uint(categories.second.substr(1));
    EXPECT_TRUE(low && high && *low < *high && *high < 1024) << level;
    EXPECT_TRUE(levels.insert(level).second) << level << " twice";
  }
}

TEST(LabelPool, NothingWhereItIsOffAndWherePoliciesKnowNoContainers) {
  const TempDir dir = *TempDir::make("/tmp", "skiff-labels-test-");
  SelinuxOptions options = selinux_below(dir.path());
  options.places.settings = dir.path() / "elsewhere";
  EXPECT_EQ(LabelPool(options).choose({"type:x"}).value(), Labels());
  options = selinux_below(dir.path());
  options.enabled = false;
  LabelPool off(options);
  EXPECT_FALSE(off.is_on());
  EXPECT_EQ(off.choose({"type:x"}).value(), Labels());
}

TEST(Relabel, WordOfAMode) {
  EXPECT_EQ(relabel_word("ro,z"), "z");
  EXPECT_EQ(relabel_word("Z,rw"), "Z");
  EXPECT_EQ(relabel_word("rw"), "");
  EXPECT_EQ(parse_bind("/a:/b:z,Z").error().message(),
            "invalid volume specification: '/a:/b:z,Z': invalid mode: z,Z");
}

class RelabelTree : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    ASSERT_TRUE(make_directories(dir_.path() / "tree/below"));
    ASSERT_TRUE(write_file(dir_.path() / "tree/below/file", "x"));
    ASSERT_TRUE(write_file(dir_.path() / "outside", "x"));
    std::filesystem::create_symlink("../../outside", dir_.path() / "tree/below/link");
  }
  std::string label(const std::string& name) const {
    std::string text(100, '\0');
    const ssize_t size =
        ::lgetxattr((dir_.path() / name).c_str(), "security.selinux", text.data(), text.size());
    return text.substr(0, size < 0 ? 0 : static_cast<size_t>(size));
  }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-labels-test-");
};

TEST_F(RelabelTree, AllBelowAndNothingThatLinksLeadTo) {
  const std::string before = label("outside");
  ASSERT_TRUE(relabel(dir_.path() / "tree", "u:o:f_t:s0:c1,c2", false));
  for (const char* name : {"tree", "tree/below", "tree/below/file", "tree/below/link"}) {
    EXPECT_EQ(label(name), "u:o:f_t:s0:c1,c2") << name;
  }
  EXPECT_EQ(label("outside"), before);
  ASSERT_TRUE(relabel(dir_.path() / "tree/below", "u:o:f_t:s0:c1,c2", true));
  EXPECT_EQ(label("tree"), "u:o:f_t:s0:c1,c2");
  EXPECT_EQ(label("tree/below/file"), "u:o:f_t:s0") << "shared by all";
  ASSERT_TRUE(relabel(dir_.path() / "tree/below/link", "u:o:g_t:s0", false));
  EXPECT_EQ(label("outside"), "u:o:g_t:s0") << "a source that is a link is what it leads to";
}

TEST_F(RelabelTree, TheSystemsDirectoriesAreRefused) {
  std::filesystem::create_symlink("/usr", dir_.path() / "usr");
  EXPECT_EQ(relabel(dir_.path() / "usr", "u:o:f_t:s0", true).error().message(),
            "SELinux relabeling of /usr is not allowed");
  EXPECT_TRUE(relabel("/usr", "", true)) << "without a label nothing is done";
}

class LabelledContainers : public testing::EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    if (IsSkipped()) return;
    options_.selinux = selinux_below(dir_.path());
    reopen();
  }
  Labels labels(const std::string& id) { return info(id).labels; }
  std::string with_options(std::vector<std::string> options) {
    CreateRequest wanted = request("true");
    wanted.host_config.security_opt = std::move(options);
    return create(std::move(wanted));
  }
};

TEST_F(LabelledContainers, KeepTheirsWithTheNextDaemon) {
  const std::string one = create("true");
  const std::string other = create("true");
  const Labels before = labels(one);
  EXPECT_TRUE(before.process.starts_with("system_u:system_r:container_t:s0:c")) << before.process;
  EXPECT_NE(labels(other), before);
  reopen();
  EXPECT_EQ(labels(one), before);
  EXPECT_TRUE(info(one).host_config.security_opt.empty());
}

TEST_F(LabelledContainers, OptionsAndPrivileges) {
  EXPECT_TRUE(labels(with_options({"label:type:svirt_t"}))
                  .process.starts_with("system_u:system_r:svirt_t:s0:c"));
  EXPECT_EQ(labels(with_options({"label=disable"})).process, "");
  CreateRequest wanted = request("true");
  wanted.host_config.privileged = true;
  const std::string privileged = create(std::move(wanted));
  EXPECT_EQ(labels(privileged).process, "");
  EXPECT_EQ(info(privileged).host_config.security_opt, std::vector<std::string>({"label=disable"}));
  wanted = request("true");
  wanted.host_config.pid_mode = "host";
  EXPECT_EQ(labels(create(std::move(wanted))).process, "");
}

TEST_F(LabelledContainers, WhoSharesNamespacesHasTheOthers) {
  const std::string one = create("true");
  const std::string other = create("true");
  CreateRequest wanted = request("true");
  wanted.host_config.ipc_mode = "container:" + one;
  EXPECT_EQ(labels(create(wanted)), labels(one));
  wanted.host_config.pid_mode = "container:" + other;
  auto refused = containers().create(wanted);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message(), "--ipc and --pid containers SELinux labels aren't the same");
  EXPECT_EQ(refused.error().code(), Code::kInvalidArgument);
}

TEST_F(LabelledContainers, AnonymousVolumesAreForAll) {
  CreateRequest wanted = request("true");
  wanted.config.run.volumes = {"/data"};
  const ContainerInfo made = info(create(std::move(wanted)));
  std::string label(100, '\0');
  const ssize_t size =
      ::lgetxattr(made.mounts.at(0).source.c_str(), "security.selinux", label.data(), label.size());
  ASSERT_GT(size, 0);
  EXPECT_EQ(label.substr(0, static_cast<size_t>(size)), "system_u:object_r:container_file_t:s0");
}

}  // namespace
}  // namespace skiff::engine
