// A profile's notifications, and an agent that answers them.
#include "runtime/seccomp_listener.h"

#include <gtest/gtest.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cstring>
#include <thread>

#include "runtime/test_bundle.h"
#include "sys/unix_socket.h"

namespace skiff::runtime {
namespace {

using test::Ran;
using test::TestBundle;

// Takes one listener and answers its calls with ENOMEDIUM until its filter is gone.
class Agent {
 public:
  explicit Agent(const Path& path) : socket_(*sys::listen_unix(path)) {
    thread_ = std::thread([this] { serve(); });
  }
  ~Agent() {
    ::shutdown(socket_.get(), SHUT_RDWR);
    thread_.join();
  }
  // After the container has ended.
  json::Value told() {
    ::shutdown(socket_.get(), SHUT_RDWR);
    thread_.join();
    thread_ = std::thread([] {});
    return *json::parse(told_);
  }

 private:
  void serve() {
    UniqueFd connection(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection) return;
    UniqueFd listener = receive(connection.get());
    if (!listener) return;
    // Before Linux 6.11 a receive does not end with the last process of the filter.
    pollfd heard{listener.get(), POLLIN, 0};
    while (::poll(&heard, 1, -1) == 1 && (heard.revents & POLLIN) != 0) {
      seccomp_notif call{};
      if (::ioctl(listener.get(), SECCOMP_IOCTL_NOTIF_RECV, &call) != 0) return;
      seccomp_notif_resp answer{.id = call.id, .val = 0, .error = -ENOMEDIUM, .flags = 0};
      ::ioctl(listener.get(), SECCOMP_IOCTL_NOTIF_SEND, &answer);
    }
  }
  UniqueFd receive(int connection) {
    std::string text(size_t{64} << 10U, '\0');
    iovec data{text.data(), text.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    ssize_t n = ::recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
    const cmsghdr* header = CMSG_FIRSTHDR(&message);
    if (n <= 0 || header == nullptr) return {};
    told_ = text.substr(0, static_cast<size_t>(n));
    // An agent may read all before it answers.
    while (::read(connection, text.data(), text.size()) > 0) {
    }
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
    return UniqueFd(fd);
  }

  UniqueFd socket_;
  std::string told_;
  std::thread thread_;
};

json::Value profile(const Path& listener, const std::string& call = "mkdir") {
  json::Value seccomp = *json::parse(
      cat(R"({"defaultAction":"SCMP_ACT_ALLOW","listenerMetadata":"for you",)",
          R"("flags":["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],)", R"("syscalls":[{"names":[")",
          call, R"(","mkdirat"],"action":"SCMP_ACT_NOTIFY"}]})"));
  seccomp.set("listenerPath", listener.native());
  return seccomp;
}

// A notification that is not answered waits for ever: the agent must be up before.
TEST(SeccompListener, AgentAnswersForTheKernel) {
  for (bool no_new_privileges : {false, true}) {
    TestBundle bundle;
    Agent agent(bundle.scratch() / "agent.sock");
    bundle.spec.no_new_privileges = no_new_privileges;
    bundle.change = test::with_linux("seccomp", profile(bundle.scratch() / "agent.sock"));
    Result<Ran> ran = bundle.script("mkdir /tmp/x; ls /proc/self/fd | wc -l").run();
    ASSERT_TRUE(ran) << ran.error().message();
    EXPECT_NE(ran->output.find("No medium found"), std::string::npos) << ran->output;
    EXPECT_TRUE(ran->output.ends_with("\n4\n")) << ran->output;
    json::Value told = agent.told();
    EXPECT_EQ(told.string("metadata"), "for you");
    EXPECT_EQ(told.strings("fds"), std::vector<std::string>{"seccompFd"});
    EXPECT_EQ(told.find("state")->string("id"), bundle.id);
    EXPECT_EQ(told.find("state")->integer("pid"), told.integer("pid"));
    EXPECT_GT(told.integer("pid"), 1);
  }
}

TEST(SeccompListener, ExecHasAListenerOfItsOwn) {
  TestBundle bundle;
  Path path = bundle.scratch() / "agent.sock";
  bundle.change = test::with_linux("seccomp", profile(path));
  ASSERT_TRUE(bundle.script("sleep 100").write());
  auto first = std::make_unique<Agent>(path);
  Result<Container> container = bundle.create();
  ASSERT_TRUE(container) << container.error().message();
  ASSERT_TRUE(container->start());
  {
    Agent second(path);
    OciProcess process = *container->config().process;
    process.args = {"/bin/mkdir", "/tmp/x"};
    Result<sys::Child> child = container->exec(process, {.stdio = {-1, -1, -1}});
    ASSERT_TRUE(child) << child.error().message();
    EXPECT_EQ(TestBundle::reap(child->pid), 1);
    json::Value told = second.told();
    EXPECT_EQ(told.integer("pid"), child->pid);
    EXPECT_EQ(told.find("state")->integer("pid"), container->pid());
    EXPECT_EQ(told.find("state")->string("status"), "running");
  }
  EXPECT_TRUE(container->remove(true));
  TestBundle::reap(container->pid());
}

TEST(SeccompListener, WhatCannotWorkIsRefusedAtCreate) {
  TestBundle bundle;
  const std::pair<json::Value, const char*> kCases[] = {
      {profile("/nowhere/agent.sock"), "listenerPath"},
      {profile(""), "listenerPath is not set"},
      {profile("/x", "sendmsg"), "the sendmsg syscall"},
      {profile("/x", "write"), "the write syscall"},
      {json::object({{"defaultAction", "SCMP_ACT_NOTIFY"}}), "default action"}};
  for (const auto& [seccomp, words] : kCases) {
    bundle.change = test::with_linux("seccomp", seccomp);
    Result<Ran> ran = bundle.script("true").run();
    ASSERT_FALSE(ran) << words;
    EXPECT_NE(ran.error().message().find(words), std::string::npos) << ran.error().message();
    EXPECT_EQ(bundle.traces(), "");
  }
}

TEST(SeccompListener, PathIsNotUsedWithoutNotifications) {
  TestBundle bundle;
  bundle.change = test::with_linux("seccomp", json::object({{"defaultAction", "SCMP_ACT_ALLOW"},
                                                            {"listenerPath", "/nowhere/a.sock"}}));
  EXPECT_TRUE(bundle.script("true").run());
}

TEST(SeccompListener, WhoListensIsNotPartOfTheFilter) {
  json::Value other = profile("/b");
  other.set("listenerMetadata", "c");
  EXPECT_EQ(seccomp_identity(profile("/a")), seccomp_identity(other));
}

}  // namespace
}  // namespace skiff::runtime
