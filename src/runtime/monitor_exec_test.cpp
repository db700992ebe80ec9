// Exec sessions under the real monitor program.
#include <signal.h>
#include <sys/socket.h>

#include <thread>

#include "base/strings.h"
#include "runtime/monitor_fixture.h"

namespace skiff::runtime {
namespace {

class MonitorExec : public MonitorFixture {
 protected:
  static ExecSpec shell(const std::string& script) {
    return {.args = {"/bin/sh", "-c", script}, .env = {"PATH=/bin"}};
  }
};

TEST_F(MonitorExec, OutputAndCode) {
  MonitorClient monitor = run("sleep 1000");
  ExecSession session = monitor.exec("a", shell("echo out; echo err >&2; exit 12")).value();
  EXPECT_GT(session.pid, 0);
  Streams got = take_frames_apart(read_stream(session.stream.get()));
  EXPECT_EQ(got.out, "out\n");
  EXPECT_EQ(got.err, "err\n");
  EXPECT_EQ(monitor.wait_exec("a").value(), 12);
  EXPECT_EQ(monitor.wait_exec("a").value(), 12);
  EXPECT_EQ(monitor.wait_exec("b").error().code(), Code::kNotFound);
  EXPECT_EQ(monitor.exec("a", shell("true")).error().code(), Code::kAlreadyExists);
  EXPECT_EQ(log_text(), "");
  remove(monitor);
}

TEST_F(MonitorExec, RunsInTheContainer) {
  MonitorClient monitor = run("sleep 1000");
  ExecSpec spec = shell("grep -c 1000 /proc/1/cmdline; pwd; id -u; echo $X; cat /proc/self/cgroup");
  spec.working_dir = "/tmp";
  spec.user = "user";
  spec.env = {"PATH=/bin", "X=y"};
  ExecSession session = monitor.exec("a", spec).value();
  Streams got = take_frames_apart(read_stream(session.stream.get()));
  EXPECT_TRUE(got.out.starts_with("1\n/tmp\n1000\ny\n")) << got.out << got.err;
  EXPECT_EQ(monitor.wait_exec("a").value(), 0);
  remove(monitor);
}

TEST_F(MonitorExec, CapabilitiesFollowTheUserAndPrivilege) {
  MonitorClient monitor = run("sleep 1000");
  auto effective = [&](const std::string& id, ExecSpec spec) {
    ExecSession session = monitor.exec(id, spec).value();
    std::string text = take_frames_apart(read_stream(session.stream.get())).out;
    return parse_uint(trim(text.substr(text.find(':') + 1)), 16).value();
  };
  ExecSpec spec = shell("grep CapEff /proc/self/status");
  uint64_t usual = effective("a", spec);
  EXPECT_NE(usual, 0U);
  spec.user = "user";
  EXPECT_EQ(effective("b", spec), 0U);
  spec.user = "";
  spec.privileged = true;
  EXPECT_GT(effective("c", spec), usual);
  remove(monitor);
}

TEST_F(MonitorExec, StartFailuresAreInDockersWords) {
  MonitorClient monitor = run("sleep 1000");
  Error missing = monitor.exec("a", {.args = {"none"}, .env = {"PATH=/bin"}}).error();
  EXPECT_EQ(missing.code(), Code::kNotFound);
  EXPECT_NE(missing.message().find("exec: \"none\": executable file not found in $PATH"),
            std::string::npos)
      << missing.message();
  Error denied = monitor.exec("b", {.args = {"/etc/passwd"}, .env = {"PATH=/bin"}}).error();
  EXPECT_EQ(denied.code(), Code::kPermissionDenied) << denied.message();
  ExecSpec spec = shell("true");
  spec.user = "nobody-there";
  EXPECT_NE(monitor.exec("c", spec).error().message().find("unable to find user nobody-there"),
            std::string::npos);
  // A failed start leaves the id free.
  EXPECT_TRUE(monitor.exec("a", shell("true")));
  remove(monitor);
}

TEST_F(MonitorExec, InputAndItsEnd) {
  MonitorClient monitor = run("sleep 1000");
  ExecSpec spec = shell("cat; echo over");
  spec.attach_stdin = true;
  ExecSession session = monitor.exec("a", spec).value();
  ASSERT_TRUE(write_stream(session.stream.get(), "hello\n"));
  ASSERT_EQ(::shutdown(session.stream.get(), SHUT_WR), 0);
  EXPECT_EQ(take_frames_apart(read_stream(session.stream.get())).out, "hello\nover\n");
  EXPECT_EQ(monitor.wait_exec("a").value(), 0);
  remove(monitor);
}

TEST_F(MonitorExec, ATerminalOfItsOwn) {
  MonitorClient monitor = run("sleep 1000");
  ExecSpec spec = shell("stty size; read x; stty size; tty");
  spec.terminal = spec.attach_stdin = true;
  spec.console_height = 11;
  spec.console_width = 22;
  ExecSession session = monitor.exec("a", spec).value();
  std::string got = read_until(session.stream.get(), "11 22\r\n");
  ASSERT_TRUE(monitor.resize_exec("a", 44, 55));
  ASSERT_TRUE(write_stream(session.stream.get(), "\n"));
  got += read_stream(session.stream.get());
  EXPECT_NE(got.find("44 55\r\n/dev/pts/"), std::string::npos) << quoted(got);
  EXPECT_EQ(monitor.wait_exec("a").value(), 0);
  EXPECT_EQ(monitor.resize_exec("b", 1, 1).error().code(), Code::kNotFound);
  remove(monitor);
}

TEST_F(MonitorExec, DetachedRunsOnAlone) {
  MonitorClient monitor = run("sleep 1000");
  ExecSpec spec = shell("yes | head -c 1000000; touch /tmp/ran; exit 3");
  spec.attach_stdout = spec.attach_stderr = false;
  ExecSession session = monitor.exec("a", spec).value();
  EXPECT_FALSE(session.stream);
  EXPECT_EQ(monitor.wait_exec("a").value(), 3);
  EXPECT_TRUE(std::filesystem::exists(spec_.rootfs / "tmp/ran"));
  remove(monitor);
}

TEST_F(MonitorExec, ALostClientDoesNotStopIt) {
  MonitorClient monitor = run("sleep 1000");
  ExecSession session = monitor.exec("a", shell("yes | head -c 10000000; exit 3")).value();
  session.stream.reset();
  EXPECT_EQ(monitor.wait_exec("a").value(), 3);
  remove(monitor);
}

TEST_F(MonitorExec, ASlowClientGetsAll) {
  MonitorClient monitor = run("sleep 1000");
  ExecSession session = monitor.exec("a", shell("yes | head -c 20000000")).value();
  std::string got;
  std::thread slow([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    got = take_frames_apart(read_stream(session.stream.get())).out;
  });
  EXPECT_EQ(monitor.wait_exec("a").value(), 0);
  slow.join();
  EXPECT_EQ(got.size(), 20'000'000U);
  remove(monitor);
}

TEST_F(MonitorExec, AChildThatKeepsTheOutputOpenIsNotWaitedForLong) {
  MonitorClient monitor = run("sleep 1000");
  ExecSession session = monitor.exec("a", shell("sleep 500 & echo started; exit 2")).value();
  EXPECT_EQ(take_frames_apart(read_stream(session.stream.get())).out, "started\n");
  EXPECT_EQ(monitor.wait_exec("a").value(), 2);
  remove(monitor);
}

TEST_F(MonitorExec, AClientThatComesLaterFindsIt) {
  MonitorClient monitor = run("sleep 1000");
  ExecSpec spec = shell("exit 3");
  spec.record = "{\"of\": \"a\"}";
  ASSERT_TRUE(monitor.exec("a", spec));
  spec = shell("sleep 1000");
  const int pid = monitor.exec("b", spec)->pid;
  std::vector<ExecReport> found;
  ASSERT_TRUE(eventually([&] {
    found = monitor.execs({}).value();
    return found.size() == 2 && found[0].code;
  }));
  EXPECT_EQ(found[0].id, "a");
  EXPECT_EQ(found[0].code, 3);
  EXPECT_EQ(found[0].record, "{\"of\": \"a\"}");
  EXPECT_FALSE(found[0].told);
  EXPECT_GT(found[0].finished, TimePoint());
  EXPECT_EQ(found[1].id, "b");
  EXPECT_EQ(found[1].pid, pid);
  EXPECT_FALSE(found[1].code);
  EXPECT_EQ(monitor.wait_exec("a").value(), 3);
  EXPECT_TRUE(monitor.execs({})->front().told);
  const auto younger = monitor.execs(found[0].finished).value();
  ASSERT_EQ(younger.size(), 1U);
  EXPECT_EQ(younger.front().id, "b");
  remove(monitor);
}

TEST_F(MonitorExec, TheContainersEndEndsIt) {
  MonitorClient monitor = run("sleep 1000");
  ExecSession session = monitor.exec("a", shell("echo up; sleep 1000")).value();
  read_until(session.stream.get(), "up\n");
  ASSERT_TRUE(monitor.signal(SIGKILL));
  EXPECT_EQ(monitor.wait_exec("a").value(), 137);
  EXPECT_EQ(monitor.wait()->code, 137);
  EXPECT_EQ(monitor.exec("b", shell("true")).error().message(),
            cat("container ", id_, " is not running"));
  remove(monitor);
}

TEST_F(MonitorExec, RemovalEndsItToo) {
  MonitorClient monitor = run("sleep 1000");
  ExecSession session = monitor.exec("a", shell("echo up; sleep 1000")).value();
  read_until(session.stream.get(), "up\n");
  auto begin = std::chrono::steady_clock::now();
  remove(monitor);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(60));
}

TEST_F(MonitorExec, ManyAtOnce) {
  MonitorClient monitor = run("sleep 1000");
  std::vector<std::thread> clients;
  std::atomic<int> good = 0;
  for (int i = 0; i < 16; ++i) {
    clients.emplace_back([&, i] {
      std::string id = cat("e", i);
      auto session = monitor.exec(id, shell(cat("echo ", i, "; exit ", i)));
      if (!session) return;
      std::string text = take_frames_apart(read_stream(session->stream.get())).out;
      if (text == cat(i, "\n") && monitor.wait_exec(id).value_or(-1) == i) ++good;
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(good, 16);
  remove(monitor);
}

}  // namespace
}  // namespace skiff::runtime
