// A container's streams: log, attached clients, input, terminal.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <thread>

#include "base/strings.h"
#include "codec/compress.h"
#include "codec/json.h"
#include "runtime/log_files.h"
#include "runtime/monitor_fixture.h"

namespace skiff::runtime {
namespace {

class MonitorStreams : public MonitorFixture {};

constexpr size_t kMuch = 64 << 20;
constexpr const char* kMuchOutput =
    "yes 0123456789012345678901234567890123456789 | head -c 67108864";

// As much of the log, from its beginning, as stands before `offset`.
std::string logged_until(const Path& log_file, uint64_t offset) {
  std::string out;
  for (const std::string& line : split(read_file(log_file)->substr(0, offset), '\n')) {
    if (!line.empty()) out += json::parse(line).value().string("log");
  }
  return out;
}

uint64_t sequence(const Path& log_file) {
  return log_sequence(open_file(log_file, O_RDONLY)->get());
}

TEST_F(MonitorStreams, BothStreamsAreFramedAndLogged) {
  set_script("echo out; echo err >&2; printf tail");
  MonitorClient monitor = spawn();
  UniqueFd stream = monitor.attach(false).value();
  ASSERT_TRUE(monitor.start());
  Streams got = take_frames_apart(read_stream(stream.get()));
  EXPECT_EQ(got.out, "out\ntail");
  EXPECT_EQ(got.err, "err\n");
  EXPECT_EQ(got.broken, "");
  EXPECT_EQ(monitor.wait()->code, 0);
  EXPECT_NE(log_text().find("{\"log\":\"err\\n\",\"stream\":\"stderr\",\"time\":\"2"),
            std::string::npos);
  EXPECT_EQ(logged().size(), 12U);
  remove(monitor);
}

TEST_F(MonitorStreams, NoByteOfMuchOutputIsLost) {
  set_script(kMuchOutput);
  MonitorClient monitor = spawn();
  UniqueFd stream = monitor.attach(false).value();
  ASSERT_TRUE(monitor.start());
  Streams got = take_frames_apart(read_stream(stream.get()));
  EXPECT_EQ(got.broken, "");
  EXPECT_EQ(got.out.size(), kMuch);
  EXPECT_EQ(monitor.wait()->code, 0);
  EXPECT_EQ(logged(), got.out);
  remove(monitor);
}

TEST_F(MonitorStreams, OutputBeforeTheEndIsInTheLogWhenWaitReturns) {
  options_.log_max_files = 1;
  for (int round = 0; round < 5; ++round) {
    std::filesystem::remove(options_.log_file);
    MonitorClient monitor = run("seq 1 20000; exit 1");
    EXPECT_EQ(monitor.wait()->code, 1);
    EXPECT_TRUE(logged().ends_with("\n20000\n"));
    remove(monitor);
  }
}

TEST_F(MonitorStreams, TwentyClientsGetTheSame) {
  set_script("seq 1 100000");
  MonitorClient monitor = spawn();
  std::vector<std::string> got(20);
  std::vector<std::thread> clients;
  for (std::string& text : got) {
    UniqueFd stream = monitor.attach(false).value();
    clients.emplace_back(
        [&text, s = std::move(stream)] { text = take_frames_apart(read_stream(s.get())).out; });
  }
  ASSERT_TRUE(monitor.start());
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(monitor.wait()->code, 0);
  std::string all = logged();
  EXPECT_TRUE(all.ends_with("\n100000\n"));
  for (const std::string& text : got) EXPECT_EQ(text, all);
  remove(monitor);
}

TEST_F(MonitorStreams, AStuckClientHoldsNothingUpAndLosesNothing) {
  set_script(kMuchOutput);
  MonitorClient monitor = spawn();
  UniqueFd stuck = monitor.attach(false).value();
  ASSERT_TRUE(monitor.start());
  EXPECT_EQ(monitor.wait()->code, 0);
  // It also outlives the container's removal, for the client's sake alone.
  Result<> removed = monitor.remove();
  EXPECT_TRUE(removed) << removed.error().message();
  Streams got = take_frames_apart(read_stream(stuck.get()));
  EXPECT_EQ(got.out.size(), kMuch);
  EXPECT_EQ(got.broken + got.error, "");
  expect_nothing_left();
}

TEST_F(MonitorStreams, AClientThatIsKilledDisturbsNobody) {
  set_script("seq 1 300000");
  MonitorClient monitor = spawn();
  std::vector<pid_t> victims;
  for (int i = 0; i < 8; ++i) {
    pid_t victim = ::fork();
    if (victim == 0) {
      UniqueFd stream = monitor.attach(true).value();
      char buffer[1000];
      while (::recv(stream.get(), buffer, sizeof buffer, 0) > 0) continue;
      ::_exit(0);
    }
    victims.push_back(victim);
  }
  UniqueFd stream = monitor.attach(false).value();
  ASSERT_TRUE(monitor.start());
  for (pid_t victim : victims) {
    ::poll(nullptr, 0, 5);
    ::kill(victim, SIGKILL);
    ::waitpid(victim, nullptr, 0);
  }
  EXPECT_TRUE(take_frames_apart(read_stream(stream.get())).out.ends_with("\n300000\n"));
  EXPECT_EQ(monitor.wait()->code, 0);
  EXPECT_TRUE(logged().ends_with("\n300000\n"));
  remove(monitor);
}

TEST_F(MonitorStreams, AttachWithLogHasNeitherGapNorRepeat) {
  MonitorClient monitor =
      run("i=0; while [ $i -lt 3000 ]; do printf \"$i \"; i=$((i+1)); "
          "[ $((i%7)) = 0 ] && echo; done; echo end");
  for (int i = 0; i < 5; ++i) {
    AttachedWithLog attached = monitor.attach_with_log(false).value();
    std::string live = read_stream(attached.stream.get());
    EXPECT_EQ(monitor.wait()->code, 0);
    Streams rest = take_frames_apart(attached.pending + live);
    EXPECT_EQ(logged_until(options_.log_file, attached.log_offset) + rest.out, logged());
  }
  remove(monitor);
}

TEST_F(MonitorStreams, AttachWithLogTellsAnUnfinishedLine) {
  options_.open_stdin = true;
  MonitorClient monitor = run("printf 'whole\\nhalf'; read x; echo \" $x\"");
  UniqueFd first = monitor.attach(true).value();
  ASSERT_TRUE(eventually([&] { return logged() == "whole\n"; }));
  AttachedWithLog attached;
  ASSERT_TRUE(eventually([&] {
    attached = monitor.attach_with_log(false).value();
    return !attached.pending.empty();
  }));
  EXPECT_EQ(take_frames_apart(attached.pending).out, "half");
  EXPECT_EQ(logged_until(options_.log_file, attached.log_offset), "whole\n");
  ASSERT_TRUE(write_stream(first.get(), "done\n"));
  EXPECT_EQ(take_frames_apart(read_stream(attached.stream.get())).out, " done\n");
  EXPECT_EQ(monitor.wait()->code, 0);
  EXPECT_EQ(logged(), "whole\nhalf done\n");
  remove(monitor);
}

// Whatever its lines are: short ones make a batch of the log, long ones wait for their ends.
TEST_F(MonitorStreams, GivesBackWhatMuchOutputTook) {
  set_script(
      "seq 1 200000; tr '\\0' x </dev/zero | head -c 3000000; printf half >&2; "
      "echo; echo over; sleep 1000");
  MonitorClient monitor = spawn();
  UniqueFd stream = monitor.attach(false).value();
  ASSERT_TRUE(monitor.start());
  EXPECT_GT(read_until(stream.get(), "over").size(), 4'000'000U);
  expect_small();
  remove(monitor);
}

TEST_F(MonitorStreams, TheLogIsRotated) {
  options_.log_max_bytes = 100'000;
  options_.log_max_files = 3;
  MonitorClient monitor = run("seq 1 10000");
  EXPECT_EQ(monitor.wait()->code, 0);
  std::string kept = logged(".2") + logged(".1") + logged();
  EXPECT_TRUE(kept.ends_with("\n9999\n10000\n"));
  size_t first = static_cast<size_t>(parse_int(kept.substr(0, kept.find('\n'))).value());
  std::string expected;
  for (size_t i = first; i <= 10000; ++i) expected += cat(i, "\n");
  EXPECT_EQ(kept, expected);
  EXPECT_FALSE(std::filesystem::exists(options_.log_file.native() + ".3"));
  remove(monitor);
}

TEST_F(MonitorStreams, RotatedFilesAreCompressedByAnotherProcess) {
  options_.log_max_bytes = 100'000;
  options_.log_max_files = 100;
  options_.log_compressed = true;
  options_.open_stdin = true;
  MonitorClient monitor = run("seq 1 10000; read x");
  // Each file that is rotated, however they were rotated meanwhile.
  auto number = [&](int n) { return rotated_log(options_.log_file, n); };
  ASSERT_TRUE(eventually([&] {
    if (!logged().ends_with("\n10000\n")) return false;
    for (int n = 1; n < options_.log_max_files; ++n) {
      if (std::filesystem::exists(number(n))) return false;
    }
    return true;
  }));
  std::string kept = logged();
  int files = 1;
  for (; std::filesystem::exists(compressed_log(options_.log_file, files)); ++files) {
    const std::string packed = read_file(compressed_log(options_.log_file, files)).value();
    StringSource source(packed);
    const auto unpacked = open_decompressed(source, Compression::kGzip).value();
    const std::string plain = read_all(*unpacked, packed.size() * 1000).value();
    EXPECT_GE(plain.size(), options_.log_max_bytes);
    EXPECT_EQ(sequence(compressed_log(options_.log_file, files)) + static_cast<uint64_t>(files),
              std::max(sequence(options_.log_file), static_cast<uint64_t>(files)));
    ASSERT_TRUE(write_file(dir_.path() / "plain", plain));
    kept = entries_of(dir_.path() / "plain") + kept;
  }
  EXPECT_GT(files, 5);
  std::string expected;
  for (int i = 1; i <= 10000; ++i) expected += cat(i, "\n");
  EXPECT_TRUE(kept == expected) << kept.size();
  EXPECT_FALSE(std::filesystem::exists(options_.log_file.native() + ".gz.new"));
  ASSERT_TRUE(monitor.signal(SIGKILL));
  EXPECT_EQ(monitor.wait()->code, 137);
  remove(monitor);
}

TEST_F(MonitorStreams, WhatAnEarlierMonitorDidNotCompressTheNextDoes) {
  options_.log_max_bytes = 1'000'000;
  options_.log_max_files = 3;
  options_.log_compressed = true;
  ASSERT_TRUE(write_file(options_.log_file.native() + ".2", "left\n"));
  ASSERT_TRUE(write_file(options_.log_file.native() + ".gz.new", "half"));
  MonitorClient monitor = run("sleep 100");
  ASSERT_TRUE(eventually([&] {
    return std::filesystem::exists(options_.log_file.native() + ".2.gz") &&
           !std::filesystem::exists(options_.log_file.native() + ".2");
  }));
  EXPECT_FALSE(std::filesystem::exists(options_.log_file.native() + ".gz.new"));
  remove(monitor);
}

TEST_F(MonitorStreams, InputComesBackAndItsEndEndsIt) {
  options_.open_stdin = true;
  MonitorClient monitor = run("cat; echo over");
  UniqueFd stream = monitor.attach(true).value();
  ASSERT_TRUE(write_stream(stream.get(), "hello\n"));
  EXPECT_EQ(take_frames_apart(read_until(stream.get(), "hello\n")).out, "hello\n");
  ASSERT_EQ(::shutdown(stream.get(), SHUT_WR), 0);
  EXPECT_EQ(take_frames_apart(read_stream(stream.get())).out, "over\n");
  EXPECT_EQ(monitor.wait()->code, 0);
  remove(monitor);
}

TEST_F(MonitorStreams, MuchInputArrivesWhole) {
  options_.open_stdin = true;
  MonitorClient monitor = run("sleep 0.2; wc -c");
  UniqueFd stream = monitor.attach(true).value();
  ASSERT_TRUE(write_stream(stream.get(), std::string(8 << 20, 'x')));
  ASSERT_EQ(::shutdown(stream.get(), SHUT_WR), 0);
  EXPECT_EQ(trim(take_frames_apart(read_stream(stream.get())).out), "8388608");
  EXPECT_EQ(monitor.wait()->code, 0);
  remove(monitor);
}

TEST_F(MonitorStreams, InputStaysOpenWhenAClientLeaves) {
  options_.open_stdin = true;
  MonitorClient monitor = run("read a; read b; echo $a$b");
  UniqueFd first = monitor.attach(true).value();
  ASSERT_TRUE(write_stream(first.get(), "one\n"));
  ::shutdown(first.get(), SHUT_RDWR);
  UniqueFd second = monitor.attach(true).value();
  ASSERT_TRUE(write_stream(second.get(), "two\n"));
  EXPECT_EQ(take_frames_apart(read_stream(second.get())).out, "onetwo\n");
  EXPECT_EQ(monitor.wait()->code, 0);
  remove(monitor);
}

TEST_F(MonitorStreams, StdinOnceEndsWithItsClient) {
  options_.open_stdin = true;
  options_.stdin_once = true;
  MonitorClient monitor = run("cat; echo over");
  UniqueFd stream = monitor.attach(true).value();
  ASSERT_TRUE(write_stream(stream.get(), "one\n"));
  stream.reset();
  EXPECT_EQ(monitor.wait()->code, 0);
  EXPECT_EQ(logged(), "one\nover\n");
  remove(monitor);
}

TEST_F(MonitorStreams, AProcessThatClosedItsInputGetsNone) {
  options_.open_stdin = true;
  MonitorClient monitor =
      run("exec 0<&-; echo closed; until test -e /go; do sleep 0.02; done; echo over");
  UniqueFd stream = monitor.attach(true).value();
  EXPECT_TRUE(eventually([&] { return logged() == "closed\n"; }));
  EXPECT_TRUE(write_stream(stream.get(), std::string(1 << 20, 'x')));
  ASSERT_TRUE(write_file(spec_.rootfs / "go", ""));
  read_stream(stream.get());
  EXPECT_EQ(monitor.wait()->code, 0);
  EXPECT_EQ(logged(), "closed\nover\n");
  remove(monitor);
}

TEST_F(MonitorStreams, WithoutOpenStdinThereIsNone) {
  MonitorClient monitor = run("cat; echo over");
  EXPECT_EQ(monitor.wait()->code, 0);
  EXPECT_EQ(logged(), "over\n");
  remove(monitor);
}

TEST_F(MonitorStreams, ATerminalIsRawAndResizes) {
  options_.terminal = true;
  options_.open_stdin = true;
  spec_.console_height = 33;
  spec_.console_width = 101;
  MonitorClient monitor = run("stty size; read x; stty size; [ -t 1 ] && echo tty; exit 6");
  UniqueFd stream = monitor.attach(true).value();
  ASSERT_TRUE(eventually([&] { return logged().find("33 101") != std::string::npos; }));
  ASSERT_TRUE(monitor.resize(20, 40));
  ASSERT_TRUE(write_stream(stream.get(), "go\n"));
  std::string got = read_stream(stream.get());
  EXPECT_NE(got.find("20 40\r\ntty\r\n"), std::string::npos) << quoted(got);
  EXPECT_EQ(monitor.wait()->code, 6);
  EXPECT_NE(logged().find("33 101\r\n"), std::string::npos);
  remove(monitor);
}

TEST_F(MonitorStreams, ATerminalMayBeClosedAndReopened) {
  options_.terminal = true;
  MonitorClient monitor =
      run("exec 0<&- 1>&- 2>&-; sleep 0.1; exec >/dev/console; echo again; exit 0");
  EXPECT_EQ(monitor.wait()->code, 0);
  EXPECT_EQ(logged(), "again\r\n");
  remove(monitor);
}

TEST_F(MonitorStreams, CtrlCReachesTheForegroundProcess) {
  options_.terminal = true;
  options_.open_stdin = true;
  MonitorClient monitor =
      run("trap 'echo caught; exit 9' INT; echo ready; while :; do sleep 0.05; done");
  UniqueFd stream = monitor.attach(true).value();
  ASSERT_TRUE(eventually([&] { return logged().find("ready") != std::string::npos; }));
  ASSERT_TRUE(write_stream(stream.get(), "\x03"));
  EXPECT_EQ(monitor.wait()->code, 9);
  remove(monitor);
}

TEST_F(MonitorStreams, WithoutALogOutputStillArrives) {
  options_.log_file.clear();
  set_script("echo out");
  MonitorClient monitor = spawn();
  AttachedWithLog attached = monitor.attach_with_log(false).value();
  EXPECT_EQ(attached.log_inode, 0U);
  ASSERT_TRUE(monitor.start());
  EXPECT_EQ(take_frames_apart(read_stream(attached.stream.get())).out, "out\n");
  EXPECT_EQ(monitor.wait()->code, 0);
  remove(monitor);
}

}  // namespace
}  // namespace skiff::runtime
