#include "images/remove_platforms.h"

#include <algorithm>
#include <optional>
#include <set>

#include "base/strings.h"
#include "images/target_view.h"

namespace skiff::images {

namespace {

// What is looked at here is still so when it is changed: see Garbage::take_out().
class Taking {
 public:
  Taking(Parts& parts, ImageFinder::Found found, bool force, const InUse& in_use)
      : parts_(parts), found_(std::move(found)), force_(force), in_use_(in_use) {}

  Result<> of(std::span<const oci::Platform> platforms) {
    view_ = TRY(TargetView::of(parts_.catalog, parts_.reader));
    if (const Error* damage = view_->damage_besides({})) return *damage;
    const std::string name = found_.by_id ? found_.chosen->id().str() : found_.name.familiar();
    const auto going = TRY(exactly(platforms, name));
    is_whole_ = going.size() == found_.present.size();
    if (is_whole_) return {};
    for (const DocumentPtr& image : going) TRY(check(*image));
    for (const DocumentPtr& image : going) TRY(doom(*image));
    return {};
  }
  // Nothing of the image would be left.
  bool is_whole() const { return is_whole_; }
  Garbage::TakenOut take_parts() { return std::move(parts_of_it_); }
  // But for snapshots, of which it is not known yet which go.
  std::vector<Removed> take_removed() { return std::move(removed_); }

 private:
  static Error conflict(const Document& image, std::string_view how, std::string_view why) {
    return {Code::kFailedPrecondition,
            cat("conflict: unable to delete ", image.id().short_hex(), " (", how, ") - ", why)};
  }

  // Not one that would serve as well: who removes linux/arm/v7 means no other.
  Result<std::vector<DocumentPtr>> exactly(std::span<const oci::Platform> platforms,
                                           const std::string& name) const {
    std::vector<DocumentPtr> out;
    for (const oci::Platform& wanted : platforms) {
      const auto is_it = [&](const DocumentPtr& image) {
        return image->config.platform.normalized() == wanted.normalized();
      };
      const auto at = std::ranges::find_if(found_.present, is_it);
      if (at == found_.present.end()) return lacking_platform(name, wanted);
      if (std::ranges::find(out, *at) == out.end()) out.push_back(*at);
    }
    return out;
  }

  Result<> check(const Document& image) {
    if (view_->has_children(image.id())) {
      return conflict(image, "cannot be forced", "image has dependent child images");
    }
    const std::string user = in_use_(image.id()).container.substr(0, 12);
    if (in_use_(image.id()).running) {
      return conflict(image, "cannot be forced",
                      cat("image is being used by running container ", user));
    }
    if (!force_ && !user.empty()) {
      return conflict(image, "must be forced",
                      cat("image is being used by stopped container ", user));
    }
    for (const TargetRow* row : view_->leading_to(image.id())) {
      if (row->target.digest == found_.row.target.digest) continue;
      return conflict(image, "cannot be forced", "another image has this platform's, too");
    }
    return {};
  }

  Result<> doom(const Document& image) {
    removed_.push_back({RemovedKind::kDeleted, image.id().str()});
    for (std::string& name : image.snapshots()) {
      parts_of_it_.candidates.snapshots.insert(std::move(name));
    }
    const oci::Digest& manifest = image.descriptor.digest;
    return parts_.reader.visit(found_.row.target, [&](const oci::Descriptor& part) -> Result<> {
      const auto attested = part.annotations.find(std::string(kReferenceDigest));
      const bool states = attested != part.annotations.end() && attested->second == manifest.str();
      return states || part.digest == manifest ? doom_manifest(part) : Result<>();
    });
  }

  Result<> doom_manifest(const oci::Descriptor& manifest) {
    parts_of_it_.manifests.insert(manifest.digest);
    return parts_.reader.visit(manifest, [&](const oci::Descriptor& part) -> Result<> {
      parts_of_it_.candidates.blobs.insert(part.digest);
      return {};
    });
  }

  Parts& parts_;
  const ImageFinder::Found found_;
  const bool force_;
  const InUse& in_use_;
  std::optional<TargetView> view_;
  bool is_whole_ = false;
  Garbage::TakenOut parts_of_it_;
  std::vector<Removed> removed_;
};

}  // namespace

Result<std::vector<Removed>> remove_platforms(Parts& parts, ImageFinder& finder,
                                              const std::string& name,
                                              std::span<const oci::Platform> platforms, bool force,
                                              const InUse& in_use) {
  std::vector<Removed> removed;
  std::set<std::string> layers;
  bool is_whole = false;
  const auto choose = [&]() -> Result<Garbage::TakenOut> {
    Taking taking(parts, TRY(finder.look_up(name)), force, in_use);
    TRY(taking.of(platforms));
    is_whole = taking.is_whole();
    removed = taking.take_removed();
    Garbage::TakenOut out = taking.take_parts();
    layers = out.candidates.snapshots;
    return out;
  };
  const Garbage::Swept swept = TRY(parts.garbage.take_out(choose));
  if (is_whole) return remove_image(parts, finder, name, force, true, in_use);
  for (const std::string& snapshot : swept.snapshots) {
    if (layers.contains(snapshot)) removed.push_back({RemovedKind::kDeleted, snapshot});
  }
  return removed;
}

}  // namespace skiff::images
