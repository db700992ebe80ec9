// The sending end against the receiving one, over gRPC.
#include "buildkit/fsutil_sender.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <fstream>

#include "base/strings.h"
#include "buildkit/fsutil_receiver.h"
#include "buildkit/rpc_server.h"
#include "sys/root_dir.h"
#include "sys/unix_socket.h"

namespace skiff::buildkit {
namespace {

class FsutilSenderTest : public ::testing::Test {
 protected:
  void write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories((from_.path() / path).parent_path());
    std::ofstream(from_.path() / path) << text;
  }

  // What the trees become at a receiver.
  Result<> send(std::span<const builder::ExportedTree> trees) {
    auto server = RpcServer::start([&](RpcCall& call) -> std::optional<RpcFailure> {
      const auto root = *sys::RootDir::open(to_.path());
      FsutilReceiver receiver(root, [&](std::string_view packet) { return call.write(packet); });
      for (;;) {
        auto packet = call.read();
        if (!packet || !*packet) return RpcFailure{Error(Code::kUnavailable, "too early"), ""};
        auto all = receiver.take(**packet);
        if (!all) return RpcFailure{all.error(), ""};
        if (*all) return std::nullopt;
      }
    });
    if (!server) return server.error();
    auto pair = TRY(sys::socket_pair(SOCK_STREAM));
    (*server)->serve(std::move(pair.first));
    const auto channel = RpcChannel::over(std::move(pair.second));
    const auto call = channel->call("/x/DiffCopy", {}, {});
    TRY(send_trees(*call, trees, {}));
    TRY(call->finish_writing());
    while (TRY(call->read())) {
    }
    return call->finish();
  }

  std::string text_of(const std::string& path) {
    return read_file(to_.path() / path).value_or("none");
  }

  TempDir from_ = *TempDir::make("/tmp", "skiff-from-");
  TempDir to_ = *TempDir::make("/tmp", "skiff-to-");
};

TEST_F(FsutilSenderTest, ATreeArrives) {
  write("a/b/c", "one");
  write("a-", "two");
  write("empty", "");
  write("large", std::string(size_t{3} << 20U, 'x'));
  std::filesystem::create_symlink("/nowhere", from_.path() / "link");
  std::filesystem::create_hard_link(from_.path() / "a/b/c", from_.path() / "z");
  std::filesystem::permissions(from_.path() / "a-", std::filesystem::perms(0710));
  const builder::ExportedTree tree{"", from_.path()};
  const auto sent = send({&tree, 1});
  ASSERT_TRUE(sent) << sent.error().message();
  EXPECT_EQ(text_of("a/b/c"), "one");
  EXPECT_EQ(text_of("a-"), "two");
  EXPECT_EQ(text_of("empty"), "");
  EXPECT_EQ(text_of("large").size(), size_t{3} << 20U);
  EXPECT_EQ(std::filesystem::read_symlink(to_.path() / "link"), "/nowhere");
  EXPECT_EQ(std::filesystem::hard_link_count(to_.path() / "z"), 2U);
  EXPECT_EQ(std::filesystem::status(to_.path() / "a-").permissions(), std::filesystem::perms(0710));
}

TEST_F(FsutilSenderTest, SeveralTreesHaveTheirOwnDirectories) {
  write("f", "text");
  const builder::ExportedTree trees[] = {{"linux_amd64", from_.path()},
                                         {"linux_arm64", from_.path()}};
  const auto sent = send(trees);
  ASSERT_TRUE(sent) << sent.error().message();
  EXPECT_EQ(text_of("linux_amd64/f"), "text");
  EXPECT_EQ(text_of("linux_arm64/f"), "text");
}

TEST_F(FsutilSenderTest, FilesHaveTheTimeThatTheTreeSays) {
  write("d/f", "text");
  const TimePoint time{std::chrono::seconds(1'000'000'000)};
  const builder::ExportedTree trees[] = {{"dated", from_.path(), time}, {"own", from_.path()}};
  const auto sent = send(trees);
  ASSERT_TRUE(sent) << sent.error().message();
  const auto time_of = [&](const std::string& path) {
    struct stat st{};
    EXPECT_EQ(::lstat((to_.path() / path).c_str(), &st), 0);
    return st.st_mtim.tv_sec;
  };
  for (const char* path : {"dated", "dated/d", "dated/d/f"})
    EXPECT_EQ(time_of(path), 1'000'000'000);
  EXPECT_GT(time_of("own/d/f"), 1'000'000'000);
}

TEST_F(FsutilSenderTest, ManyFilesDoNotWaitForOneAnother) {
  constexpr int kFiles = 3000;
  for (int i = 0; i < kFiles; ++i) write(cat("d/", i), cat(i));
  const builder::ExportedTree tree{"", from_.path()};
  const auto sent = send({&tree, 1});
  ASSERT_TRUE(sent) << sent.error().message();
  EXPECT_EQ(text_of("d/2999"), "2999");
}

TEST_F(FsutilSenderTest, ARefusalIsTold) {
  write("f", "text");
  std::ofstream(to_.path() / "f") << "there already";
  const builder::ExportedTree tree{"", from_.path()};
  EXPECT_FALSE(send({&tree, 1}));
}

}  // namespace
}  // namespace skiff::buildkit
