// Garbage: removes what nothing needs, while pulls, builds and loads go on.
//
// A collection lists the committed snapshots, marks what the targets, unfinished pulls, the extra
// roots, active snapshots and pins lead to, and then sweeps what of the list is unmarked, all under
// one exclusive lock. Whoever makes a new root (writes a name) holds that lock shared meanwhile,
// and a lease on the blobs or a pin on the snapshots until it has it back: so the root was there
// before the mark, or the lease outlives the sweep. Thread-safe.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <string>
#include <vector>

#include "content/content_store.h"
#include "images/catalog.h"
#include "images/image_reader.h"
#include "images/image_store.h"
#include "snapshot/snapshotter.h"

namespace skiff::images {

class Garbage {
 public:
  Garbage(content::ContentStore& store, snapshot::Snapshotter& snapshots, Catalog& catalog,
          ImageReader& reader)
      : store_(store), snapshots_(snapshots), catalog_(catalog), reader_(reader) {}

  // To hold while a name or target is written; not twice by one thread. Waits for a collection that
  // runs, or has asked to.
  [[nodiscard]] std::shared_lock<std::shared_mutex> adding_roots() {
    const std::scoped_lock turn(turn_);
    return std::shared_lock(collecting_);
  }

  // Keeps committed snapshots, present or to come, until it is destroyed.
  class Pin {
   public:
    Pin(Pin&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)), names_(std::move(other.names_)) {}
    Pin& operator=(Pin&&) = delete;
    ~Pin() {
      if (owner_ != nullptr) owner_->unpin(names_);
    }

   private:
    friend class Garbage;
    Pin(Garbage* owner, std::vector<std::string> names) : owner_(owner), names_(std::move(names)) {}
    Garbage* owner_;
    std::vector<std::string> names_;
  };
  Pin pin(std::vector<std::string> snapshots);

  void set_extra_roots(std::function<Result<ImageStore::Roots>()> roots);

  // What a collection may remove.
  struct Candidates {
    std::set<oci::Digest> blobs;
    std::set<std::string> snapshots;
  };
  struct Swept {
    uint64_t bytes = 0;
    std::vector<std::string> snapshots;  // each before its parent
    // Of the candidates, what nothing leads to, whether it was here or not.
    std::set<oci::Digest> unneeded;
  };
  // Everything that nothing needs, or only what is also among the candidates or stands on them.
  Result<Swept> collect(const Candidates* only = nullptr);
  // What of the parts of dropped targets nothing needs. `drop` takes names and targets out of the
  // catalog and tells the parts, all while nobody records or holds any.
  Result<Swept> remove(const std::function<Result<Candidates>()>& drop);
  // Manifests that go although indexes name them, and the parts of these.
  struct TakenOut {
    std::set<oci::Digest> manifests;
    Candidates candidates;
  };
  // Removes manifests that `choose` tells, and what of their parts nothing needs then; refused
  // (kFailedPrecondition) while somebody holds one of them.
  Result<Swept> take_out(const std::function<Result<TakenOut>()>& choose);
  // The bytes of what a collection would take once nobody wants to go on with a broken-off pull,
  // but for snapshots that are made anew for each container.
  Result<uint64_t> unneeded();
  // Changes whenever a collection leaves something that it would have taken but for a lease or pin.
  uint64_t passed_over() const { return passed_over_; }
  // Drops a target with its names if it still is broken; false where not.
  Result<bool> drop_broken(const oci::Digest& target,
                           const std::function<Result<bool>()>& is_broken);

 private:
  struct Marked {
    std::set<oci::Digest> blobs;
    std::set<std::string> snapshots;
    std::set<std::string> pinned;  // here or to come
  };
  // The snapshots at one moment: the committed ones with their parents, and what active ones
  // and views stand on.
  struct Listed {
    std::map<std::string, std::string> committed;
    std::vector<std::string> used;
  };
  [[nodiscard]] std::unique_lock<std::shared_mutex> collecting() {
    const std::scoped_lock turn(turn_);
    return std::unique_lock(collecting_);
  }
  Result<Swept> collect_locked(const Candidates* only);
  Result<Listed> list_snapshots();
  enum class Begun { kKept, kGivenUp };
  // Of the blobs of targets only those among `only`.
  Result<Marked> mark(Begun begun, const Candidates* only);
  Result<> mark_target(const oci::Descriptor& target, const Candidates* only, Marked& marked);
  Result<> sweep_snapshots(const Listed& listed, const Marked& marked, const Candidates* only,
                           Swept& swept);
  Result<bool> remove_snapshot(const std::string& name, Swept& swept);
  Result<> sweep_blobs(const Marked& marked, const Candidates* only, Swept& swept);
  void unpin(const std::vector<std::string>& names);

  content::ContentStore& store_;
  snapshot::Snapshotter& snapshots_;
  Catalog& catalog_;
  ImageReader& reader_;
  // In which the other is asked for: it alone lets through who shares it before who does not, and
  // a collection would wait for as long as anybody adds roots.
  std::mutex turn_;
  std::shared_mutex collecting_;
  std::atomic<uint64_t> passed_over_ = 0;
  std::mutex mutex_;  // of what follows
  std::map<std::string, int> pins_;
  std::function<Result<ImageStore::Roots>()> extra_roots_;
};

}  // namespace skiff::images
