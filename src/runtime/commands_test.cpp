// The program itself, called as engines call it.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <thread>

#include "runtime/annotations.h"
#include "runtime/test_bundle.h"
#include "runtime/test_program.h"
#include "sys/unix_socket.h"

namespace skiff::runtime {
namespace {

using test::TestBundle;

class Commands : public testing::Test {
 protected:
  ~Commands() override { run({"delete", "-f", bundle_.id}); }

  sys::Captured run(std::vector<std::string> words, const std::vector<std::string>& env = {}) {
    words.insert(words.begin(), {"skiff-runtime", "--root", bundle_.state_root().native()});
    sys::ProcessOptions options{.args = std::move(words), .program = test::runtime_program()};
    options.env = env;
    options.env->push_back("PATH=/usr/bin:/bin");
    // Files: a container that goes on would keep a pipe open.
    TempDir files = *TempDir::make(bundle_.scratch(), "output");
    UniqueFd out = *open_file(files.path() / "out", O_RDWR | O_CREAT, 0600);
    UniqueFd err = *open_file(files.path() / "err", O_RDWR | O_CREAT, 0600);
    options.fds = {{out.get(), 1}, {err.get(), 2}};
    sys::Captured done;
    done.code = *sys::Process::spawn(options)->wait();
    done.out = *read_file(files.path() / "out");
    done.err = *read_file(files.path() / "err");
    return done;
  }
  void start(const std::string& script, const std::vector<std::string>& env = {}) {
    ASSERT_TRUE(bundle_.script(script).write());
    sys::Captured out = run({"run", "-d", "-b", bundle_.path().native(), bundle_.id}, env);
    ASSERT_EQ(out.code, 0) << out.err;
  }
  sys::Captured exec(std::vector<std::string> words) {
    words.insert(words.begin(), "exec");
    return run(std::move(words));
  }
  // In the container's place, once it has seen its socket.
  void say_ready() const {
    while (!std::filesystem::exists(bundle_.rootfs() / "tmp/seen")) ::usleep(1000);
    UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    Path path = bundle_.state_root() / bundle_.id / "notify/notify.sock";
    path.native().copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
    for (std::string_view text : {"STATUS=soon", "READY=1\nSTATUS=up"}) {
      ::sendto(fd.get(), text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&address),
               sizeof address);
    }
  }
  Path at(const char* name) const { return bundle_.scratch() / name; }

  TestBundle bundle_;
};

UniqueFd datagram_socket(const Path& path) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.native().copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  return fd;
}

std::string receive(int socket) {
  std::string text(4096, '\0');
  ssize_t n = ::recv(socket, text.data(), text.size(), 0);
  text.resize(n < 0 ? 0 : static_cast<size_t>(n));
  return text;
}

TEST_F(Commands, VersionAndFeaturesAgree) {
  json::Value features = *json::parse(run({"features"}).out);
  const std::vector<std::string> lines = split(trim(run({"--version"}).out), '\n');
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[0], "skiff-runtime version " SKIFF_VERSION);
  // With the commit's first digits, where it was built of one.
  const std::string release = "commit: v" SKIFF_VERSION;
  EXPECT_TRUE(lines[1] == release ||
              (lines[1].starts_with(release + "-g") && lines[1].size() == release.size() + 14))
      << lines[1];
  EXPECT_EQ(lines[2], "spec: " + features.string("ociVersionMax"));
  EXPECT_TRUE(lines[3].starts_with("libseccomp: 2."));
}

TEST_F(Commands, DebugTellsTheSteps) {
  bundle_.spec.args = {"/bin/true"};
  ASSERT_TRUE(bundle_.write());
  const std::vector<std::string> words{"run", "-b", bundle_.path().native(), bundle_.id};
  std::vector<std::string> wordy{"--debug"};
  wordy.insert(wordy.end(), words.begin(), words.end());
  EXPECT_EQ(run(words).err, "");
  const std::string said = run(wordy).err;
  for (const char* step :
       {"level=debug msg=\"cgroup /", "mount proc at /proc\"", "program /bin/true\""}) {
    EXPECT_NE(said.find(step), std::string::npos) << step << " in " << said;
  }
  wordy.insert(wordy.begin(), {"--log", at("log").native(), "--log-format", "json"});
  EXPECT_EQ(run(wordy).err, "");
  for (const std::string& line : split(trim(*read_file(at("log"))), '\n')) {
    EXPECT_EQ(json::parse(line)->string("level"), "debug") << line;
  }
}

TEST_F(Commands, ExecTellsItsSteps) {
  start("sleep 100");
  const std::string said = run({"--debug", "exec", bundle_.id, "true"}).err;
  EXPECT_NE(said.find("about to exec true\""), std::string::npos) << said;
}

TEST_F(Commands, ExecKeepsGroupsUnlessItIsGivenSome) {
  bundle_.spec.annotations[kKeepGroupsAnnotation] = "1";
  start("sleep 100");
  const std::string own = *read_file("/proc/self/status");
  const auto groups = [](const std::string& status) {
    return std::string(trim(split(status.substr(status.find("Groups:") + 7), '\n')[0]));
  };
  const std::vector<std::string> look{bundle_.id, "cat", "/proc/self/status"};
  EXPECT_EQ(groups(exec(look).out), groups(own));
  ASSERT_TRUE(
      write_file(at("process"),
                 R"({"args": ["cat", "/proc/self/status"], "env": ["PATH=/bin"], "cwd": "/"})"));
  EXPECT_EQ(groups(exec({"--process", at("process").native(), bundle_.id}).out), groups(own));
  std::vector<std::string> given{"--additional-gids", "55"};
  given.insert(given.end(), look.begin(), look.end());
  const sys::Captured done = exec(given);
  ASSERT_EQ(done.code, 0) << done.err;
  EXPECT_EQ(groups(done.out), "0 55");
}

TEST_F(Commands, ExecLeavesOutCapabilitiesThatNobodyKnows) {
  start("sleep 100");
  const sys::Captured done = exec({"--cap", "CAP_UNKNOWN", bundle_.id, "true"});
  EXPECT_EQ(done.code, 0);
  EXPECT_NE(done.err.find("unknown capability \"CAP_UNKNOWN\" is left out"), std::string::npos)
      << done.err;
}

TEST_F(Commands, GoesByTheNameItIsCalledBy) {
  const sys::ProcessOptions options{.args = {"/usr/bin/runc", "run", "-h"},
                                    .program = test::runtime_program()};
  EXPECT_TRUE(sys::run_captured(options)->out.starts_with("NAME:\n   runc run - "));
  EXPECT_TRUE(run({"--help"}).out.starts_with("NAME:\n   skiff-runtime - "));
  EXPECT_TRUE(
      run({"--version"}).out.starts_with("skiff-runtime version " SKIFF_VERSION "\ncommit: "));
  EXPECT_NE(run({"run", "--bundle", "/no/such", "x"}).err.find("skiff-runtime run failed: "),
            std::string::npos);
}

TEST_F(Commands, WhatTheKernelWillNotExecuteIsTheContainersWord) {
  ASSERT_TRUE(write_file(bundle_.rootfs() / "bad", "#!/no/such\n"));
  ASSERT_EQ(::chmod((bundle_.rootfs() / "bad").c_str(), 0755), 0);
  bundle_.spec.args = {"/bad"};
  ASSERT_TRUE(bundle_.write());
  EXPECT_EQ(run({"run", "-b", bundle_.path().native(), bundle_.id}).err,
            "exec /bad: no such file or directory\n");
}

TEST_F(Commands, PidfdIsSent) {
  UniqueFd listening = *sys::listen_unix(at("pidfd.sock"));
  std::string link;
  std::thread receiver([&] {
    UniqueFd connection(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
    UniqueFd pidfd = *sys::receive_fd(connection.get());
    link = *read_file(cat("/proc/self/fdinfo/", pidfd.get()));
  });
  ASSERT_TRUE(bundle_.script("sleep 100").write());
  sys::Captured out =
      run({"create", "-b", bundle_.path().native(), "--pidfd-socket", at("pidfd.sock").native(),
           "--pid-file", at("pid").native(), bundle_.id});
  receiver.join();
  EXPECT_EQ(out.code, 0) << out.err;
  EXPECT_NE(link.find(cat("Pid:\t", *read_file(at("pid")), "\n")), std::string::npos) << link;
}

TEST_F(Commands, ExecEntersASubgroupOfTheContainerAlone) {
  start("sleep 100");
  sys::Cgroup group = *sys::Cgroup::open("/" + bundle_.id);
  std::string controller = group.has("pids") ? "pids" : "";
  Path sub = *group.directory(controller) / "sub";
  ASSERT_TRUE(std::filesystem::create_directory(sub));
  std::string place = controller.empty() ? "sub" : controller + ":sub";
  sys::Captured out = exec({"--cgroup", place, bundle_.id, "cat", "/proc/self/cgroup"});
  EXPECT_EQ(out.code, 0) << out.err;
  EXPECT_NE(out.out.find("/sub\n"), std::string::npos) << out.out;
  EXPECT_NE(exec({"--cgroup", "../other", bundle_.id, "true"}).err.find("is not a sub cgroup path"),
            std::string::npos);
  EXPECT_NE(exec({"--cgroup", "nosuch:sub", bundle_.id, "true"}).err.find("\"nosuch\""),
            std::string::npos);
  EXPECT_NE(exec({"--cgroup", "a", "--cgroup", "b", bundle_.id, "true"}).err.find("missing"),
            std::string::npos);
}

TEST_F(Commands, ExecIntoAPausedContainerWaitsForItToGoOn) {
  start("sleep 100");
  ASSERT_EQ(run({"pause", bundle_.id}).code, 0);
  EXPECT_NE(exec({bundle_.id, "true"}).err.find("paused"), std::string::npos);
  std::thread later([&] {
    // Not before somebody waits: the new process is in the cgroup.
    sys::Cgroup group = *sys::Cgroup::open("/" + bundle_.id);
    std::string controller = group.has("freezer") ? "freezer" : "";
    while (split(trim(*group.read(controller, "cgroup.procs")), '\n').size() < 2) ::usleep(1000);
    run({"resume", bundle_.id});
  });
  sys::Captured out = exec({"--ignore-paused", bundle_.id, "hostname"});
  later.join();
  EXPECT_EQ(out.out, "inside\n") << out.err;
}

TEST_F(Commands, ReadinessIsPassedOn) {
  UniqueFd manager = datagram_socket(at("manager.sock"));
  std::thread inside([&] {
    say_ready();
    EXPECT_EQ(receive(manager.get()), "READY=1");
    EXPECT_TRUE(receive(manager.get()).starts_with("MAINPID="));
    // With the barrier's descriptor, which is thrown away with the message.
    EXPECT_EQ(receive(manager.get()), "BARRIER=1");
  });
  start("[ -S $NOTIFY_SOCKET ] && touch /tmp/seen; sleep 100",
        {cat("NOTIFY_SOCKET=", at("manager.sock").native())});
  inside.join();
}

// Who supervises `run` is told of `run`: it ends with the container, and as that does.
TEST_F(Commands, InTheForegroundTheMainProcessStaysOurs) {
  UniqueFd manager = datagram_socket(at("manager.sock"));
  ASSERT_TRUE(bundle_.script("[ -S $NOTIFY_SOCKET ] && touch /tmp/seen; sleep 100").write());
  sys::ProcessOptions options{
      .args = {"skiff-runtime", "--root", bundle_.state_root().native(), "run", "-b",
               bundle_.path().native(), bundle_.id},
      .program = test::runtime_program(),
      .env = std::vector<std::string>{cat("NOTIFY_SOCKET=", at("manager.sock").native())}};
  sys::Process process = *sys::Process::spawn(options);
  say_ready();
  EXPECT_EQ(receive(manager.get()), "READY=1");
  EXPECT_EQ(receive(manager.get()), cat("MAINPID=", process.pid()));
  EXPECT_EQ(receive(manager.get()), "BARRIER=1");
  EXPECT_EQ(run({"kill", bundle_.id, "KILL"}).code, 0);
  EXPECT_TRUE(process.wait());
}

TEST_F(Commands, ListeningSocketsArePassed) {
  ASSERT_TRUE(bundle_.script("ls /proc/self/fd | wc -l; echo $LISTEN_FDS $LISTEN_PID").write());
  UniqueFd file = *open_file("/dev/null", O_RDONLY);
  sys::Pipe out = *sys::make_pipe();
  sys::ProcessOptions options{.args = {"skiff-runtime", "--root", bundle_.state_root().native(),
                                       "run", "-b", bundle_.path().native(), bundle_.id},
                              .program = test::runtime_program(),
                              .env = std::vector<std::string>{"LISTEN_FDS=1"},
                              .fds = {{out.write.get(), 1}, {out.write.get(), 2}, {file.get(), 3}}};
  sys::Process process = *sys::Process::spawn(options);
  out.write.reset();
  FdSource source(out.read.get());
  EXPECT_EQ(*read_all(source, 4096), "5\n1 1\n");
  EXPECT_EQ(*process.wait(), 0);
}

TEST_F(Commands, TheKeyringIsItsOwnUnlessItIsTold) {
  if (!std::filesystem::exists("/proc/keys")) GTEST_SKIP() << "no /proc/keys";
  bundle_.change = test::with_linux("maskedPaths", json::array());
  // Of this container alone: others run beside.
  ASSERT_TRUE(bundle_.script(cat("grep -c '_ses.", bundle_.id, ":' /proc/keys; true")).write());
  const std::string bundle = bundle_.path().native();
  // In this order: a keyring that nobody has any more is there for a while.
  EXPECT_EQ(run({"run", "--no-new-keyring", "-b", bundle, bundle_.id}).out, "0\n");
  EXPECT_EQ(run({"run", "-b", bundle, bundle_.id}).out, "1\n");
}

TEST_F(Commands, StatisticsHaveRuncsParts) {
  start("sleep 100");
  sys::Captured out = run({"events", "--stats", bundle_.id});
  json::Value event = *json::parse(out.out);
  EXPECT_EQ(event.string("type"), "stats");
  for (const char* part :
       {"cpu", "cpuset", "memory", "pids", "blkio", "hugetlb", "intel_rdt", "network_interfaces"}) {
    EXPECT_TRUE(event.find("data")->has(part)) << part;
  }
  EXPECT_FALSE(event.find("data")->find("cpuset")->array("cpus").empty());
  if (sys::Cgroup::open("/" + bundle_.id)->v2()) return;
  const json::Value& usage = *event.find("data")->find("cpu")->find("usage");
  const size_t cpus = usage.array("percpu").size();
  ASSERT_GT(cpus, 0U);
  EXPECT_EQ(usage.array("percpu_kernel").size(), cpus);
  EXPECT_EQ(usage.array("percpu_user").size(), cpus);
}

// Whatever is told of the change after the cgroup.
TEST_F(Commands, AnUpdateThatFailsLateSetsTheLimitsBack) {
  start("sleep 100");
  const sys::Cgroup group = *sys::Cgroup::open("/" + bundle_.id);
  const auto limit = [&] {
    return *group.read("memory", group.v2() ? "memory.max" : "memory.limit_in_bytes");
  };
  ASSERT_EQ(run({"update", "--memory", "64M", bundle_.id}).code, 0);
  const std::string before = limit();
  EXPECT_EQ(run({"update", "--memory", "128M", "--l3-cache-schema", "none", bundle_.id}).code, 1);
  EXPECT_EQ(limit(), before);
}

TEST_F(Commands, GlobalFlagsAreJudgedByName) {
  const std::pair<std::vector<std::string>, std::string> bad[] = {
      {{"--debug=x"}, "invalid boolean value \"x\" for flag --debug"},
      {{"--systemd-cgroup=x"}, "invalid boolean value \"x\" for flag --systemd-cgroup"},
      {{"--rootless", "x"}, "--rootless: \"x\" is neither true, false nor auto"},
      {{"--log-format", "x"}, "--log-format: \"x\" is neither text nor json"},
      {{"--log", "/no/such/file"}, "--log: open /no/such/file"},
      {{"--root", "/dev/null"}, "--root \"/dev/null\": not a directory"}};
  for (auto [words, message] : bad) {
    words.emplace_back("list");
    sys::Captured out = run(words);
    EXPECT_EQ(out.code, 1) << message;
    EXPECT_NE(out.err.find(message), std::string::npos) << out.err;
  }
  EXPECT_EQ(run({"--rootless", "auto", "--debug=false", "list"}).code, 0);
}

TEST_F(Commands, WhatAnInterruptedCreateLeftIsToldAndDeleted) {
  const Path state = bundle_.state_root() / bundle_.id;
  const auto expect_gone = [&](const char* told) {
    const std::string said = run({"list"}).err;
    EXPECT_NE(said.find(told), std::string::npos) << said;
    EXPECT_NE(run({"delete", bundle_.id}).code, 0);
    EXPECT_EQ(run({"delete", "-f", bundle_.id}).code, 0);
    EXPECT_EQ(bundle_.traces(), "");
  };
  std::filesystem::create_directories(state);
  expect_gone("/state.json: ");
  start("sleep 100");
  ASSERT_TRUE(write_file(state / "config.json", ""));
  expect_gone("/config.json: ");
  std::filesystem::create_directories(state);
  ASSERT_TRUE(write_file(state / "state.json", "{"));
  expect_gone("/state.json: ");
}

TEST_F(Commands, ProcessesEndThoughTheStateCannotBeRead) {
  const Path state = bundle_.state_root() / bundle_.id;
  const std::string whole = R"({"id": "x", "bundle": "/b", "pid": 1, "created": ")" +
                            format_rfc3339(Clock::system().now()) + R"(", "cgroup": ")";
  for (const std::string& damaged :
       {std::string(), std::string("{\"id\": "), whole + "\"}", whole + "self\"}"}) {
    start("sleep 100 & sleep 100");
    const sys::Cgroup group = *sys::Cgroup::open("/" + bundle_.id);
    ASSERT_FALSE(group.processes()->empty());
    ASSERT_TRUE(write_file(state / "state.json", damaged));
    EXPECT_NE(run({"delete", bundle_.id}).code, 0);
    const sys::Captured deleted = run({"delete", "-f", bundle_.id});
    EXPECT_EQ(deleted.code, 0) << deleted.err;
    EXPECT_EQ(deleted.err, "");
    EXPECT_EQ(bundle_.traces(), "") << damaged;
  }
  std::filesystem::create_directories(state);
  ASSERT_TRUE(write_file(state / "state.json", "{"));
  const std::string said = run({"delete", "-f", bundle_.id}).err;
  EXPECT_NE(said.find("no cgroup of it is known"), std::string::npos) << said;
  EXPECT_EQ(bundle_.traces(), "");
}

TEST_F(Commands, ValuesAreReadAsRuncReadsThem) {
  start("sleep 100");
  for (const char* good : {"64MB", "64mib", "1.5g", "-1", "0", ""}) {
    EXPECT_EQ(run({"update", "--memory", good, bundle_.id}).code, 0) << good;
  }
  EXPECT_EQ(run({"update", "--cpu-share", "", "--pids-limit", "", bundle_.id}).code, 0);
  const sys::Captured old = run({"update", "--kernel-memory", "1g", bundle_.id});
  EXPECT_EQ(old.code, 0);
  EXPECT_NE(old.err.find("--kernel-memory: "), std::string::npos) << old.err;
  EXPECT_EQ(run({"update", "--help"}).out.find("--kernel-memory"), std::string::npos);
  const std::pair<std::vector<std::string>, std::string> bad[] = {
      {{"update", "--memory", "9999999999999g"}, "--memory: invalid size: '9999999999999g'"},
      {{"update", "--cpu-quota", "5k"}, "--cpu-quota: \"5k\" is not a whole number"},
      {{"events", "--interval", "5"}, "invalid interval \"5\""},
      {{"exec", "-e", "NOEQ"}, "--env \"NOEQ\" is not NAME=value"}};
  for (auto [words, message] : bad) {
    words.push_back(bundle_.id);
    if (words[0] == "exec") words.emplace_back("true");
    EXPECT_NE(run(words).err.find(message), std::string::npos) << run(words).err;
  }
  EXPECT_EQ(run({"events", "--stats", "--interval", "1m1.5s", bundle_.id}).code, 0);
}

TEST_F(Commands, WhatIsNotSupportedIsSaid) {
  start("sleep 100");
  EXPECT_NE(run({"checkpoint", "nobody"}).err.find("does not exist"), std::string::npos);
  if (std::filesystem::exists("/sys/fs/resctrl/info")) return;
  EXPECT_NE(run({"update", "--l3-cache-schema", "L3:0=f", bundle_.id}).err.find("/sys/fs/resctrl"),
            std::string::npos);
}

}  // namespace
}  // namespace skiff::runtime
