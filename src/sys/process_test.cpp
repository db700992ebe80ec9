#include "sys/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <thread>

#include "base/strings.h"

namespace skiff::sys {
namespace {

TEST(Process, CapturesBothStreamsAndTheCode) {
  Captured c = run_captured({.args = {"sh", "-c", "echo out; echo err >&2; exit 3"}}).value();
  EXPECT_EQ(c.code, 3);
  EXPECT_EQ(c.out, "out\n");
  EXPECT_EQ(c.err, "err\n");
}

TEST(Process, FeedsInputLargerThanAnyBuffer) {
  std::string input(3 << 20, 'x');
  EXPECT_EQ(run_captured({.args = {"cat"}}, input)->out, input);
  EXPECT_EQ(run_captured({.args = {"true"}}, input)->code, 0);
}

TEST(Process, MissingProgramIsAnError) {
  Error e = Process::spawn({.args = {"/nonexistent"}}).error();
  EXPECT_EQ(e.message(), "start /nonexistent: No such file or directory");
  EXPECT_EQ(e.code(), Code::kNotFound);
  EXPECT_FALSE(Process::spawn({}));
}

TEST(Process, ProgramRunsUnderAnotherName) {
  ProcessOptions options{.args = {"other", "-c", "echo $0"}, .program = "/bin/sh"};
  EXPECT_EQ(run_captured(options)->out, "other\n");
}

TEST(Process, ChildHasOnlyTheDescriptorsGiven) {
  UniqueFd leaked(::open("/dev/null", O_RDONLY));
  UniqueFd given(::open("/dev/zero", O_RDONLY));
  std::string script = "for n in 0 1 2 3 4 5 6 7 8 9; do [ -e /proc/$$/fd/$n ] && echo $n; done";
  ProcessOptions options{.args = {"sh", "-c", script}, .fds = {{given.get(), 5}}};
  EXPECT_EQ(run_captured(options)->out, "0\n1\n2\n5\n");
}

TEST(Process, SwappedDescriptorsArrive) {
  Pipe a = make_pipe().value();
  Pipe b = make_pipe().value();
  int first = a.write.get();
  int second = b.write.get();
  ProcessOptions options{.args = {"sh", "-c", cat("echo one >&", first, "; echo two >&", second)},
                         .fds = {{second, first}, {first, second}}};
  ASSERT_EQ(run_captured(options)->code, 0);
  char buffer[8] = {};
  EXPECT_EQ(::read(b.read.get(), buffer, 8), 4);
  EXPECT_STREQ(buffer, "one\n");
}

TEST(Process, EnvironmentAndDirectory) {
  Captured c =
      run_captured(
          {.args = {"/bin/sh", "-c", "echo $A$HOME; pwd"}, .env = {{"A=1"}}, .working_dir = "/usr"})
          .value();
  EXPECT_EQ(c.out, "1\n/usr\n");
}

TEST(Process, SignalsCountAs128PlusNumber) {
  Process p = Process::spawn({.args = {"sleep", "100"}}).value();
  ASSERT_TRUE(p.kill(SIGTERM));
  EXPECT_EQ(p.wait().value(), 143);
  EXPECT_FALSE(p.kill(SIGTERM));
}

TEST(Process, CancelKills) {
  CancelSource source;
  std::thread canceller([&] { source.cancel(); });
  EXPECT_EQ(run_captured({.args = {"sleep", "100"}}, {}, source.token()).error().code(),
            Code::kCancelled);
  canceller.join();
  Process p = Process::spawn({.args = {"sleep", "100"}}).value();
  EXPECT_EQ(p.wait(source.token()).error().code(), Code::kCancelled);
}

TEST(Process, TooMuchOutputIsRefused) {
  EXPECT_EQ(run_captured({.args = {"yes"}}, {}, {}, 1000).error().code(), Code::kResourceExhausted);
}

TEST(Process, EndOfScopeKillsAndReaps) {
  int pid = 0;
  {
    Process p = Process::spawn({.args = {"sleep", "100"}}).value();
    pid = p.pid();
  }
  EXPECT_EQ(::kill(pid, 0), -1);
}

}  // namespace
}  // namespace skiff::sys
