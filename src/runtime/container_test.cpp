// Containers as programs see them from inside.
#include "runtime/container.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>

#include "runtime/annotations.h"
#include "runtime/memory_kills.h"
#include "runtime/seccomp_profile.h"
#include "runtime/test_runs.h"

namespace skiff::runtime {
namespace {

using test::Ran;
using test::run;
using test::TestBundle;

// Runs the script; fails the test, and gives nothing, when the container does not come about.
std::string field(const std::string& text, const std::string& name) {
  for (const std::string& line : split(text, '\n')) {
    if (line.starts_with(name + ":")) return std::string(trim(line.substr(name.size() + 1)));
  }
  return "";
}

TEST(Container, HasNamespacesOfItsOwn) {
  TestBundle bundle;
  Ran ran = run(bundle, "for n in mnt pid net uts ipc; do readlink /proc/self/ns/$n; done");
  for (const char* name : {"mnt", "pid", "net", "uts", "ipc"}) {
    std::string own = std::filesystem::read_symlink(cat("/proc/self/ns/", name)).native();
    EXPECT_EQ(ran.output.find(own), std::string::npos) << name;
  }
  EXPECT_EQ(split(trim(ran.output), '\n').size(), 5U);
}

TEST(Container, ProgramIsPidOneWithItsHostname) {
  TestBundle bundle;
  Ran ran = run(bundle, "echo $$; hostname; pwd; exit 7");
  EXPECT_EQ(ran.output, "1\ninside\n/\n");
  EXPECT_EQ(ran.code, 7);
}

TEST(Container, LoopbackIsUp) {
  TestBundle bundle;
  EXPECT_NE(run(bundle, "ip addr show lo").output.find("127.0.0.1"), std::string::npos);
}

TEST(Container, SeesOnlyItsRoot) {
  TestBundle bundle;
  Ran ran = run(bundle, "ls /; cat /proc/self/mountinfo | wc -l; cat /proc/mounts");
  EXPECT_EQ(ran.output.find("home"), std::string::npos);
  EXPECT_EQ(ran.output.find(bundle.scratch().native()), std::string::npos);
}

TEST(Container, HoldsNoDescriptorOfTheHost) {
  UniqueFd leak(::open("/", O_RDONLY));  // not close-on-exec
  ASSERT_GE(leak.get(), 0);
  TestBundle bundle;
  // 3 is ls's own.
  EXPECT_EQ(run(bundle, "ls /proc/self/fd | tr '\\n' ' '").output, "0 1 2 3 ");
}

TEST(Container, HasTheUsualDevicesAndLinks) {
  TestBundle bundle;
  Ran ran =
      run(bundle,
          "for d in null zero full random urandom tty; do stat -c '%n %a %t,%T' /dev/$d; done;"
          "for l in fd stdin stdout stderr ptmx; do readlink /dev/$l; done;"
          "head -c 4 /dev/zero | wc -c; echo x > /dev/null");
  EXPECT_EQ(ran.output,
            "/dev/null 666 1,3\n/dev/zero 666 1,5\n/dev/full 666 1,7\n/dev/random 666 1,8\n"
            "/dev/urandom 666 1,9\n/dev/tty 666 5,0\n/proc/self/fd\n/proc/self/fd/0\n"
            "/proc/self/fd/1\n/proc/self/fd/2\npts/ptmx\n4\n");
}

TEST(Container, MayUseOnlyItsDevices) {
  TestBundle bundle;
  Ran ran = run(bundle, "mknod /tmp/kmsg c 1 11 && head -c 1 /tmp/kmsg");
  EXPECT_NE(ran.output.find("Operation not permitted"), std::string::npos) << ran.output;
}

TEST(Container, WithoutDeviceRulesHasTheUsualDevicesAlone) {
  TestBundle bundle;
  bundle.change = test::with_linux("resources", json::object());
  // Who may make it, may open it, but for the rules; /dev/kmsg takes a capability.
  Ran ran = run(bundle, "mknod /tmp/fuse c 10 229 && : >/dev/null && : </tmp/fuse");
  EXPECT_NE(ran.code, 0);
  EXPECT_NE(ran.output.find("Operation not permitted"), std::string::npos) << ran.output;
}

TEST(Container, MaskedAndReadonlyPathsHold) {
  TestBundle bundle;
  Ran ran =
      run(bundle,
          "cat /proc/timer_list | wc -c; ls /sys/firmware | wc -l; "
          "touch /sys/x; chmod 600 /proc/timer_list; "
          // Opened for writing, but nothing written: a failure is not to harm the host.
          "true > /proc/sys/kernel/ftrace_dump_on_oops; true > /proc/irq/default_smp_affinity; "
          "[ ! -e /proc/sysrq-trigger ] || true > /proc/sysrq-trigger");
  // Kernels without the magic key lack its file.
  size_t wanted = std::filesystem::exists("/proc/sysrq-trigger") ? 5 : 4;
  EXPECT_TRUE(ran.output.starts_with("0\n0\n")) << ran.output;
  size_t refusals = 0;
  for (const std::string& line : split(ran.output, '\n')) {
    if (line.find("Read-only file system") != std::string::npos) ++refusals;
  }
  EXPECT_EQ(refusals, wanted) << ran.output;
}

TEST(Container, CapabilitiesAreDockers) {
  TestBundle bundle;
  Ran ran = run(bundle, "cat /proc/self/status");
  for (const char* set : {"CapPrm", "CapEff", "CapBnd"}) {
    EXPECT_EQ(field(ran.output, set), "00000000a80425fb") << set;
  }
  EXPECT_EQ(field(ran.output, "CapInh"), "0000000000000000");
  EXPECT_EQ(field(ran.output, "CapAmb"), "0000000000000000");
  EXPECT_EQ(field(ran.output, "NoNewPrivs"), "0");
  EXPECT_EQ(field(ran.output, "Seccomp"), "2");
}

TEST(Container, RunsAsItsUserWithoutCapabilities) {
  TestBundle bundle;
  bundle.spec.user = "1000:1001";
  bundle.spec.no_new_privileges = true;
  Ran ran = run(bundle, "id; cat /proc/self/status; env");
  EXPECT_TRUE(ran.output.starts_with("uid=1000 gid=1001 groups=1001\n")) << ran.output;
  EXPECT_EQ(field(ran.output, "CapEff"), "0000000000000000");
  EXPECT_EQ(field(ran.output, "NoNewPrivs"), "1");
  EXPECT_NE(ran.output.find("HOME=/\n"), std::string::npos);
}

TEST(Container, SeccompStopsWhatDockersProfileStops) {
  TestBundle bundle;
  Ran ran = run(bundle, "unshare -U true; mount -t tmpfs none /tmp");
  EXPECT_NE(ran.output.find("unshare"), std::string::npos);
  EXPECT_NE(ran.output.find("not permitted"), std::string::npos) << ran.output;
  TestBundle open;
  open.spec.seccomp = "unconfined";
  EXPECT_EQ(run(open, "unshare -U true && echo free").output, "free\n");
}

TEST(Container, SeccompFollowsItsRules) {
  TestBundle bundle;
  bundle.spec.seccomp =
      R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
          {"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":28},
          {"names":["no_such_call"],"action":"SCMP_ACT_ERRNO"}]})";
  EXPECT_NE(run(bundle, "mkdir /tmp/x").output.find("No space left"), std::string::npos);
}

TEST(Container, SeccompsNumbersAreWholeOrRefused) {
  const auto refused = [](const std::string& profile) {
    const Result<json::Value> made = make_oci_seccomp(profile, 0);
    return made ? "" : made.error().message();
  };
  const auto rule = [](const char* number) {
    return cat(R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","open"],)",
               R"("action":"SCMP_ACT_ERRNO","errnoRet":)", number, "}]}");
  };
  EXPECT_EQ(refused(rule("null")), "");
  EXPECT_EQ(refused(rule("38")), "");
  EXPECT_EQ(refused(rule("\"38\"")),
            "mkdir,open: seccomp profile: errnoRet is no whole number: \"38\"");
  EXPECT_NE(refused(rule("38.5")), "");
  EXPECT_EQ(refused(R"({"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":true})"),
            "seccomp profile: defaultErrnoRet is no whole number: true");
}

TEST(Container, APathToMaskIsOneOfTheRoot) {
  TestBundle bundle;
  bundle.spec.masked_paths = {{"etc/secret", ""}};
  ASSERT_TRUE(write_file(bundle.rootfs() / "etc/secret", "told"));
  EXPECT_EQ(run(bundle, "cat /etc/secret; echo end").output, "end\n");
}

TEST(Container, RlimitsAreSetOrWarnedOf) {
  TestBundle bundle;
  bundle.spec.ulimits = {{"nofile", 100, 200}, {"core", 0, 0}, {"memlock", -1, -1}};
  EXPECT_EQ(run(bundle, "ulimit -n; ulimit -Hn; ulimit -c").output, "100\n200\n0\n");
}

// Of the program alone: the set-up opens more.
TEST(Container, FewDescriptorsAreEnough) {
  TestBundle bundle;
  bundle.spec.ulimits = {{"nofile", 8, 8}};
  EXPECT_EQ(run(bundle, "ulimit -n; ulimit -Hn").output, "8\n8\n");
}

TEST(Container, DescriptorsAreLimitedAsForALogin) {
  TestBundle bundle;
  rlimit own{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &own), 0);
  EXPECT_EQ(run(bundle, "ulimit -n; ulimit -Hn").output,
            cat(std::min<rlim_t>(1024, own.rlim_max), "\n", own.rlim_max, "\n"));
}

TEST(Container, MemoryLimitKills) {
  TestBundle bundle;
  bundle.spec.limits.memory_bytes = 16 << 20;
  bundle.script("tail /dev/zero");
  ASSERT_TRUE(bundle.write());
  Result<Container> container = bundle.create();
  ASSERT_TRUE(container) << container.error().message();
  const MemoryKills since_creation(container->cgroup());
  ASSERT_TRUE(container->start());
  EXPECT_EQ(TestBundle::reap(container->pid()), 137);
  EXPECT_GE(container->cgroup().oom_kills(), 1U);
  const Error told = since_creation.tell(Error::from_errno(ESRCH, "exec"));
  EXPECT_EQ(told.sys_errno(), ESRCH);
  EXPECT_NE(told.message().find("for want of memory: its limit"), std::string::npos);
  EXPECT_TRUE(told.message().ends_with(": exec: No such process")) << told.message();
  // Of the past it is no cause.
  EXPECT_EQ(MemoryKills(container->cgroup()).tell(Error(Code::kInternal, "x")).message(), "x");
  EXPECT_TRUE(container->remove(false));
  EXPECT_EQ(bundle.traces(), "");
}

TEST(Container, PidsLimitStopsForks) {
  TestBundle bundle;
  bundle.spec.limits.pids = 3;
  Ran ran = run(bundle, "for i in 1 2 3 4 5 6; do sleep 5 & done; true");
  EXPECT_NE(ran.output.find("can't fork"), std::string::npos) << ran.output;
}

TEST(Container, CpuLimitsAreWritten) {
  TestBundle bundle;
  bundle.spec.limits.nano_cpus = 500'000'000;
  bundle.spec.limits.cpu_shares = 512;
  ASSERT_TRUE(bundle.script("sleep 100").write());
  Result<Container> container = bundle.create();
  ASSERT_TRUE(container) << container.error().message();
  if (!container->cgroup().v2()) {
    EXPECT_EQ(trim(*container->cgroup().read("cpu", "cpu.cfs_quota_us")), "50000");
    EXPECT_EQ(trim(*container->cgroup().read("cpu", "cpu.shares")), "512");
  }
  EXPECT_TRUE(
      container->update(*json::parse(R"({"memory":{"limit":33554432},"cpu":{"shares":100}})")));
  if (!container->cgroup().v2()) {
    EXPECT_EQ(trim(*container->cgroup().read("cpu", "cpu.shares")), "100");
    EXPECT_EQ(trim(*container->cgroup().read("memory", "memory.limit_in_bytes")), "33554432");
  }
  EXPECT_TRUE(container->remove(true));
  TestBundle::reap(container->pid());
  EXPECT_EQ(bundle.traces(), "");
}

TEST(Container, BurstFollowsTheQuotaUpAndDown) {
  TestBundle bundle;
  ASSERT_TRUE(bundle.script("sleep 100").write());
  Result<Container> container = bundle.create();
  ASSERT_TRUE(container) << container.error().message();
  std::string file = container->cgroup().v2() ? "cpu.max.burst" : "cpu.cfs_burst_us";
  if (container->cgroup().read("cpu", file)) {
    for (const char* amount : {"20000", "90000", "5000"}) {
      Result<> updated = container->update(*json::parse(
          cat(R"({"cpu":{"period":100000,"quota":)", amount, R"(,"burst":)", amount, "}}")));
      EXPECT_TRUE(updated) << updated.error().message();
      EXPECT_EQ(trim(*container->cgroup().read("cpu", file)), amount);
    }
  }
  EXPECT_TRUE(container->remove(true));
  TestBundle::reap(container->pid());
}

TEST(Container, BindMountsKeepTheirOptions) {
  TestBundle bundle;
  Path host = bundle.scratch() / "host";
  std::filesystem::create_directories(host);
  ASSERT_TRUE(write_file_durably(host / "file", "text\n"));
  bundle.spec.binds = {{host, "/data", true, "rprivate"},
                       {host / "file", "/etc/deep/file", false, "rprivate"}};
  bundle.spec.tmpfs = {{"/scratch", "size=1m,mode=700"}};
  Ran ran = run(bundle,
                "cat /data/file /etc/deep/file; touch /data/x; stat -c %a /scratch; "
                "echo changed > /etc/deep/file");
  EXPECT_TRUE(ran.output.starts_with("text\ntext\n")) << ran.output;
  EXPECT_NE(ran.output.find("Read-only file system"), std::string::npos);
  EXPECT_NE(ran.output.find("700"), std::string::npos);
  EXPECT_EQ(*read_file(host / "file"), "changed\n");
}

TEST(Container, ReadonlyRootIsReadonly) {
  TestBundle bundle;
  bundle.spec.read_only = true;
  Ran ran = run(bundle, "touch /x; touch /dev/shm/y && echo shm");
  EXPECT_NE(ran.output.find("Read-only"), std::string::npos);
  EXPECT_NE(ran.output.find("shm"), std::string::npos);
}

TEST(Container, WorkingDirectoryIsMade) {
  TestBundle bundle;
  bundle.spec.working_dir = "/new/place";
  EXPECT_EQ(run(bundle, "pwd").output, "/new/place\n");
}

TEST(Container, SysctlsAreItsOwn) {
  TestBundle bundle;
  bundle.spec.sysctls = {{"net.ipv4.ip_forward", "1"}, {"kernel.shmmni", "77"}};
  Ran ran = run(bundle, "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmni");
  EXPECT_EQ(ran.output, "1\n77\n");
}

TEST(Container, SmallInitReapsAndForwards) {
  TestBundle bundle;
  bundle.spec.init = true;
  Ran ran = run(bundle,
                "echo $$; sleep 0.01 & cat /proc/1/comm; trap 'exit 9' TERM; kill -TERM 1; "
                "sleep 5 & wait");
  EXPECT_NE(ran.output.find("skiff-init"), std::string::npos) << ran.output;
  EXPECT_EQ(ran.code, 9);
}

TEST(Container, UserNamespaceMapsItsRoot) {
  TestBundle bundle;
  bundle.change = [](json::Value& config) {
    json::Value lx = *config.find("linux");
    json::Array namespaces = lx.array("namespaces");
    namespaces.push_back(json::object({{"type", "user"}}));
    // Docker's default range of pinging groups is wider than what is mapped here.
    lx.make_object().erase("sysctl");
    lx.set("namespaces", std::move(namespaces));
    for (const char* key : {"uidMappings", "gidMappings"}) {
      lx.set(key, json::array(
                      {json::object({{"containerID", 0}, {"hostID", 100000}, {"size", 65536}})}));
    }
    config.set("linux", lx);
  };
  Ran ran = run(bundle, "id -u; cat /proc/self/uid_map; head -c 3 /dev/zero | wc -c");
  EXPECT_TRUE(ran.output.starts_with("0\n")) << ran.output;
  EXPECT_NE(ran.output.find("100000"), std::string::npos) << ran.output;
  EXPECT_TRUE(ran.output.ends_with("3\n")) << ran.output;
}

}  // namespace
}  // namespace skiff::runtime
