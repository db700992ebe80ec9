#include "engine/streams.h"

#include <poll.h>
#include <sys/socket.h>

#include <thread>

#include "engine/stream_pump.h"
#include "engine/test_engine.h"
#include "sys/unix_socket.h"

namespace skiff::engine {
namespace {

using testing::EngineTest;

// A client's end of a session that runs on a thread of its own.
class Client {
 public:
  explicit Client(std::unique_ptr<StreamSession> session, const std::string& early = "")
      : session_(std::move(session)) {
    auto [mine, theirs] = *sys::socket_pair(SOCK_STREAM);
    socket_ = std::move(mine);
    thread_ = std::thread([this, early, fd = std::move(theirs)]() mutable {
      auto stream = net::make_plain_stream(std::move(fd));
      result_ = session_->run(*stream, early, {});
    });
  }
  ~Client() { (void)leave(); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void type(const std::string& bytes) const {
    EXPECT_EQ(::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  void end_input() const { ::shutdown(socket_.get(), SHUT_WR); }
  // Everything until the session ends its output.
  std::string read_to_end() const {
    FdSource source(socket_.get());
    return read_all(source, size_t{64} << 20U).value_or("error");
  }
  std::string read_until(const std::string& text) const {
    std::string out;
    char byte = 0;
    while (out.find(text) == std::string::npos && ::recv(socket_.get(), &byte, 1, 0) == 1) {
      out += byte;
    }
    return out;
  }
  Result<> leave() {
    socket_.reset();
    if (thread_.joinable()) thread_.join();
    return result_;
  }

 private:
  std::unique_ptr<StreamSession> session_;
  UniqueFd socket_;
  Result<> result_;
  std::thread thread_;
};

std::string out(const std::string& text) { return make_frame(StreamKind::kStdout, text); }
std::string err(const std::string& text) { return make_frame(StreamKind::kStderr, text); }

class StreamsTest : public EngineTest {
 protected:
  static AttachOptions everything() {
    return {.want_stdin = true, .want_stdout = true, .want_stderr = true};
  }
  std::unique_ptr<StreamSession> attach(const std::string& id, const AttachOptions& options) {
    auto session = streams().attach(id, options);
    EXPECT_TRUE(session) << session.error().message();
    return std::move(*session);
  }
  static CreateRequest interactive(const std::string& script, bool tty = false) {
    CreateRequest wanted = request(script);
    wanted.config.open_stdin = true;
    wanted.config.stdin_once = true;
    wanted.config.tty = tty;
    return wanted;
  }
  std::unique_ptr<StreamSession> exec(const std::string& id, const ExecConfig& config,
                                      std::string* exec_id) {
    *exec_id = *streams().create_exec(id, config);
    auto session = streams().start_exec(*exec_id, {});
    EXPECT_TRUE(session) << session.error().message();
    return std::move(*session);
  }
};

TEST_F(StreamsTest, AttachedBeforeTheStartNoByteIsMissed) {
  std::string id = create("echo first; echo second >&2");
  Client client(attach(id, everything()));
  start(id);
  std::string got = client.read_to_end();
  EXPECT_NE(got.find(out("first\n")), std::string::npos) << got;
  EXPECT_NE(got.find(err("second\n")), std::string::npos) << got;
}

TEST_F(StreamsTest, InputReachesTheProcessUntilItsEnd) {
  std::string id = create(interactive("cat; echo done"));
  Client client(attach(id, everything()), "early ");
  start(id);
  client.type("and late\n");
  client.end_input();
  std::string got = client.read_to_end();
  FrameReader frames;
  EXPECT_EQ(frames.payload(got), "early and late\ndone\n");
  EXPECT_EQ(wait(id), 0);
}

TEST_F(StreamsTest, AFailedStartEndsTheSession) {
  CreateRequest wanted = request("");
  wanted.config.run.cmd = std::vector<std::string>{"no-such-program"};
  std::string id = create(std::move(wanted));
  Client client(attach(id, everything()));
  EXPECT_FALSE(containers().start(id));
  (void)client.read_to_end();
}

TEST_F(StreamsTest, OnlyTheWantedStreamComes) {
  std::string id = create("echo out; echo err >&2");
  Client client(attach(id, {.want_stderr = true}));
  start(id);
  EXPECT_EQ(client.read_to_end(), err("err\n"));
}

TEST_F(StreamsTest, LogsThenLiveWithoutGapOrRepeat) {
  std::string id = run("seq 1 200; until test -e /go; do sleep 0.02; done; seq 201 400");
  await_log(id, "\n200\n");
  AttachOptions options{.want_stdout = true, .want_stderr = true, .logs = true};
  Client client(attach(id, options));
  client.read_until("200\n");
  ASSERT_TRUE(streams().start_exec_detached(
      *streams().create_exec(id, {.command = {"touch", "/go"}}), {.detach = true}));
  FrameReader frames;
  std::string rest = frames.payload(client.read_to_end());
  std::string expected;
  for (int i = 201; i <= 400; ++i) expected += cat(i, "\n");
  EXPECT_EQ(rest, expected);
  // Once it has ended the log alone is all there is.
  wait(id);
  AttachOptions only_log = options;
  only_log.stream = false;
  Client reader(attach(id, only_log));
  FrameReader again;
  std::string all = again.payload(reader.read_to_end());
  EXPECT_TRUE(all.starts_with("1\n2\n"));
  EXPECT_TRUE(all.ends_with("399\n400\n"));
}

TEST_F(StreamsTest, ATerminalIsRawAndCanBeLeft) {
  std::string id = create(interactive("echo ready; cat", true));
  Client client(attach(id, everything()));
  start(id);
  EXPECT_EQ(client.read_until("ready\r\n"), "ready\r\n");
  EXPECT_TRUE(streams().resize(id, 33, 101));
  client.type("\x10\x11");
  EXPECT_EQ(client.read_to_end(), "");
  EXPECT_EQ(info(id).state.status, Status::kRunning);
  EXPECT_EQ(streams().attach(id, {.detach_keys = "bad keys"}).error().code(),
            Code::kInvalidArgument);
}

TEST_F(StreamsTest, AttachIsRefusedWhilePaused) {
  std::string id = run("sleep 100");
  ASSERT_TRUE(containers().pause(id));
  EXPECT_EQ(streams().attach(id, everything()).error().code(), Code::kFailedPrecondition);
}

TEST_F(StreamsTest, SessionsEndWithTheEngine) {
  std::string id = run("sleep 100");
  Client client(attach(id, everything()));
  engine_->shutdown();
  EXPECT_EQ(client.read_to_end(), "");
  EXPECT_TRUE(client.leave());
  engine_.reset();
  open();
}

TEST_F(StreamsTest, ExecRunsBesideAndTellsItsCode) {
  CreateRequest wanted = request("sleep 100");
  wanted.config.run.env = {"A=run", "B=run"};
  std::string id = run(std::move(wanted));
  std::string exec_id;
  ExecConfig config{.command = {"sh", "-c", "echo $A $B; pwd; id -u; cat; exit 3"},
                    .env = {"B=exec"},
                    .user = "app",
                    .working_dir = "/tmp",
                    .attach_stdin = true,
                    .attach_stdout = true,
                    .attach_stderr = true};
  Client client(exec(id, config, &exec_id));
  client.type("typed\n");
  client.end_input();
  FrameReader frames;
  EXPECT_EQ(frames.payload(client.read_to_end()), "run exec\n/tmp\n1000\ntyped\n");
  auto after = streams().exec_info(exec_id);
  ASSERT_TRUE(after);
  EXPECT_FALSE(after->running);
  EXPECT_EQ(after->exit_code, 3);
  EXPECT_TRUE(info(id).exec_ids.empty());
  EXPECT_EQ(streams().start_exec(exec_id, {}).error().code(), Code::kFailedPrecondition);
}

TEST_F(StreamsTest, TheCodeOfAnExecThatClosesItsOutputIsAwaited) {
  std::string id = run("sleep 100");
  std::string exec_id;
  ExecConfig config{.command = {"sh", "-c", "exec >&- 2>&-; sleep 0.2; exit 4"},
                    .attach_stdout = true,
                    .attach_stderr = true};
  Client client(exec(id, config, &exec_id));
  EXPECT_EQ(client.read_to_end(), "");
  EXPECT_EQ(streams().exec_info(exec_id)->exit_code, 4);
}

TEST_F(StreamsTest, AnExecThatCannotStartHasACodeToo) {
  std::string id = run("sleep 100");
  for (const auto& [program, code] :
       {std::pair("no-such-program", 127), std::pair("/etc/passwd", 126)}) {
    std::string exec_id;
    Client client(exec(id, {.command = {program}, .attach_stdout = true}, &exec_id));
    EXPECT_EQ(client.read_to_end(), "");
    Result<> ran = client.leave();
    ASSERT_FALSE(ran);
    EXPECT_NE(ran.error().message().find(program), std::string::npos) << ran.error().message();
    EXPECT_EQ(streams().exec_info(exec_id)->exit_code, code);
  }
  EXPECT_EQ(streams().exec_info("none").error().message(), "No such exec instance: none");
}

TEST_F(StreamsTest, ExecNeedsARunningContainer) {
  std::string id = create("true");
  auto refused = streams().create_exec(id, {.command = {"true"}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kFailedPrecondition);
  EXPECT_NE(refused.error().message().find("is not running"), std::string::npos);
}

TEST_F(StreamsTest, StatsAndTopTellOfItsProcesses) {
  CreateRequest wanted = request("sleep 100");
  wanted.host_config.resources.memory = 64 << 20;
  std::string id = run(std::move(wanted));
  auto stats = streams().stats(id);
  ASSERT_TRUE(stats) << stats.error().message();
  EXPECT_TRUE(stats->running);
  EXPECT_EQ(stats->pids_current, 1U);
  EXPECT_EQ(stats->memory_limit, 64U << 20U);
  EXPECT_GT(stats->memory_usage, 0U);
  EXPECT_GT(stats->system_cpu_ns, 0U);
  EXPECT_TRUE(stats->networks.contains("eth0"));
  auto top = streams().top(id, "");
  ASSERT_TRUE(top) << top.error().message();
  ASSERT_EQ(top->processes.size(), 1U);
  // The shell may not have become the program yet.
  EXPECT_TRUE(top->processes[0].back().ends_with("sleep 100")) << top->processes[0].back();
  EXPECT_EQ(streams().top(id, "-o pid=X").error().code(), Code::kInvalidArgument);
  ASSERT_TRUE(containers().kill(id, "KILL"));
  EXPECT_FALSE(streams().stats(id)->running);
  EXPECT_FALSE(streams().top(id, ""));
}

}  // namespace
}  // namespace skiff::engine
