// Containers that an engine runs in user namespaces, with Docker's defaults.
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/resource.h>

#include "runtime/monitor_fixture.h"
#include "runtime/test_bundle.h"
#include "sys/capabilities.h"

namespace skiff::runtime {
namespace {

using test::Ran;
using test::TestBundle;

constexpr uint32_t kRoot = 100000;

sys::IdMaps maps() {
  const std::vector<sys::IdMapping> map{{.inside = 0, .outside = kRoot, .size = 65536}};
  return {.uids = map, .gids = map};
}

// The root's files belong to the mapped root, as a mapped mount shows them.
class UserNamespaces : public testing::Test {
 protected:
  UserNamespaces() {
    bundle_.spec.id_maps = maps();
    give(bundle_.rootfs());
    for (const auto& entry : std::filesystem::recursive_directory_iterator(bundle_.rootfs())) {
      give(entry.path());
    }
  }
  static void give(const Path& path) { ASSERT_EQ(::lchown(path.c_str(), kRoot, kRoot), 0) << path; }
  std::string output(const std::string& script) {
    Result<Ran> ran = bundle_.script(cat("exec 2>&1; ", script)).run();
    if (!ran) return ran.error().message();
    EXPECT_EQ(ran->code, 0) << ran->output;
    EXPECT_EQ(bundle_.traces(), "");
    return ran->output;
  }

  TestBundle bundle_;
};

TEST_F(UserNamespaces, TheDefaultsWorkInOne) {
  EXPECT_EQ(output("id -u; touch /new; stat -c %u:%g /new /dev/shm; "
                   "head -c 3 /dev/zero | wc -c; cat /proc/sys/net/ipv4/ping_group_range; "
                   "cat /proc/sys/net/ipv4/ip_unprivileged_port_start; "
                   "ls -d /sys/class/net/lo /dev/pts/ptmx /dev/mqueue"),
            "0\n0:0\n0:0\n3\n0\t65535\n0\n/dev/mqueue\n/dev/pts/ptmx\n/sys/class/net/lo\n");
}

TEST_F(UserNamespaces, AnyUserOpensItsOutputAgain) {
  EXPECT_EQ(output("echo root > /dev/stdout"), "root\n");
  bundle_.spec.user = "1000";
  EXPECT_EQ(output("echo other > /dev/stdout; echo more > /proc/self/fd/2"), "other\nmore\n");
}

TEST_F(UserNamespaces, LimitsAreRaisedAsOutside) {
  const auto may_raise = sys::CapabilityMask{1} << CAP_SYS_RESOURCE;
  if ((sys::current_capabilities().value().effective & may_raise) == 0) {
    GTEST_SKIP() << "needs CAP_SYS_RESOURCE";
  }
  rlimit own{};
  ASSERT_EQ(::getrlimit(RLIMIT_CORE, &own), 0);
  const rlimit low{4096, 4096};
  ASSERT_EQ(::setrlimit(RLIMIT_CORE, &low), 0);
  const ScopeExit restore([&] { ::setrlimit(RLIMIT_CORE, &own); });
  bundle_.spec.ulimits = {{.name = "core", .soft = 8192, .hard = 16384}};
  const std::string said = output("cat /proc/self/limits");
  EXPECT_NE(said.find("Max core file size        8192                 16384"), std::string::npos)
      << said;
}

TEST_F(UserNamespaces, BindsKeepTheHostsOwnersUnlessTheyAreMapped) {
  for (const char* name : {"plain", "mapped"}) {
    const Path source = bundle_.scratch() / name;
    ASSERT_TRUE(make_directories(source, 0755));
    ASSERT_TRUE(write_file_durably(source / "f", "text", 0644));
    bundle_.spec.binds.push_back({.source = source.native(),
                                  .target = cat("/", name),
                                  .map_ids = std::string_view(name) == "mapped"});
  }
  const std::string said = output(
      "stat -c %u /plain/f /mapped/f; cat /plain/f; touch /mapped/new; touch /plain/new || true");
  EXPECT_TRUE(said.starts_with("65534\n0\ntext")) << said;
  EXPECT_NE(said.find("touch: /plain/new: Permission denied"), std::string::npos) << said;
  struct stat st{};
  ASSERT_EQ(::stat((bundle_.scratch() / "mapped/new").c_str(), &st), 0);
  EXPECT_EQ(st.st_uid, 0U);
}

TEST_F(UserNamespaces, AnotherContainersNamespaceIsShared) {
  ASSERT_TRUE(bundle_.script("sleep 100").write());
  Result<Container> first = bundle_.create();
  ASSERT_TRUE(first) << first.error().message();
  ASSERT_TRUE(first->start());
  TestBundle second;
  const auto of_first = [&](const char* kind) { return cat("/proc/", first->pid(), "/ns/", kind); };
  second.spec.rootfs = bundle_.rootfs();
  second.spec.id_maps = maps();
  second.spec.user_namespace = of_first("user");
  second.spec.network_namespace = of_first("net");
  second.spec.pid_namespace = of_first("pid");
  const auto ran = second.script("readlink /proc/self/ns/user; cat /proc/self/uid_map").run();
  ASSERT_TRUE(ran) << ran.error().message();
  const Path link = of_first("user");
  EXPECT_TRUE(ran->output.starts_with(std::filesystem::read_symlink(link).native())) << ran->output;
  EXPECT_TRUE(first->remove(true));
  TestBundle::reap(first->pid());
}

// What a monitor runs beside the first process, too.
class MonitorInUserNamespace : public MonitorFixture {};

TEST_F(MonitorInUserNamespace, ExecSessionsOpenTheirOutputAgain) {
  spec_.id_maps = maps();
  MonitorClient monitor = run("sleep 100");
  const auto session =
      monitor.exec("x", {.args = {"/bin/sh", "-c", "echo again > /dev/stdout; id -u"},
                         .user = "1000",
                         .attach_stdout = true});
  ASSERT_TRUE(session) << session.error().message();
  EXPECT_EQ(take_frames_apart(read_stream(session->stream.get())).out, "again\n1000\n");
  remove(monitor);
}

}  // namespace
}  // namespace skiff::runtime
