#include "sys/namespaces.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/strings.h"
#include "sys/capabilities.h"
#include "sys/process.h"
#include "sys/pty.h"
#include "sys/unix_socket.h"

namespace skiff::sys {
namespace {

int exit_of(const Child& child) {
  int status = 0;
  EXPECT_EQ(::waitpid(child.pid, &status, 0), child.pid);
  return exit_code_of(status);
}

TEST(CloneProcess, ChildIsInitOfItsNamespace) {
  Child child = clone_process({.flags = CLONE_NEWPID}, [] { return ::getpid(); }).value();
  EXPECT_EQ(exit_of(child), 1);
}

TEST(OpenNamespace, ChecksTheKind) {
  EXPECT_TRUE(open_namespace("/proc/self/ns/net", *find_namespace("network")));
  Error wrong = open_namespace("/proc/self/ns/net", *find_namespace("pid")).error();
  EXPECT_EQ(wrong.message(), "/proc/self/ns/net is no pid namespace");
  EXPECT_FALSE(open_namespace("/dev/null", *find_namespace("pid")));
  EXPECT_FALSE(open_namespace("/nonexistent", *find_namespace("pid")));
  EXPECT_EQ(find_namespace("nothing"), nullptr);
}

TEST(ProcessAlive, TellsAZombieAndAnotherStartTime) {
  Child child = clone_process({}, [] { return 0; }).value();
  uint64_t start = process_start_time(child.pid).value();
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child.pid), &info, WEXITED | WNOWAIT), 0);
  EXPECT_FALSE(process_alive(child.pid, start));
  exit_of(child);
  EXPECT_TRUE(process_alive(::getpid(), process_start_time(::getpid()).value()));
  EXPECT_FALSE(process_alive(::getpid(), start + 100000));
  EXPECT_FALSE(process_alive(0, 0));
}

TEST(Capabilities, NamesAndNumbers) {
  EXPECT_EQ(capability_number("CAP_CHOWN"), 0);
  EXPECT_EQ(capability_number("CAP_CHECKPOINT_RESTORE"), 40);
  EXPECT_EQ(capability_number("CHOWN"), -1);
  EXPECT_EQ(names_of(0b101), (std::vector<std::string>{"CAP_CHOWN", "CAP_DAC_READ_SEARCH"}));
}

TEST(Capabilities, SetsAreExact) {
  Child child = clone_process({}, []() -> int {
                  CapabilitySets want{.bounding = 0b11,
                                      .effective = 0b01,
                                      .inheritable = 0b11,
                                      .permitted = 0b11,
                                      .ambient = 0b10};
                  if (!limit_bounding_set(want.bounding) || !set_capabilities(want)) return 1;
                  if (!set_ambient_capabilities(want.ambient)) return 2;
                  CapabilitySets have = current_capabilities().value();
                  bool same = have.bounding == want.bounding && have.effective == want.effective &&
                              have.inheritable == want.inheritable &&
                              have.permitted == want.permitted && have.ambient == want.ambient;
                  return same ? 0 : 3;
                }).value();
  EXPECT_EQ(exit_of(child), 0);
}

TEST(UnixSocket, LongPathsAndDescriptors) {
  TempDir dir = TempDir::make("/tmp", "skiff-socket-").value();
  Path deep = dir.path() / std::string(100, 'a') / std::string(100, 'b');
  ASSERT_TRUE(make_directories(deep));
  EXPECT_EQ(connect_unix(deep / "s").error().code(), Code::kNotFound);
  UniqueFd listener = listen_unix(deep / "s").value();
  UniqueFd client = connect_unix(deep / "s").value();
  UniqueFd server(::accept(listener.get(), nullptr, nullptr));
  UniqueFd zero(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(send_fd(client.get(), zero.get(), "x"));
  UniqueFd received = receive_fd(server.get()).value();
  char c = 'y';
  EXPECT_EQ(::read(received.get(), &c, 1), 1);
  EXPECT_EQ(c, '\0');
  client.reset();
  EXPECT_FALSE(receive_fd(server.get()));
  listener.reset();
  EXPECT_EQ(connect_unix(deep / "s").error().code(), Code::kUnavailable);
  EXPECT_TRUE(listen_unix(deep / "s"));
}

TEST(Pty, BothEndsTalk) {
  Pty pty = open_pty(UniqueFd(::open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC))).value();
  ASSERT_TRUE(resize_terminal(pty.master.get(), 24, 80));
  ASSERT_EQ(::write(pty.slave.get(), "hi\n", 3), 3);
  char buffer[8] = {};
  EXPECT_EQ(::read(pty.master.get(), buffer, sizeof buffer), 4);
  EXPECT_STREQ(buffer, "hi\r\n");
}

}  // namespace
}  // namespace skiff::sys
