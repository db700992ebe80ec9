#include "images/remove.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "base/strings.h"
#include "images/target_view.h"

namespace skiff::images {

namespace {

constexpr size_t kShortId = 12;
// Unused targets, before others have their turn: each turn looks at all targets that there are.
constexpr size_t kRemovedAtOnce = 256;

std::string short_id(const std::string& id) { return id.substr(0, kShortId); }

// One tag and the digests of its repository count as one name: removing by id may take both.
bool is_single_name(const std::vector<oci::Reference>& names) {
  if (names.size() <= 1) return true;
  const auto tags = std::ranges::count_if(names, [](const auto& n) { return !n.digest(); });
  const bool one_repository = std::ranges::all_of(
      names, [&](const auto& n) { return n.repository() == names.front().repository(); });
  return tags <= 1 && one_repository;
}

// What is looked at here is still so when it is changed: see Garbage::remove().
class Removal {
 public:
  Removal(Parts& parts, bool force, bool prune_parents, const InUse& in_use)
      : parts_(parts), force_(force), prune_parents_(prune_parents), in_use_(in_use) {}

  // Removes what `choose` drops by the functions below.
  Result<std::vector<Removed>> run(const std::function<Result<>()>& choose) {
    TRY(sweep(choose));
    // The images that these were made from go too, as far up as nobody named or used them.
    while (prune_parents_ && !parents_.empty()) {
      const std::set<std::string> parents = std::exchange(parents_, {});
      TRY(sweep([&]() -> Result<> {
        for (const std::string& parent : parents) TRY(unneeded_parent(parent));
        return {};
      }));
    }
    return std::move(removed_);
  }

  Result<> by_name(const ImageFinder::Found& found) {
    const auto names = TRY(parts_.catalog.names_of(found.row.target.digest));
    if (!force_ && is_single_name(names)) TRY(check_last_name(found));
    const auto going = TRY(names_to_remove(found, names));
    for (const oci::Reference& name : going) tell_untagged(name);
    // What still needs the image keeps it, untagged; that is no failure.
    const bool is_last = going.size() == names.size();
    if (is_last && !TRY(conflict_of(found.row, false))) return drop({found.row});
    return parts_.catalog.untag(going);
  }

  Result<> by_id(const oci::Digest& id) {
    const std::vector<TargetRow> targets = TRY(targets_of(id));
    std::vector<oci::Reference> names;
    for (const TargetRow& row : targets) {
      for (oci::Reference& name : TRY(parts_.catalog.names_of(row.target.digest))) {
        names.push_back(std::move(name));
      }
    }
    const bool names_count = !is_single_name(names);
    for (const TargetRow& row : targets) {
      if (const auto kept = TRY(conflict_of(row, names_count, targets))) return *kept;
    }
    for (const oci::Reference& name : names) tell_untagged(name);
    return drop(targets);
  }

  Result<> unused(const oci::Digest& target, ImageStore::Named named) {
    const TargetRow* row = view_->find(target);
    if (row == nullptr) return {};
    const auto names = TRY(parts_.catalog.names_of(target));
    if (named == ImageStore::Named::kNot && !names.empty()) return {};
    if (TRY(conflict_of(*row, false))) return {};
    for (const oci::Reference& name : names) tell_untagged(name);
    return drop({*row});
  }

 private:
  Result<> sweep(const std::function<Result<>()>& choose) {
    doomed_ = {};
    dropped_ = {};
    const Garbage::Swept swept = TRY(parts_.garbage.remove([&]() -> Result<Garbage::Candidates> {
      view_ = TRY(TargetView::of(parts_.catalog, parts_.reader));
      TRY(choose());
      TRY(parts_.catalog.drop_with_names(dropped_));
      return doomed_;
    }));
    for (const std::string& name : swept.snapshots) {
      // What only stood on its layers is no part of it.
      if (doomed_.snapshots.contains(name)) removed_.push_back({RemovedKind::kDeleted, name});
    }
    return {};
  }

  // As a value: a bare Error would make the whole Result a failure.
  static std::optional<Error> conflict(const oci::Digest& id, std::string_view how,
                                       std::string_view why) {
    return Error(Code::kFailedPrecondition,
                 cat("conflict: unable to delete ", id.short_hex(), " (", how, ") - ", why));
  }

  // Without its last name an image that a container uses would be left dangling.
  Result<> check_last_name(const ImageFinder::Found& found) {
    for (const DocumentPtr& image : TRY(own_images(found.row))) {
      const ImageUser user = in_use_(image->id());
      if (user.container.empty()) continue;
      return Error(Code::kFailedPrecondition,
                   cat("conflict: unable to remove repository reference ",
                       skiff::quoted(found.name.familiar()), " (must force) - container ",
                       short_id(user.container), " is using its referenced image ",
                       image->id().short_hex()));
    }
    return {};
  }

  // Of those that the target has: the one that was asked for, and with the last tag of a repository
  // the digests in it.
  Result<std::vector<oci::Reference>> names_to_remove(const ImageFinder::Found& found,
                                                      const std::vector<oci::Reference>& names) {
    const oci::Reference asked = TRY(name_to_remove(found, names));
    const auto is_beside = [&](const oci::Reference& name) {
      return name.repository() == asked.repository() && name != asked;
    };
    const bool has_tag = std::ranges::any_of(
        names, [&](const auto& name) { return is_beside(name) && !name.digest(); });
    const bool is_alone = has_tag || found.name.digest();
    std::vector<oci::Reference> going;
    for (const oci::Reference& name : names) {
      if (name == asked) going.insert(going.begin(), name);
      if (is_beside(name) && !is_alone) going.push_back(name);
    }
    return going;
  }

  // A digest may have been found through a tag of its repository; that tag is meant then.
  Result<oci::Reference> name_to_remove(const ImageFinder::Found& found,
                                        const std::vector<oci::Reference>& names) {
    if (!found.name.digest()) return found.name;
    oci::Reference bare = TRY(digest_name(found.name, *found.name.digest()));
    for (const oci::Reference& name : names) {
      if (name == bare) return bare;
    }
    for (const oci::Reference& name : names) {
      if (name.repository() == bare.repository()) return name;
    }
    return bare;
  }

  void tell_untagged(const oci::Reference& name) {
    removed_.push_back({RemovedKind::kUntagged, name.familiar()});
  }

  Result<std::vector<TargetRow>> targets_of(const oci::Digest& id) {
    std::vector<TargetRow> out;
    for (const TargetRow* row : view_->leading_to(id)) {
      const auto present = TRY(parts_.reader.present(row->target));
      if (std::ranges::any_of(present, [&](const auto& image) { return image->id() == id; })) {
        out.push_back(*row);
      }
    }
    return out;
  }

  // The images that no target has but this one and those that go with it.
  Result<std::vector<DocumentPtr>> own_images(const TargetRow& row,
                                              const std::vector<TargetRow>& going = {}) {
    std::set<oci::Digest> not_others = {row.target.digest};
    for (const TargetRow& each : going) not_others.insert(each.target.digest);
    std::vector<DocumentPtr> own;
    for (const DocumentPtr& image : TRY(parts_.reader.present(row.target))) {
      const std::vector<TargetRow> having = TRY(targets_of(image->id()));
      const auto is_going = [&](const TargetRow& each) {
        return not_others.contains(each.target.digest);
      };
      if (std::ranges::all_of(having, is_going)) own.push_back(image);
    }
    return own;
  }

  // What keeps a target from being deleted; nullopt for nothing.
  Result<std::optional<Error>> conflict_of(const TargetRow& row, bool names_count,
                                           const std::vector<TargetRow>& going = {}) {
    const auto names = TRY(parts_.catalog.names_of(row.target.digest));
    for (const DocumentPtr& image : TRY(own_images(row, going))) {
      const oci::Digest& id = image->id();
      const ImageUser user = in_use_(id);
      if (view_->has_children(id)) {
        return conflict(id, "cannot be forced", "image has dependent child images");
      }
      if (user.running) {
        return conflict(id, "cannot be forced",
                        cat("image is being used by running container ", short_id(user.container)));
      }
      if (!force_ && names_count && !names.empty()) {
        return conflict(id, "must be forced", "image is referenced in multiple repositories");
      }
      if (!force_ && !user.container.empty()) {
        return conflict(id, "must be forced",
                        cat("image is being used by stopped container ", short_id(user.container)));
      }
    }
    return std::nullopt;
  }

  // With the names that they have, together with all else that this sweep drops. Refused while
  // it cannot be known what others need of it.
  Result<> drop(const std::vector<TargetRow>& rows) {
    std::set<oci::Digest> going;
    for (const TargetRow& row : rows) going.insert(row.target.digest);
    if (const Error* damage = view_->damage_besides(going)) return *damage;
    std::vector<TargetRow> before;
    for (const TargetRow& row : rows) {
      TRY(doom_parts(row, before));
      before.push_back(row);
      if (!row.parent.empty()) parents_.insert(row.parent);
    }
    dropped_.insert(dropped_.end(), going.begin(), going.end());
    for (const oci::Digest& target : going) view_->drop(target);
    return {};
  }

  Result<> doom_parts(const TargetRow& row, const std::vector<TargetRow>& going_before) {
    Result<> visited =
        parts_.reader.visit(row.target, [&](const oci::Descriptor& part) -> Result<> {
          doomed_.blobs.insert(part.digest);
          return {};
        });
    // Where a damaged document leads, a prune finds.
    if (!visited && visited.error().code() != Code::kDataLoss) return visited;
    for (const DocumentPtr& image : TRY(own_images(row, going_before))) {
      for (std::string& name : image->snapshots()) doomed_.snapshots.insert(std::move(name));
      removed_.push_back({RemovedKind::kDeleted, image->id().str()});
    }
    return {};
  }

  Result<> unneeded_parent(const std::string& parent) {
    std::vector<TargetRow> going;
    for (const TargetRow& row : TRY(targets_of(TRY(oci::Digest::parse(parent))))) {
      const bool named = !TRY(parts_.catalog.names_of(row.target.digest)).empty();
      if (!named && !TRY(conflict_of(row, true, going))) going.push_back(row);
    }
    return drop(going);
  }

  Parts& parts_;
  const bool force_;
  const bool prune_parents_;
  const InUse& in_use_;
  std::vector<Removed> removed_;
  std::optional<TargetView> view_;    // of a sweep
  std::set<std::string> parents_;     // image ids
  std::vector<oci::Digest> dropped_;  // targets
  Garbage::Candidates doomed_;        // their parts
};

}  // namespace

Result<std::vector<Removed>> remove_image(Parts& parts, ImageFinder& finder,
                                          const std::string& name, bool force, bool prune_parents,
                                          const InUse& in_use) {
  Removal removal(parts, force, prune_parents, in_use);
  return removal.run([&]() -> Result<> {
    const ImageFinder::Found found = TRY(finder.look_up(name));
    return found.by_id ? removal.by_id(found.chosen->id()) : removal.by_name(found);
  });
}

Result<std::vector<Removed>> remove_unused(Parts& parts, std::span<const oci::Digest> targets,
                                           ImageStore::Named named, const InUse& in_use) {
  std::vector<Removed> removed;
  while (!targets.empty()) {
    const auto some = targets.first(std::min(targets.size(), kRemovedAtOnce));
    targets = targets.subspan(some.size());
    Removal removal(parts, false, true, in_use);
    const auto gone = TRY(removal.run([&]() -> Result<> {
      for (const oci::Digest& target : some) TRY(removal.unused(target, named));
      return {};
    }));
    removed.insert(removed.end(), gone.begin(), gone.end());
  }
  return removed;
}

}  // namespace skiff::images
