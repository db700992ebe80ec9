// Layers whose files are changed while others read them.
#include <atomic>
#include <thread>

#include "snapshot/layer_stack_test_support.h"

namespace skiff::snapshot {
namespace {

class LayerChanges : public testing::Test {
 protected:
  // Two on nothing, whose indexes are not the ones that a check makes of their tars.
  void SetUp() override {
    for (const char* name : {"f", "g"}) {
      const std::string tar = LayerTar().file(cat("implied/", name), "1").take();
      names_.push_back(oci::Digest::of(tar).str());
      StringSource source(tar);
      auto received = store_->receive(source, Snapshotter::Position::kFirst, {});
      ASSERT_TRUE(received) << received.error().message();
      clock_.advance(std::chrono::seconds(1));
      ASSERT_TRUE(store_->add(names_.back(), "", std::move(*received)));
    }
    clock_.advance(std::chrono::seconds(1));
  }
  Path file(int layer, const char* name) const {
    return dir_.path() / "snapshots" / std::to_string(layer) / name;
  }
  void damage_tar_of_first() {
    std::string bytes = *read_file(file(1, kTarName));
    bytes[100] ^= 1;
    ASSERT_TRUE(write_file(file(1, kTarName), bytes));
  }
  // The index of the second, by another check than the one under way.
  void lose_and_remake() {
    std::filesystem::remove(file(2, kIndexName));
    const auto problems = check_of(*store_, {.repair = true});
    EXPECT_TRUE(std::ranges::any_of(problems, [](const Problem& each) {
      return each.remedy == "its index was made again from its tar";
    }));
  }
  void expect_second_is_whole() {
    EXPECT_FALSE(store_->damaged_below(names_[1])->has_value());
    ASSERT_TRUE(store_->view("view", names_[1]));
    const auto mount = store_->mount_of("view");
    EXPECT_TRUE(mount) << mount.error().message();
    EXPECT_TRUE(check_of(*store_, {.deep = true}).empty());
  }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-changes-");
  ManualClock clock_{Clock::system().now()};
  std::unique_ptr<Snapshotter> store_ =
      *open_snapshotter(dir_.path(), {.backend = Backend::kErofs}, DurableFiles::system(), clock_);
  std::vector<std::string> names_;
};

TEST_F(LayerChanges, AScrubComparesALayerWithWhatIsKnownOfItByThen) {
  damage_tar_of_first();
  const std::string before = *read_file(file(2, kIndexName));
  const auto scrubbed =
      store_->scrub({.unread_since = clock_.now()}, [&](const Error&) { lose_and_remake(); }, {});
  ASSERT_TRUE(scrubbed) << scrubbed.error().message();
  EXPECT_NE(*read_file(file(2, kIndexName)), before);
  EXPECT_EQ(scrubbed->damaged, 1u);
  expect_second_is_whole();
}

TEST_F(LayerChanges, ACheckComparesALayerWithWhatIsKnownOfItByThen) {
  damage_tar_of_first();
  bool is_first = true;
  size_t told = 0;
  const auto report = [&](const Problem&) {
    ++told;
    if (std::exchange(is_first, false)) lose_and_remake();
  };
  ASSERT_TRUE(store_->check({.deep = true}, report));
  EXPECT_EQ(told, 1u);
  expect_second_is_whole();
}

TEST_F(LayerStackTest, NoFormIsMadeOfWhatIsFoundDamagedMeanwhile) {
  open({.backend = Backend::kErofs});
  add(LayerTar().file("f", "1").take());
  open(kWithoutErofs);
  files_.before_next_sync = [&] { find_damaged(1); };
  const auto refused = mount_view(1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kDataLoss);
  EXPECT_FALSE(is_present(directory_of(1) / kUnpackedName));
}

TEST_F(LayerStackTest, AFormIsNotMadeInTheMiddleOfAReplacement) {
  open({.backend = Backend::kErofs});
  const std::string lower = LayerTar().file("f", "1").take();
  add(lower);
  add(LayerTar().file("g", "2").take());
  open(kWithoutErofs);
  std::atomic<bool> replaced = false;
  std::jthread other;
  files_.before_rename = [&](const Path& to) {
    if (to != directory_of(2) / kUnpackedName || other.joinable()) return;
    other = std::jthread([&] {
      find_damaged(1);
      StringSource source(lower);
      EXPECT_TRUE(store_->unpack(layer(1), "", source));
      replaced = true;
    });
    // What must not come to pass gets the time for it.
    for (int i = 0; i < 30 && !replaced; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    EXPECT_FALSE(replaced);
  };
  {
    const auto seen = mount_view(2);
  }
  ASSERT_TRUE(other.joinable());
  other.join();
  EXPECT_TRUE(replaced);
  EXPECT_FALSE(is_present(directory_of(2) / kUnpackedName));
}

// Runs something at its first read.
class RunningSource : public StringSource {
 public:
  RunningSource(std::string_view bytes, std::function<void()> first)
      : StringSource(bytes), first_(std::move(first)) {}
  Result<size_t> read(std::span<char> buffer) override {
    if (auto run = std::exchange(first_, nullptr)) run();
    return StringSource::read(buffer);
  }

 private:
  std::function<void()> first_;
};

TEST_F(LayerStackTest, AFormThatIsDroppedStaysForWhoReadsIt) {
  add_with_form();
  const std::string tar = LayerTar().file("d/h", "3").take();
  RunningSource source(tar, [&] { change_and_drop_form(); });
  ASSERT_TRUE(store_->unpack(layer(3), layer(2), source));
  // As the directory below it, which only the form showed by then.
  struct stat st{};
  ASSERT_EQ(::stat((directory_of(3) / kTreeName / "d").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0700u);
  EXPECT_TRUE(has_retired(1));
  open(kWithoutErofs);
  EXPECT_FALSE(has_retired(1));
}

// By a check, between the answer how to mount it and the mounting.
TEST_F(LayerStackTest, AFormThatIsDroppedBeforeItIsMountedIsFoundAnew) {
  add_with_form();
  ASSERT_TRUE(store_->view("box", layer(2)));
  int asked = 0;
  const auto find = [&]() -> Result<Mount> {
    auto what = store_->mount_of("box");
    if (++asked == 1) change_and_drop_form();
    return what;
  };
  const Path target = dir_.path() / "box";
  ASSERT_TRUE(make_directories(target));
  {
    const auto box = MountedSnapshot::mount(find, target);
    ASSERT_TRUE(box) << box.error().message();
    EXPECT_EQ(asked, 2);
    EXPECT_EQ(*read_file(box->path() / "d/f"), "1");
  }
  // What is gone for good is no reason to ask for ever.
  const auto find_nothing = [&]() -> Result<Mount> {
    ++asked;
    return Mount{.lowers = {root_ / "nowhere"}, .upper = {}, .work = {}};
  };
  const auto nothing = MountedSnapshot::mount(find_nothing, target);
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().code(), Code::kNotFound);
  EXPECT_EQ(asked, 2 + MountedSnapshot::kAttempts);
}

TEST_F(LayerStackTest, WhatIsRetiredGoesWithTheLastContainerOnIt) {
  add_with_form();
  for (const char* key : {"one", "two"}) ASSERT_TRUE(store_->prepare(key, layer(2)));
  change_and_drop_form();
  EXPECT_TRUE(has_retired(1));
  open(kWithoutErofs);
  ASSERT_TRUE(store_->remove("one"));
  EXPECT_TRUE(has_retired(1));
  ASSERT_TRUE(store_->remove("two"));
  EXPECT_FALSE(has_retired(1));
}

// Which read it as a fault.
TEST_F(LayerStackTest, AFormOfAnEarlierVersionIsMadeAnew) {
  add_with_form();
  const Path digest = directory_of(1) / kUnpackedName / "digest";
  std::filesystem::remove(digest);
  EXPECT_EQ(check({.deep = true}).size(), 1u);
  EXPECT_FALSE(mount_view(2));
  open(kWithoutErofs);
  const auto seen = mount_view(2);
  ASSERT_TRUE(seen) << seen.error().message();
  EXPECT_TRUE(is_present(digest));
  EXPECT_TRUE(check({.deep = true}).empty());
}

}  // namespace
}  // namespace skiff::snapshot
