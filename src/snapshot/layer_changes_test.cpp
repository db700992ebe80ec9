// Layers whose files are changed while others read them.
#include "snapshot/layer_directory.h"
#include "snapshot/suite_support.h"

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
  const auto scrubbed = store_->scrub({.unread_since = clock_.now()},
                                      [&](const Error&) { lose_and_remake(); }, {});
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

}  // namespace
}  // namespace skiff::snapshot
