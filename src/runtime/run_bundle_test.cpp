#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include <thread>

#include "base/strings.h"
#include "runtime/monitor_fixture.h"
#include "runtime/test_program.h"

namespace skiff::runtime {
namespace {

class RunBundle : public MonitorFixture {
 protected:
  Result<int> run_it(const std::string& script, Sink& output, const CancelToken& cancel = {},
                     const std::function<Result<>(int)>& prepare = {}) {
    set_script(script);
    write_bundle();
    Result<int> code = run_bundle(test::runtime_program(), id_, options_.bundle, options_.state_dir,
                                  output, prepare, cancel);
    // The directory is the caller's; the container's part of it must be gone.
    EXPECT_FALSE(std::filesystem::exists(options_.state_dir / id_));
    EXPECT_TRUE(remove_tree(options_.state_dir));
    expect_nothing_left();
    return code;
  }
};

// Cancels as soon as there is output.
class CancellingSink : public StringSink {
 public:
  explicit CancellingSink(CancelSource& source) : source_(source) {}
  Result<> write(std::string_view bytes) override {
    cancelled_at = std::chrono::steady_clock::now();
    source_.cancel();
    return StringSink::write(bytes);
  }

  std::chrono::steady_clock::time_point cancelled_at;

 private:
  CancelSource& source_;
};

class FullSink : public Sink {
 public:
  Result<> write(std::string_view) override { return Error(Code::kResourceExhausted, "full"); }
};

TEST_F(RunBundle, OutputInOrderAndCode) {
  StringSink out;
  EXPECT_EQ(run_it("echo one; echo two >&2; echo three; exit 9", out).value(), 9);
  EXPECT_EQ(out.text(), "one\ntwo\nthree\n");
}

TEST_F(RunBundle, MuchOutput) {
  StringSink out;
  EXPECT_EQ(run_it("yes | head -c 20000000", out).value(), 0);
  EXPECT_EQ(out.text().size(), 20'000'000U);
}

TEST_F(RunBundle, PrepareComesBeforeTheProgram) {
  StringSink out;
  std::string seen;
  auto prepare = [&](int pid) -> Result<> {
    seen = cat("/proc/", pid, "/ns/net");
    EXPECT_NE(std::filesystem::read_symlink(seen),
              std::filesystem::read_symlink("/proc/self/ns/net"));
    return write_file(spec_.rootfs / "tmp/prepared", "yes");
  };
  EXPECT_EQ(run_it("cat /tmp/prepared", out, {}, prepare).value(), 0);
  EXPECT_EQ(out.text(), "yes");
}

TEST_F(RunBundle, AFailedPrepareIsItsError) {
  StringSink out;
  auto prepare = [](int) -> Result<> { return Error(Code::kUnavailable, "no network"); };
  EXPECT_EQ(run_it("echo ran", out, {}, prepare).error().message(), "no network");
  EXPECT_EQ(out.text(), "");
}

TEST_F(RunBundle, CancellingKillsAllAtOnce) {
  CancelSource source;
  CancellingSink out(source);
  Error error =
      run_it("sleep 1000 & trap '' TERM; echo up; while :; do sleep 1; done", out, source.token())
          .error();
  EXPECT_EQ(error.code(), Code::kCancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - out.cancelled_at, std::chrono::seconds(5));
  EXPECT_EQ(out.text(), "up\n");
}

TEST_F(RunBundle, AFullSinkEndsIt) {
  FullSink out;
  EXPECT_EQ(run_it("yes", out).error().message(), "full");
}

TEST_F(RunBundle, AMissingProgramIsTold) {
  StringSink out;
  spec_.args = {"none"};
  write_bundle();
  Result<int> code =
      run_bundle(test::runtime_program(), id_, options_.bundle, options_.state_dir, out, {}, {});
  EXPECT_NE(code.error().message().find("exec: \"none\": executable file not found in $PATH"),
            std::string::npos)
      << code.error().message();
  EXPECT_TRUE(remove_tree(options_.state_dir));
}

TEST_F(RunBundle, ACallerThatDiesTakesItAllWithIt) {
  set_script("echo up >/tmp/up; sleep 1000");
  write_bundle();
  pid_t caller = ::fork();
  if (caller == 0) {
    StringSink out;
    auto code =
        run_bundle(test::runtime_program(), id_, options_.bundle, options_.state_dir, out, {}, {});
    ::_exit(0);
  }
  EXPECT_TRUE(eventually([&] { return std::filesystem::exists(spec_.rootfs / "tmp/up"); }));
  ::kill(caller, SIGKILL);
  ::waitpid(caller, nullptr, 0);
  EXPECT_TRUE(eventually([&] { return !std::filesystem::exists(options_.state_dir / id_); }));
  EXPECT_TRUE(remove_tree(options_.state_dir));
}

}  // namespace
}  // namespace skiff::runtime
