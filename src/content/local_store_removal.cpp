// How the local content store removes blobs.
#include <algorithm>
#include <cerrno>
#include <iterator>

#include "base/strings.h"
#include "content/local_store.h"

namespace skiff::content {

namespace {

// A smaller file is unlinked while a thread for it would start.
constexpr uint64_t kLargeBlob = uint64_t{1} << 20U;
// Whoever stores a blob waits as long as these take.
constexpr size_t kRemovedAtOnce = 50;

}  // namespace

Result<> LocalStore::remove(const oci::Digest& digest) {
  std::lock_guard pairing(pairing_);
  const std::optional<BlobInfo> row = TRY(table_.find(digest));
  struct stat st{};
  const bool no_file = ::stat(layout_.blob(digest).c_str(), &st) != 0 && errno == ENOENT;
  if (!row && no_file) return Error(Code::kNotFound, cat("blob ", digest.str(), " not found"));
  if (row) TRY(table_.erase({&*row, 1}));
  const BlobInfo blob{.digest = digest, .size = static_cast<uint64_t>(st.st_size)};
  return remove_file(blob).context(cat("remove blob ", digest.str()));
}

Result<> LocalStore::sync_removed(std::span<const oci::Digest> blobs) {
  std::set<Path> shelves;
  for (const oci::Digest& digest : blobs) shelves.insert(layout_.blob(digest).parent_path());
  for (const Path& shelf : shelves) {
    Result<> synced = files_.sync_directory(shelf);
    const bool never_there = !synced && synced.error().code() == Code::kNotFound;
    if (!synced && !never_there) return synced;
  }
  return table_.sync();
}

std::vector<Result<>> LocalStore::remove_all(std::span<const oci::Digest> blobs) {
  std::vector<Result<>> outcomes;
  outcomes.reserve(blobs.size());
  while (!blobs.empty()) {
    const auto some = blobs.first(std::min(blobs.size(), kRemovedAtOnce));
    std::ranges::move(remove_some(some), std::back_inserter(outcomes));
    blobs = blobs.subspan(some.size());
  }
  return outcomes;
}

// A row that a power cut brings back is of no harm: its owner knows that it is to go.
std::vector<Result<>> LocalStore::remove_some(std::span<const oci::Digest> blobs) {
  std::lock_guard pairing(pairing_);
  std::vector<BlobInfo> gone;
  gone.reserve(blobs.size());
  for (const oci::Digest& digest : blobs) {
    struct stat st{};
    const bool has_file = ::stat(layout_.blob(digest).c_str(), &st) == 0;
    gone.push_back({.digest = digest, .size = has_file ? static_cast<uint64_t>(st.st_size) : 0});
  }
  const Result<> erased = table_.erase_soon(gone);
  std::vector<Result<>> outcomes;
  for (const BlobInfo& blob : gone) {
    outcomes.push_back(erased ? remove_file(blob).context(cat("remove blob ", blob.digest.str()))
                              : erased);
  }
  return outcomes;
}

Result<> LocalStore::remove_file(const BlobInfo& blob) {
  quarantine_.drop(blob.digest);
  if (blob.size >= kLargeBlob) return trash_->take(layout_.blob(blob.digest));
  Result<> removed = files_.unlink(layout_.blob(blob.digest));
  if (!removed && removed.error().code() == Code::kNotFound) return {};
  return removed;
}

}  // namespace skiff::content
