#include "base/trash.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "base/log.h"
#include "base/random.h"
#include "base/strings.h"
#include "base/tree_removal.h"

namespace skiff {

namespace {

// Who takes something writes more, and waits for the disk: only then is it made busy.
constexpr std::chrono::milliseconds kPause{300};

// Less free than a gibibyte, or of a small disk less than an eighth.
bool is_nearly_full(const Path& directory) {
  constexpr uint64_t kShort = uint64_t{1} << 30U;
  struct statvfs disk{};
  if (::statvfs(directory.c_str(), &disk) != 0) return true;
  return disk.f_bavail < std::min(kShort / disk.f_frsize, uint64_t{disk.f_blocks} / 8);
}

}  // namespace

Result<std::unique_ptr<Trash>> Trash::open(const Path& directory) {
  TRY(make_directories(directory, 0700));
  std::unique_ptr<Trash> trash(new Trash(directory));
  std::error_code error;
  for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    trash->put(entry->path());
  }
  if (error) return Error::from_errno(error.value(), cat("list ", directory.native()));
  return trash;
}

Trash::~Trash() {
  cancel_.cancel();
  settle();
  if (thread_.joinable()) thread_.join();
}

Result<> Trash::take(const Path& path) {
  if (is_nearly_full(directory_)) return remove_tree(path);
  Path taken = directory_ / random_hex(16);
  // What cannot be moved, for want of room for the name, can be removed where it is.
  if (::rename(path.c_str(), taken.c_str()) != 0) return remove_tree(path);
  put(std::move(taken));
  return {};
}

void Trash::settle() {
  std::unique_lock lock(mutex_);
  ++settlers_;
  changed_.notify_all();
  changed_.wait(lock, [&, last = taken_] { return done_ >= last || !is_working_; });
  --settlers_;
}

void Trash::put(Path path) {
  const std::scoped_lock lock(mutex_);
  waiting_.push_back(std::move(path));
  ++taken_;
  if (is_working_) return;
  if (thread_.joinable()) thread_.join();  // it has said, as its last deed, that it works no more
  is_working_ = true;
  thread_ = std::thread([this] { work(); });
}

void Trash::work() {
  const CancelToken cancel = cancel_.token();
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, kPause, [&] { return settlers_ > 0; });
  while (!waiting_.empty() && !cancel.cancelled()) {
    const Path next = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    const Result<> removed = remove_tree(next, cancel);
    // It stays until the directory is opened again.
    if (!removed && !cancel.cancelled()) log_warn(removed.error().message());
    lock.lock();
    ++done_;
    changed_.notify_all();
  }
  is_working_ = false;
  changed_.notify_all();
}

}  // namespace skiff
