// Catalog: the rows of ROOT/images.db: which targets there are, what names them, which pulls are
// not finished, which repositories are known to hold a blob, and which layers were
// compressed for them. Thread-safe.
#pragma once

#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "db/database.h"
#include "oci/manifest.h"
#include "oci/reference.h"

namespace skiff::images {

struct TargetRow {
  oci::Descriptor target;  // media type, digest, size
  TimePoint changed;       // when it was made or last got a name
  std::string parent;      // image id, or ""
};

// The form of a plain layer that goes to registries.
struct PackedForm {
  oci::Digest digest = oci::Digest::of("");
  uint64_t size = 0;
  std::string compressor;  // what made it: gzip_identity(); "": a daemon that did not tell
};

class Catalog {
 public:
  static Result<Catalog> open(const Path& file);
  Catalog(Catalog&& other) noexcept : db_(std::move(other.db_)) {}

  // Records the target (again) and points `names` at it, in one transaction.
  Result<> put(const oci::Descriptor& target, const std::vector<oci::Reference>& names,
               const std::string& parent, TimePoint now);
  // Points a name at a target that is recorded, and makes it the last changed; false where it
  // is gone meanwhile.
  Result<bool> tag(const oci::Digest& target, const oci::Reference& name, TimePoint now);
  // One more name for a target; where that is gone meanwhile, nothing.
  Result<> add_name(const oci::Digest& target, const oci::Reference& name);
  // All that is said of the target is said of `by` from now on; where it is gone, nothing.
  Result<> replace(const oci::Digest& target, const oci::Descriptor& by);
  // All or none; missing is success.
  Result<> untag(const std::vector<oci::Reference>& names);
  // All or none, with all that points at them; missing is success.
  Result<> drop_with_names(const std::vector<oci::Digest>& targets);

  // Remembers a target whose parts are being fetched, until `put` records it.
  Result<> begin(const oci::Descriptor& target, TimePoint now);
  Result<std::vector<oci::Descriptor>> begun();
  Result<> abandon(const oci::Digest& target);
  // Forgets those that were begun by `when`.
  Result<> forget_begun(TimePoint when);

  Result<std::optional<TargetRow>> find(const oci::Reference& name);
  Result<std::vector<TargetRow>> targets();  // last changed first
  Result<bool> has(const oci::Digest& target);
  // In the order of the alphabet.
  Result<std::vector<oci::Reference>> names_of(const oci::Digest& target);
  // The tags of a repository ("docker.io/library/alpine").
  Result<std::vector<oci::Reference>> tags_in(const std::string& repository);

  // Remembers that the repository of `where` has these blobs; for mounts between repositories.
  Result<> add_sources(const std::vector<oci::Digest>& blobs, const oci::Reference& where);
  // The path of another repository in the same registry that has the blob, or "".
  Result<std::string> source_of(const oci::Digest& blob, const oci::Reference& for_push_to);
  // Whether any repository is known to have the blob.
  Result<bool> has_source(const oci::Digest& blob);

  Result<std::optional<PackedForm>> packed_form(const oci::Digest& layer);
  Result<> set_packed_form(const oci::Digest& layer, const PackedForm& form);

  // What is remembered of blobs that are gone.
  Result<> forget_blobs(const std::set<oci::Digest>& blobs);

  // What SQLite finds wrong with the file itself.
  Result<std::vector<std::string>> faults();

 private:
  explicit Catalog(Database db) : db_(std::move(db)) {}

  std::mutex mutex_;
  Database db_;
};

}  // namespace skiff::images
