// LocalSources: directories of clients that are not of this machine, as they were last sent, so
// that the next time only what has changed has to be.
//
//   auto transfer = TRY(sources.begin(key, "context", cancel));   // others of the key wait
//   if (transfer->record() says that all is as it was) return transfer->share();
//   auto place = TRY(transfer->change());    // what is there; nothing, where a build reads that
//   ... write below place.files, and say so by transfer->progressed() ...
//   return TRY(transfer->keep(record));
//
// A tree does not change while somebody uses it. On disk: ROOT/NAME/about, whose time is that of
// the last use; ROOT/NAME/files, the tree; and ROOT/NAME/record, text of the caller's that is there
// only while the tree is whole. Nothing is synced: trees of before the last boot go at the start.
// Bounded: those used last stay. Thread-safe.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/cancellation.h"
#include "base/clock.h"
#include "base/file.h"
#include "builder/stat_cache.h"
#include "builder/vocabulary.h"
#include "solver/cache_record.h"

namespace skiff::builder {

class LocalSources {
 public:
  struct Limits {
    size_t trees = 64;
    uint64_t bytes = uint64_t{4} << 30U;
    std::chrono::hours unused{48};
    std::chrono::milliseconds patience{5000};
  };
  LocalSources(Path root, StatCache& stats, const Clock& clock)
      : LocalSources(std::move(root), stats, clock, Limits()) {}
  LocalSources(Path root, StatCache& stats, const Clock& clock, Limits limits)
      : root_(std::move(root)), stats_(stats), clock_(clock), limits_(limits) {}

  // Finds what an earlier daemon has left, and removes what is not whole.
  Result<> start();

  // A build's use of a tree; must not outlive the LocalSources.
  class Use {
   public:
    Use(Use&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)), name_(std::move(other.name_)) {}
    Use& operator=(Use&&) = delete;
    ~Use() {
      if (owner_ != nullptr) owner_->release(name_);
    }
    Path files() const { return owner_->root_ / name_ / "files"; }
    // Another one after each change, of this tree and of all others; of this daemon's life alone.
    std::string version() const;

   private:
    friend class LocalSources;
    Use(LocalSources* owner, std::string name) : owner_(owner), name_(std::move(name)) {}
    LocalSources* owner_;
    std::string name_;
  };

  struct Place {
    Path files;
    bool empty = true;
  };

  class Transfer {
   public:
    Transfer(Transfer&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)),
          hash_(std::move(other.hash_)),
          about_(std::move(other.about_)),
          record_(std::move(other.record_)),
          use_(std::move(other.use_)),
          fresh_(std::move(other.fresh_)),
          in_place_(other.in_place_) {}
    Transfer& operator=(Transfer&&) = delete;
    ~Transfer();

    // That of the tree as it is; "": there is none.
    const std::string& record() const { return record_; }
    // The tree as it is. Only where there is one.
    Use share();
    // Something has come: those who wait for this transfer go on waiting.
    void progressed();
    // Where to write. Once; without keep() after it the tree is gone.
    Result<Place> change();
    Result<Use> keep(std::string_view record);

   private:
    friend class LocalSources;
    Transfer(LocalSources& owner, std::string hash) : owner_(&owner), hash_(std::move(hash)) {}
    LocalSources* owner_;
    std::string hash_;  // of the key
    std::string about_;
    std::string record_;
    std::optional<Use> use_;        // of the tree as it is
    std::optional<TempDir> fresh_;  // in its place
    bool in_place_ = false;
  };

  // `what` is for people. nullopt: another transfer of the key has stood still for Limits::patience
  // (its client was stopped, or its network is gone), and nobody knows when it ends. kCancelled.
  Result<std::optional<Transfer>> begin(const std::string& key, const std::string& what,
                                        const CancelToken& cancel);
  TimePoint now() const { return clock_.now(); }
  // The content of an open file of a tree that has its last attributes.
  void remember(int fd, const std::string& hex);

  Result<std::vector<CacheRecord>> list();
  // False where it is in use or gone.
  Result<bool> remove(const std::string& id);

 private:
  struct Entry {
    std::string name;
    std::string what;
    uint64_t bytes = 0;
    TimePoint used;
    bool in_use = false;
  };
  Result<bool> wait_for_turn(const std::string& hash, const CancelToken& cancel);
  void end_turn(const std::string& hash);
  Result<std::vector<Entry>> entries();  // those that are whole, used last first
  std::optional<Use> use_current(const std::string& hash);
  Result<Use> put(const std::string& hash, TempDir fresh);
  void release(const std::string& name);
  void make_room();

  Path root_;
  StatCache& stats_;
  const Clock& clock_;
  Limits limits_;
  std::mutex mutex_;  // of what follows
  std::condition_variable turn_over_;
  std::map<std::string, uint64_t> transfers_;  // hash to the time of its last progress, a number
  uint64_t progress_ = 0;
  std::map<std::string, std::string> current_;  // hash to the name of its tree
  std::map<std::string, int> uses_;             // by name
  std::map<std::string, uint64_t> versions_;    // by name, of those that were used
  uint64_t latest_version_ = 0;
  uint64_t made_ = 0;
};

}  // namespace skiff::builder
