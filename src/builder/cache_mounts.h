// CacheMounts: the directories of `RUN --mount=type=cache`, which outlive builds and daemons.
//
//   auto use = TRY(caches.acquire({.id = "/root/.cache", .sharing = kLocked}, cancel));
//   ... mount use.path() ...           // the next one who wants it locked waits for `use`
//
// On disk: ROOT/NAME/id, a text, whose time is that of the last use, and ROOT/NAME/data, the
// directory; NAME is made of the id, with a number where several builds want one of their own.
// Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "builder/vocabulary.h"
#include "dockerfile/run_mount.h"
#include "images/keyed_mutex.h"

namespace skiff::builder {

class CacheMounts {
 public:
  explicit CacheMounts(Path root) : root_(std::move(root)) {}

  struct Wanted {
    std::string id;
    CacheSharing sharing = CacheSharing::kShared;
    uint32_t uid = 0;
    uint32_t gid = 0;
    mode_t mode = 0755;
    // Called with a new, empty directory before it gets its owner and mode: what it begins with.
    std::function<Result<>(const Path& directory)> seed;
  };

  // The use of one directory; it must not outlive the CacheMounts.
  class Use {
   public:
    Use(Use&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)),
          name_(std::move(other.name_)),
          guard_(std::move(other.guard_)) {}
    Use& operator=(Use&&) = delete;
    ~Use();
    Path path() const { return owner_->root_ / name_ / "data"; }

   private:
    friend class CacheMounts;
    Use(CacheMounts* owner, std::string name) : owner_(owner), name_(std::move(name)) {}
    CacheMounts* owner_;
    std::string name_;
    std::optional<images::KeyedMutex::Guard> guard_;
  };

  // Removes what was being made when an earlier daemon was killed.
  Result<> start();
  // Waits for those who have it locked; kCancelled.
  Result<Use> acquire(const Wanted& wanted, const CancelToken& cancel);

  struct Entry {
    std::string name;
    std::string id;
    uint64_t bytes = 0;
    bool in_use = false;
    TimePoint last_used;
  };
  Result<std::vector<Entry>> list();
  // False where it is in use or gone.
  Result<bool> remove(const std::string& name);

 private:
  Result<> make(const std::string& name, const Wanted& wanted);
  // Counts a use of the first directory of the id that is fit.
  std::string choose_locked(const Wanted& wanted);
  void release(const std::string& name);

  Path root_;
  images::KeyedMutex making_;  // by name
  images::KeyedMutex locked_;  // by name
  std::mutex mutex_;           // of what follows
  std::map<std::string, int> uses_;
};

}  // namespace skiff::builder
