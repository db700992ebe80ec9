#include "images/garbage.h"

#include <algorithm>
#include <iterator>

#include "base/log.h"
#include "base/strings.h"

namespace skiff::images {

namespace {

// Those of the committed snapshots that are in `marked` or `used`, and all below them.
std::set<std::string> with_parents(const std::map<std::string, std::string>& committed,
                                   const std::set<std::string>& marked,
                                   const std::vector<std::string>& used) {
  std::vector<std::string> needed(marked.begin(), marked.end());
  needed.insert(needed.end(), used.begin(), used.end());
  std::set<std::string> all;
  while (!needed.empty()) {
    const std::string name = std::move(needed.back());
    needed.pop_back();
    const auto found = committed.find(name);
    if (found != committed.end() && all.insert(name).second) needed.push_back(found->second);
  }
  return all;
}

template <typename T>
std::set<T> without(const std::set<T>& all, const std::set<T>& those) {
  std::set<T> rest;
  std::ranges::set_difference(all, those, std::inserter(rest, rest.end()));
  return rest;
}

// Whether the snapshot or one below it is among `those`: what is made for an image's
// containers goes with the image.
bool stands_on(const std::map<std::string, std::string>& committed, const std::string& name,
               const std::set<std::string>& those) {
  for (auto at = committed.find(name); at != committed.end(); at = committed.find(at->second)) {
    if (those.contains(at->first)) return true;
  }
  return false;
}

}  // namespace

Garbage::Pin Garbage::pin(std::vector<std::string> snapshots) {
  const auto lock = adding_roots();
  const std::scoped_lock pins_lock(mutex_);
  for (const std::string& name : snapshots) ++pins_[name];
  return Pin(this, std::move(snapshots));
}

void Garbage::unpin(const std::vector<std::string>& names) {
  const std::scoped_lock lock(mutex_);
  for (const std::string& name : names) {
    auto found = pins_.find(name);
    if (found != pins_.end() && --found->second == 0) pins_.erase(found);
  }
}

void Garbage::set_extra_roots(std::function<Result<ImageStore::Roots>()> roots) {
  const std::scoped_lock lock(mutex_);
  extra_roots_ = std::move(roots);
}

Result<Garbage::Swept> Garbage::collect(const Candidates* only) {
  const auto lock = collecting();
  return collect_locked(only);
}

Result<Garbage::Swept> Garbage::remove(const std::function<Result<Candidates>()>& drop) {
  const auto lock = collecting();
  const Candidates parts = TRY(drop());
  reader_.changed();
  if (parts.blobs.empty() && parts.snapshots.empty()) return Swept{};
  return collect_locked(&parts);
}

Result<Garbage::Swept> Garbage::take_out(const std::function<Result<TakenOut>()>& choose) {
  const auto lock = collecting();
  const TakenOut parts = TRY(choose());
  if (parts.manifests.empty()) return Swept{};
  TRY(store_.collect_among(parts.manifests));
  reader_.forget_all();
  for (const oci::Digest& manifest : parts.manifests) {
    if (!TRY(reader_.has(manifest))) continue;
    return Error(Code::kFailedPrecondition,
                 cat("manifest ", manifest.str(), " is being pulled, pushed or built on"));
  }
  TRY(catalog_.forget_blobs(parts.manifests));
  return collect_locked(&parts.candidates);
}

Result<bool> Garbage::drop_broken(const oci::Digest& target,
                                  const std::function<Result<bool>()>& is_broken) {
  // With nobody recording what would make it whole.
  const auto lock = collecting();
  if (!TRY(is_broken())) return false;
  TRY(catalog_.drop_with_names({target}));
  reader_.changed();
  return true;
}

Result<Garbage::Swept> Garbage::collect_locked(const Candidates* only) {
  // First: what a build or an unpacking commits after its marks were asked for is none of ours.
  const Listed listed = TRY_CONTEXT(list_snapshots(), "collect garbage");
  const Marked marked = TRY_CONTEXT(mark(Begun::kKept, only), "collect garbage");
  Swept swept;
  TRY_CONTEXT(sweep_snapshots(listed, marked, only, swept), "collect garbage");
  TRY_CONTEXT(sweep_blobs(marked, only, swept), "collect garbage");
  return swept;
}

Result<Garbage::Listed> Garbage::list_snapshots() {
  Listed listed;
  TRY(snapshots_.walk([&](const snapshot::Info& info) -> Result<> {
    if (info.kind == snapshot::Kind::kCommitted) {
      listed.committed[info.name] = info.parent;
    } else {
      listed.used.push_back(info.parent);
    }
    return {};
  }));
  return listed;
}

Result<uint64_t> Garbage::unneeded() {
  Listed listed;
  Marked marked;
  uint64_t bytes = 0;
  {
    // As in a collection; the counting of files takes longer.
    const auto lock = collecting();
    listed = TRY(list_snapshots());
    marked = TRY(mark(Begun::kGivenUp, nullptr));
    bytes = TRY(store_.collectable(marked.blobs));
  }
  const auto needed = with_parents(listed.committed, marked.snapshots, listed.used);
  const auto pinned = with_parents(listed.committed, marked.pinned, {});
  for (const auto& [name, parent] : listed.committed) {
    const bool is_kept = needed.contains(name) || pinned.contains(name);
    if (is_kept || !oci::Digest::parse(name)) continue;
    const auto usage = snapshots_.usage(name, snapshot::Snapshotter::Asked::kInPassing);
    if (usage) bytes += usage->bytes;  // else removed since
  }
  return bytes;
}

Result<Garbage::Marked> Garbage::mark(Begun begun, const Candidates* only) {
  Marked marked;
  for (const TargetRow& row : TRY(catalog_.targets())) {
    TRY(mark_target(row.target, only, marked));
  }
  const auto resumable =
      begun == Begun::kKept ? TRY(catalog_.begun()) : std::vector<oci::Descriptor>();
  for (const oci::Descriptor& target : resumable) {
    // What of it cannot be read any more is fetched anew.
    if (const auto done = mark_target(target, only, marked); !done)
      log_info(done.error().message());
  }
  std::function<Result<ImageStore::Roots>()> extra_roots;
  {
    const std::scoped_lock lock(mutex_);
    extra_roots = extra_roots_;
  }
  if (extra_roots) {
    ImageStore::Roots roots = TRY(extra_roots());
    marked.snapshots.insert(roots.snapshots.begin(), roots.snapshots.end());
    marked.blobs.insert(roots.blobs.begin(), roots.blobs.end());
  }
  const std::scoped_lock lock(mutex_);
  for (const auto& [name, count] : pins_) marked.pinned.insert(name);
  return marked;
}

Result<> Garbage::mark_target(const oci::Descriptor& target, const Candidates* only,
                              Marked& marked) {
  const ImageReader::ReachPtr reach = TRY(reader_.reach_of(target));
  if (reach->damage) return *reach->damage;
  for (const oci::Digest& blob : reach->blobs) {
    if (only == nullptr || only->blobs.contains(blob)) marked.blobs.insert(blob);
  }
  marked.snapshots.insert(reach->snapshots.begin(), reach->snapshots.end());
  return {};
}

Result<> Garbage::sweep_snapshots(const Listed& listed, const Marked& marked,
                                  const Candidates* only, Swept& swept) {
  const std::map<std::string, std::string>& parents = listed.committed;
  const std::set<std::string> needed = with_parents(parents, marked.snapshots, listed.used);
  const std::set<std::string> pinned = with_parents(parents, marked.pinned, {});
  std::map<std::string, int> children;
  for (const auto& [name, parent] : parents) ++children[parent];
  std::vector<std::string> leaves;
  for (const auto& [name, parent] : parents) {
    if (children[name] == 0) leaves.push_back(name);
  }
  const auto unneeded =
      only == nullptr ? std::set<std::string>() : without(only->snapshots, needed);
  const auto doomed = without(unneeded, pinned);
  bool is_passed_over = false;
  while (!leaves.empty()) {
    const std::string name = std::move(leaves.back());
    leaves.pop_back();
    if (needed.contains(name)) continue;
    if (only != nullptr && !stands_on(parents, name, unneeded)) continue;
    if (pinned.contains(name) || (only != nullptr && !stands_on(parents, name, doomed))) {
      is_passed_over = true;
      continue;
    }
    if (!TRY(remove_snapshot(name, swept))) continue;
    const std::string& parent = parents.at(name);
    if (--children[parent] == 0 && parents.contains(parent)) leaves.push_back(parent);
  }
  if (is_passed_over) ++passed_over_;
  return {};
}

// False where it was taken as a parent or removed since it was listed.
Result<bool> Garbage::remove_snapshot(const std::string& name, Swept& swept) {
  const auto usage = snapshots_.usage(name, snapshot::Snapshotter::Asked::kInPassing);
  const auto removed = snapshots_.remove(name);
  if (!removed) {
    const Code code = removed.error().code();
    if (code != Code::kFailedPrecondition && code != Code::kNotFound) return removed.error();
    log_info(cat("snapshot stays: ", removed.error().message()));
    return false;
  }
  swept.bytes += usage ? usage->bytes : 0;
  swept.snapshots.push_back(name);
  return true;
}

Result<> Garbage::sweep_blobs(const Marked& marked, const Candidates* only, Swept& swept) {
  if (only != nullptr) swept.unneeded = without(only->blobs, marked.blobs);
  std::set<oci::Digest> doomed;
  uint64_t bytes = 0;
  const auto doom = [&](const content::BlobInfo& blob) {
    doomed.insert(blob.digest);
    bytes += blob.size;
  };
  if (only == nullptr) {
    TRY(store_.walk([&](const content::BlobInfo& blob) -> Result<> {
      if (!marked.blobs.contains(blob.digest)) doom(blob);
      return {};
    }));
  }
  for (const oci::Digest& digest : swept.unneeded) {
    const auto blob = store_.info(digest);
    if (!blob && blob.error().code() != Code::kNotFound) return blob.error();
    if (blob) doom(*blob);
  }
  if (doomed.empty()) return {};
  const uint64_t freed =
      TRY(only == nullptr ? store_.collect(marked.blobs) : store_.collect_among(doomed));
  if (freed < bytes) ++passed_over_;
  swept.bytes += freed;
  reader_.forget(doomed);
  return catalog_.forget_blobs(doomed);
}

}  // namespace skiff::images
