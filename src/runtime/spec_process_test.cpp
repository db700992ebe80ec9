// What config.json says of scheduling, memory, clocks and interfaces, seen from inside.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <sys/syscall.h>

#include "runtime/oci_scheduling.h"
#include "runtime/test_runs.h"
#include "sys/netlink.h"

namespace skiff::runtime {
namespace {

using test::Ran;
using test::refusal;
using test::run;
using test::TestBundle;
using test::with_linux;
using test::with_process;

// What a further process of the container's kind says.
std::string exec_output(Container& container, const std::vector<std::string>& args) {
  sys::Pipe pipe = *sys::make_pipe();
  OciProcess process = *container.config().process;
  process.args = args;
  Result<sys::Child> child =
      container.exec(process, {.stdio = {-1, pipe.write.get(), pipe.write.get()}});
  if (!child) return child.error().message();
  pipe.write.reset();
  FdSource source(pipe.read.get());
  std::string text = read_all(source, 4096).value_or("");
  EXPECT_EQ(TestBundle::reap(child->pid), 0);
  return text;
}

// The fields of /proc/self/stat from the third on.
std::vector<std::string> stat_fields(const std::string& text) {
  return split(trim(text.substr(text.rfind(')') + 1)), ' ');
}

TEST(IndexList, ReadsRangesAndRefusesTheRest) {
  EXPECT_EQ(*parse_index_list("0-2,5", "x"), IndexMask{0x27});
  EXPECT_EQ(*parse_index_list("64", "x"), (IndexMask{0, 1}));
  for (const char* bad : {"", "a", "2-1", "1-", "-1", "0,,1", "9999"}) {
    EXPECT_FALSE(parse_index_list(bad, "x")) << bad;
  }
}

TEST(SpecProcess, SchedulerAndNiceReachTheProgram) {
  TestBundle bundle;
  bundle.change = with_process("scheduler", json::object({{"policy", "SCHED_BATCH"}, {"nice", 7}}));
  std::vector<std::string> fields = stat_fields(run(bundle, "cat /proc/self/stat").output);
  ASSERT_GT(fields.size(), 38U);
  EXPECT_EQ(fields[19 - 3], "7");
  EXPECT_EQ(fields[41 - 3], cat(SCHED_BATCH));
}

TEST(SpecProcess, SchedulerFlagsAreGivenToTheKernel) {
  TestBundle bundle;
  json::Array flags{"SCHED_FLAG_RESET_ON_FORK"};
  bundle.change = with_process(
      "scheduler",
      json::object({{"policy", "SCHED_OTHER"}, {"nice", -5}, {"flags", std::move(flags)}}));
  // The shell's child is as any other process again.
  std::string output = run(bundle, "cat /proc/$$/stat; cat /proc/self/stat; true").output;
  std::vector<std::string> lines = split(output, '\n');
  ASSERT_GE(lines.size(), 2U) << output;
  EXPECT_EQ(stat_fields(lines[0])[19 - 3], "-5");
  EXPECT_EQ(stat_fields(lines[1])[19 - 3], "0");
}

TEST(SpecProcess, SchedulerMistakesAreNamed) {
  const std::pair<json::Value, const char*> kCases[] = {
      {json::object({{"policy", "SCHED_NONE"}}), "\"SCHED_NONE\""},
      {json::object({{"policy", "SCHED_OTHER"}, {"nice", 20}}), "nice 20"},
      {json::object({{"policy", "SCHED_OTHER"}, {"priority", 3}}), "scheduler.priority"},
      {json::object({{"policy", "SCHED_BATCH"}, {"runtime", 3}}), "SCHED_DEADLINE"}};
  for (const auto& [value, words] : kCases) {
    TestBundle bundle;
    bundle.change = with_process("scheduler", value);
    EXPECT_NE(refusal(bundle).find(words), std::string::npos) << words;
  }
}

TEST(SpecProcess, IoPriorityIsSet) {
  TestBundle bundle;
  std::filesystem::create_symlink("busybox", bundle.rootfs() / "bin/ionice");
  bundle.change =
      with_process("ioPriority", json::object({{"class", "IOPRIO_CLASS_BE"}, {"priority", 6}}));
  EXPECT_EQ(run(bundle, "ionice -p $$").output, "best-effort: prio 6\n");
  bundle.change =
      with_process("ioPriority", json::object({{"class", "IOPRIO_CLASS_BE"}, {"priority", 8}}));
  EXPECT_NE(refusal(bundle).find("priority 8"), std::string::npos);
}

TEST(SpecProcess, PersonalityIsSet) {
  TestBundle bundle;
  std::filesystem::create_symlink("busybox", bundle.rootfs() / "bin/uname");
  bundle.change = with_linux("personality", json::object({{"domain", "LINUX32"}}));
  EXPECT_EQ(run(bundle, "cat /proc/self/personality").output, "00000008\n");
  bundle.change = with_linux("personality", json::object({{"domain", "BSD"}}));
  EXPECT_NE(refusal(bundle).find("\"BSD\""), std::string::npos);
}

TEST(SpecProcess, MemoryPolicyIsSet) {
  TestBundle bundle;
  json::Array flags{"MPOL_F_STATIC_NODES"};
  bundle.change = with_linux(
      "memoryPolicy",
      json::object({{"mode", "MPOL_BIND"}, {"nodes", "0"}, {"flags", std::move(flags)}}));
  Result<Ran> ran = bundle.script("cat /proc/self/numa_maps").run();
  if (!std::filesystem::exists("/proc/self/numa_maps")) {
    // A kernel without NUMA has no policies: told, not passed over.
    ASSERT_FALSE(ran);
    EXPECT_NE(ran.error().message().find("MPOL_BIND"), std::string::npos);
    return;
  }
  ASSERT_TRUE(ran) << ran.error().message();
  EXPECT_NE(ran->output.find(" bind"), std::string::npos) << ran->output;
}

TEST(SpecProcess, TimeOffsetsAreTheContainersAlone) {
  TestBundle bundle;
  std::filesystem::path own = std::filesystem::read_symlink("/proc/self/ns/time_for_children");
  bundle.change = [](json::Value& config) {
    json::Value lx = *config.find("linux");
    json::Array namespaces = lx.array("namespaces");
    namespaces.push_back(json::object({{"type", "time"}}));
    lx.set("namespaces", std::move(namespaces));
    lx.set("timeOffsets", json::object({{"boottime", json::object({{"secs", 1000000}})},
                                        {"monotonic", json::object({{"secs", 5}})}}));
    config.set("linux", lx);
  };
  Ran ran = run(bundle, "cat /proc/self/timens_offsets /proc/uptime");
  EXPECT_NE(ran.output.find("1000000"), std::string::npos) << ran.output;
  std::vector<std::string> lines = split(trim(ran.output), '\n');
  EXPECT_GT(parse_uint(lines.back().substr(0, lines.back().find('.'))).value_or(0), 1000000U);
  EXPECT_EQ(std::filesystem::read_symlink("/proc/self/ns/time_for_children"), own);
}

TEST(SpecProcess, ExecSeesTheContainersClocks) {
  TestBundle bundle;
  bundle.change = [](json::Value& config) {
    json::Value lx = *config.find("linux");
    json::Array namespaces = lx.array("namespaces");
    namespaces.push_back(json::object({{"type", "time"}}));
    lx.set("namespaces", std::move(namespaces));
    lx.set("timeOffsets", json::object({{"boottime", json::object({{"secs", 1000000}})}}));
    config.set("linux", lx);
  };
  ASSERT_TRUE(bundle.script("sleep 100").write());
  Result<Container> container = bundle.create();
  ASSERT_TRUE(container) << container.error().message();
  ASSERT_TRUE(container->start());
  EXPECT_GT(
      parse_uint(split(exec_output(*container, {"/bin/cat", "/proc/uptime"}), '.')[0]).value_or(0),
      1000000U);
  EXPECT_TRUE(container->remove(true));
  TestBundle::reap(container->pid());
}

TEST(SpecProcess, TheHostsNamesAreNotTheContainersToSet) {
  TestBundle bundle;
  bundle.change = [](json::Value& config) {
    json::Value lx = *config.find("linux");
    json::Array namespaces;
    for (const json::Value& entry : lx.array("namespaces")) {
      if (entry.string("type") != "uts") namespaces.push_back(entry);
    }
    lx.set("namespaces", std::move(namespaces));
    config.set("linux", lx);
    config.make_object().erase("hostname");
    config.set("domainname", "example.net");
  };
  EXPECT_NE(refusal(bundle).find("set domainname without a private UTS"), std::string::npos);
}

TEST(SpecProcess, TimeOffsetsNeedANewNamespace) {
  TestBundle bundle;
  bundle.change =
      with_linux("timeOffsets", json::object({{"boottime", json::object({{"secs", 1}})}}));
  EXPECT_NE(refusal(bundle).find("time namespace"), std::string::npos);
}

// A pair of interfaces of which `name` is to move; gone with the first of them.
class Pair {
 public:
  explicit Pair(std::string name) : name_(std::move(name)), peer_(name_ + "p") {
    sys::NetlinkMessage create(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{});
    create.put_text(IFLA_IFNAME, name_);
    create.put(IFLA_MTU, uint32_t{1300});
    create.nest(IFLA_LINKINFO, [&] {
      create.put_text(IFLA_INFO_KIND, "veth");
      create.nest(IFLA_INFO_DATA, [&] {
        create.nest(VETH_INFO_PEER, [&] {
          const ifinfomsg header{};
          create.append(&header, sizeof header);
          create.put_text(IFLA_IFNAME, peer_);
        });
      });
    });
    made_ = sys::NetlinkSocket::open(NETLINK_ROUTE)->send(create).has_value();
  }
  ~Pair() {
    ifinfomsg header{};
    header.ifi_index = static_cast<int>(::if_nametoindex(peer_.c_str()));
    if (header.ifi_index == 0) return;
    [[maybe_unused]] auto gone =
        sys::NetlinkSocket::open(NETLINK_ROUTE)->send(sys::NetlinkMessage(RTM_DELLINK, 0, header));
  }
  bool made() const { return made_; }
  Result<> add_address(uint32_t wire, uint8_t prefix) const {
    ifaddrmsg header{};
    header.ifa_family = AF_INET;
    header.ifa_prefixlen = prefix;
    header.ifa_index = ::if_nametoindex(name_.c_str());
    sys::NetlinkMessage message(RTM_NEWADDR, NLM_F_CREATE, header);
    message.put(IFA_LOCAL, wire);
    return sys::NetlinkSocket::open(NETLINK_ROUTE)->send(message);
  }

 private:
  std::string name_;
  std::string peer_;
  bool made_ = false;
};

TEST(SpecProcess, NetworkDevicesMoveWithTheirAddresses) {
  std::string name = cat("skt", ::getpid());
  Pair pair(name);
  ASSERT_TRUE(pair.made());
  ASSERT_TRUE(pair.add_address(htonl(0x0a4d0007), 24));
  TestBundle bundle;
  bundle.change =
      with_linux("netDevices", json::object({{name, json::object({{"name", "inside0"}})}}));
  Ran ran = run(bundle, "ip addr show inside0");
  EXPECT_NE(ran.output.find("10.77.0.7/24"), std::string::npos) << ran.output;
  EXPECT_NE(ran.output.find("mtu 1300"), std::string::npos) << ran.output;
  EXPECT_NE(ran.output.find("UP"), std::string::npos) << ran.output;
}

TEST(SpecProcess, NetworkDevicesMistakesAreNamed) {
  TestBundle bundle;
  bundle.change = with_linux("netDevices", json::object({{"nosuchdev0", json::object()}}));
  EXPECT_NE(refusal(bundle).find("nosuchdev0"), std::string::npos);
  bundle.change = with_linux("netDevices", json::object({{"a/b", json::object()}}));
  EXPECT_NE(refusal(bundle).find("\"a/b\""), std::string::npos);
}

TEST(SpecProcess, ExecAffinityIsTheExecutedProcessesAlone) {
  TestBundle bundle;
  bundle.change = with_process("execCPUAffinity", json::object({{"initial", "0"}, {"final", "0"}}));
  ASSERT_TRUE(bundle.script("grep Cpus_allowed_list /proc/self/status; sleep 100").write());
  Result<Container> container = bundle.create();
  ASSERT_TRUE(container) << container.error().message();
  ASSERT_TRUE(container->start());
  EXPECT_EQ(exec_output(*container, {"/bin/grep", "Cpus_allowed_list", "/proc/self/status"}),
            "Cpus_allowed_list:\t0\n");
  std::string init = *read_file(cat("/proc/", container->pid(), "/status"));
  std::string own = *read_file("/proc/self/status");
  auto allowed = [](const std::string& text) {
    size_t at = text.find("Cpus_allowed_list:");
    return text.substr(at, text.find('\n', at) - at);
  };
  EXPECT_EQ(allowed(init), allowed(own));
  EXPECT_TRUE(container->remove(true));
  TestBundle::reap(container->pid());
}

}  // namespace
}  // namespace skiff::runtime
