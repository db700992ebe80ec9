// The systemd driver against a real message bus, on which a stand-in answers for systemd: it makes
// the scope's cgroup, moves the process into it, and writes down what it was asked.
#include "runtime/systemd_scope.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <mutex>
#include <thread>

#include "runtime/test_bundle.h"
#include "runtime/test_program.h"
#include "sys/dbus_client.h"

namespace skiff::runtime {
namespace {

using sys::DbusMessage;
using sys::DbusReader;
using sys::DbusType;
using sys::DbusWriter;
using test::TestBundle;

// The value of a variant as text.
std::string variant(DbusReader& reader) {
  std::string type = *reader.signature();
  if (type == "s") return *reader.string();
  if (type == "b") return *reader.u32() != 0 ? "true" : "false";
  if (type == "t") {
    EXPECT_TRUE(reader.align(8));
    uint64_t low = *reader.u32();
    uint64_t whole = low | uint64_t{*reader.u32()} << 32U;
    return whole == UINT64_MAX ? "infinity" : cat(whole);
  }
  uint32_t size = *reader.u32();
  if (type == "au") return size == 4 ? cat(*reader.u32()) : "not one process";
  std::string bytes;
  for (uint32_t i = 0; i < size; ++i) bytes += cat(int{*reader.byte()}, " ");
  return type == "ay" ? bytes : cat("unknown type ", type);
}

class StandIn {
 public:
  explicit StandIn(const std::string& address) : bus_(*sys::DbusClient::connect(address)) {
    DbusWriter body;
    body.string("org.freedesktop.systemd1");
    body.u32(0);
    EXPECT_TRUE(bus_.call({.path = "/org/freedesktop/DBus",
                           .interface = "org.freedesktop.DBus",
                           .member = "RequestName",
                           .destination = "org.freedesktop.DBus",
                           .signature = "su",
                           .body = body.bytes()}));
  }

  // Until the bus ends.
  void serve() {
    for (;;) {
      Result<DbusMessage> call =
          bus_.wait_for([](const DbusMessage& m) { return m.type == DbusType::kCall; });
      if (!call) return;
      answer(*call);
    }
  }
  std::string asked() {
    std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  void answer(const DbusMessage& call) {
    DbusReader reader(call.body);
    std::string unit = call.body.empty() ? "" : *reader.string();
    std::string line = cat(call.member, " ", unit);
    const bool starts = call.member == "StartTransientUnit";
    const bool is_job = starts || call.member == "StopUnit";
    if (is_job) line += cat(" ", *reader.string());
    if (call.member == "SetUnitProperties") line += *reader.u32() != 0 ? " runtime" : " for ever";
    if (starts || call.member == "SetUnitProperties") line += cat(":", properties(reader));
    {
      std::lock_guard lock(mutex_);
      asked_ += line + "\n";
    }
    if (starts) make_scope(unit);
    reply(call, is_job);
    if (is_job) say_done(unit);
  }

  std::string properties(DbusReader& reader) {
    std::string text;
    uint32_t size = *reader.u32();
    // The bus has checked the array's end: behind it come nothing or an empty one.
    while (size > 0 && reader.align(8)) {
      Result<std::string> name = reader.string();
      if (!name || name->empty()) break;
      std::string value = variant(reader);
      if (*name == "PIDs") pid_ = value;
      if (*name == "Slice") slice_ = value;
      text += cat(" ", *name, "=", *name == "PIDs" ? "one" : value);
    }
    return text;
  }

  void make_scope(const std::string& unit) const {
    auto group = sys::Cgroup::create(cat("/", slice_, "/", unit));
    EXPECT_TRUE(group) << group.error().message();
    for (const auto& member : group->members()) {
      EXPECT_TRUE(write_file(member.directory / "cgroup.procs", pid_));
    }
  }

  void reply(const DbusMessage& call, bool with_job) {
    DbusMessage reply{.type = DbusType::kReply, .reply_serial = call.serial};
    reply.destination = call.sender;
    DbusWriter body;
    if (with_job) body.string("/org/freedesktop/systemd1/job/7");
    if (with_job) reply.signature = "o";
    reply.body = body.bytes();
    EXPECT_TRUE(bus_.send(reply));
  }

  void say_done(const std::string& unit) {
    DbusWriter body;
    body.u32(7);
    body.string("/org/freedesktop/systemd1/job/7");
    body.string(unit);
    body.string(unit.find("refused") == std::string::npos ? "done" : "failed");
    EXPECT_TRUE(bus_.send({.type = DbusType::kSignal,
                           .path = "/org/freedesktop/systemd1",
                           .interface = "org.freedesktop.systemd1.Manager",
                           .member = "JobRemoved",
                           .signature = "uoss",
                           .body = body.bytes()}));
  }

  sys::DbusClient bus_;
  std::mutex mutex_;
  std::string asked_;
  std::string pid_;
  std::string slice_;
};

class SystemdScope : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(std::filesystem::exists(test::runtime_program())) << test::runtime_program();
    address_ = cat("unix:path=", (dir_.path() / "bus").native());
    std::string config =
        cat("<busconfig><type>session</type><listen>", address_,
            "</listen><auth>EXTERNAL</auth><policy context='default'><allow send_destination='*'/>"
            "<allow own='*'/><allow receive_sender='*'/></policy></busconfig>");
    ASSERT_TRUE(write_file_durably(dir_.path() / "config", config, 0644));
    sys::Pipe pipe = *sys::make_pipe();
    sys::ProcessOptions options{.args = {"dbus-daemon",
                                         cat("--config-file=", (dir_.path() / "config").native()),
                                         "--nofork", "--nopidfile", "--print-address=1"}};
    options.fds = {{pipe.write.get(), 1}};
    Result<sys::Process> daemon = sys::Process::spawn(options);
    if (!daemon && daemon.error().code() == Code::kNotFound) GTEST_SKIP() << "needs dbus-daemon";
    ASSERT_TRUE(daemon) << daemon.error().message();
    daemon_.emplace(std::move(*daemon));
    pipe.write.reset();
    char byte = 0;
    ASSERT_EQ(::read(pipe.read.get(), &byte, 1), 1);
    stand_in_ = std::make_unique<StandIn>(address_);
    server_ = std::thread([this] { stand_in_->serve(); });
    bundle_.spec.cgroup_path = cat(slice_, ":x:", bundle_.id);
  }
  void TearDown() override {
    if (!stand_in_) return;
    run({"delete", "-f", bundle_.id});
    daemon_.reset();
    if (server_.joinable()) server_.join();
    EXPECT_TRUE(sys::Cgroup::open("/" + slice_)->remove());
  }
  // The program: it clones, which a process with threads may not.
  sys::Captured run(std::vector<std::string> words) {
    words.insert(words.begin(),
                 {"skiff-runtime", "--root", bundle_.state_root().native(), "--systemd-cgroup"});
    sys::ProcessOptions options{.args = std::move(words), .program = test::runtime_program()};
    options.env = {"PATH=/usr/bin:/bin", cat("DBUS_SYSTEM_BUS_ADDRESS=", address_)};
    // A file: the container would keep a pipe open.
    UniqueFd out = *open_file(dir_.path() / "out", O_RDWR | O_CREAT | O_TRUNC, 0600);
    options.fds = {{out.get(), 1}, {out.get(), 2}};
    Result<sys::Process> program = sys::Process::spawn(options);
    if (!program) return {.code = -1, .out = program.error().message()};
    sys::Captured done;
    done.code = *program->wait();
    done.out = *read_file(dir_.path() / "out");
    return done;
  }
  void create() {
    ASSERT_TRUE(bundle_.script("sleep 100").write());
    sys::Captured made = run({"create", "-b", bundle_.path().native(), bundle_.id});
    ASSERT_EQ(made.code, 0) << made.out;
  }
  std::string unit() const { return cat("x-", bundle_.id, ".scope"); }

  const std::string slice_ = cat("skifftest", ::getpid(), ".slice");
  TempDir dir_ = *TempDir::make("/tmp", "skiff-bus");
  std::string address_;
  TestBundle bundle_;
  std::optional<sys::Process> daemon_;
  std::unique_ptr<StandIn> stand_in_;
  std::thread server_;
};

TEST_F(SystemdScope, IsAskedForWithTheLimitsAndIsTheContainersCgroup) {
  bundle_.spec.limits.memory_bytes = 64 << 20;
  bundle_.spec.limits.pids = 50;
  create();
  std::string asked = stand_in_->asked();
  EXPECT_TRUE(asked.starts_with("Subscribe \nStartTransientUnit " + unit() + " fail:")) << asked;
  Container container = *Container::load(bundle_.state_root(), bundle_.id);
  const std::string slice = cat(" Slice=", slice_);
  for (const char* property :
       {slice.c_str(), " Delegate=true", " PIDs=one", " MemoryAccounting=true",
        " DefaultDependencies=false", " TasksMax=50",
        container.cgroup().v2() ? " MemoryMax=67108864" : " MemoryLimit=67108864"}) {
    EXPECT_NE(asked.find(property), std::string::npos) << property << " in " << asked;
  }
  EXPECT_EQ(container.cgroup().path(), cat("/", slice_, "/", unit()));
  // Its first process has gone, the container's is in all hierarchies.
  EXPECT_EQ(*container.cgroup().processes(), std::vector<pid_t>{container.pid()});
  std::string limit = *container.cgroup().read("pids", "pids.max");
  EXPECT_EQ(trim(limit), "50");
}

TEST_F(SystemdScope, IsToldOfNewLimitsAndStopped) {
  create();
  sys::Captured updated = run({"update", "--pids-limit", "20", "--cpu-quota", "15000",
                               "--cpu-period", "100000", bundle_.id});
  EXPECT_EQ(updated.code, 0) << updated.out;
  sys::Captured deleted = run({"delete", "-f", bundle_.id});
  EXPECT_EQ(deleted.code, 0) << deleted.out;
  std::string asked = stand_in_->asked();
  size_t at = asked.find("SetUnitProperties");
  ASSERT_NE(at, std::string::npos) << asked;
  EXPECT_EQ(asked.substr(at),
            cat("SetUnitProperties ", unit(), " runtime: CPUQuotaPeriodUSec=100000",
                " CPUQuotaPerSecUSec=150000 TasksMax=20\nSubscribe \nStopUnit ", unit(),
                " replace\nResetFailedUnit ", unit(), "\n"));
  EXPECT_FALSE(std::filesystem::exists(bundle_.state_root() / bundle_.id));
}

TEST_F(SystemdScope, HasThePropertiesOfTheAnnotations) {
  bundle_.change = [](json::Value& config) {
    config.set("annotations", json::object({{"org.systemd.property.TimeoutStopUSec", "uint64 7"},
                                            {"org.systemd.property.RuntimeMaxSec", "2.5"},
                                            {"org.systemd.property.CollectMode", "'inactive'"},
                                            {"org.other", "5"}}));
  };
  create();
  std::string asked = stand_in_->asked();
  for (const char* property :
       {" TimeoutStopUSec=7", " RuntimeMaxUSec=2500000", " CollectMode=inactive"}) {
    EXPECT_NE(asked.find(property), std::string::npos) << property << " in " << asked;
  }
  EXPECT_EQ(asked.find("other"), std::string::npos);
}

TEST_F(SystemdScope, RefusesAnAnnotationThatIsNoProperty) {
  for (const auto& [name, value] :
       {std::pair{"Bad1", "true"}, {"CollectMode", "inactive"}, {"RuntimeMaxSec", "'2'"}}) {
    bundle_.change = [&](json::Value& config) {
      config.set("annotations", json::object({{cat("org.systemd.property.", name), value}}));
    };
    ASSERT_TRUE(bundle_.script("true").write());
    sys::Captured made = run({"run", "-b", bundle_.path().native(), bundle_.id});
    EXPECT_EQ(made.code, 1);
    EXPECT_NE(made.out.find(cat("annotation org.systemd.property.", name)), std::string::npos)
        << made.out;
  }
}

TEST_F(SystemdScope, ThatFailsLeavesNothing) {
  bundle_.spec.cgroup_path = cat(slice_, ":refused:", bundle_.id);
  ASSERT_TRUE(bundle_.script("true").write());
  sys::Captured made = run({"run", "-b", bundle_.path().native(), bundle_.id});
  EXPECT_EQ(made.code, 1);
  EXPECT_NE(made.out.find("systemd's job ended with \"failed\""), std::string::npos) << made.out;
  EXPECT_FALSE(std::filesystem::exists(bundle_.state_root() / bundle_.id));
}

TEST_F(SystemdScope, NeedsABus) {
  address_ = "unix:path=/no/such/bus";
  ASSERT_TRUE(bundle_.script("true").write());
  sys::Captured made = run({"run", "-b", bundle_.path().native(), bundle_.id});
  EXPECT_EQ(made.code, 1);
  EXPECT_NE(made.out.find("no systemd to make the cgroup: unix:path=/no/such/bus"),
            std::string::npos)
      << made.out;
}

TEST(ScopeName, IsParsed) {
  ScopeName name = *parse_scope("a-b.slice:pre:id", "x");
  EXPECT_EQ(name.unit, "pre-id.scope");
  EXPECT_EQ(name.cgroup, "/a.slice/a-b.slice/pre-id.scope");
  EXPECT_EQ(parse_scope("-.slice::id", "x")->cgroup, "/id.scope");
  EXPECT_EQ(parse_scope("", "x")->unit, "skiff-x.scope");
  for (const char* bad : {"/a/b", "a.slice:b", "a:b:c", "a--b.slice:c:d", "x.slice:a:b.slice",
                          "s.slice:a:", "s.slice:a:b/c"}) {
    EXPECT_FALSE(parse_scope(bad, "x")) << bad;
  }
}

}  // namespace
}  // namespace skiff::runtime
