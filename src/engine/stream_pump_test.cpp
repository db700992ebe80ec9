#include "engine/stream_pump.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <thread>

#include "base/strings.h"
#include "engine/detach_keys.h"
#include "sys/unix_socket.h"

namespace skiff::engine {
namespace {

std::string receive(int fd) {
  char buffer[4096];
  ssize_t count = ::recv(fd, buffer, sizeof buffer, 0);
  return count > 0 ? std::string(buffer, static_cast<size_t>(count)) : std::string();
}

void put(int fd, const std::string& bytes) {
  ASSERT_EQ(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(bytes.size()));
}

// A pump between a client and a process, both played by the test.
class PumpTest : public ::testing::Test {
 protected:
  void start(const PumpOptions& options, const std::string& early = "") {
    options_ = options;
    auto [client, ours] = *sys::socket_pair(SOCK_STREAM);
    auto [process, theirs] = *sys::socket_pair(SOCK_STREAM);
    client_ = std::move(client);
    process_ = std::move(process);
    stream_ = net::make_plain_stream(std::move(ours));
    monitor_ = std::move(theirs);
    thread_ = std::thread([this, early] {
      end_ = pump_streams(*stream_, early, monitor_.get(), options_, cancel_.token(), {});
      end_client(*stream_);
      stream_.reset();
    });
  }
  PumpEnd end() {
    thread_.join();
    return end_;
  }

  CancelSource cancel_;
  PumpOptions options_;
  UniqueFd client_;
  UniqueFd process_;
  std::unique_ptr<net::Stream> stream_;
  UniqueFd monitor_;
  std::thread thread_;
  PumpEnd end_ = PumpEnd::kCancelled;
};

TEST_F(PumpTest, CarriesOutputUntilTheProcessEnds) {
  start({.terminal = true});
  put(process_.get(), "hello");
  EXPECT_EQ(receive(client_.get()), "hello");
  put(process_.get(), "last");
  process_.reset();
  EXPECT_EQ(receive(client_.get()), "last");
  EXPECT_EQ(receive(client_.get()), "");
  client_.reset();
  EXPECT_EQ(end(), PumpEnd::kOutputEnded);
}

TEST_F(PumpTest, CarriesEarlyAndLaterInput) {
  start({.want_stdin = true}, "early ");
  EXPECT_EQ(receive(process_.get()), "early ");
  put(client_.get(), "later");
  EXPECT_EQ(receive(process_.get()), "later");
  process_.reset();
  client_.reset();
  end();
}

TEST_F(PumpTest, TheEndOfInputLeavesOutputOpen) {
  start({.terminal = true, .want_stdin = true});
  put(client_.get(), "in");
  EXPECT_EQ(receive(process_.get()), "in");
  ::shutdown(client_.get(), SHUT_WR);
  EXPECT_EQ(receive(process_.get()), "");
  put(process_.get(), "out");
  EXPECT_EQ(receive(client_.get()), "out");
  process_.reset();
  EXPECT_EQ(end(), PumpEnd::kOutputEnded);
}

TEST_F(PumpTest, WithoutStdinInputIsDropped) {
  start({.terminal = true});
  put(client_.get(), "dropped");
  put(process_.get(), "out");
  EXPECT_EQ(receive(client_.get()), "out");
  ::shutdown(process_.get(), SHUT_WR);
  EXPECT_EQ(receive(process_.get()), "");
  client_.reset();
  EXPECT_EQ(end(), PumpEnd::kOutputEnded);
}

TEST_F(PumpTest, AClientThatLeavesEndsIt) {
  start({.terminal = true, .want_stdin = true});
  client_.reset();
  EXPECT_EQ(end(), PumpEnd::kClientGone);
}

TEST_F(PumpTest, DetachKeysEndIt) {
  start({.terminal = true, .want_stdin = true, .detach_keys = "\x10\x11"});
  put(client_.get(), "ab\x10");
  EXPECT_EQ(receive(process_.get()), "ab");
  put(client_.get(), "\x11");
  EXPECT_EQ(receive(process_.get()), "");
  EXPECT_EQ(receive(client_.get()), "");
  client_.reset();
  EXPECT_EQ(end(), PumpEnd::kDetached);
}

TEST_F(PumpTest, CancellingEndsIt) {
  start({.terminal = true});
  cancel_.cancel();
  EXPECT_EQ(receive(client_.get()), "");
  client_.reset();
  EXPECT_EQ(end(), PumpEnd::kCancelled);
}

TEST_F(PumpTest, AProcessThatDoesNotReadHoldsUpNobody) {
  start({.terminal = true, .want_stdin = true});
  std::thread flood([this] {
    std::string much(4 << 20, 'x');
    (void)::send(client_.get(), much.data(), much.size(), MSG_NOSIGNAL);
    ::shutdown(client_.get(), SHUT_WR);
  });
  put(process_.get(), "out");
  EXPECT_EQ(receive(client_.get()), "out");
  process_.reset();
  EXPECT_EQ(end(), PumpEnd::kOutputEnded);
  flood.join();
}

TEST_F(PumpTest, OnlyWantedFramesAreSent) {
  start({.want_stdout = false});
  put(process_.get(),
      make_frame(StreamKind::kStdout, "no") + make_frame(StreamKind::kStderr, "yes"));
  EXPECT_EQ(receive(client_.get()), make_frame(StreamKind::kStderr, "yes"));
  process_.reset();
  client_.reset();
  end();
}

TEST(FrameFilter, TakesFramesInAnyCut) {
  std::string frames =
      make_frame(StreamKind::kStdout, "abc") + make_frame(StreamKind::kStderr, "") +
      make_frame(StreamKind::kStderr, std::string(300, 'e')) + make_frame(StreamKind::kStdout, "d");
  std::string wanted =
      make_frame(StreamKind::kStdout, "abc") + make_frame(StreamKind::kStdout, "d");
  for (size_t cut : {size_t{1}, size_t{3}, size_t{7}, size_t{8}, size_t{9}, size_t{1000}}) {
    FrameFilter filter(true, false);
    FrameReader reader;
    std::string out;
    std::string payload;
    for (size_t at = 0; at < frames.size(); at += cut) {
      out += filter.pass(std::string_view(frames).substr(at, cut));
      payload += reader.payload(std::string_view(frames).substr(at, cut));
    }
    EXPECT_EQ(out, wanted) << cut;
    EXPECT_EQ(payload, cat("abc", std::string(300, 'e'), "d")) << cut;
  }
}

TEST(DetachKeys, AreParsed) {
  EXPECT_EQ(*parse_detach_keys(""), "\x10\x11");
  EXPECT_EQ(*parse_detach_keys("ctrl-@,a,ctrl-["), std::string("\0a\x1b", 3));
  EXPECT_EQ(*parse_detach_keys("ctrl-P"), "\x10");
  for (const char* bad : {"ctrl-", "ctrl-1", "abc", "a,,b", "ctrl-ab"}) {
    auto keys = parse_detach_keys(bad);
    ASSERT_FALSE(keys) << bad;
    EXPECT_EQ(keys.error().code(), Code::kInvalidArgument);
  }
}

TEST(DetachFilter, FindsTheSequenceInAnyCut) {
  DetachFilter whole("pq");
  EXPECT_EQ(whole.pass("xpq"), "x");
  EXPECT_TRUE(whole.detached());
  DetachFilter pieces("ppq");
  EXPECT_EQ(pieces.pass("p"), "");
  EXPECT_EQ(pieces.pass("pp"), "p");
  EXPECT_EQ(pieces.pass("q and more"), "");
  EXPECT_TRUE(pieces.detached());
  DetachFilter never("pq");
  EXPECT_EQ(never.pass("p"), "");
  EXPECT_EQ(never.pass("x"), "px");
  EXPECT_FALSE(never.detached());
}

}  // namespace
}  // namespace skiff::engine
