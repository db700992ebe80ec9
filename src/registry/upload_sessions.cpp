#include "registry/upload_sessions.h"

#include "base/log.h"
#include "base/random.h"
#include "base/strings.h"
#include "registry/local_blobs.h"

namespace skiff::registry {

namespace {

// A client that lost its connection comes back before we hear of the loss.
constexpr std::chrono::seconds kWaitForWriter{3};
constexpr std::chrono::milliseconds kLoadTime{10};
constexpr std::chrono::minutes kIdle{5};
constexpr size_t kIdDigits = 32;
constexpr int64_t kLost = -1;  // below every version

}  // namespace

struct UploadSessions::Session {
  Session(std::string r, std::string i, UploadRow u)
      : repository(std::move(r)),
        id(std::move(i)),
        algorithm(u.algorithm),
        saved(std::move(u.state)),
        version(u.version) {}

  const std::string repository;
  const std::string id;
  const HashAlgorithm algorithm;
  std::timed_mutex writing;  // held by the request that writes it; guards `ended`
  bool ended = false;
  // Guards what follows. Held for one write, so that who asks for the state need not wait for the
  // end of the request.
  std::mutex bytes;
  std::unique_ptr<UploadWriter> writer;
  UploadState saved;  // as it stands in the metadata
  // Read without a lock.
  std::atomic<int64_t> version;  // of what is saved; kLost once somebody else goes on with it
  std::atomic<uint64_t> offset = 0;
  std::atomic<bool> loaded = false;
  std::atomic<TimePoint> used{TimePoint{}};
};

UploadSessions::Upload::~Upload() {
  if (session_) session_->writing.unlock();
}

uint64_t UploadSessions::Upload::offset() const { return session_->offset; }

Result<> UploadSessions::Upload::write(std::string_view bytes) {
  std::lock_guard lock(session_->bytes);
  Result<> written = session_->writer->write(bytes);
  session_->offset = session_->writer->offset();
  return written;
}

void UploadSessions::Upload::expect(uint64_t bytes) {
  std::lock_guard lock(session_->bytes);
  session_->writer->expect(bytes);
}

Result<> UploadSessions::recover() {
  content::RecordedStore* files = blobs_.files();
  if (files == nullptr) return {};  // the next request finds out, on whichever node
  // What a request was making a blob when the crash came is one, or is an upload still.
  for (const Uploads::Ending& upload : TRY(metadata_.ending_uploads())) {
    if (!TRY(files->finish_commit(ingest_name(upload.id), upload.blob))) continue;
    const content::BlobInfo blob = TRY(files->info(upload.blob));
    const Result<> linked = metadata_.link_blob(upload.repository, upload.blob, {blob.size, ""},
                                                {upload.id, upload.version, {}});
    if (linked) continue;
    // Where a quota has no room for it any more it ends as it would have then.
    if (!is_policy_refusal(linked.error())) return linked;
    TRY(metadata_.end_upload(upload.id, upload.version, {}));
  }
  std::set<std::string> known;
  for (const std::string& id : TRY(metadata_.all_uploads())) known.insert(ingest_name(id));
  return files->abort_others(known);
}

Result<std::string> UploadSessions::begin(const std::string& repository, HashAlgorithm algorithm) {
  std::string id = random_hex(kIdDigits);
  const UploadRow upload{.algorithm = algorithm, .state = blobs_.first_state()};
  TRY(metadata_.begin_upload(repository, id, upload));
  return id;
}

Result<std::shared_ptr<UploadSessions::Session>> UploadSessions::session(
    const std::string& repository, const std::string& id) {
  std::optional<UploadRow> upload = TRY(metadata_.find_upload(repository, id));
  if (!upload) return Error(Code::kNotFound, cat("no upload ", id, " in ", repository));
  std::lock_guard lock(mutex_);
  std::shared_ptr<Session>& session = sessions_[id];
  // Another node may have gone on with it.
  if (!session || session->version < upload->version) {
    session = std::make_shared<Session>(repository, id, *std::move(upload));
  }
  session->used = clock_.now();
  return session;
}

Result<> UploadSessions::load(Session& session) {
  if (session.ended) return Error(Code::kNotFound, cat("upload ", session.id, " has ended"));
  std::lock_guard lock(session.bytes);
  if (session.writer) return {};
  const auto keep_state = [this, &session](const UploadState& state) {
    return keep(session, state);
  };
  session.writer = TRY(blobs_.resume(session.id, session.algorithm, session.saved, keep_state));
  session.offset = session.writer->offset();
  session.loaded = true;
  return {};
}

// By who holds `session.bytes`.
Result<> UploadSessions::keep(Session& session, const UploadState& state) {
  const int64_t before = session.version;
  // First: who reads the row as it is going to be must not take us for overtaken.
  session.version = before + 1;
  Result<> kept = metadata_.save_upload(session.id, state, before);
  if (kept) {
    session.saved = state;
  } else {
    session.version = kept.error().code() == Code::kAborted ? kLost : before;
  }
  return kept;
}

Result<uint64_t> UploadSessions::settle(Session& session) {
  std::lock_guard lock(session.bytes);
  // Where it is being made a blob, that is what there is to tell.
  if (!session.writer || session.writer->offset() == session.saved.bytes.offset) {
    return session.saved.bytes.offset;
  }
  Result<UploadState> state = session.writer->settle();
  session.offset = session.writer->offset();
  if (!state) return std::move(state.error());
  TRY(keep(session, *state));
  return session.saved.bytes.offset;
}

Result<uint64_t> UploadSessions::settle(Upload& upload) { return settle(*upload.session_); }

Result<std::optional<uint64_t>> UploadSessions::offset(const std::string& repository,
                                                       const std::string& id) {
  Result<std::shared_ptr<Session>> found = session(repository, id);
  if (!found && found.error().code() == Code::kNotFound) return std::optional<uint64_t>();
  if (!found) return std::move(found.error());
  Session& session = **found;
  // A writer that came first loads it, and then may keep the lock for as long as it writes.
  while (!session.loaded) {
    if (!session.writing.try_lock_for(kLoadTime)) continue;
    std::lock_guard lock(session.writing, std::adopt_lock);
    TRY(load(session));
  }
  return std::optional(TRY(settle(session)));
}

Result<UploadSessions::Upload> UploadSessions::open(const std::string& repository,
                                                    const std::string& id) {
  std::shared_ptr<Session> found = TRY(session(repository, id));
  if (!found->writing.try_lock_for(kWaitForWriter)) {
    return Error(Code::kUnavailable, cat("upload ", id, " is being written by another request"));
  }
  Upload upload(std::move(found));
  TRY(load(*upload.session_));
  return upload;
}

Result<> UploadSessions::finish(Upload& upload, const oci::Digest& expected) {
  Session& session = *upload.session_;
  Result<> stored = store(session, expected);
  if (stored) {
    leave(session);
    return stored;
  }
  const bool may_try_again = session.writer && !is_wrong_content(stored.error());
  if (may_try_again) return stored;
  Result<> forgotten = forget(session);
  if (!forgotten) log_warn(cat("upload ", session.id, ": ", forgotten.error().message()));
  return stored;
}

Result<> UploadSessions::store(Session& session, const oci::Digest& expected) {
  return take_in(session.repository, expected, &session, [&]() -> Result<BlobPlace> {
    std::lock_guard lock(session.bytes);
    Result<BlobPlace> blob = blobs_.finish(*session.writer, expected);
    if (blob || is_wrong_content(blob.error())) session.writer.reset();
    return blob;
  });
}

Result<> UploadSessions::link(const std::string& repository, const oci::Digest& blob,
                              content::ContentStore& from) {
  content::RecordedStore* files = blobs_.files();
  if (files == nullptr) return Error(Code::kUnimplemented, "blobs are not in files here");
  return take_in(repository, blob, nullptr, [&]() -> Result<BlobPlace> {
    return BlobPlace{.size = TRY(files->link_from(from, blob)).size, .place = ""};
  });
}

// What `put` stores becomes the repository's, and the session's upload ends; a crash on the way
// leaves nothing.
Result<> UploadSessions::take_in(const std::string& repository, const oci::Digest& blob,
                                 Session* session, const std::function<Result<BlobPlace>()>& put) {
  std::optional<DigestLocks::Guard> guard;
  if (blobs_.files() != nullptr) {
    guard.emplace(locks_.lock(blob));
    TRY(metadata_.blob_arrives(blob, session == nullptr ? "" : session->id));
  }
  // Where that fails, the collection looks what there is of it.
  const BlobPlace stored = TRY(put());
  if (session == nullptr) return metadata_.link_blob(repository, blob, stored, {});
  return metadata_.link_blob(
      repository, blob, stored,
      {session->id, session->version, blobs_.leftovers(session->id, session->saved, stored)});
}

Result<> UploadSessions::cancel(Upload& upload) {
  Session& session = *upload.session_;
  return session.ended ? Result<>() : forget(session);
}

Result<> UploadSessions::forget(Session& session) {
  leave(session);
  const std::vector<std::string> leftovers = TRY(blobs_.abandon(session.id, session.saved));
  return metadata_.end_upload(session.id, session.version, leftovers);
}

void UploadSessions::leave(Session& session) {
  session.ended = true;
  {
    std::lock_guard lock(session.bytes);
    session.writer.reset();
  }
  std::lock_guard lock(mutex_);
  const auto found = sessions_.find(session.id);
  if (found != sessions_.end() && found->second.get() == &session) sessions_.erase(found);
}

Result<> UploadSessions::sweep(std::chrono::seconds age) {
  close_idle();
  for (const Uploads::Stale& upload : TRY(metadata_.stale_uploads(clock_.now() - age))) {
    {
      std::lock_guard lock(mutex_);
      if (sessions_.contains(upload.id)) continue;  // open: not idle yet
    }
    const auto leftovers = TRY(blobs_.abandon(upload.id, upload.row.state));
    const Result<> ended = metadata_.end_upload(upload.id, upload.row.version, leftovers);
    if (!ended && ended.error().code() == Code::kAborted) continue;  // somebody goes on with it
    if (!ended) return ended;
    log_info(cat("upload ", upload.id, " was abandoned: dropped"));
  }
  return {};
}

void UploadSessions::close_idle() {
  const TimePoint newest = clock_.now() - kIdle;
  std::lock_guard lock(mutex_);
  std::erase_if(sessions_, [&](const auto& entry) {
    Session& session = *entry.second;
    // Somebody else holding it means that a request is at work on it.
    return session.used.load() < newest && entry.second.use_count() == 1;
  });
}

}  // namespace skiff::registry
