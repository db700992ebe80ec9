// For tests of layers in other forms: a store with layers on one another, whose files can be
// refused.
#pragma once

#include <gtest/gtest.h>

#include "snapshot/layer_directory.h"
#include "snapshot/snapshotter.h"
#include "snapshot/suite_support.h"

namespace skiff::snapshot {

// Cannot rename to `refused`, and does other things just before.
class RefusingFiles : public DurableFiles {
 public:
  std::string refused;
  std::function<void()> before_next_sync;
  std::function<void(const Path& to)> before_rename = [](const Path&) {};

  Result<> sync_file(int fd) override {
    if (auto run = std::exchange(before_next_sync, nullptr)) run();
    return system().sync_file(fd);
  }
  Result<> rename(const Path& from, const Path& to) override {
    before_rename(to);
    if (to.filename() == refused) return Error::from_errno(EIO, "rename");
    return system().rename(from, to);
  }
  Result<> sync_directory(const Path& directory) override {
    return system().sync_directory(directory);
  }
  Result<> unlink(const Path& path) override { return system().unlink(path); }
};

// A kernel that cannot mount an index.
constexpr const char* kWhy = "there is no EROFS";
inline const BackendChoice kWithoutErofs = {
    .backend = Backend::kOverlay, .why_not_erofs = kWhy, .why_no_indexes = kWhy};

class LayerStackTest : public testing::Test {
 protected:
  void open(const BackendChoice& choice) {
    store_.reset();
    auto opened = open_snapshotter(root_, choice, files_, clock_);
    ASSERT_TRUE(opened) << opened.error().message();
    store_ = std::move(*opened);
  }
  // The next layer on top of the last.
  void add(const std::string& tar) {
    StringSource source(tar);
    const auto done = store_->unpack(layer(count_ + 1), count_ == 0 ? "" : layer(count_), source);
    ASSERT_TRUE(done) << done.error().message();
    ++count_;
  }
  static std::string layer(int number) { return cat("layer-", number); }
  Path directory_of(int id) const { return root_ / "snapshots" / std::to_string(id); }
  int flattened() const {
    int count = 0;
    for (const auto& layer : std::filesystem::directory_iterator(root_ / "snapshots")) {
      count += is_present(layer.path() / kFlatName) ? 1 : 0;
    }
    return count;
  }

  Result<MountedSnapshot> mount(const std::string& key) {
    const Path target = dir_.path() / cat("mount-", mounts_++);
    TRY(make_directories(target));
    const Mount what = TRY(store_->mount_of(key));
    return MountedSnapshot::mount(what, target);
  }
  Result<MountedSnapshot> mount_view(int number) {
    const std::string key = cat("view-", mounts_);
    TRY(store_->view(key, layer(number)));
    return mount(key);
  }
  Listing listing_of(int number, RootShown root = RootShown::kNo) {
    const auto mounted = mount_view(number);
    EXPECT_TRUE(mounted) << mounted.error().message();
    return mounted ? list_tree(mounted->path(), root) : Listing();
  }
  uint64_t usage_of(int number) { return store_->usage(layer(number))->bytes; }
  int64_t files_on_disk() {
    store_->settle();
    return std::distance(std::filesystem::recursive_directory_iterator(root_), {});
  }
  void remove_all() {
    std::vector<std::string> names;
    ASSERT_TRUE(store_->walk([&](const Info& info) -> Result<> {
      names.push_back(info.name);
      return {};
    }));
    for (auto name = names.rbegin(); name != names.rend(); ++name) {
      ASSERT_TRUE(store_->remove(*name)) << *name;
    }
  }

  std::vector<Problem> check(const CheckOptions& options = {}) {
    return check_of(*store_, options);
  }
  void find_damaged(int id) {
    const Path index = directory_of(id) / kIndexName;
    ASSERT_TRUE(write_file(index, cat(*read_file(index), "more")));
    EXPECT_EQ(check().size(), 1u);
  }
  // A layer whose unpacked form is there, and on which no container stands.
  void add_with_form() {
    open({.backend = Backend::kErofs});
    add(LayerTar().directory("d", 0700).file("d/f", "1").take());
    open(kWithoutErofs);
    add(LayerTar().file("d/g", "2").take());
    ASSERT_TRUE(is_present(directory_of(1) / kUnpackedName));
  }
  void change_and_drop_form() {
    ASSERT_TRUE(write_file(directory_of(1) / kUnpackedName / kTreeName / "d/f", "3"));
    EXPECT_EQ(check({.deep = true, .repair = true}).size(), 1u);
    store_->settle();
  }
  bool has_retired(int id) const { return is_present(directory_of(id) / kRetiredName); }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-stack-");
  Path root_ = dir_.path() / "store";
  RefusingFiles files_;
  ManualClock clock_{Clock::system().now()};
  std::unique_ptr<Snapshotter> store_;
  int count_ = 0;
  int mounts_ = 0;
};

}  // namespace skiff::snapshot
