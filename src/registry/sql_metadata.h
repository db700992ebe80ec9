// The MetadataStore in SQL. Used by sql_*.cpp only.
#pragma once

#include <set>

#include "codec/json.h"
#include "db/attempts.h"
#include "db/commit_queue.h"
#include "db/database.h"
#include "db/file_watch.h"
#include "db/memo.h"
#include "db/pool.h"
#include "registry/metadata.h"

namespace skiff::registry {

// manifest.entry of one that came by digest, never had a tag, and was in an index that is gone.
inline constexpr int64_t kFormerEntry = 2;

// A repository's link to a stored blob.
struct BlobLink {
  int64_t repository = 0;
  BlobPlace at;
  int64_t lease = 0;
  bool damaged = false;
};

class SqlMetadata : public MetadataStore {
 public:
  struct Writer {
    Database durable;
    Database quick;  // what it commits a power cut may take back: for what is written "soon"
  };
  struct Engine {
    size_t batch = 0;       // candidates that a collection reviews in one transaction
    bool together = false;  // transactions that wait are committed by one sync: SQLite
  };
  // Of a file one writer: a queue of ours is fairer than SQLite's busy loop. `files` are the
  // database's.
  SqlMetadata(std::vector<Writer> writers, std::vector<Database> readers, Engine engine,
              FileWatch files, const MetadataOptions& options, const Clock& clock);

  Result<std::optional<BlobPlace>> find_blob(const std::string& repository, const oci::Digest& blob,
                                             Renew renew) override;
  Result<std::optional<BlobPlace>> place_of(const oci::Digest& blob) override;
  Result<> blob_arrives(const oci::Digest& blob, const std::string& upload) override;
  Result<> link_blob(const std::string& repository, const oci::Digest& blob, const BlobPlace& at,
                     const Ended& from) override;
  Result<> check_room(const std::string& repository, uint64_t bytes) override;
  Result<bool> mount_blob(const std::string& repository, const std::string& from,
                          const oci::Digest& blob) override;
  Result<std::vector<std::string>> holders(const oci::Digest& blob, size_t limit) override;
  Result<std::vector<std::string>> unlink_blob(const std::string& repository,
                                               const oci::Digest& blob,
                                               const Actor& actor) override;

  Result<> begin_upload(const std::string& repository, const std::string& id,
                        const UploadRow& upload) override;
  Result<std::optional<UploadRow>> find_upload(const std::string& repository,
                                               const std::string& id) override;
  Result<> save_upload(const std::string& id, const UploadState& state, int64_t version) override;
  Result<std::vector<std::string>> all_uploads() override;
  Result<std::vector<Ending>> ending_uploads() override;
  Result<> end_upload(const std::string& id, int64_t version,
                      const std::vector<std::string>& leftovers) override;
  Result<std::vector<Stale>> stale_uploads(TimePoint before) override;

  Result<PutOutcome> put_manifest(const std::string& repository, const NewManifest& manifest,
                                  const PutCondition& condition) override;
  Result<> judge_tag_change(const std::string& repository, const std::string& tag,
                            const oci::Digest& digest, const Actor& actor) override;
  Result<std::optional<ManifestRow>> find_manifest(const std::string& repository,
                                                   const std::string& reference,
                                                   Renew renew) override;
  Result<DeleteOutcome> delete_manifest(const std::string& repository, const oci::Digest& digest,
                                        const Precondition& precondition,
                                        const Actor& actor) override;
  Result<bool> delete_tag(const std::string& repository, const std::string& tag,
                          const Precondition& precondition, const Actor& actor) override;
  Result<ReferrerPage> referrers(const std::string& repository, const oci::Digest& subject,
                                 const std::string& artifact_type, const Page& page,
                                 size_t bytes) override;
  Result<std::optional<std::vector<std::string>>> tags(const std::string& repository,
                                                       const Page& page) override;
  using Manifests::repositories;
  Result<std::vector<std::string>> repositories(const std::string& from, size_t limit) override;

  Result<std::vector<TagChange>> tag_changes(const std::string& repository, const std::string& tag,
                                             int64_t before, size_t limit) override;
  Result<std::vector<TrashedManifest>> trash(const std::string& repository, const std::string& last,
                                             size_t limit) override;
  Result<std::optional<ManifestRow>> find_trashed(const std::string& repository,
                                                  const oci::Digest& digest) override;
  Result<std::optional<oci::Digest>> former_target(
      const std::string& repository, const std::string& tag,
      const std::optional<oci::Digest>& wanted) override;
  Result<RestoreOutcome> restore_manifest(const std::string& repository,
                                          const NewManifest& manifest,
                                          const std::optional<std::string>& tag,
                                          const Actor& actor) override;

  Result<std::vector<std::string>> expire_tags(const std::string& repository,
                                               const std::vector<TagState>& tags,
                                               const Actor& actor) override;

  Result<Webhook> add_webhook(Webhook webhook) override;
  Result<std::vector<Webhook>> webhooks() override;
  Result<> remove_webhook(const std::string& id) override;
  Result<> set_webhook_disabled(const std::string& id, bool disabled) override;
  Result<std::vector<Delivery>> deliveries(const std::string& webhook, const std::string& state,
                                           size_t limit) override;
  Result<int64_t> redeliver(const std::string& webhook, int64_t event) override;
  Result<size_t> spread_events() override;
  Result<bool> claim_webhook(const std::string& id, const std::string& server,
                             TimePoint until) override;
  Result<std::optional<Delivery>> due_delivery(const std::string& webhook) override;
  Result<> settle_delivery(const std::string& webhook, int64_t event,
                           const DeliveryOutcome& outcome) override;
  Result<int64_t> trim_outbox(const OutboxLimits& limits) override;
  Result<OutboxCounts> outbox_counts() override;
  Result<> cache_manifest(const std::string& repository, const NewManifest& manifest,
                          const std::optional<std::string>& tag) override;
  Result<std::optional<CachedTag>> cached_tag(const std::string& repository,
                                              const std::string& tag) override;
  Result<bool> confirm_tag(const std::string& repository, const std::string& tag,
                           const oci::Digest& digest) override;
  Result<> use_manifest(const std::string& repository, const oci::Digest& digest) override;
  Result<uint64_t> cached_bytes() override;
  Result<bool> evict_one(TimePoint used_before) override;

  Result<std::vector<MirrorRow>> mirrors() override;
  Result<> add_mirror(const MirrorRow& mirror) override;
  Result<bool> change_mirror(const MirrorRow& mirror) override;
  Result<bool> remove_mirror(const std::string& name) override;
  Result<> schedule_mirror(const std::string& name, TimePoint next_run) override;
  Result<> save_mirror_state(const std::string& name, const std::string& state) override;

  Result<std::optional<std::string>> claim(const std::string& name, const std::string& holder,
                                           TimePoint until) override;
  Result<> note_claim(const std::string& name, const std::string& holder,
                      const std::string& note) override;
  Result<> give_up_claim(const std::string& name, const std::string& holder) override;

  Result<Review> take_garbage(size_t limit,
                              const std::function<bool(const oci::Digest&)>& lock) override;
  Result<> drop_blobs(const std::vector<oci::Digest>& blobs) override;
  Result<Preview> preview_garbage(size_t limit) override;
  Result<size_t> count_due(size_t limit) override;
  Result<std::optional<TimePoint>> next_review() override;
  Result<std::vector<oci::Digest>> unsettled_blobs(const std::string& after, size_t limit) override;
  Result<bool> is_unsettled(const oci::Digest& blob) override;
  Result<std::vector<std::string>> discarded(const std::string& after, size_t limit) override;
  Result<> forget_discarded(const std::vector<std::string>& places) override;

  Result<std::vector<std::string>> faults() override;
  Result<> each_stored_blob(const std::string& after,
                            const std::function<Result<>(const BlobRow&)>& visit) override;
  Result<bool> note_damage(const oci::Digest& blob, const std::string& place) override;
  Result<std::optional<BlobRow>> stored_blob(const oci::Digest& blob) override;
  Result<bool> knows_blob(const oci::Digest& blob) override;
  Result<std::optional<BlobRow>> some_blob() override;
  Result<bool> knows_upload(const std::string& id) override;
  Result<bool> knows_place(const std::string& place) override;
  Result<> doom_lost_blob(const oci::Digest& blob) override;
  Result<bool> doom_unkept_blob(const oci::Digest& blob) override;
  Result<std::vector<std::string>> owners(const oci::Digest& digest) override;
  Result<> each_manifest(const std::function<Result<>(const ManifestName&)>& visit) override;
  Result<std::optional<Inspected>> inspect(const std::string& repository,
                                           const NewManifest& manifest) override;
  Result<bool> rewrite_edges(const std::string& repository, const NewManifest& manifest) override;

 private:
  // From this attempt on a transaction has this process's others out of its way.
  static constexpr int kAlone = 4;

  struct Candidate {
    int64_t repository = 0;
    std::string digest;
  };

  // One line of tag_log.
  struct TagWrite {
    std::string tag;
    std::string_view action;
    std::optional<std::string> digest;
    std::optional<std::string> before;
    Actor actor;
    int64_t at = 0;
  };

  int64_t now() const { return unix_nanos(clock_.now()); }
  int64_t lease_end() const;

  // What `work` makes of a transaction of the writer `db`, which it commits or leaves undone. Run
  // again from its start where a database server could not order it with what ran beside it.
  template <typename Work>
  auto write(const Work& work) {
    return engine_.together ? queue_.run(watched(work)) : transact(&Writer::durable, work);
  }
  template <typename Work>
  auto write_soon(const Work& work) {
    return transact(&Writer::quick, watched(work));
  }
  // Not begun where what it commits would be lost.
  template <typename Work>
  auto watched(const Work& work) const {
    return [this, &work](Database& db,
                         Transaction& tx) -> std::invoke_result_t<Work, Database&, Transaction&> {
      TRY(files_.check());
      return work(db, tx);
    };
  }
  template <typename Work>
  auto transact(Database Writer::* which, const Work& work) {
    for (int attempts = 1;; ++attempts) {
      bool refused = false;
      {
        const Pool<Writer>::Lease writer =
            attempts < kAlone ? writers_.take() : writers_.take_alone();
        Database& db = (*writer).*which;
        auto result = attempt(db, [&](Transaction& tx) { return work(db, tx); }, refused);
        if (!refused || attempts == kMostAttempts) return result;
      }
      wait_before_attempt(attempts);
    }
  }

  // Inside a transaction of the writer `db`:
  static Result<int64_t> make_repository(Database& db, const std::string& name);
  Result<> add_link(Database& db, int64_t repository, const oci::Digest& blob);
  // Of a blob that has one, else "".
  static Result<std::string> own_place(Database& db, const std::string& digest);
  Result<> note_discarded(Database& db, std::span<const std::string> places);
  // Lets go of a stored blob that has a place of its own; false where it has none.
  Result<bool> discard_blob(Database& db, const std::string& digest);
  Result<> add_candidate(Database& db, int64_t repository, const std::string& digest);
  Result<PutOutcome> check_references(Database& db, int64_t repository,
                                      const NewManifest& manifest) const;
  // `parts` as PutCondition has them.
  Result<> write_manifest(Database& db, int64_t repository, const NewManifest& manifest,
                          const std::set<std::string>& parts = {});
  static Result<> write_edges(Database& db, int64_t repository, const NewManifest& manifest);
  // Finds out what the tag names before.
  Result<> write_tag(Database& db, int64_t repository, TagWrite change);
  Result<> point_cached_tag(Database& db, int64_t repository, const std::string& tag,
                            const std::string& digest);
  static Result<std::vector<std::string>> children_of(Database& db, const Candidate& manifest);
  Result<> log_tag(Database& db, int64_t repository, const TagWrite& change);
  Result<> log_tags_of(Database& db, int64_t repository, const std::string& digest,
                       const Actor& actor, int64_t at);
  // Events (sql_outbox.cpp).
  Result<> tell(Database& db, int64_t repository, std::string_view kind, const json::Value& data);
  static Result<bool> begins_repository(Database& db, int64_t repository);
  Result<> tell_push(Database& db, int64_t repository, const NewManifest& manifest,
                     const PutCondition& condition, bool first);
  Result<> tell_deletion(Database& db, int64_t repository, const std::string& digest,
                         std::string_view reason, const Actor& actor);
  Result<> tell_restore(Database& db, int64_t repository, const std::string& digest,
                        const std::vector<std::string>& tags, const Actor& actor, bool first);
  Result<> tell_tag(Database& db, int64_t repository, const TagWrite& change);
  static Error no_webhook(const std::string& id);
  // Its rows, not what is about it.
  Result<> drop_manifest(Database& db, int64_t repository, const std::string& digest);
  static Result<> mark_former_entries(Database& db, int64_t repository, const std::string& index);
  Result<bool> renew_manifest(int64_t repository, const std::string& digest);
  Result<> orphan_referrers(Database& db, int64_t repository, const std::string& digest);
  Result<> trash_manifest(Database& db, int64_t repository, const std::string& digest,
                          const Actor& actor);
  static Result<> drop_trashed(Database& db, int64_t repository, const std::string& digest);
  Result<> review_trash(Database& db, const Candidate& candidate);
  Result<bool> forget_tag_changes(Database& db);
  Result<std::optional<int64_t>> deleted_at(Database& db, int64_t repository,
                                            const std::string& digest) const;
  static Result<std::vector<std::string>> free_tags(Database& db, int64_t repository,
                                                    const std::string& digest, int64_t deleted);
  Result<bool> expire_tag(Database& db, int64_t repository, const TagState& tag,
                          const std::set<std::string>& with, const Actor& actor);
  Result<> erase_manifest(Database& db, int64_t repository, const std::string& digest);
  Result<std::vector<Candidate>> due_candidates(Database& db, size_t limit) const;
  Result<> review(Database& db, const Candidate& candidate, Review& out);
  Result<> review_manifest(Database& db, const Candidate& candidate);
  Result<bool> lost_last_link(Database& db, const Candidate& candidate);
  Result<> review_blob(Database& db, const Candidate& candidate, Review& out);
  Result<> each_manifest_of(int64_t repository,
                            const std::function<Result<>(const oci::Digest&)>& visit);
  Result<> drop_unreadable_blob(const std::string& digest);

  MetadataOptions options_;
  const Clock& clock_;
  const Engine engine_;
  const FileWatch files_;
  Pool<Writer> writers_;
  CommitQueue queue_;
  Memo<std::optional<BlobLink>> links_;  // by repository and digest; it watches one of readers_
  Pool<Database> readers_;
};

// A page of the tags (name) of repository ?1 after ?3, whose letters are all small in ?2, at most
// ?4. The first comparison is what SQLite finds in the index tag_in_order; by the pair alone it
// would read all of the repository.
inline constexpr std::string_view kTagPage =
    "SELECT name FROM tag WHERE repository = ?1 AND name COLLATE NOCASE >= ?2"
    " AND (name COLLATE NOCASE, name) > (?2, ?3)"
    " ORDER BY name COLLATE NOCASE, name LIMIT ?4";

// Inside a transaction. kAborted where the upload is gone, or not at that version any more.
Result<> drop_upload(Database& db, const std::string& upload, int64_t version);

// For all roles, inside a transaction or not.
Result<bool> has_manifest(Database& db, int64_t repository, const std::string& digest);
// Whether what the manifest names may be missing.
Result<bool> is_partial(Database& db, int64_t repository, const std::string& digest);
// From now on it may, or not; of one that stays.
Result<> set_partial(Database& db, int64_t repository, const std::string& digest, bool partial);
// The candidate is reviewed at that time, no matter what was said before.
Result<> postpone(Database& db, int64_t repository, const std::string& digest, int64_t until);
// The id of a repository; nullopt where there is none.
Result<std::optional<int64_t>> repository_id(Database& db, const std::string& name);

}  // namespace skiff::registry
