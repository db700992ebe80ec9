#include "registry/digest_locks.h"

namespace skiff::registry {

DigestLocks::Guard DigestLocks::lock(const oci::Digest& digest) {
  std::unique_lock lock(mutex_);
  released_.wait(lock, [&] { return !held_.contains(digest); });
  held_.insert(digest);
  return {*this, digest};
}

std::optional<DigestLocks::Guard> DigestLocks::try_lock(const oci::Digest& digest) {
  std::lock_guard lock(mutex_);
  if (!held_.insert(digest).second) return std::nullopt;
  return std::optional<Guard>(std::in_place, *this, digest);
}

void DigestLocks::release(const oci::Digest& digest) {
  {
    std::lock_guard lock(mutex_);
    held_.erase(digest);
  }
  released_.notify_all();
}

}  // namespace skiff::registry
