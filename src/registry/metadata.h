// MetadataStore: all that a registry knows beside the blobs' bytes: which repository has which
// blobs and manifests, the manifests themselves, tags, referrers, uploads, and what may be
// garbage. No HTTP, no blob bytes.
//
// What a rule of tags or a quota forbids (policy.h) is an error of its own, and nothing is written;
// a change and its row of the audit log (audit_log.h) are one transaction.
//
// Each call is one transaction. What it wrote is durable when it returns, unless it says
// "soon": then it survives the process at once, and a power cut within moments.
//
// The life of an image:
//   store.blob_arrives(d); content.commit(...); store.link_blob("a/b", d, at, ..);  each blob
//   store.put_manifest("a/b", manifest, {.tags = {"1"}});    all or nothing, checks every blob
//   store.delete_manifest("a/b", digest);                    its blobs become candidates
//   store.take_garbage(...)                                  decides again, then lets go
//
// Leases: a link to a blob that no manifest names yet is kept until its lease ends. Linking,
// mounting and find_blob with `renew` start a lease of the store's grace; a renewal is left
// out while more than half of it is to come. So "this blob exists" is a promise for at least
// half the grace. Thread-safe.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "access/visible_names.h"
#include "base/clock.h"
#include "base/file.h"
#include "db/database_server.h"
#include "registry/blob_place.h"
#include "registry/cached_images.h"
#include "registry/claims.h"
#include "registry/history.h"
#include "registry/manifest_rows.h"
#include "registry/mirror_rows.h"
#include "registry/outbox.h"
#include "registry/policy.h"
#include "registry/precondition.h"

namespace skiff::registry {

struct MetadataOptions {
  std::chrono::seconds grace{3600};
  // Manifests without tag, index and subject are garbage, too.
  bool collect_untagged = false;
  // Images may name layers, and indexes manifests, that the repository does not have.
  bool sparse = false;
  // A manifest may be deleted though an index of the repository lists it.
  bool allow_child_deletion = false;
  // How long what tags named is remembered, and deleted manifests can come back; 0 for not at all.
  std::chrono::seconds undelete{0};
};

enum class Renew { kNo, kYes };

class BlobLinks {
 public:
  virtual ~BlobLinks() = default;
  // Where the repository has it.
  virtual Result<std::optional<BlobPlace>> find_blob(const std::string& repository,
                                                     const oci::Digest& blob, Renew renew) = 0;
  // Whoever has it.
  virtual Result<std::optional<BlobPlace>> place_of(const oci::Digest& blob) = 0;
  // Remembers that content of that digest is about to be stored, so that a crash or failure
  // before link_blob leaves nothing for ever: it is found among the unsettled_blobs. `upload` is
  // the one that it comes by, or "".
  virtual Result<> blob_arrives(const oci::Digest& blob, const std::string& upload) = 0;
  // From now on the blob is at that place; another one where it was is discarded. Ends the upload
  // `from`, where one is given, in the same transaction: kAborted where it is not at that
  // version any more, and then nothing was done.
  struct Ended {
    std::string upload;  // "" for none
    int64_t version = 0;
    std::vector<std::string> leftovers;  // discarded, too
  };
  virtual Result<> link_blob(const std::string& repository, const oci::Digest& blob,
                             const BlobPlace& at, const Ended& from) = 0;
  // A policy refusal where a quota has no room for so many bytes more: a hint to who is about to
  // send them, since it is link_blob that decides.
  virtual Result<> check_room(const std::string& repository, uint64_t bytes) = 0;
  // Links a blob that `from` has ("": any repository). False where it has not.
  virtual Result<bool> mount_blob(const std::string& repository, const std::string& from,
                                  const oci::Digest& blob) = 0;
  // Some repositories that have the blob, at most `limit`.
  virtual Result<std::vector<std::string>> holders(const oci::Digest& blob, size_t limit) = 0;
  // Digests of manifests that name the blob; where there are none it is let go. kNotFound.
  virtual Result<std::vector<std::string>> unlink_blob(const std::string& repository,
                                                       const oci::Digest& blob,
                                                       const Actor& actor) = 0;
};

struct UploadRow {
  HashAlgorithm algorithm = HashAlgorithm::kSha256;
  UploadState state;
  int64_t version = 0;  // of the state: one more each time that it is saved
};

class Uploads {
 public:
  virtual ~Uploads() = default;
  // Soon: an upload without bytes is no promise yet.
  virtual Result<> begin_upload(const std::string& repository, const std::string& id,
                                const UploadRow& upload) = 0;
  // Where the repository has it; renews its age, soon.
  virtual Result<std::optional<UploadRow>> find_upload(const std::string& repository,
                                                       const std::string& id) = 0;
  // How far its bytes have come for good. kAborted where it is not at that version any more: of
  // several who would go on with one upload, one does.
  virtual Result<> save_upload(const std::string& id, const UploadState& state,
                               int64_t version) = 0;
  // Soon. What is left of it is discarded. kAborted where it is not at that version any more: then
  // nothing was done.
  virtual Result<> end_upload(const std::string& id, int64_t version,
                              const std::vector<std::string>& leftovers) = 0;
  struct Stale {
    std::string id;
    UploadRow row;
  };
  // Those nobody touched since `before`.
  virtual Result<std::vector<Stale>> stale_uploads(TimePoint before) = 0;
  virtual Result<std::vector<std::string>> all_uploads() = 0;
  // Those that were about to become a blob.
  struct Ending {
    std::string id;
    int64_t version = 0;
    std::string repository;
    oci::Digest blob;
  };
  virtual Result<std::vector<Ending>> ending_uploads() = 0;
};

struct PutCondition {
  std::vector<std::string> tags;  // to point at it
  Actor actor;                    // who does it: for rules, the history and the audit log
  Precondition precondition;      // of each tag; without tags, of the manifest itself
  bool is_partial = false;        // what it names may be missing
  std::set<std::string> parts;    // of its entries those that came for it, however long ago
};

struct PutOutcome {
  bool condition_failed = false;           // what it names is all there
  std::vector<ManifestReference> missing;  // nothing was written where there are any
  // `size` is what is stored, and so is the `media_type` of a manifest.
  std::vector<ManifestReference> mismatch;
  bool stored() const { return !condition_failed && missing.empty() && mismatch.empty(); }
};

struct DeleteOutcome {
  bool found = false;
  bool condition_failed = false;
  // Some of the indexes that list it, with some of the tags that lead to them. Nothing was deleted
  // where there are any.
  struct Parent {
    std::string digest;
    std::vector<std::string> tags;
  };
  std::vector<Parent> parents;
  bool deleted() const { return found && !condition_failed && parents.empty(); }
};

struct Referrer {
  std::string digest;
  std::string media_type;
  uint64_t size = 0;
  std::string artifact_type;
  std::map<std::string, std::string> annotations;
};

// One page of a list: what comes after `last`, at most `limit` items.
struct Page {
  std::string last;
  size_t limit = 0;
};

struct ReferrerPage {
  std::vector<Referrer> items;
  bool more = false;  // than the page holds
};

class Manifests {
 public:
  virtual ~Manifests() = default;
  virtual Result<PutOutcome> put_manifest(const std::string& repository,
                                          const NewManifest& manifest,
                                          const PutCondition& condition) = 0;
  // A policy refusal where a rule keeps the actor from pointing the tag at that manifest: a hint to
  // who is about to fetch it, since it is put_manifest that decides.
  virtual Result<> judge_tag_change(const std::string& repository, const std::string& tag,
                                    const oci::Digest& digest, const Actor& actor) = 0;
  // By digest or tag. `renew`: one that came as a part of an index that is gone, asked for by
  // digest, is kept for a while longer.
  virtual Result<std::optional<ManifestRow>> find_manifest(const std::string& repository,
                                                           const std::string& reference,
                                                           Renew renew) = 0;
  // With the tags that point at it; to the trash, where there is one (history.h). Once it is gone
  // for good, manifests whose subject it is go, too, when the grace is over, if no tag or index
  // keeps them, the subject has not come back, and they were not pushed again.
  virtual Result<DeleteOutcome> delete_manifest(const std::string& repository,
                                                const oci::Digest& digest,
                                                const Precondition& precondition,
                                                const Actor& actor) = 0;
  // False where there is none; kFailedPrecondition where `precondition` does not hold of it.
  virtual Result<bool> delete_tag(const std::string& repository, const std::string& tag,
                                  const Precondition& precondition, const Actor& actor) = 0;
  // A page ends also with the first referrer that takes its descriptors beyond `bytes`, but holds
  // one at least.
  virtual Result<ReferrerPage> referrers(const std::string& repository, const oci::Digest& subject,
                                         const std::string& artifact_type, const Page& page,
                                         size_t bytes) = 0;
  // In case-insensitive alphabetical order; nullopt for an unknown repository.
  virtual Result<std::optional<std::vector<std::string>>> tags(const std::string& repository,
                                                               const Page& page) = 0;
  // Those that have a manifest, in order, from the name `from` on.
  virtual Result<std::vector<std::string>> repositories(const std::string& from, size_t limit) = 0;
  Result<std::vector<std::string>> repositories(const Page& page) {
    return repositories(access::just_after(page.last), page.limit);
  }
};

class Garbage {
 public:
  virtual ~Garbage() = default;
  // Reviews up to `limit` candidates whose time has come. A candidate is passed over where
  // `lock` says no. Returns the blobs that nothing names any more; they cannot be found
  // from now on, and drop_blobs must follow once their content is gone. One with a place of its own
  // is not among them: its place is discarded in the same transaction.
  struct Review {
    size_t reviewed = 0;
    size_t discarded = 0;
    uint64_t bytes = 0;  // of both
    std::vector<oci::Digest> doomed;
  };
  virtual Result<Review> take_garbage(size_t limit,
                                      const std::function<bool(const oci::Digest&)>& lock) = 0;
  virtual Result<> drop_blobs(const std::vector<oci::Digest>& blobs) = 0;
  // What take_garbage would let go of now, if nobody held anything back, of up to `limit`
  // candidates. Changes nothing.
  struct Preview {
    size_t reviewed = 0;
    size_t blobs = 0;
    uint64_t bytes = 0;  // of the blobs
  };
  virtual Result<Preview> preview_garbage(size_t limit) = 0;
  // How many candidates' time has come, counted up to `limit`.
  virtual Result<size_t> count_due(size_t limit) = 0;
  // When the next candidate is to be reviewed; nullopt where there is none.
  virtual Result<std::optional<TimePoint>> next_review() = 0;
  // Up to `limit` blobs behind `after` ("" for the first), by digest, that are arriving or doomed.
  // Those that nobody is at work on, a crash or a failure left: for who holds its lock,
  // is_unsettled tells whether it still is one.
  virtual Result<std::vector<oci::Digest>> unsettled_blobs(const std::string& after,
                                                           size_t limit) = 0;
  virtual Result<bool> is_unsettled(const oci::Digest& blob) = 0;
  // Up to `limit` places behind `after`, in order, that were discarded for longer than the grace:
  // who was told of one has read it by then.
  virtual Result<std::vector<std::string>> discarded(const std::string& after, size_t limit) = 0;
  virtual Result<> forget_discarded(const std::vector<std::string>& places) = 0;  // soon
};

// What a check compares with the content, and what it puts right.
class Audit {
 public:
  virtual ~Audit() = default;
  // What SQLite finds wrong with the file itself, and records whose digest is none: they are left
  // out below.
  virtual Result<std::vector<std::string>> faults() = 0;
  struct BlobRow {
    oci::Digest digest;
    BlobPlace at;
    bool kept = true;  // a repository has it, or a review is to come
    bool damaged = false;
  };
  // Some at a time, by digest, behind `after`: while one is visited all others may work.
  virtual Result<> each_stored_blob(const std::string& after,
                                    const std::function<Result<>(const BlobRow&)>& visit) = 0;
  // What is at the place is not what the digest says: no client finds it from now on, until it is
  // pushed again. False where the blob is gone or elsewhere by now. Soon.
  virtual Result<bool> note_damage(const oci::Digest& blob, const std::string& place) = 0;
  // nullopt where it is not (any more) stored.
  virtual Result<std::optional<BlobRow>> stored_blob(const oci::Digest& blob) = 0;
  // Whether there is a row of it, stored or not.
  virtual Result<bool> knows_blob(const oci::Digest& blob) = 0;
  // One that is stored, no matter which.
  virtual Result<std::optional<BlobRow>> some_blob() = 0;
  virtual Result<bool> knows_upload(const std::string& id) = 0;
  // Whether a blob is at the place, or it was discarded and not removed yet.
  virtual Result<bool> knows_place(const std::string& place) = 0;
  // Both doom it: it cannot be found from now on, and drop_blobs must follow once what there is of
  // its content is gone. One with a place of its own is gone at once, its place discarded.
  // Of content that is lost: no repository has it any more, so that a push brings it again.
  // Manifests that name it stay.
  virtual Result<> doom_lost_blob(const oci::Digest& blob) = 0;
  // Of one that nobody keeps; false where somebody does.
  virtual Result<bool> doom_unkept_blob(const oci::Digest& blob) = 0;

  // Some of the tags, else repositories, that lead to the blob or manifest.
  virtual Result<std::vector<std::string>> owners(const oci::Digest& digest) = 0;

  struct ManifestName {
    std::string repository;
    oci::Digest digest;
  };
  // The same, by repository.
  virtual Result<> each_manifest(const std::function<Result<>(const ManifestName&)>& visit) = 0;
  struct Inspected {
    PutOutcome outcome;             // as if it were pushed now
    std::vector<std::string> tags;  // that point at it
    bool edges_right = true;        // the rows say what it names
  };
  // nullopt where it is gone.
  virtual Result<std::optional<Inspected>> inspect(const std::string& repository,
                                                   const NewManifest& manifest) = 0;
  // False where it is gone.
  virtual Result<bool> rewrite_edges(const std::string& repository,
                                     const NewManifest& manifest) = 0;
};

class MetadataStore : public BlobLinks,
                      public Uploads,
                      public Manifests,
                      public History,
                      public Outbox,
                      public CachedImages,
                      public Mirrors,
                      public Claims,
                      public Garbage,
                      public Audit {};

// registry.db under `root`, or where ROOT/database says (docs/formats/registry.md).
Result<std::unique_ptr<MetadataStore>> open_metadata(const Path& root,
                                                     const MetadataOptions& options,
                                                     const Clock& clock);
// The same tables on a database server, for any number of processes at once.
Result<std::unique_ptr<MetadataStore>> open_server_metadata(const DatabaseServer& server,
                                                            const MetadataOptions& options,
                                                            const Clock& clock);

}  // namespace skiff::registry
