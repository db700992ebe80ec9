// The programs that a config names for points of a container's life.
#include "runtime/hooks.h"

#include <gtest/gtest.h>
#include <sys/mount.h>

#include "runtime/diagnostics.h"
#include "runtime/test_bundle.h"

namespace skiff::runtime {
namespace {

using test::Ran;
using test::TestBundle;

json::Value shell_hook(const std::string& script) {
  return json::object({{"path", "/bin/sh"}, {"args", json::array({"sh", "-c", script})}});
}

TEST(ContainerHooks, RunInOrderWithTheState) {
  TestBundle bundle;
  std::string log = (bundle.scratch() / "log").native();
  bundle.change = [&](json::Value& config) {
    json::Value hooks = json::object();
    for (const char* kind : {"prestart", "createRuntime", "createContainer", "startContainer",
                             "poststart", "poststop"}) {
      bool inside = std::string_view(kind) == "startContainer";
      std::string file = inside ? "/tmp/log" : log;
      hooks.set(kind,
                json::array({json::object(
                    {{"path", "/bin/sh"},
                     {"args", std::vector<std::string>{"sh", "-c",
                                                       cat("echo ", kind, " >> ", file, "; cat >> ",
                                                           file, "; echo >> ", file)}},
                     {"env", std::vector<std::string>{"PATH=/bin:/usr/bin"}}})}));
    }
    config.set("hooks", std::move(hooks));
  };
  bundle.script("cat /tmp/log");
  Result<Ran> ran = bundle.run();
  ASSERT_TRUE(ran) << ran.error().message();
  const std::vector<std::string> inside = split(ran->output, '\n');
  ASSERT_EQ(inside.size(), 3U) << ran->output;
  EXPECT_EQ(inside[0], "startContainer");
  EXPECT_EQ(json::parse(inside[1])->string("status"), "created");
  EXPECT_EQ(json::parse(inside[1])->integer("pid"), 1) << "as it is seen in there";
  std::vector<std::string> lines = split(*read_file(log), '\n');
  ASSERT_EQ(lines.size(), 11U);
  EXPECT_EQ(lines[0], "prestart");
  EXPECT_EQ(lines[2], "createRuntime");
  EXPECT_EQ(lines[4], "createContainer");
  EXPECT_EQ(lines[6], "poststart");
  EXPECT_EQ(lines[8], "poststop");
  EXPECT_EQ(json::parse(lines[1])->string("status"), "created");
  EXPECT_EQ(json::parse(lines[3])->string("status"), "creating");
  EXPECT_GT(json::parse(lines[1])->integer("pid"), 1);
  EXPECT_EQ(json::parse(lines[5])->string("status"), "creating");
  EXPECT_EQ(json::parse(lines[5])->integer("pid"), 1);
  EXPECT_EQ(json::parse(lines[7])->string("status"), "running");
  EXPECT_EQ(json::parse(lines[9])->string("status"), "stopped");
}

TEST(ContainerHooks, AFailedHookIsToldAlsoWhereTheRemovalFails) {
  TestBundle bundle;
  bundle.change = [](json::Value& config) {
    config.set("hooks", json::object({{"poststart", json::array({shell_hook("exit 3")})}}));
  };
  Result<Container> container = bundle.script("sleep 100").create();
  ASSERT_TRUE(container) << container.error().message();
  const Path busy = bundle.state_root() / bundle.id / "busy";
  ASSERT_TRUE(make_directories(busy));
  ASSERT_EQ(::mount("none", busy.c_str(), "tmpfs", 0, nullptr), 0);
  std::vector<std::string> warnings;
  set_warning_sink([&](std::string_view text) { warnings.emplace_back(text); });
  const Result<> started = container->start();
  set_warning_sink([](std::string_view) {});
  ASSERT_EQ(::umount2(busy.c_str(), MNT_DETACH), 0);
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().message().find("poststart"), std::string::npos)
      << started.error().message();
  EXPECT_EQ(warnings.size(), 1U);
  TestBundle::reap(container->pid());
  EXPECT_TRUE(container->remove(true));
  EXPECT_EQ(bundle.traces(), "");
}

// What is done before the failure may have to be undone.
TEST(ContainerHooks, ACreateThatFailsEndsWithPoststop) {
  for (const char* kind : {"prestart", "createRuntime", "createContainer", "none"}) {
    TestBundle bundle;
    const std::string log = (bundle.scratch() / "log").native();
    bundle.change = [&](json::Value& config) {
      config.set("hooks", json::object({{kind, json::array({shell_hook("exit 3")})},
                                        {"poststop", json::array({shell_hook("cat >" + log)})}}));
    };
    bundle.script("true");
    if (std::string_view(kind) == "none") bundle.spec.args = {"/no/such"};
    ASSERT_FALSE(bundle.create()) << kind;
    const json::Value state = *json::parse(read_file(log).value_or("null"));
    EXPECT_EQ(state.string("id"), bundle.id) << kind;
    EXPECT_EQ(state.string("status"), "stopped") << kind;
    EXPECT_EQ(bundle.traces(), "") << kind;
  }
}

TEST(ContainerHooks, AStartThatFailsEndsWithPoststop) {
  TestBundle bundle;
  const std::string log = (bundle.scratch() / "log").native();
  bundle.change = [&](json::Value& config) {
    config.set("hooks", json::object({{"poststart", json::array({shell_hook("exit 3")})},
                                      {"poststop", json::array({shell_hook("cat >>" + log)})}}));
  };
  Result<Container> container = bundle.script("sleep 100").create();
  ASSERT_TRUE(container) << container.error().message();
  EXPECT_FALSE(container->start());
  TestBundle::reap(container->pid());
  EXPECT_EQ(bundle.traces(), "");
  EXPECT_TRUE(container->remove(true));
  // Once.
  const json::Value state = *json::parse(read_file(log).value_or("null"));
  EXPECT_EQ(state.string("status"), "stopped");
}

TEST(Hooks, WhatAFailingOneSaidIsTold) {
  const auto failure = [](const char* script) {
    OciHook hook{.path = "/bin/busybox", .args = {"sh", "-c", script}};
    const Result<> ran = run_hooks({hook}, "createRuntime", "{}");
    return ran ? "" : std::string(ran.error().message());
  };
  constexpr std::string_view kWhich = "error running createRuntime hook #0: /bin/busybox: ";
  EXPECT_EQ(failure("echo why; exit 3"), cat(kWhich, "exit status 3: why"));
  EXPECT_EQ(failure("exit 3"), cat(kWhich, "exit status 3"));
}

TEST(Hooks, OneThatTalksHasNoMoreTime) {
  OciHook hook{.path = "/bin/busybox", .args = {"yes"}, .timeout_seconds = 1};
  const Result<> ran = run_hooks({hook}, "createRuntime", "{}");
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code(), Code::kDeadlineExceeded) << ran.error().message();
}

// A startContainer hook; its failure is what start says.
std::string failure_of_hook(const std::string& script, json::Value seccomp) {
  TestBundle bundle;
  bundle.change = [&](json::Value& config) {
    json::Value hook =
        json::object({{"path", "/bin/sh"}, {"args", std::vector<std::string>{"sh", "-c", script}}});
    config.set("hooks", json::object({{"startContainer", json::array({std::move(hook)})}}));
    test::with_linux("seccomp", seccomp)(config);
  };
  Result<Ran> ran = bundle.script("true").run();
  return ran ? "" : ran.error().message();
}

json::Value forbidding_mkdir(std::string_view action) {
  json::Value rule =
      json::object({{"names", std::vector<std::string>{"mkdir", "mkdirat"}}, {"action", action}});
  return json::object(
      {{"defaultAction", "SCMP_ACT_ALLOW"}, {"syscalls", json::array({std::move(rule)})}});
}

TEST(ContainerHooks, StartHooksAreConfinedAsTheProgram) {
  EXPECT_EQ(failure_of_hook("mkdir /tmp/x", forbidding_mkdir("SCMP_ACT_ALLOW")), "");
  std::string refused = failure_of_hook("mkdir /tmp/x", forbidding_mkdir("SCMP_ACT_ERRNO"));
  EXPECT_NE(refused.find("startContainer hook #0"), std::string::npos) << refused;
  EXPECT_NE(refused.find("exit status 1"), std::string::npos) << refused;
  std::string killed = failure_of_hook("mkdir /tmp/x", forbidding_mkdir("SCMP_ACT_KILL"));
  EXPECT_NE(killed.find("signal: bad system call"), std::string::npos) << killed;
  std::string unprivileged = failure_of_hook("grep -q '^CapEff:.*a80425fb' /proc/self/status",
                                             forbidding_mkdir("SCMP_ACT_ERRNO"));
  EXPECT_EQ(unprivileged, "");
}

}  // namespace
}  // namespace skiff::runtime
