// Containers on a host that has version 2 cgroups alone: its layout, whichever version this
// machine's controllers are of.
#include <gtest/gtest.h>
#include <sys/mount.h>

#include "runtime/test_bundle.h"

namespace skiff::runtime {
namespace {

using test::TestBundle;

constexpr int kNoVersion2 = 77;

// Runs `body` where only version 2 is mounted; what it returns, or "" for nothing.
std::string with_version2(const std::function<Result<std::string>()>& body) {
  sys::Pipe pipe = *sys::make_pipe();
  sys::Child child = *sys::clone_process({.flags = CLONE_NEWNS}, [&] {
    ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
    ::umount2("/sys/fs/cgroup", MNT_DETACH);
    if (::mount("none", "/sys/fs/cgroup", "cgroup2", 0, nullptr) != 0) return kNoVersion2;
    Result<std::string> text = body();
    FdSink sink(pipe.write.get());
    return sink.write(text ? *text : text.error().message()) && text ? 0 : 1;
  });
  pipe.write.reset();
  FdSource source(pipe.read.get());
  std::string said = *read_all(source, 4096);
  int code = TestBundle::reap(child.pid);
  if (code == kNoVersion2) return "";
  EXPECT_EQ(code, 0) << said;
  return said;
}

Result<std::string> exec_text(Container& container, const std::vector<std::string>& args) {
  sys::Pipe pipe = TRY(sys::make_pipe());
  OciProcess process = *container.config().process;
  process.args = args;
  sys::Child child =
      TRY(container.exec(process, {.stdio = {-1, pipe.write.get(), pipe.write.get()}}));
  pipe.write.reset();
  FdSource source(pipe.read.get());
  std::string text = TRY(read_all(source, 4096));
  TestBundle::reap(child.pid);
  return text;
}

// As systemd in a container does.
Result<> divide(const Container& container) {
  Path group = TRY(container.cgroup().directory(""));
  std::filesystem::create_directory(group / "inner");
  TRY(write_file(group / "inner/cgroup.procs", cat(container.pid())));
  std::string controllers = TRY(read_file(group / "cgroup.controllers"));
  std::string first(trim(controllers.substr(0, controllers.find(' '))));
  return first.empty() ? Result<>{} : write_file(group / "cgroup.subtree_control", "+" + first);
}

TEST(Version2Layout, ExecFollowsAFirstProcessThatDividedItsGroup) {
  TestBundle bundle;
  std::string said = with_version2([&]() -> Result<std::string> {
    bundle.change = test::with_linux("resources", json::object());
    TRY(bundle.script("sleep 100").write());
    Container container = TRY(bundle.create());
    ScopeExit remove([&] {
      [[maybe_unused]] auto removed = container.remove(true);
      TestBundle::reap(container.pid());
    });
    TRY(container.start());
    std::string before = TRY(exec_text(container, {"/bin/cat", "/proc/1/cgroup"}));
    TRY(divide(container));
    return TRY(exec_text(container, {"/bin/grep", "^0:", "/proc/self/cgroup"}));
  });
  if (said.empty()) GTEST_SKIP() << "no version 2 cgroups can be mounted";
  EXPECT_EQ(said, "0::/inner\n");
}

// Who has the cgroup in a container with a user namespace, its cgroup mount "ro" or "rw".
std::string owner_within(const std::string& access) {
  TestBundle bundle;
  return with_version2([&]() -> Result<std::string> {
    const std::vector<sys::IdMapping> map{{.inside = 0, .outside = 100000, .size = 65536}};
    bundle.spec.id_maps = sys::IdMaps{.uids = map, .gids = map};
    bundle.spec.cgroup_namespace = "private";
    bundle.change = [&](json::Value& config) {
      test::with_linux("resources", json::object())(config);
      json::Array mounts = config.array("mounts");
      for (json::Value& mount : mounts) {
        if (mount.string("type") == "cgroup") mount.set("options", json::array({access}));
      }
      config.set("mounts", mounts);
    };
    TRY(bundle.script("sleep 100").write());
    Container container = TRY(bundle.create());
    ScopeExit remove([&] {
      [[maybe_unused]] auto removed = container.remove(true);
      TestBundle::reap(container.pid());
    });
    TRY(container.start());
    return exec_text(container, {"/bin/stat", "-c", "%u", "/sys/fs/cgroup",
                                 "/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/cgroup.freeze"});
  });
}

TEST(Version2Layout, AWritableCgroupIsTheContainersOwn) {
  std::string said = owner_within("rw");
  if (said.empty()) GTEST_SKIP() << "no version 2 cgroups can be mounted";
  EXPECT_EQ(said, "0\n0\n65534\n");
  EXPECT_EQ(owner_within("ro"), "65534\n65534\n65534\n");
}

}  // namespace
}  // namespace skiff::runtime
