#include "runtime/journal_writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>

#include "base/strings.h"

namespace skiff::runtime {
namespace {

class JournalWriterTest : public testing::Test {
 protected:
  JournalWriterTest() { EXPECT_TRUE(loop_.open()); }

  // The journal, from now on.
  void listen() {
    ::unlink(path_.c_str());
    journal_ = UniqueFd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un name{.sun_family = AF_UNIX, .sun_path = {}};
    ASSERT_LT(path_.native().size(), sizeof name.sun_path);
    std::memcpy(name.sun_path, path_.c_str(), path_.native().size());
    ASSERT_EQ(::bind(journal_.get(), reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
  }
  std::unique_ptr<JournalWriter> writer(std::map<std::string, std::string> fields = {}) {
    return std::make_unique<JournalWriter>(
        loop_, JournalOptions{path_, std::move(fields)},
        [this](const Error& error) { told_.push_back(error.message()); });
  }
  // A datagram's bytes, or those of the file that came instead; "" when there is none.
  std::string receive() {
    std::string bytes(size_t{64} << 10, '\0');
    iovec piece{bytes.data(), bytes.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    ssize_t size = ::recvmsg(journal_.get(), &message, 0);
    if (size < 0) return "";
    bytes.resize(static_cast<size_t>(size));
    if (cmsghdr* header = CMSG_FIRSTHDR(&message)) {
      int number = -1;
      std::memcpy(&number, CMSG_DATA(header), sizeof number);
      UniqueFd file(number);
      EXPECT_EQ(size, 0);
      EXPECT_EQ(::fcntl(number, F_GET_SEALS) & F_SEAL_WRITE, F_SEAL_WRITE);
      struct stat st{};
      ::fstat(number, &st);
      bytes.resize(static_cast<size_t>(st.st_size));
      EXPECT_EQ(::pread(number, bytes.data(), bytes.size(), 0), st.st_size);
    }
    return bytes;
  }
  // Lets the loop work for a while.
  void turn(std::chrono::milliseconds time) {
    loop_.call_after(time, [this] { loop_.stop(); });
    loop_.run();
  }

  TempDir dir_ = TempDir::make("/tmp", "skiff-journal-").value();
  Path path_ = dir_.path() / "socket";
  UniqueFd journal_;
  EventLoop loop_;
  std::vector<std::string> told_;
};

TEST_F(JournalWriterTest, ALineIsADatagramOfTheNativeProtocol) {
  listen();
  auto journal = writer({{"CONTAINER_ID", "4f1f"}, {"CONTAINER_TAG", "a\nb"}});
  journal->write(OutputStream::kStdout, "one ");
  journal->write(OutputStream::kStderr, "bad\n");
  journal->write(OutputStream::kStdout, "line\nend");
  journal->end();
  const std::string common("CONTAINER_ID=4f1f\nCONTAINER_TAG\n\3\0\0\0\0\0\0\0a\nb\n", 44);
  EXPECT_EQ(receive(), common + "PRIORITY=3\nMESSAGE=bad\n");
  EXPECT_EQ(receive(), common + "PRIORITY=6\nMESSAGE=one line\n");
  EXPECT_EQ(receive(), common + "PRIORITY=6\nMESSAGE=end\nCONTAINER_PARTIAL_MESSAGE=true\n");
  EXPECT_EQ(receive(), "");
  EXPECT_EQ(told_.size(), 0U);
}

TEST_F(JournalWriterTest, WhatNoDatagramHoldsGoesAsASealedFile) {
  listen();
  const std::string large(size_t{600} << 10, 'x');
  auto journal = writer({{"LARGE", large}});
  journal->write(OutputStream::kStdout, "line\n");
  EXPECT_EQ(receive(), cat("LARGE=", large, "\nPRIORITY=6\nMESSAGE=line\n"));
}

TEST_F(JournalWriterTest, AJournalThatIsNotThereIsToldOnceAndServedLater) {
  auto journal = writer();
  for (int i = 1; i <= 3; ++i) journal->write(OutputStream::kStdout, cat(i, "\n"));
  ASSERT_EQ(told_.size(), 1U);
  EXPECT_NE(told_[0].find(path_.native()), std::string::npos) << told_[0];
  listen();
  turn(std::chrono::milliseconds(1500));
  for (int i = 1; i <= 3; ++i) EXPECT_EQ(receive(), cat("PRIORITY=6\nMESSAGE=", i, "\n"));
  EXPECT_EQ(told_.size(), 1U);
}

TEST_F(JournalWriterTest, ARestartedJournalIsFoundAgain) {
  listen();
  auto journal = writer();
  journal->write(OutputStream::kStdout, "1\n");
  EXPECT_EQ(receive(), "PRIORITY=6\nMESSAGE=1\n");
  journal_.reset();
  listen();
  journal->write(OutputStream::kStdout, "2\n");
  turn(std::chrono::milliseconds(1500));
  EXPECT_EQ(receive(), "PRIORITY=6\nMESSAGE=2\n");
}

TEST_F(JournalWriterTest, ASlowJournalLosesNothingAndHoldsNobodyUp) {
  listen();
  auto journal = writer();
  for (int i = 0; i < 1000; ++i) journal->write(OutputStream::kStdout, cat(i, "\n"));
  int next = 0;
  for (int rounds = 0; next < 1000 && rounds < 2000; ++rounds) {
    for (std::string got = receive(); !got.empty(); got = receive()) {
      ASSERT_EQ(got, cat("PRIORITY=6\nMESSAGE=", next++, "\n"));
    }
    turn(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(next, 1000);
  EXPECT_EQ(told_.size(), 0U);
}

TEST_F(JournalWriterTest, AnEndWaitsForASlowJournal) {
  constexpr int kLines = 3000;  // more than its socket holds
  listen();
  auto journal = writer();
  for (int i = 0; i < kLines; ++i) journal->write(OutputStream::kStdout, cat(i, "\n"));
  std::atomic<bool> ended = false;
  int taken = 0;
  std::thread reader([&] {
    for (bool last = false; !last;) {
      last = ended;
      while (!receive().empty()) ++taken;
    }
  });
  journal->end();
  ended = true;
  reader.join();
  EXPECT_EQ(taken, kLines);
}

TEST_F(JournalWriterTest, AStuckJournalTakesABoundedAmountAndIsToldTheLoss) {
  listen();
  auto journal = writer();
  const std::string line(1000, 'x');
  int written = 0;
  for (; written < 3000; ++written) journal->write(OutputStream::kStdout, line + "\n");
  EXPECT_EQ(told_.size(), 1U);
  int lines = 0;
  std::string last;
  for (int rounds = 0; rounds < 2000 && !last.starts_with("PRIORITY=4"); ++rounds) {
    for (std::string got = receive(); !got.empty(); got = receive()) {
      ++lines;
      last = std::move(got);
    }
    turn(std::chrono::milliseconds(1));
  }
  EXPECT_GE((lines - 1) * 1000, static_cast<int>(JournalWriter::kMostKept * 9 / 10));
  EXPECT_NE(last.find(cat("skiff: ", written - (lines - 1), " lines of output were lost")),
            std::string::npos)
      << last;
}

}  // namespace
}  // namespace skiff::runtime
