// History: what tags named before, and manifests that were deleted not long ago. Both are kept for
// the time that MetadataOptions::undelete says; while they are, the collection leaves alone what
// they need to come back. Part of the MetadataStore (metadata.h).
//
//   store.delete_manifest("a/b", digest, {}, {"ann"});        // to the trash, with its blobs
//   auto row = store.find_trashed("a/b", digest);            // its bytes, to be read
//   store.restore_manifest("a/b", manifest, std::nullopt, {"bob"}); // back, with its tags
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "oci/digest.h"
#include "registry/manifest_rows.h"
#include "registry/policy.h"

namespace skiff::registry {

struct TagChange {
  int64_t id = 0;  // later ones are higher
  std::string tag;
  std::string action;  // set, delete, restore
  std::string digest;  // what it named from then on; "" for nothing
  std::string before;  // what it had named; "" for nothing
  std::string actor;   // the user's name; "" for nobody known
  TimePoint at;
  TimePoint until;  // when this is forgotten
};

struct TrashedManifest {
  std::string digest;
  std::string media_type;
  uint64_t size = 0;
  std::string actor;
  TimePoint deleted;
  TimePoint until;
  std::vector<std::string> tags;  // that named it when it was deleted
};

struct TagState {
  std::string name;
  std::string digest;
  TimePoint set;
  TimePoint pulled;  // zero: never, as far as is known
};

struct RestoreOutcome {
  bool found = false;
  std::vector<ManifestReference> missing;  // nothing was done where there are any
  std::vector<std::string> tags;           // that name it again
};

class History {
 public:
  virtual ~History() = default;
  // Changes of a tag, or with "" of all tags, from the last one back: those before the one with
  // the id `before`, or with 0 the last ones.
  virtual Result<std::vector<TagChange>> tag_changes(const std::string& repository,
                                                     const std::string& tag, int64_t before,
                                                     size_t limit) = 0;
  // By digest, those after `last`.
  virtual Result<std::vector<TrashedManifest>> trash(const std::string& repository,
                                                     const std::string& last, size_t limit) = 0;
  virtual Result<std::optional<ManifestRow>> find_trashed(const std::string& repository,
                                                          const oci::Digest& digest) = 0;
  // The last that the tag named and does not name now; with `wanted`, that digest, if it is one of
  // them. nullopt for none.
  virtual Result<std::optional<oci::Digest>> former_target(
      const std::string& repository, const std::string& tag,
      const std::optional<oci::Digest>& wanted) = 0;
  // Takes the manifest out of the trash, if it is there and all that it names still is. `tag` names
  // it then; without, each tag does that it was deleted with and that names nothing now.
  virtual Result<RestoreOutcome> restore_manifest(const std::string& repository,
                                                  const NewManifest& manifest,
                                                  const std::optional<std::string>& tag,
                                                  const Actor& actor) = 0;
  // Deletes those of the tags that are still so (retention.h), a manifest with its last tag unless
  // an index lists it. Returns the names of those deleted; a rule of tags keeps one silently.
  virtual Result<std::vector<std::string>> expire_tags(const std::string& repository,
                                                       const std::vector<TagState>& tags,
                                                       const Actor& actor) = 0;
};

}  // namespace skiff::registry
