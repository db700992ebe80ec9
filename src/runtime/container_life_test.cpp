// Containers from outside: states, exec, signals, failures, and what is left.
#include <gtest/gtest.h>
#include <signal.h>

#include "runtime/container.h"
#include "runtime/test_bundle.h"

namespace skiff::runtime {
namespace {

using test::Ran;
using test::TestBundle;

// A container that runs until it is killed.
class ContainerLife : public testing::Test {
 protected:
  void SetUp() override {
    bundle_.script("trap 'exit 5' TERM; echo up; while :; do sleep 100 & wait; done");
    pipe_ = *sys::make_pipe();
    Result<Container> created = bundle_.create(pipe_.write.get());
    ASSERT_TRUE(created) << created.error().message();
    container_.emplace(std::move(*created));
    pipe_.write.reset();
  }

  void TearDown() override {
    if (!container_) return;
    EXPECT_TRUE(container_->remove(true));
    if (!reaped_) TestBundle::reap(container_->pid());
    EXPECT_EQ(bundle_.traces(), "");
  }

  // Started, and its program at work.
  void start() {
    Result<> started = container_->start();
    ASSERT_TRUE(started) << started.error().message();
    char text[3];
    ASSERT_EQ(::read(pipe_.read.get(), text, 3), 3);
  }

  OciProcess process(const std::string& script) const {
    OciProcess made = *container_->config().process;
    made.args = {"/bin/sh", "-c", script};
    return made;
  }

  Ran exec(const OciProcess& wanted) {
    sys::Pipe pipe = *sys::make_pipe();
    Result<sys::Child> child =
        container_->exec(wanted, {.stdio = {-1, pipe.write.get(), pipe.write.get()}});
    pipe.write.reset();
    if (!child) return {-1, child.error().message()};
    FdSource source(pipe.read.get());
    std::string output = *read_all(source, 1 << 20);
    return {TestBundle::reap(child->pid), output};
  }

  TestBundle bundle_;
  sys::Pipe pipe_;
  std::optional<Container> container_;
  bool reaped_ = false;
};

TEST_F(ContainerLife, StatesFollowOneAnother) {
  EXPECT_EQ(container_->status(), ContainerStatus::kCreated);
  EXPECT_FALSE(container_->resume());
  start();
  EXPECT_EQ(container_->status(), ContainerStatus::kRunning);
  EXPECT_FALSE(container_->start());
  ASSERT_TRUE(container_->pause());
  EXPECT_EQ(container_->status(), ContainerStatus::kPaused);
  EXPECT_FALSE(container_->exec(process("true"), {}));
  ASSERT_TRUE(container_->resume());
  EXPECT_EQ(container_->status(), ContainerStatus::kRunning);
  Result<> removed = container_->remove(false);
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().code(), Code::kFailedPrecondition);
  ASSERT_TRUE(container_->kill(SIGTERM));
  EXPECT_EQ(TestBundle::reap(container_->pid()), 5);
  reaped_ = true;
  EXPECT_EQ(container_->status(), ContainerStatus::kStopped);
  Result<> killed = container_->kill(SIGTERM);
  ASSERT_FALSE(killed);
  EXPECT_EQ(killed.error().message(), "container not running");
}

TEST_F(ContainerLife, IsFoundByItsId) {
  start();
  Result<Container> loaded = Container::load(bundle_.state_root(), bundle_.id);
  ASSERT_TRUE(loaded) << loaded.error().message();
  EXPECT_EQ(loaded->pid(), container_->pid());
  EXPECT_EQ(loaded->status(), ContainerStatus::kRunning);
  EXPECT_EQ(loaded->state_json().string("status"), "running");
  EXPECT_EQ(loaded->state_json().string("bundle"), bundle_.path().native());
  EXPECT_EQ(Container::list(bundle_.state_root())->size(), 1U);
  Result<Container> other = Container::load(bundle_.state_root(), "other");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().message(), "container \"other\" does not exist");
  Result<Container> again = bundle_.create();
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), Code::kAlreadyExists);
}

TEST_F(ContainerLife, StartsOverAnotherProcessOfTheRuntime) {
  ASSERT_TRUE(Container::load(bundle_.state_root(), bundle_.id)->start());
  EXPECT_EQ(container_->status(), ContainerStatus::kRunning);
}

TEST_F(ContainerLife, ExecSharesTheContainer) {
  start();
  Ran ran =
      exec(process("hostname; cat /proc/1/comm; ls /proc/self/fd | tr '\\n' ' '; "
                   "cat /proc/self/status; exit 3"));
  EXPECT_TRUE(ran.output.starts_with("inside\nsh\n0 1 2 3 ")) << ran.output;
  EXPECT_NE(ran.output.find("CapEff:\t00000000a80425fb"), std::string::npos);
  EXPECT_NE(ran.output.find("Seccomp:\t2"), std::string::npos);
  EXPECT_EQ(ran.code, 3);
}

TEST_F(ContainerLife, ExecIsInTheContainersCgroup) {
  start();
  sys::Pipe pipe = *sys::make_pipe();
  Result<sys::Child> child = container_->exec(process("sleep 100"), {});
  ASSERT_TRUE(child) << child.error().message();
  std::vector<pid_t> pids = *container_->cgroup().processes();
  EXPECT_NE(std::find(pids.begin(), pids.end(), child->pid), pids.end());
  ASSERT_TRUE(container_->kill(SIGKILL, true));
  EXPECT_EQ(TestBundle::reap(child->pid), 137);
}

TEST_F(ContainerLife, ExecTellsWhyItCannot) {
  start();
  OciProcess wanted = process("true");
  wanted.args = {"nothing"};
  EXPECT_EQ(exec(wanted).output, "exec: \"nothing\": executable file not found in $PATH");
  wanted.args = {"/nothing"};
  EXPECT_EQ(exec(wanted).output, "exec: \"/nothing\": stat /nothing: no such file or directory");
  wanted = process("pwd");
  wanted.cwd = "/nowhere";
  EXPECT_EQ(exec(wanted).output,
            "chdir to cwd (\"/nowhere\") set in config.json failed: no such file or directory");
}

TEST_F(ContainerLife, ExecTakesAnotherUser) {
  start();
  OciProcess wanted = process("id -u; id -g");
  wanted.uid = 12;
  wanted.gid = 34;
  EXPECT_EQ(exec(wanted).output, "12\n34\n");
}

TEST_F(ContainerLife, WorkingDirectoryThroughADescriptorIsRefused) {
  start();
  UniqueFd leak(::open("/", O_RDONLY));
  for (int fd = 3; fd < 64; ++fd) {
    OciProcess wanted = process("ls");
    wanted.cwd = cat("/proc/self/fd/", fd);
    Ran ran = exec(wanted);
    EXPECT_EQ(ran.code, -1) << ran.output;
  }
}

struct BadStart {
  std::vector<std::string> args;
  std::string cwd;
  Code code;
  std::string message;
};

class ContainerFailure : public testing::TestWithParam<BadStart> {};

TEST_P(ContainerFailure, IsToldAtCreateAndLeavesNothing) {
  TestBundle bundle;
  ASSERT_TRUE(write_file_durably(bundle.rootfs() / "etc/plain", "text", 0644));
  bundle.spec.args = GetParam().args;
  bundle.spec.working_dir = GetParam().cwd;
  bundle.spec.user = "1000";
  Result<Container> container = bundle.create();
  ASSERT_FALSE(container);
  EXPECT_EQ(container.error().message(), GetParam().message);
  EXPECT_EQ(container.error().code(), GetParam().code);
  EXPECT_EQ(bundle.traces(), "");
}

INSTANTIATE_TEST_SUITE_P(
    Programs, ContainerFailure,
    testing::Values(
        BadStart{{"x"}, "/", Code::kNotFound, "exec: \"x\": executable file not found in $PATH"},
        BadStart{{"/x"}, "/", Code::kNotFound, "exec: \"/x\": stat /x: no such file or directory"},
        BadStart{{"/etc/plain"},
                 "/",
                 Code::kPermissionDenied,
                 "exec: \"/etc/plain\": permission denied"},
        BadStart{{"/etc"}, "/", Code::kPermissionDenied, "exec: \"/etc\": is a directory"},
        BadStart{{"/bin/true"},
                 "/etc/plain",
                 Code::kInvalidArgument,
                 "chdir to cwd (\"/etc/plain\") set in config.json failed: not a directory"}));

TEST(ContainerErrors, AFileThatIsNoProgramIsToldAtStart) {
  TestBundle bundle;
  ASSERT_TRUE(write_file_durably(bundle.rootfs() / "bin/odd",
                                 "\x7f"
                                 "odd",
                                 0755));
  bundle.spec.args = {"/bin/odd"};
  Result<Ran> ran = bundle.run();
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().message(), "exec /bin/odd: exec format error");
  EXPECT_EQ(bundle.traces(), "");
}

// Each breaks another stage of create.
struct Broken {
  const char* name;
  std::function<void(json::Value&)> change;
  std::string says;
};

class BrokenConfig : public testing::TestWithParam<Broken> {};

json::Value one_mount(const char* destination, const char* type, const char* source) {
  return json::array(
      {json::object({{"destination", destination}, {"type", type}, {"source", source}})});
}

TEST_P(BrokenConfig, LeavesNothing) {
  TestBundle bundle;
  bundle.change = GetParam().change;
  bundle.script("true");
  Result<Container> container = bundle.create();
  ASSERT_FALSE(container);
  EXPECT_NE(container.error().message().find(GetParam().says), std::string::npos)
      << container.error().message();
  EXPECT_EQ(bundle.traces(), "");
}

INSTANTIATE_TEST_SUITE_P(
    Stages, BrokenConfig,
    testing::Values(
        Broken{"bind", [](json::Value& c) { c.set("mounts", one_mount("/x", "bind", "/no/such")); },
               "error mounting \"/no/such\""},
        Broken{"type", [](json::Value& c) { c.set("mounts", one_mount("/x", "nofs", "x")); },
               "mount nofs"},
        Broken{"root_target", [](json::Value& c) { c.set("mounts", one_mount("/", "tmpfs", "x")); },
               "cannot be mounted upon"},
        Broken{"proc", [](json::Value& c) { c.set("mounts", one_mount("/proc", "tmpfs", "x")); },
               "is not of type proc"},
        Broken{
            "in_proc",
            [](json::Value& c) { c.set("mounts", one_mount("/proc/self/attr", "bind", "/tmp")); },
            "/proc/self/attr cannot be mounted because it is inside /proc"},
        Broken{"resources",
               test::with_linux("resources",
                                json::object({{"memory", json::object({{"limit", int64_t{1} << 62},
                                                                       {"swap", 5}})}})),
               "linux.resources"},
        Broken{"seccomp",
               test::with_linux("seccomp", json::object({{"defaultAction", "SCMP_ACT_ODD"}})),
               "unknown action"},
        Broken{"sysctl", test::with_linux("sysctl", json::object({{"net.ipv4.no_such", "1"}})),
               "sysctl net.ipv4.no_such"},
        Broken{"propagation", test::with_linux("rootfsPropagation", "odd"), "rootfsPropagation"},
        Broken{"hook",
               [](json::Value& c) {
                 c.set("hooks",
                       json::object({{"createRuntime",
                                      json::array({json::object({{"path", "/bin/false"}})})}}));
               },
               "createRuntime hook #0"}),
    [](const auto& instance) { return std::string(instance.param.name); });

TEST(ContainerWithoutProcess, IsCreatedAndCannotBeStarted) {
  TestBundle bundle;
  bundle.change = [](json::Value& config) { config.set("process", nullptr); };
  Result<Container> container = bundle.script("true").create();
  ASSERT_TRUE(container) << container.error().message();
  EXPECT_EQ(container->status(), ContainerStatus::kCreated);
  Result<> started = container->start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().message(),
            "nothing to start: the container's config.json has no \"process\"");
  TestBundle::reap(container->pid());
  EXPECT_EQ(container->status(), ContainerStatus::kStopped);
  EXPECT_TRUE(container->remove(false));
  EXPECT_EQ(bundle.traces(), "");
}

}  // namespace
}  // namespace skiff::runtime
