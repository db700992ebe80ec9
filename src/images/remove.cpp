#include "images/remove.h"

#include <algorithm>

#include "base/strings.h"

namespace skiff::images {

namespace {

constexpr size_t kShortId = 12;

std::string short_id(const std::string& id) { return id.substr(0, kShortId); }

// One tag and the digests of its repository count as one name: removing by id may take both.
bool is_single_name(const std::vector<oci::Reference>& names) {
  if (names.size() <= 1) return true;
  const auto tags = std::ranges::count_if(names, [](const auto& n) { return !n.digest(); });
  const bool one_repository = std::ranges::all_of(
      names, [&](const auto& n) { return n.repository() == names.front().repository(); });
  return tags <= 1 && one_repository;
}

class Removal {
 public:
  Removal(Parts& parts, bool force, bool prune_parents, const InUse& in_use)
      : parts_(parts), force_(force), prune_parents_(prune_parents), in_use_(in_use) {}

  Result<std::vector<Removed>> by_name(const ImageFinder::Found& found) {
    const oci::Digest target = found.row.target.digest;
    if (!force_ && is_single_name(TRY(parts_.catalog.names_of(target)))) {
      TRY(check_last_name(found));
    }
    TRY(untag(TRY(name_to_remove(found))));
    const std::vector<oci::Reference> rest = TRY(drop_lonely_digests(target, found.name));
    // What still needs the image keeps it, untagged; that is no failure.
    if (rest.empty()) TRY(remove_target(found.row, ImageStore::Named::kNot));
    return std::move(removed_);
  }

  Result<std::vector<Removed>> by_id(const oci::Digest& id) {
    const std::vector<TargetRow> targets = TRY(targets_of(id));
    std::vector<oci::Reference> names;
    for (const TargetRow& row : targets) {
      for (oci::Reference& name : TRY(parts_.catalog.names_of(row.target.digest))) {
        names.push_back(std::move(name));
      }
    }
    const bool names_count = !is_single_name(names);
    for (const TargetRow& row : targets) {
      if (const auto kept = TRY(conflict_of(row, names_count))) return *kept;
    }
    for (const oci::Reference& name : names) TRY(untag(name));
    // As above: one that is used since then, or has been given a name.
    for (const TargetRow& row : targets) TRY(remove_target(row, ImageStore::Named::kNot));
    return std::move(removed_);
  }

  Result<std::vector<Removed>> unused(const oci::Digest& target, ImageStore::Named named) {
    for (const TargetRow& row : TRY(parts_.catalog.targets())) {
      if (row.target.digest == target) TRY(remove_target(row, named));
    }
    return std::move(removed_);
  }

 private:
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

  // A digest may have been found through a tag of its repository; that tag is meant then.
  Result<oci::Reference> name_to_remove(const ImageFinder::Found& found) {
    if (!found.name.digest()) return found.name;
    oci::Reference bare = TRY(digest_name(found.name, *found.name.digest()));
    const auto names = TRY(parts_.catalog.names_of(found.row.target.digest));
    for (const oci::Reference& name : names) {
      if (name == bare) return bare;
    }
    for (const oci::Reference& name : names) {
      if (name.repository() == bare.repository()) return name;
    }
    return bare;
  }

  Result<> untag(const oci::Reference& name) {
    if (TRY(parts_.catalog.untag(name))) {
      removed_.push_back({RemovedKind::kUntagged, name.familiar()});
    }
    return {};
  }

  // The digests of a repository go with its last tag. Returns the names that stay.
  Result<std::vector<oci::Reference>> drop_lonely_digests(const oci::Digest& target,
                                                          const oci::Reference& gone) {
    std::vector<oci::Reference> names = TRY(parts_.catalog.names_of(target));
    const auto in_repository = [&](const oci::Reference& name) {
      return name.repository() == gone.repository();
    };
    const bool has_tag = std::ranges::any_of(
        names, [&](const auto& name) { return in_repository(name) && !name.digest(); });
    if (has_tag || gone.digest()) return names;
    for (const oci::Reference& name : names) {
      if (in_repository(name)) TRY(untag(name));
    }
    std::erase_if(names, in_repository);
    return names;
  }

  Result<std::vector<TargetRow>> targets_of(const oci::Digest& id) {
    std::vector<TargetRow> out;
    for (const TargetRow& row : TRY(parts_.catalog.targets())) {
      const auto present = TRY(parts_.reader.present(row.target));
      if (std::ranges::any_of(present, [&](const auto& image) { return image->id() == id; })) {
        out.push_back(row);
      }
    }
    return out;
  }

  // The images that only this target has.
  Result<std::vector<DocumentPtr>> own_images(const TargetRow& row) {
    std::vector<DocumentPtr> images = TRY(parts_.reader.present(row.target));
    for (const TargetRow& other : TRY(parts_.catalog.targets())) {
      if (other.target.digest == row.target.digest) continue;
      for (const DocumentPtr& shared : TRY(parts_.reader.present(other.target))) {
        std::erase_if(images, [&](const auto& image) { return image->id() == shared->id(); });
      }
    }
    return images;
  }

  // What keeps a target from being deleted; nullopt for nothing.
  Result<std::optional<Error>> conflict_of(const TargetRow& row, bool names_count) {
    const auto names = TRY(parts_.catalog.names_of(row.target.digest));
    for (const DocumentPtr& image : TRY(own_images(row))) {
      const oci::Digest& id = image->id();
      const ImageUser user = in_use_(id);
      if (TRY(has_children(id))) {
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

  Result<bool> has_children(const oci::Digest& id) {
    const std::vector<TargetRow> rows = TRY(parts_.catalog.targets());
    return std::ranges::any_of(rows, [&](const auto& row) { return row.parent == id.str(); });
  }

  // Unless something keeps it by then.
  Result<> remove_target(const TargetRow& row, ImageStore::Named named) {
    Garbage::Candidates parts;
    TRY(parts_.reader.visit(row.target, [&](const oci::Descriptor& part) -> Result<> {
      parts.blobs.insert(part.digest);
      return {};
    }));
    const std::vector<DocumentPtr> images = TRY(own_images(row));
    for (const DocumentPtr& image : images) {
      for (std::string& name : image->snapshots()) parts.snapshots.insert(std::move(name));
    }
    const auto swept = TRY(drop_unused(row, named, parts));
    if (!swept) return {};
    for (const DocumentPtr& image : images) {
      removed_.push_back({RemovedKind::kDeleted, image->id().str()});
    }
    for (const std::string& name : swept->snapshots) {
      // What only stood on its layers is no part of it.
      if (parts.snapshots.contains(name)) removed_.push_back({RemovedKind::kDeleted, name});
    }
    return prune_parents_ ? prune_parent(row.parent) : Result<>();
  }

  Result<std::optional<Garbage::Swept>> drop_unused(const TargetRow& row, ImageStore::Named named,
                                                    const Garbage::Candidates& parts) {
    return parts_.garbage.drop_target_if(row.target.digest, parts, [&]() -> Result<bool> {
      const auto names = TRY(parts_.catalog.names_of(row.target.digest));
      if (named == ImageStore::Named::kNot && !names.empty()) return false;
      if (!TRY(parts_.catalog.has(row.target.digest)) || TRY(conflict_of(row, false))) return false;
      for (const oci::Reference& name : names) {
        removed_.push_back({RemovedKind::kUntagged, name.familiar()});
      }
      return true;
    });
  }

  // The images it was made from go too, as far up as nobody named or used them.
  Result<> prune_parent(const std::string& parent) {
    if (parent.empty()) return {};
    for (const TargetRow& row : TRY(targets_of(TRY(oci::Digest::parse(parent))))) {
      const bool named = !TRY(parts_.catalog.names_of(row.target.digest)).empty();
      if (named || TRY(conflict_of(row, true))) continue;
      TRY(remove_target(row, ImageStore::Named::kNot));
    }
    return {};
  }

  Parts& parts_;
  const bool force_;
  const bool prune_parents_;
  const InUse& in_use_;
  std::vector<Removed> removed_;
};

}  // namespace

Result<std::vector<Removed>> remove_image(Parts& parts, ImageFinder& finder,
                                          const std::string& name, bool force, bool prune_parents,
                                          const InUse& in_use) {
  const ImageFinder::Found found = TRY(finder.look_up(name));
  Removal removal(parts, force, prune_parents, in_use);
  return found.by_id ? removal.by_id(found.chosen->id()) : removal.by_name(found);
}

Result<std::vector<Removed>> remove_unused(Parts& parts, const oci::Digest& target,
                                           ImageStore::Named named, const InUse& in_use) {
  return Removal(parts, false, true, in_use).unused(target, named);
}

}  // namespace skiff::images
