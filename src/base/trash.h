// Trash: removes files and trees while nobody waits. To unlink a file of a gigabyte takes a fifth
// of a second, of waiting for the disk; to rename it takes nothing.
//
//   auto trash = TRY(Trash::open(root / "trash"));
//   TRY(trash->take(root / "blobs/ab"));  // from now on there is no such name
//   trash->settle();                      // and now its room is free
//
// What is taken is gone for all who look, and one thread, which lives only as long as there is
// work, removes it a moment later, or as soon as somebody settles. Destroying the trash waits for
// no more than the file at hand: the rest is removed by the next that opens the directory.
// Thread-safe.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

#include "base/cancellation.h"
#include "base/file.h"

namespace skiff {

class Trash {
 public:
  // `directory`, made where it is missing, must be on the file system of what is to be taken. What
  // an earlier process has left in it is removed.
  static Result<std::unique_ptr<Trash>> open(const Path& directory);
  Trash(const Trash&) = delete;
  Trash& operator=(const Trash&) = delete;
  ~Trash();

  // Takes a file or a tree; a missing one is success. On a disk that is nearly full it is removed
  // at once: somebody needs its room.
  Result<> take(const Path& path);
  // Waits until all that was taken before is removed; what others bring meanwhile keeps nobody.
  void settle();

 private:
  explicit Trash(Path directory) : directory_(std::move(directory)) {}
  void put(Path path);
  void work();

  const Path directory_;
  CancelSource cancel_;
  std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  std::deque<Path> waiting_;
  uint64_t taken_ = 0;
  uint64_t done_ = 0;  // of these, in order
  bool is_working_ = false;
  int settlers_ = 0;
  std::thread thread_;
};

}  // namespace skiff
