// What somebody writes, such as what a snapshot adds to its parent, to be read:
// Snapshotter::diff() turned round.
//
//   DiffSource diff(snapshots, "container-ab", cancel);
//   auto layer = images.add_layer(diff, lease);
#pragma once

#include <functional>
#include <thread>

#include "base/cancellation.h"
#include "base/unique_fd.h"
#include "snapshot/snapshotter.h"

namespace skiff::snapshot {

// The writer runs on a thread of its own and stays as far ahead as a pipe holds. For one thread;
// ends with what the writer ended with, and with kCancelled. Destroying it stops the writer.
class DiffSource : public Source {
 public:
  // All that the writer uses must outlive this.
  DiffSource(std::function<Result<>(Sink&)> write, CancelToken cancel);
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
