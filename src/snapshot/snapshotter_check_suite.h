// What the check of every Snapshotter finds, as tests of its suite.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "snapshot/snapshotter_suite.h"

namespace skiff::snapshot {

// Repairs, then finds nothing more.
inline void expect_mended(Snapshotter& store, size_t count, bool deep = false) {
  const auto problems = check_of(store, {.deep = deep, .repair = true});
  EXPECT_EQ(problems.size(), count);
  for (const Problem& problem : problems) EXPECT_TRUE(problem.mended) << problem.remedy;
  EXPECT_TRUE(check_of(store, {.deep = true}).empty());
}

// One byte of the file below `place` that holds `text`.
inline void change_on_disk(const Path& place, std::string_view text) {
  size_t changed = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(place)) {
    if (!entry.is_regular_file()) continue;
    const size_t at = read_file(entry.path())->find(text);
    if (at == std::string::npos) continue;
    const UniqueFd file = *open_file(entry.path(), O_WRONLY);
    changed += ::pwrite(file.get(), "W", 1, static_cast<off_t>(at)) == 1 ? 1 : 0;
  }
  EXPECT_EQ(changed, 1u);
}

TEST_P(SnapshotterSuite, ACheckOfWhatIsWholeFindsNothing) {
  const std::string tar = LayerTar().file("f", "1").take();
  const std::string chain = oci::Digest::of(tar).str();
  must_unpack(chain, "", tar);
  must_unpack(oci::Digest::of(cat(chain, " ", oci::Digest::of(tar).str())).str(), chain, tar);
  ASSERT_TRUE(store_->prepare("never used", chain));
  ASSERT_TRUE(store_->prepare("box", chain));
  {
    ASSERT_TRUE(write_file(mount("box").path() / "new", "2"));
  }
  ASSERT_TRUE(store_->commit("sealed", "box"));
  EXPECT_TRUE(check_of(*store_, {.deep = true, .repair = true}).empty());
  EXPECT_EQ(names().size(), 4u);
}

TEST_P(SnapshotterSuite, ADirectoryWithoutARecordIsTold) {
  must_unpack("base", "", LayerTar().file("f", "1").take());
  for (const char* name : {"77", "what is this"}) {
    ASSERT_TRUE(make_directories(root_ / "snapshots" / name / "fs"));
  }
  EXPECT_EQ(check_of(*store_).size(), 2u);
  expect_mended(*store_, 2);
  EXPECT_EQ(names(), (Lines{"base"}));
}

TEST_P(SnapshotterSuite, ALostLayerGoesWithWhatStandsOnIt) {
  must_unpack("base", "", LayerTar().file("f", "1").take());
  must_unpack("top", "base", LayerTar().file("g", "2").take());
  must_unpack("other", "", LayerTar().file("h", "3").take());
  reopen();  // nothing is mounted any more
  std::filesystem::remove_all(root_ / "snapshots/1");
  const auto problems = check_of(*store_);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].what, "layer base is damaged: its directory is gone");
  expect_mended(*store_, 1);
  EXPECT_EQ(names(), (Lines{"other"}));
  must_unpack("base", "", LayerTar().file("f", "1").take());
}

// Wherever it is kept: in a tar, or as the files themselves.
TEST_P(SnapshotterSuite, AChangedFileOfALayerIsFound) {
  const std::string tar = LayerTar().file("f", "what was there").take();
  const std::string base = oci::Digest::of(tar).str();
  must_unpack(base, "", tar);
  ASSERT_TRUE(store_->prepare("box", base));
  {
    ASSERT_TRUE(write_file(mount("box").path() / "g", "what was added"));
  }
  ASSERT_TRUE(store_->commit("sealed", "box"));
  EXPECT_TRUE(check_of(*store_, {.deep = true}).empty());
  reopen();  // nothing is mounted any more
  change_on_disk(root_ / "snapshots", "what was added");
  EXPECT_EQ(check_of(*store_, {.deep = true}).size(), 1u);
  // What is known to be damaged is not stood upon.
  ASSERT_TRUE(store_->prepare("next", "sealed"));
  EXPECT_FALSE(store_->mount_of("next"));
  ASSERT_TRUE(store_->remove("next"));
  expect_mended(*store_, 1, true);
  EXPECT_EQ(names(), (Lines{base}));
  change_on_disk(root_ / "snapshots", "what was there");
  expect_mended(*store_, 1, true);
  EXPECT_TRUE(names().empty());
}

TEST_P(SnapshotterSuite, AContainerOnALostLayerIsNotTouched) {
  must_unpack("base", "", LayerTar().file("f", "1").take());
  ASSERT_TRUE(store_->prepare("box", "base"));
  {
    ASSERT_TRUE(write_file(mount("box").path() / "work of years", "1"));
  }
  reopen();  // nothing is mounted any more
  std::filesystem::remove_all(root_ / "snapshots/1");
  const auto problems = check_of(*store_, {.repair = true});
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_FALSE(problems[0].mended);
  EXPECT_NE(problems[0].remedy.find("remove the containers that stand on it"), std::string::npos);
  EXPECT_TRUE(std::filesystem::exists(root_ / "snapshots/2/fs/work of years"));
  ASSERT_TRUE(store_->remove("box"));
  expect_mended(*store_, 1);
}

TEST_P(SnapshotterSuite, ChecksBesideOtherWorkFindNothing) {
  std::atomic<bool> done = false;
  std::thread checker([&] {
    while (!done) {
      for (const Problem& p : check_of(*store_, {.deep = true, .repair = true})) {
        ADD_FAILURE() << p.what;
      }
    }
  });
  std::vector<std::thread> workers;
  for (int worker = 0; worker < 3; ++worker) {
    workers.emplace_back([&, worker] {
      for (int i = 0; i < 10; ++i) {
        const std::string name = cat("layer ", worker, " ", i);
        EXPECT_TRUE(unpack(name, "", LayerTar().file("a", "1").file("b", "2").take()));
        EXPECT_TRUE(store_->prepare(cat(name, " box"), name));
        EXPECT_TRUE(store_->mount_of(cat(name, " box")));
        EXPECT_TRUE(store_->remove(cat(name, " box")));
        EXPECT_TRUE(store_->remove(name));
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  done = true;
  checker.join();
}

}  // namespace skiff::snapshot
