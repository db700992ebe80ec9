// The receiver of files against a sender that says what a test wants.
#include "buildkit/fsutil_receiver.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/strings.h"
#include "buildkit/go_mode.h"
#include "session.pb.h"

namespace skiff::buildkit {
namespace {

class FsutilReceiverTest : public ::testing::Test {
 protected:
  FsutilReceiver::Send send() {
    return [this](std::string_view packet) -> Result<> {
      wire::Packet answer;
      EXPECT_TRUE(answer.ParseFromString(std::string(packet)));
      answers_.push_back(std::move(answer));
      return {};
    };
  }

  Result<bool> tell(const std::string& path, uint32_t mode, const std::string& link = "") {
    wire::Packet packet;
    packet.mutable_stat()->set_path(path);
    packet.mutable_stat()->set_mode(mode);
    packet.mutable_stat()->set_linkname(link);
    packet.mutable_stat()->set_mod_time(1'700'000'000'000'000'005);
    return receiver_.take(packet.SerializeAsString());
  }
  Result<bool> end_of_files() { return receiver_.take(wire::Packet().SerializeAsString()); }
  Result<bool> data(uint32_t id, const std::string& bytes) {
    wire::Packet packet;
    packet.set_type(wire::Packet::DATA);
    packet.set_id(id);
    packet.set_data(bytes);
    return receiver_.take(packet.SerializeAsString());
  }
  Result<bool> fin() {
    wire::Packet packet;
    packet.set_type(wire::Packet::FIN);
    return receiver_.take(packet.SerializeAsString());
  }
  std::string refusal(const std::string& path, uint32_t mode = 0644) {
    auto told = tell(path, mode);
    return told ? "" : told.error().message();
  }
  struct stat stat_of(const std::string& path) {
    auto st = root_.lstat(path);
    EXPECT_TRUE(st) << path;
    return st ? *st : (struct stat){};
  }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-fsutil-");
  sys::RootDir root_ = *sys::RootDir::open(dir_.path());
  std::vector<wire::Packet> answers_;
  FsutilReceiver receiver_{root_, send()};
};

class FsutilLimitsTest : public FsutilReceiverTest {
 protected:
  // How many are taken until one is too much.
  int taken(FsutilReceiver::Limits limits, uint32_t mode, const std::string& link) {
    FsutilReceiver receiver(root_, send(), limits);
    for (int i = 0;; ++i) {
      wire::Packet packet;
      packet.mutable_stat()->set_path(cat("f", 1000 + i));
      packet.mutable_stat()->set_mode(mode);
      packet.mutable_stat()->set_linkname(link);
      const auto all = receiver.take(packet.SerializeAsString());
      if (all && i < 1000) continue;
      EXPECT_TRUE(!all && all.error().code() == Code::kResourceExhausted);
      return i;
    }
  }
};

TEST_F(FsutilReceiverTest, FilesDirectoriesAndLinksAreMade) {
  ASSERT_TRUE(tell("a", kGoDirectory | 0750));
  ASSERT_TRUE(tell("a/b", 0755 | kGoSetuid));
  ASSERT_TRUE(tell("a/c", kGoSymlink | 0777, "/etc/passwd"));
  ASSERT_TRUE(tell("a/d", 0644, "a/b"));
  ASSERT_TRUE(tell("a-", 0600));  // '/' comes before '-'
  ASSERT_TRUE(end_of_files());
  ASSERT_EQ(answers_.size(), 2U);
  EXPECT_EQ(answers_[0].type(), wire::Packet::REQ);
  EXPECT_EQ(answers_[0].id(), 1U);
  EXPECT_EQ(answers_[1].id(), 4U);
  ASSERT_TRUE(data(1, "one "));
  ASSERT_TRUE(data(4, ""));
  ASSERT_TRUE(data(1, "two"));
  ASSERT_TRUE(data(1, ""));
  ASSERT_EQ(answers_.size(), 3U);
  EXPECT_EQ(answers_[2].type(), wire::Packet::FIN);
  EXPECT_TRUE(*fin());

  EXPECT_EQ(*root_.read_file("a/b"), "one two");
  EXPECT_EQ(stat_of("a/b").st_mode, static_cast<mode_t>(S_IFREG | S_ISUID | 0755));
  EXPECT_EQ(stat_of("a/b").st_ino, stat_of("a/d").st_ino);
  EXPECT_EQ(stat_of("a/b").st_mtim.tv_nsec, 5);
  EXPECT_EQ(stat_of("a").st_mode, static_cast<mode_t>(S_IFDIR | 0750));
  EXPECT_EQ(stat_of("a").st_mtim.tv_sec, 1'700'000'000);
  EXPECT_TRUE(S_ISLNK(stat_of("a/c").st_mode));
  EXPECT_EQ(stat_of("a/c").st_mtim.tv_sec, 1'700'000'000);
  EXPECT_EQ(stat_of("a-").st_size, 0);
}

TEST_F(FsutilReceiverTest, PathsThatLeadOutAreRefused) {
  EXPECT_NE(refusal("../x").find("not clean"), std::string::npos);
  EXPECT_NE(refusal("/x").find("absolute"), std::string::npos);
  EXPECT_NE(refusal("a//x").find("not clean"), std::string::npos);
  EXPECT_NE(refusal("./x").find("not clean"), std::string::npos);
  EXPECT_NE(refusal("..").find("not clean"), std::string::npos);
  EXPECT_NE(refusal("").find("no path"), std::string::npos);
  EXPECT_NE(refusal(std::string("a\0b", 3)).find("no path"), std::string::npos);
}

TEST_F(FsutilReceiverTest, PathsComeInOrderBelowDirectoriesThatWereSent) {
  EXPECT_NE(refusal("a/b").find("directory was not sent"), std::string::npos);
}

TEST_F(FsutilReceiverTest, ALinkIsNoDirectoryToPutFilesIn) {
  ASSERT_TRUE(tell("a", kGoSymlink | 0777, "/tmp"));
  EXPECT_NE(refusal("a/b").find("directory was not sent"), std::string::npos);
}

TEST_F(FsutilReceiverTest, NothingComesTwiceOrBackwards) {
  ASSERT_TRUE(tell("b", 0644));
  EXPECT_NE(refusal("b").find("out of order"), std::string::npos);
  EXPECT_NE(refusal("a").find("out of order"), std::string::npos);
}

TEST_F(FsutilReceiverTest, HardLinksStayInside) {
  ASSERT_TRUE(tell("x", 0644, "../../../etc/passwd"));
  auto ended = end_of_files();
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code(), Code::kNotFound);
}

TEST_F(FsutilReceiverTest, DevicesAreLeftOut) {
  ASSERT_TRUE(tell("null", kGoDevice | 0666));
  ASSERT_TRUE(end_of_files());
  EXPECT_FALSE(root_.lstat("null"));
  EXPECT_TRUE(*fin());
}

TEST_F(FsutilReceiverTest, WhatWasNotAskedForIsRefused) { EXPECT_FALSE(data(7, "x")); }

TEST_F(FsutilReceiverTest, AnEndBeforeTheEndIsRefused) {
  ASSERT_TRUE(tell("a", 0644));
  ASSERT_TRUE(end_of_files());
  EXPECT_FALSE(fin());
}

TEST_F(FsutilReceiverTest, TheSendersErrorIsTold) {
  wire::Packet packet;
  packet.set_type(wire::Packet::ERR);
  packet.set_data("permission denied");
  auto taken = receiver_.take(packet.SerializeAsString());
  ASSERT_FALSE(taken);
  EXPECT_NE(taken.error().message().find("permission denied"), std::string::npos);
}

TEST_F(FsutilReceiverTest, NoiseIsRefused) { EXPECT_FALSE(receiver_.take("\xff\xff\xff")); }

TEST_F(FsutilLimitsTest, AttributesOfAFileHaveABound) {
  wire::Packet packet;
  packet.mutable_stat()->set_path("a");
  auto& attributes = *packet.mutable_stat()->mutable_xattrs();
  attributes["trusted.x"] = std::string(size_t{100} << 10U, 'x');  // not taken anyway
  attributes["user.a"] = std::string(size_t{40} << 10U, 'x');
  ASSERT_TRUE(receiver_.take(packet.SerializeAsString()));
  packet.mutable_stat()->set_path("b");
  attributes["user.b"] = std::string(size_t{40} << 10U, 'x');
  auto refused = receiver_.take(packet.SerializeAsString());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kResourceExhausted);
}

TEST_F(FsutilLimitsTest, NoAttributeIsLeftOutSilently) {
  wire::Packet packet;
  packet.mutable_stat()->set_path("a");
  auto& attributes = *packet.mutable_stat()->mutable_xattrs();
  for (int i = 0; i < 64; ++i) attributes[cat("user.", i)] = "x";
  ASSERT_TRUE(receiver_.take(packet.SerializeAsString()));
  packet.mutable_stat()->set_path("b");
  attributes["user.more"] = "x";
  const auto refused = receiver_.take(packet.SerializeAsString());
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("more than 64 extended"), std::string::npos);
}

TEST_F(FsutilLimitsTest, EntriesHaveABound) {
  EXPECT_EQ(taken({.entries = 10}, kGoDevice, ""), 10);
}

TEST_F(FsutilLimitsTest, WhatIsKeptOfLinksHasABound) {
  EXPECT_LT(taken({.memory = 100'000}, 0644, std::string(1000, 'x')), 100);
}

TEST_F(FsutilLimitsTest, WhatIsKeptOfDirectoriesHasABound) {
  EXPECT_LT(taken({.memory = 10'000}, kGoDirectory | 0755, ""), 100);
}

TEST_F(FsutilLimitsTest, WhatIsKeptOfFilesHasABound) {
  EXPECT_LT(taken({.memory = 10'000}, 0644, ""), 300);
}

TEST_F(FsutilLimitsTest, FilesThatCameTakeNoRoom) {
  FsutilReceiver receiver(root_, send(), {.memory = 10'000});
  for (uint32_t i = 0; i < 300; ++i) {
    wire::Packet packet;
    packet.mutable_stat()->set_path(cat("f", 1000 + i));
    ASSERT_TRUE(receiver.take(packet.SerializeAsString()));
    wire::Packet nothing;
    nothing.set_type(wire::Packet::DATA);
    nothing.set_id(i);
    ASSERT_TRUE(receiver.take(nothing.SerializeAsString()));
  }
}

// A sender with 128 requests before it stops reading; we would stop, too, and nobody go on.
TEST_F(FsutilReceiverTest, FewFilesAreAskedForAtATime) {
  constexpr int kFiles = 1000;
  for (int i = 0; i < kFiles; ++i) ASSERT_TRUE(tell(cat("f", kFiles + i), 0644));
  EXPECT_LT(answers_.size(), 128U);
  ASSERT_TRUE(end_of_files());
  for (uint32_t i = 0; i < kFiles; ++i) ASSERT_TRUE(data(i, ""));
  EXPECT_EQ(answers_.size(), kFiles + 1U);
  EXPECT_TRUE(*fin());
}

}  // namespace
}  // namespace skiff::buildkit
