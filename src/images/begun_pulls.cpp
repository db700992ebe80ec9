#include "images/begun_pulls.h"

namespace skiff::images {

Result<BegunPulls::Pull> BegunPulls::begin(const oci::Descriptor& target, TimePoint now) {
  const std::scoped_lock lock(mutex_);
  TRY(catalog_.begin(target, now));
  ++under_way_[target.digest];
  return Pull(this, target.digest);
}

BegunPulls::Pull::~Pull() {
  if (owner_ == nullptr) return;
  const std::scoped_lock lock(owner_->mutex_);
  const auto found = owner_->under_way_.find(target_);
  if (--found->second == 0) owner_->under_way_.erase(found);
}

Result<> BegunPulls::Pull::give_up() {
  BegunPulls& owner = *std::exchange(owner_, nullptr);
  const std::scoped_lock lock(owner.mutex_);
  const auto found = owner.under_way_.find(target_);
  if (--found->second > 0) return {};
  owner.under_way_.erase(found);
  return owner.catalog_.abandon(target_);
}

}  // namespace skiff::images
