// Processes in the foreground: their terminals, and the signals that they are passed.
#include "runtime/foreground.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "runtime/test_bundle.h"
#include "runtime/test_program.h"

namespace skiff::runtime {
namespace {

using test::TestBundle;

// Reads until `text` has come; what was read.
// Or what came before it was quiet for long.
std::string read_up_to(int fd, std::string_view text) {
  constexpr int kLongMs = 30'000;
  std::string read;
  while (read.find(text) == std::string::npos) {
    char c = 0;
    pollfd ready{fd, POLLIN, 0};
    if (::poll(&ready, 1, kLongMs) != 1 || ::read(fd, &c, 1) != 1) break;
    read += c;
  }
  return read;
}

class Foreground : public testing::Test {
 protected:
  ~Foreground() override {
    [[maybe_unused]] int code = *spawn({"delete", "-f", bundle_.id}).wait();
  }

  sys::Process spawn(std::vector<std::string> words, std::vector<std::pair<int, int>> fds = {}) {
    words.insert(words.begin(), {"skiff-runtime", "--root", bundle_.state_root().native()});
    return *sys::Process::spawn({.args = std::move(words),
                                 .program = test::runtime_program(),
                                 .env = std::vector<std::string>{"PATH=/usr/bin:/bin"},
                                 .fds = std::move(fds),
                                 .new_session = true});
  }
  sys::Process run(std::vector<std::pair<int, int>> fds) {
    return spawn({"run", "-b", bundle_.path().native(), bundle_.id}, std::move(fds));
  }
  Path at(const char* name) const { return bundle_.scratch() / name; }

  TestBundle bundle_;
};

TEST_F(Foreground, ATerminalThatNobodyReadsHoldsNothingUp) {
  constexpr int kInput = 300'000;  // more than all the buffers of a terminal
  constexpr int kTaken = 16'000;   // less than one read
  bundle_.change = test::with_process("terminal", true);
  std::filesystem::create_symlink("busybox", bundle_.rootfs() / "bin/stty");
  ASSERT_TRUE(bundle_
                  .script("trap 'echo told; exit 7' TERM; stty raw -echo; echo ready; "
                          "sleep 1000 & wait")
                  .write());
  sys::Pipe in = *sys::make_pipe();
  sys::Pipe out = *sys::make_pipe();
  ASSERT_GE(::fcntl(in.write.get(), F_SETPIPE_SZ, kInput), kInput);
  sys::Process process = run({{in.read.get(), 0}, {out.write.get(), 1}, {out.write.get(), 2}});
  out.write.reset();
  ASSERT_EQ(read_up_to(out.read.get(), "\n"), "ready\n");
  const std::string text(kInput, 'x');
  ASSERT_EQ(::write(in.write.get(), text.data(), text.size()), kInput);
  for (int left = kInput; left > kInput - kTaken; ::usleep(1000)) {
    ASSERT_EQ(::ioctl(in.read.get(), FIONREAD, &left), 0);
  }
  ASSERT_TRUE(process.kill(SIGTERM));
  EXPECT_EQ(read_up_to(out.read.get(), "\n"), "told\n");
  EXPECT_EQ(*process.wait(), 7);
}

// Waits until the pipe takes nothing more; how much it holds.
int filled(const sys::Pipe& pipe) {
  for (pollfd room{pipe.write.get(), POLLOUT, 0}; ::poll(&room, 1, 0) != 0;) ::usleep(1000);
  int held = 0;
  return ::ioctl(pipe.read.get(), FIONREAD, &held) == 0 ? held : -1;
}

TEST_F(Foreground, AnOutputThatNobodyReadsHoldsNothingUp) {
  std::filesystem::create_symlink("busybox", bundle_.rootfs() / "bin/yes");
  bundle_.script("trap '' HUP; trap 'exit 7' TERM; yes 0123456789 & wait");
  const auto end_by = [&](std::vector<std::string> words) {
    sys::Pipe out = *sys::make_pipe();
    sys::Process process = run({{out.write.get(), 1}, {out.write.get(), 2}});
    const auto held = static_cast<size_t>(filled(out));
    out.write.reset();
    if (words.empty()) {
      EXPECT_TRUE(process.kill(SIGTERM));
    } else {
      words.push_back(bundle_.id);
      EXPECT_EQ(*spawn(words).wait(), 0);
    }
    const int code = *process.wait();
    FdSource source(out.read.get());
    return std::pair(code, read_all(source, size_t{1} << 20U)->size() > held);
  };
  for (const bool terminal : {false, true}) {
    bundle_.change = test::with_process("terminal", terminal);
    ASSERT_TRUE(bundle_.write());
    // What the terminal still held is not lost.
    EXPECT_EQ(end_by({}), std::pair(7, terminal));
    EXPECT_EQ(end_by({"kill"}), std::pair(7, terminal));
    EXPECT_EQ(end_by({"delete", "-f"}), std::pair(137, terminal));
  }
}

// A process that has ended with 7, whose terminal never runs dry; its exit code and how much of the
// terminal was passed on. `most`: a reader that has got so much goes.
std::pair<int, size_t> attend_endless(bool is_read, size_t most) {
  sys::Pipe out = *sys::make_pipe();
  const pid_t attending = ::fork();
  if (attending == 0) {
    ::dup2(out.write.get(), STDOUT_FILENO);
    out = sys::Pipe();
    sys::Child child = *sys::clone_process({}, [] { return 7; });
    siginfo_t ended{};
    ::waitid(P_PID, static_cast<id_t>(child.pid), &ended, WEXITED | WNOWAIT);
    ::_exit(attend(child, *open_file("/dev/zero", O_RDWR)).value_or(1));
  }
  out.write.reset();
  size_t size = 0;
  std::array<char, 65536> buffer;
  for (ssize_t n = 1; is_read && n > 0 && size < most; size += static_cast<size_t>(n)) {
    n = std::max(::read(out.read.get(), buffer.data(), buffer.size()), ssize_t{0});
  }
  if (size >= most) out.read.reset();
  int status = 0;
  EXPECT_EQ(::waitpid(attending, &status, 0), attending);
  if (!is_read) size = static_cast<size_t>(::fcntl(out.read.get(), F_GETPIPE_SZ));
  return {sys::exit_code_of(status), size};
}

TEST(Attend, OthersWhoWriteToTheTerminalAreNotWaitedFor) {
  constexpr size_t kMuch = 1 << 20;
  for (const bool is_read : {true, false}) {
    const auto [code, size] = attend_endless(is_read, kMuch);
    EXPECT_EQ(code, 7);
    EXPECT_LT(size, kMuch);
  }
}

TEST_F(Foreground, AReaderThatGoesEndsTheTerminal) {
  bundle_.change = test::with_process("terminal", true);
  ASSERT_TRUE(bundle_.script("while echo more; do :; done; exit 5").write());
  sys::Pipe out = *sys::make_pipe();
  sys::Process process = run({{out.write.get(), 1}});
  ASSERT_EQ(read_up_to(out.read.get(), "more"), "more");
  out = sys::Pipe();
  EXPECT_EQ(*process.wait(), 5);
  EXPECT_EQ(bundle_.traces(), "");
}

TEST_F(Foreground, AllSignalsButOurOwnArePassedOn) {
  std::filesystem::create_symlink("busybox", bundle_.rootfs() / "bin/usleep");
  ASSERT_TRUE(bundle_
                  .script("for s in ALRM VTALRM PROF IO PWR STKFLT XCPU TSTP TTIN TTOU 34; do "
                          "trap \"echo $s\" $s; done; echo ready; while :; do usleep 1000; done")
                  .write());
  sys::Pipe out = *sys::make_pipe();
  sys::Process process = run({{out.write.get(), 1}, {out.write.get(), 2}});
  out.write.reset();
  ASSERT_EQ(read_up_to(out.read.get(), "\n"), "ready\n");
  const std::pair<int, const char*> signals[] = {
      {SIGALRM, "ALRM\n"}, {SIGVTALRM, "VTALRM\n"}, {SIGPROF, "PROF\n"}, {SIGIO, "IO\n"},
      {SIGPWR, "PWR\n"},   {SIGSTKFLT, "STKFLT\n"}, {SIGXCPU, "XCPU\n"}, {SIGTSTP, "TSTP\n"},
      {SIGTTIN, "TTIN\n"}, {SIGTTOU, "TTOU\n"},     {34, "34\n"}};
  for (const auto& [signal, name] : signals) {
    ASSERT_TRUE(process.kill(signal));
    ASSERT_EQ(read_up_to(out.read.get(), "\n"), name);
  }
}

TEST_F(Foreground, WarningsAndErrorsThatNobodyReadsHoldNothingUp) {
  constexpr int kLongMs = 30'000;
  ASSERT_TRUE(bundle_.script("sleep 100").write());
  ASSERT_EQ(*spawn({"run", "-d", "-b", bundle_.path().native(), bundle_.id}).wait(), 0);
  sys::Pipe err = *sys::make_pipe();
  ASSERT_EQ(::fcntl(err.write.get(), F_SETFL, O_NONBLOCK), 0);
  const std::string page(4096, 'x');
  while (::write(err.write.get(), page.data(), page.size()) > 0) continue;
  ASSERT_EQ(::fcntl(err.write.get(), F_SETFL, 0), 0);
  const std::pair<std::vector<std::string>, int> commands[] = {
      {{"update", "--kernel-memory", "1", bundle_.id}, 0},  // a warning
      {{"--debug", "exec", bundle_.id, "sh", "-c", ":"}, 0},
      {{"state", "no-such-container"}, 1}};
  for (const auto& [words, code] : commands) {
    sys::Process process = spawn(words, {{err.write.get(), 2}});
    pollfd ended{process.pidfd(), POLLIN, 0};
    EXPECT_EQ(::poll(&ended, 1, kLongMs), 1) << words[0];
    if (ended.revents == 0) [[maybe_unused]]
      auto killed = process.kill(SIGKILL);
    EXPECT_EQ(*process.wait(), code) << words[0];
  }
}

TEST_F(Foreground, AnExecThatNobodyIsToldOfLeavesNoProcess) {
  ASSERT_TRUE(bundle_.script("sleep 100").write());
  ASSERT_EQ(*spawn({"run", "-d", "-b", bundle_.path().native(), bundle_.id}).wait(), 0);
  const sys::Cgroup group = *sys::Cgroup::open("/" + bundle_.id);
  for (const char* flag : {"--pid-file", "--pidfd-socket"}) {
    EXPECT_EQ(*spawn({"exec", "-d", flag, "/no/such/x", bundle_.id, "sleep", "77"}).wait(), 255);
    EXPECT_EQ(group.processes()->size(), 1U) << flag;
  }
}

}  // namespace
}  // namespace skiff::runtime
