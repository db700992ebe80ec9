#include "snapshot/snapshotter_suite.h"
#include "snapshot/snapshotter_trees_suite.h"

namespace skiff::snapshot {
namespace {

Result<std::unique_ptr<Snapshotter>> open_overlay(const Path& root, const Clock& clock) {
  return open_overlay_snapshotter(root, DurableFiles::system(), clock);
}

INSTANTIATE_TEST_SUITE_P(Overlay, SnapshotterSuite, testing::Values(&open_overlay));

}  // namespace
}  // namespace skiff::snapshot
