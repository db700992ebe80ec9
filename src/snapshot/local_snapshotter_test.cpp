#include "snapshot/snapshotter_check_suite.h"
#include "snapshot/snapshotter_suite.h"
#include "snapshot/snapshotter_trees_suite.h"

namespace skiff::snapshot {
namespace {

template <Backend backend>
Result<std::unique_ptr<Snapshotter>> open_store(const Path& root, const Clock& clock) {
  return open_snapshotter(root, {.backend = backend}, DurableFiles::system(), clock);
}

INSTANTIATE_TEST_SUITE_P(Overlay, SnapshotterSuite,
                         testing::Values(&open_store<Backend::kOverlay>));
INSTANTIATE_TEST_SUITE_P(Erofs, SnapshotterSuite, testing::Values(&open_store<Backend::kErofs>));

// What is kept of an indexed layer tells itself whether it is whole.
TEST(SnapshotterCheck, ALayersTarIsWhatItsChainIdSays) {
  const TempDir dir = *TempDir::make("/tmp", "skiff-snapshot-");
  const ManualClock clock(Clock::system().now());
  auto store = *open_store<Backend::kErofs>(dir.path(), clock);
  const std::string tar = LayerTar().file("f", std::string(5000, 'x')).take();
  const std::string lower = oci::Digest::of(tar).str();
  const std::string upper = oci::Digest::of(cat(lower, " ", oci::Digest::of(tar).str())).str();
  for (const auto& [name, parent] : {std::pair(lower, std::string()), std::pair(upper, lower)}) {
    StringSource source(tar);
    ASSERT_TRUE(store->unpack(name, parent, source));
  }
  EXPECT_TRUE(check_of(*store, {.deep = true}).empty());
  const Path kept = dir.path() / "snapshots/2/layer.tar";
  std::string bytes = *read_file(kept);
  bytes[1000] ^= 1;
  ASSERT_TRUE(write_file(kept, bytes));
  EXPECT_TRUE(check_of(*store).empty());
  EXPECT_EQ(check_of(*store, {.deep = true}).size(), 1u);
  expect_mended(*store, 1, true);
  EXPECT_TRUE(store->stat(lower));
  EXPECT_FALSE(store->stat(upper));
  std::filesystem::remove(dir.path() / "snapshots/1/layer.erofs");
  EXPECT_EQ(check_of(*store).at(0).what, cat("layer ", lower, " is damaged: its index is gone"));
  expect_mended(*store, 1);
}

}  // namespace
}  // namespace skiff::snapshot
