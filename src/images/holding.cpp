#include "images/holding.h"

#include "base/log.h"
#include "base/strings.h"

namespace skiff::images {

Result<std::unique_ptr<Holding>> Holding::make(Parts& parts) {
  auto lease = TRY(parts.store.lease());
  return std::make_unique<Holding>(parts, std::move(lease));
}

Holding::Holding(Parts& parts, std::unique_ptr<content::Lease> lease)
    : parts_(parts), lease_(std::move(lease)), passed_over_(parts.garbage.passed_over()) {}

Holding::~Holding() {
  pins_.clear();
  lease_.reset();
  if (!has_made_ && parts_.garbage.passed_over() == passed_over_) return;
  const auto swept = parts_.garbage.collect(&held_);
  if (!swept) log_warn(cat("after work on images: ", swept.error().message()));
}

Result<> Holding::hold(const oci::Digest& digest) {
  {
    const std::scoped_lock lock(mutex_);
    has_made_ = true;
  }
  return keep(digest);
}

Result<> Holding::keep(const oci::Digest& digest) {
  {
    const std::scoped_lock lock(mutex_);
    held_.blobs.insert(digest);
  }
  return lease_->hold(digest);
}

Result<> Holding::hold_snapshots(std::vector<std::string> names) {
  // Outside the lock: it may wait.
  Garbage::Pin pin = parts_.garbage.pin(names);
  const std::scoped_lock lock(mutex_);
  held_.snapshots.insert(names.begin(), names.end());
  pins_.push_back(std::move(pin));
  return {};
}

Result<bool> Holding::hold_image(const Image& image) {
  for (const oci::Digest& part :
       {image.target.digest, image.manifest.digest, image.manifest_doc.config.digest}) {
    TRY(keep(part));
  }
  for (const oci::Descriptor& layer : image.manifest_doc.layers) TRY(keep(layer.digest));
  TRY(hold_snapshots(layer_snapshots(image.config)));
  return is_recorded(image.target.digest);
}

Result<bool> Holding::hold_target(const oci::Descriptor& target) {
  TRY(parts_.reader.visit(target, [&](const oci::Descriptor& part) { return keep(part.digest); }));
  return is_recorded(target.digest);
}

// Asked while nothing is collected: what a recorded target had when it was held stays.
Result<bool> Holding::is_recorded(const oci::Digest& target) {
  const auto lock = parts_.garbage.adding_roots();
  return parts_.catalog.has(target);
}

}  // namespace skiff::images
