#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/strings.h"
#include "net/listen_check.h"
#include "net/stream.h"

namespace skiff::net {
namespace {

class Sockets : public ::testing::Test {
 protected:
  TempDir dir_ = *TempDir::make("/tmp", "skiff-net-");
  Path path_ = dir_.path() / "s";
};

TEST_F(Sockets, UnixListenerHasTheModeAndReplacesAStaleFile) {
  {
    auto fd = listen_unix(path_, 0600);
    ASSERT_TRUE(fd) << fd.error().message();
    struct stat st{};
    ASSERT_EQ(::stat(path_.c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 0777U, 0600u);
  }
  EXPECT_TRUE(listen_unix(path_));  // the file is still there, nobody serves it
}

TEST_F(Sockets, ALiveUnixListenerIsNotReplaced) {
  auto first = listen_unix(path_);
  ASSERT_TRUE(first);
  auto second = listen_unix(path_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Code::kAlreadyExists);
  EXPECT_TRUE(connect_unix(path_));
}

TEST_F(Sockets, AFileThatIsNoSocketIsNotReplaced) {
  ASSERT_TRUE(write_file(path_, "precious"));
  EXPECT_FALSE(listen_unix(path_));
  EXPECT_EQ(*read_file(path_), "precious");
}

TEST_F(Sockets, WhetherAPathCanBeListenedOnIsKnownBefore) {
  EXPECT_TRUE(check_listen_unix(path_));
  EXPECT_FALSE(std::filesystem::exists(path_));
  {
    auto served = listen_unix(path_);
    ASSERT_TRUE(served);
    EXPECT_EQ(check_listen_unix(path_).error().code(), Code::kAlreadyExists);
  }
  EXPECT_TRUE(check_listen_unix(path_));  // the file is still there, nobody serves it
  const Path file = dir_.path() / "file";
  ASSERT_TRUE(write_file(file, "precious"));
  EXPECT_EQ(check_listen_unix(file).error().code(), Code::kAlreadyExists);
  const Path missing = dir_.path() / "nope" / "s";
  for (const Path& path : {missing, file / "s", dir_.path() / std::string(120, 'x')}) {
    const auto checked = check_listen_unix(path);
    ASSERT_FALSE(checked) << path;
    EXPECT_EQ(checked.error().message(), listen_unix(path).error().message());
  }
}

TEST_F(Sockets, TooLongPathsAndBadAddressesAreRefused) {
  EXPECT_EQ(listen_unix(dir_.path() / std::string(120, 'x')).error().code(),
            Code::kInvalidArgument);
  for (const char* bad : {"", "localhost", "127.0.0.1:", "127.0.0.1:99999", "127.0.0.1:x"}) {
    EXPECT_EQ(listen_tcp(bad).error().code(), Code::kInvalidArgument) << bad;
  }
}

TEST_F(Sockets, ConnectErrorsNameTheAddress) {
  EXPECT_NE(connect_unix(path_).error().message().find(path_.native()), std::string::npos);
  EXPECT_EQ(connect_tcp("127.0.0.1", 1).error().message(),
            "connect to 127.0.0.1:1: Connection refused");
}

TEST_F(Sockets, AnyAddressServesBothFamilies) {
  auto listener = listen_tcp(":0");
  ASSERT_TRUE(listener) << listener.error().message();
  EXPECT_TRUE(connect_tcp("127.0.0.1", *local_port(listener->get())));
}

TEST_F(Sockets, WritingToAClosedPeerIsAnErrorAndNoSignal) {
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  auto stream = make_plain_stream(UniqueFd(pair[0]));
  ::close(pair[1]);
  EXPECT_EQ(stream->write("x").error().sys_errno(), EPIPE);
  ASSERT_TRUE(write_file(path_, "content"));
  auto file = open_file(path_, O_RDONLY);
  EXPECT_EQ(stream->send_file(file->get(), 0, 7).error().sys_errno(), EPIPE);
}

TEST_F(Sockets, ReadsTimeOutWhereAsked) {
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  UniqueFd other(pair[1]);
  auto stream = make_plain_stream(UniqueFd(pair[0]));
  stream->set_read_timeout(std::chrono::milliseconds(20));
  char byte = 0;
  EXPECT_EQ(stream->read({&byte, 1}).error().code(), Code::kDeadlineExceeded);
}

TEST_F(Sockets, SendFileReportsAFileThatEndsEarly) {
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  UniqueFd other(pair[1]);
  auto stream = make_plain_stream(UniqueFd(pair[0]));
  ASSERT_TRUE(write_file(path_, "content"));
  auto file = open_file(path_, O_RDONLY);
  EXPECT_EQ(stream->send_file(file->get(), 3, 9).error().code(), Code::kDataLoss);
}

}  // namespace
}  // namespace skiff::net
