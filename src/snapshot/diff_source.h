// What a snapshot adds to its parent, to be read: Snapshotter::diff() turned round.
//
//   DiffSource diff(snapshots, "container-ab", cancel);
//   auto layer = images.add_layer(diff, lease);
#pragma once

#include <thread>

#include "base/cancellation.h"
#include "base/unique_fd.h"
#include "snapshot/snapshotter.h"

namespace skiff::snapshot {

// The diff runs on a thread of its own and stays as far ahead as a pipe holds. For one thread;
// ends with what the diff ended with, and with kCancelled. Destroying it stops the diff.
class DiffSource : public Source {
 public:
  // `snapshots` must outlive this.
  DiffSource(Snapshotter& snapshots, const std::string& key, CancelToken cancel);
  ~DiffSource() override;
  DiffSource(const DiffSource&) = delete;
  DiffSource& operator=(const DiffSource&) = delete;

  Result<size_t> read(std::span<char> buffer) override;

 private:
  CancelToken cancel_;
  UniqueFd read_;
  Result<> result_;  // written by the thread, read after its end
  std::thread thread_;
};

}  // namespace skiff::snapshot
