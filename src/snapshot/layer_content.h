// What the files of indexed layers hold, compared with what they must.
#pragma once

#include "content/scrub.h"
#include "snapshot/snapshot_table.h"

namespace skiff::snapshot {

struct ReadOptions {
  uint64_t bytes_per_second = 0;  // 0 for as fast as it goes
  const CancelToken& cancel;
  bool is_fresh = false;  // it was written just now: memory tells what it is
};

// Changes when somebody touches the tar or the index: their sizes and times. "" where the layer has
// neither.
std::string files_stamp(const Path& layer);
// Since the row was written or the files were last found right; false where nobody knows.
bool is_touched(const SnapshotRow& row, const Path& layer);

// A fault that was looked for: what the disk does not give is damaged; what we were not able to ask
// for is an error, and so is kCancelled.
Result<std::string> fault_or_error(Result<std::string> found);

// What is wrong with the layer's tar, or with its index; "" for nothing, and where nobody knows
// what it must be. A file that cannot be read is damaged; kCancelled.
Result<std::string> tar_fault(const Path& layer, const SnapshotRow& row, const ReadOptions& how);
Result<std::string> index_fault(const Path& layer, const SnapshotRow& row, const ReadOptions& how);

struct KeptLayers {
  SnapshotTable& table;
  Path directory;                  // ROOT/snapshots
  std::recursive_mutex& changing;  // see layer_stack.h
  const Clock& clock;
};
// Reads the layers that are due, those longest not read first; tells of each damaged one, and keeps
// in the table what was found.
Result<content::ScrubTotals> scrub_layers(const KeptLayers& layers,
                                          const content::ScrubOptions& options,
                                          const std::function<void(const Error&)>& damaged,
                                          const CancelToken& cancel);

}  // namespace skiff::snapshot
