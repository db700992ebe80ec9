// The receiver of files into a tree that an earlier transfer has left.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "buildkit/fsutil_receiver.h"
#include "buildkit/go_mode.h"
#include "codec/hash.h"
#include "session.pb.h"

namespace skiff::buildkit {
namespace {

constexpr int64_t kTime = 1'700'000'000'000'000'005;

struct SentFile {
  std::string path;
  std::string text = "";
  uint32_t mode = 0644;
  int64_t mtime = kTime;
  std::string link = "";
};

SentFile sent_directory(const std::string& path, int64_t mtime = kTime) {
  return {.path = path, .mode = kGoDirectory | 0755U, .mtime = mtime};
}

class FsutilUpdateTest : public testing::Test {
 protected:
  // What a client with these files and a receiver make of each other; in place unless `busy`.
  void update(const std::vector<SentFile>& files, bool busy = false) {
    asked_.clear();
    hashes_.clear();
    changes_ = 0;
    std::vector<std::string> requests;
    const std::string before = record_;
    const FsutilReceiver::Known known{
        .record = before,
        .change = [&]() -> Result<FsutilReceiver::Target> {
          ++changes_;
          if (busy || before.empty()) start_anew();
          return FsutilReceiver::Target{.root = &*root_, .empty = busy || before.empty()};
        },
        .began = TimePoint(std::chrono::nanoseconds(kTime) + std::chrono::hours(1)),
        .on_file = [&](int, const std::string& hex) { hashes_.push_back(hex); }};
    FsutilReceiver receiver(known, [&](std::string_view packet) -> Result<> {
      requests.emplace_back(packet);
      return {};
    });
    const auto take = [&](const wire::Packet& packet) {
      const auto all = receiver.take(packet.SerializeAsString());
      EXPECT_TRUE(all) << all.error().message();
      return all.value_or(true);
    };
    for (const SentFile& file : files) take(stat_of(file));
    take({});
    for (size_t i = 0; i < requests.size(); ++i) answer(files, requests[i], take);
    EXPECT_EQ(receiver.changed(), changes_ > 0);
    record_ = receiver.record();
  }

  static wire::Packet stat_of(const SentFile& file) {
    wire::Packet packet;
    wire::Stat& stat = *packet.mutable_stat();
    stat.set_path(file.path);
    stat.set_mode(file.mode);
    stat.set_mod_time(file.mtime);
    stat.set_linkname(file.link);
    stat.set_size(static_cast<int64_t>(file.text.size()));
    return packet;
  }

  void answer(const std::vector<SentFile>& files, const std::string& bytes,
              const std::function<bool(const wire::Packet&)>& take) {
    wire::Packet request;
    ASSERT_TRUE(request.ParseFromString(bytes));
    wire::Packet reply;
    if (request.type() == wire::Packet::FIN) {
      reply.set_type(wire::Packet::FIN);
      EXPECT_TRUE(take(reply));
      return;
    }
    asked_.push_back(files.at(request.id()).path);
    reply.set_type(wire::Packet::DATA);
    reply.set_id(request.id());
    reply.set_data(files.at(request.id()).text);
    if (!reply.data().empty()) take(reply);
    reply.clear_data();
    take(reply);
  }

  void start_anew() {
    dir_ = *TempDir::make("/tmp", "skiff-fsutil-");
    root_ = *sys::RootDir::open(dir_.path());
  }
  std::string text(const std::string& path) { return root_->read_file(path).value_or("none"); }
  size_t entries() {
    size_t out = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(dir_.path())) {
      out += entry.exists() || entry.is_symlink();
    }
    return out;
  }

  using Paths = std::vector<std::string>;
  TempDir dir_ = *TempDir::make("/tmp", "skiff-fsutil-");
  std::optional<sys::RootDir> root_;
  std::string record_;
  Paths asked_;
  Paths hashes_;
  int changes_ = 0;
};

TEST_F(FsutilUpdateTest, NothingIsAskedForWhereNothingHasChanged) {
  const std::vector<SentFile> files{sent_directory("d"), {"d/x", "ex"}, {"y", ""}};
  update(files);
  EXPECT_EQ(asked_, (Paths{"d/x", "y"}));
  EXPECT_EQ(hashes_, (Paths{sha256_hex("ex"), sha256_hex("")}));
  update(files);
  EXPECT_EQ(asked_, Paths{});
  EXPECT_EQ(changes_, 0);
}

TEST_F(FsutilUpdateTest, OnlyWhatHasChangedComes) {
  update({sent_directory("d"), {"d/x", "ex"}, {"d/y", "y"}, {"z", "z"}});
  update({sent_directory("d"), {"d/x", "new", 0600, kTime + 1}, {"d/y", "y"}});
  EXPECT_EQ(asked_, Paths{"d/x"});
  EXPECT_EQ(text("d/x"), "new");
  EXPECT_EQ(root_->lstat("d/x")->st_mode & 07777U, 0600U);
  EXPECT_EQ(text("d/y"), "y");
  EXPECT_EQ(text("z"), "none");
  // What was written in it has changed its time, which is set again.
  EXPECT_EQ(root_->lstat("d")->st_mtim.tv_nsec, 5);
}

TEST_F(FsutilUpdateTest, FilesBecomeDirectoriesAndTheOtherWayRound) {
  const SentFile link{.path = "l", .mode = kGoSymlink | 0777U, .link = "z"};
  update({{"a", "file"},
          sent_directory("b"),
          sent_directory("b/c"),
          {"b/c/d", "x"},
          link,
          {"z", "z"}});
  const SentFile other{.path = "l", .mode = kGoSymlink | 0777U, .link = "a"};
  update({sent_directory("a"), {"a/in", "in"}, {"b", "now a file"}, other, {"z", "z"}});
  EXPECT_EQ(asked_, (Paths{"a/in", "b"}));
  EXPECT_EQ(text("a/in"), "in");
  EXPECT_EQ(text("b"), "now a file");
  EXPECT_EQ(std::filesystem::read_symlink(dir_.path() / "l"), "a");
  EXPECT_EQ(entries(), 5U);
}

TEST_F(FsutilUpdateTest, AHardLinkFollowsItsFile) {
  const SentFile link{.path = "z", .text = "old", .link = "a"};
  update({{"a", "old"}, link});
  EXPECT_EQ(text("z"), "old");
  update({{"a", "new", 0644, kTime + 1}, link});
  EXPECT_EQ(text("a"), "new");
  EXPECT_EQ(text("z"), "new");
}

TEST_F(FsutilUpdateTest, IntoAnEmptyPlaceAllComes) {
  const std::vector<SentFile> files{sent_directory("d"), {"d/x", "ex"}, {"y", "y"}};
  update(files);
  std::vector<SentFile> changed = files;
  changed[2] = {"y", "new", 0644, kTime + 1};
  update(changed, true);
  EXPECT_EQ(asked_, (Paths{"d/x", "y"}));
  EXPECT_EQ(text("d/x"), "ex");
  EXPECT_EQ(text("y"), "new");
}

// Those before it have not been looked into.
TEST_F(FsutilUpdateTest, ADifferenceShowsWhereverItIs) {
  const std::vector<SentFile> files{
      sent_directory("d"), sent_directory("d/e"), {"d/e/x", "x"}, {"d/y", "y"}, {"z", "z"}};
  for (size_t i = 0; i < files.size(); ++i) {
    SCOPED_TRACE(files[i].path);
    update(files);
    std::vector<SentFile> changed = files;
    changed[i].mtime += 1;
    update(changed);
    EXPECT_EQ(changes_, 1);
    update(changed);
    EXPECT_EQ(changes_, 0);
  }
  update(files);
  std::vector<SentFile> more = files;
  more.push_back({"zz", "new"});
  update(more);
  EXPECT_EQ(asked_, Paths{"zz"});
  update(files);
  EXPECT_EQ(text("zz"), "none");
  more = files;
  more.insert(more.begin() + 3, {"d/f", "new"});
  update(more);
  EXPECT_EQ(asked_, Paths{"d/f"});
  update({sent_directory("d")});
  EXPECT_EQ(entries(), 1U);
}

TEST_F(FsutilUpdateTest, WhoseTimeTellsNothingComesAgain) {
  constexpr int64_t kWhole = 1'700'000'000'000'000'000;
  const std::vector<SentFile> files{sent_directory("d", kWhole),
                                    {"d/exact", "x"},
                                    {"d/x", "x", 0644, kWhole},
                                    {"new", "x", 0644, kTime + int64_t{3'600'000'000'000}},
                                    {"y", "y", 0644, kWhole}};
  update(files);
  update(files);
  EXPECT_EQ(asked_, (Paths{"d/x", "new", "y"}));
}

TEST_F(FsutilUpdateTest, ATreeWithoutFilesIsOne) {
  update({});
  EXPECT_EQ(changes_, 1);
  EXPECT_EQ(entries(), 0U);
}

}  // namespace
}  // namespace skiff::buildkit
