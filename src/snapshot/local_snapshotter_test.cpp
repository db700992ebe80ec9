#include "snapshot/snapshotter_suite.h"
#include "snapshot/snapshotter_trees_suite.h"

namespace skiff::snapshot {
namespace {

template <Backend backend>
Result<std::unique_ptr<Snapshotter>> open_store(const Path& root, const Clock& clock) {
  return open_snapshotter(root, backend, DurableFiles::system(), clock);
}

INSTANTIATE_TEST_SUITE_P(Overlay, SnapshotterSuite,
                         testing::Values(&open_store<Backend::kOverlay>));
INSTANTIATE_TEST_SUITE_P(Erofs, SnapshotterSuite, testing::Values(&open_store<Backend::kErofs>));

}  // namespace
}  // namespace skiff::snapshot
