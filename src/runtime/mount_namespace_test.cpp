// Containers in a mount namespace that is not their own: the runtime's, or one joined by path.
#include <gtest/gtest.h>
#include <sys/mount.h>

#include "base/strings.h"
#include "runtime/test_bundle.h"

namespace skiff::runtime {
namespace {

using test::Ran;
using test::TestBundle;

// "" takes the entry away.
std::function<void(json::Value&)> with_mount_namespace(const std::string& path) {
  return [path](json::Value& config) {
    json::Array kept;
    for (const json::Value& entry : config.find("linux")->array("namespaces")) {
      if (entry.string("type") != "mount") kept.push_back(entry);
    }
    if (!path.empty()) kept.push_back(json::object({{"type", "mount"}, {"path", path}}));
    test::with_linux("namespaces", std::move(kept))(config);
  };
}

std::string link_of(const Path& file) { return std::filesystem::read_symlink(file).native(); }

// Of this namespace, without what the tests beside this one mount.
std::string mounts_of_the_host() {
  std::string mounts;
  for (const std::string& line : split(*read_file("/proc/self/mountinfo"), '\n')) {
    if (line.find(" /tmp/") == std::string::npos) mounts += line + "\n";
  }
  return mounts;
}

TEST(SharedMountNamespace, IsTheRuntimesOwnWithTheRootAsAChroot) {
  TestBundle bundle;
  ASSERT_TRUE(write_file_durably(bundle.rootfs() / "etc/secret", "text", 0644));
  bundle.change = [](json::Value& config) {
    with_mount_namespace("")(config);
    test::with_linux("maskedPaths", json::array({"/etc/secret"}))(config);
  };
  const std::string before = mounts_of_the_host();
  bundle.script("readlink /proc/self/ns/mnt; echo *; cat /etc/secret | wc -c; touch /new");
  Result<Ran> ran = bundle.run();
  ASSERT_TRUE(ran) << ran.error().message();
  EXPECT_EQ(ran->output, cat(link_of("/proc/self/ns/mnt"), "\nbin dev etc proc sys tmp\n0\n"));
  EXPECT_TRUE(std::filesystem::exists(bundle.rootfs() / "new"));
  EXPECT_EQ(bundle.traces(), "");
  // Neither their propagation nor what is mounted.
  EXPECT_EQ(mounts_of_the_host(), before);
}

TEST(SharedMountNamespace, IsLeftAsItWasByAFailedCreate) {
  TestBundle bundle;
  bundle.change = with_mount_namespace("");
  bundle.spec.args = {"/no/such/program"};
  EXPECT_FALSE(bundle.create());
  EXPECT_EQ(bundle.traces(), "");
}

TEST(SharedMountNamespace, ExecFindsTheRoot) {
  TestBundle bundle;
  bundle.change = with_mount_namespace("");
  Container container = *bundle.script("sleep 100").create();
  ASSERT_TRUE(container.start());
  sys::Pipe pipe = *sys::make_pipe();
  OciProcess process = *container.config().process;
  process.args = {"/bin/sh", "-c", "echo *"};
  sys::Child child = *container.exec(process, {.stdio = {-1, pipe.write.get(), -1}});
  pipe.write.reset();
  FdSource source(pipe.read.get());
  EXPECT_EQ(*read_all(source, 100), "bin dev etc proc sys tmp\n");
  EXPECT_EQ(TestBundle::reap(child.pid), 0);
  EXPECT_TRUE(container.remove(true));
  TestBundle::reap(container.pid());
}

TEST(SharedMountNamespace, IsJoinedByItsPath) {
  sys::Pipe ready = *sys::make_pipe();
  sys::Child holder = *sys::clone_process({.flags = CLONE_NEWNS}, [&] {
    ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
    [[maybe_unused]] ssize_t told = ::write(ready.write.get(), "x", 1);
    return ::pause();
  });
  ScopeExit end([&] {
    ::kill(holder.pid, SIGKILL);
    TestBundle::reap(holder.pid);
  });
  char byte = 0;
  ASSERT_EQ(::read(ready.read.get(), &byte, 1), 1);
  TestBundle bundle;
  std::string path = cat("/proc/", holder.pid, "/ns/mnt");
  bundle.change = with_mount_namespace(path);
  Result<Ran> ran = bundle.script("readlink /proc/self/ns/mnt; echo *").run();
  ASSERT_TRUE(ran) << ran.error().message();
  EXPECT_EQ(ran->output, cat(link_of(path), "\nbin dev etc proc sys tmp\n"));
  EXPECT_EQ(bundle.traces(), "");
}

TEST(SharedMountNamespace, IsNothingForAUserNamespace) {
  TestBundle bundle;
  bundle.change = [](json::Value& config) {
    with_mount_namespace("")(config);
    json::Array kept = config.find("linux")->array("namespaces");
    kept.push_back(json::object({{"type", "user"}}));
    test::with_linux("namespaces", std::move(kept))(config);
  };
  Result<Ran> ran = bundle.script("true").run();
  ASSERT_FALSE(ran);
  EXPECT_NE(ran.error().message().find("a mount namespace beside it"), std::string::npos);
}

}  // namespace
}  // namespace skiff::runtime
