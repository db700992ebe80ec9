#include "registry/upload_sessions.h"

#include "base/log.h"
#include "base/random.h"
#include "base/strings.h"

namespace skiff::registry {

namespace {

// A client that lost its connection comes back before we hear of the loss.
constexpr std::chrono::seconds kWaitForWriter{3};
constexpr std::chrono::milliseconds kLoadTime{10};
constexpr std::chrono::minutes kIdle{5};
constexpr size_t kIdDigits = 32;

std::string ingest_name(const std::string& id) { return cat("upload-", id); }

}  // namespace

struct UploadSessions::Session {
  Session(std::string r, std::string i, UploadRow u)
      : repository(std::move(r)),
        id(std::move(i)),
        algorithm(u.algorithm),
        saved(std::move(u.state)) {}

  const std::string repository;
  const std::string id;
  const HashAlgorithm algorithm;
  std::timed_mutex writing;  // held by the request that writes it; guards `ended`
  bool ended = false;
  // Guards what follows. Held for one write, so that who asks for the state need not wait for the
  // end of the request.
  std::mutex bytes;
  std::unique_ptr<content::DurableIngest> ingest;
  content::IngestState saved;  // as it stands in the metadata
  // Read without a lock.
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
  Result<> written = session_->ingest->write(bytes);
  session_->offset = session_->ingest->offset();
  return written;
}

Result<> UploadSessions::recover() {
  // What a request was making a blob when the crash came is one, or is an upload still.
  for (const Uploads::Ending& upload : TRY(metadata_.ending_uploads())) {
    if (!TRY(content_.finish_commit(ingest_name(upload.id), upload.blob))) continue;
    const content::BlobInfo blob = TRY(content_.info(upload.blob));
    TRY(metadata_.link_blob(upload.repository, upload.blob, blob.size));
    TRY(metadata_.end_upload(upload.id));
  }
  std::set<std::string> known;
  for (const std::string& id : TRY(metadata_.all_uploads())) known.insert(ingest_name(id));
  return content_.abort_others(known);
}

Result<std::string> UploadSessions::begin(const std::string& repository, HashAlgorithm algorithm) {
  std::string id = random_hex(kIdDigits);
  const UploadRow upload{.algorithm = algorithm, .state = {.boot = content::current_boot()}};
  TRY(metadata_.begin_upload(repository, id, upload));
  return id;
}

Result<std::shared_ptr<UploadSessions::Session>> UploadSessions::session(
    const std::string& repository, const std::string& id) {
  std::optional<UploadRow> upload = TRY(metadata_.find_upload(repository, id));
  if (!upload) return Error(Code::kNotFound, cat("no upload ", id, " in ", repository));
  std::lock_guard lock(mutex_);
  std::shared_ptr<Session>& session = sessions_[id];
  if (!session) session = std::make_shared<Session>(repository, id, *std::move(upload));
  session->used = clock_.now();
  return session;
}

Result<> UploadSessions::load(Session& session) {
  if (session.ended) return Error(Code::kNotFound, cat("upload ", session.id, " has ended"));
  std::lock_guard lock(session.bytes);
  if (session.ingest) return {};
  session.ingest = TRY(content_.resume(ingest_name(session.id), session.algorithm, session.saved));
  session.offset = session.ingest->offset();
  session.loaded = true;
  return {};
}

Result<uint64_t> UploadSessions::settle(Session& session) {
  std::lock_guard lock(session.bytes);
  // Where it is being made a blob, that is what there is to tell.
  if (!session.ingest || session.ingest->offset() == session.saved.offset) {
    return session.saved.offset;
  }
  Result<content::IngestState> state = session.ingest->settle();
  session.offset = session.ingest->offset();
  if (!state) return std::move(state.error());
  TRY(metadata_.save_upload(session.id, *state));
  session.saved = *std::move(state);
  return session.saved.offset;
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
  const bool may_try_again = !stored && session.ingest && !is_wrong_content(stored.error());
  if (may_try_again) return stored;
  Result<> forgotten = forget(session);
  if (!forgotten) log_warn(cat("upload ", session.id, ": ", forgotten.error().message()));
  return stored;
}

Result<> UploadSessions::store(Session& session, const oci::Digest& expected) {
  return take_in(session.repository, expected, session.id, [&]() -> Result<content::BlobInfo> {
    std::lock_guard lock(session.bytes);
    Result<content::BlobInfo> blob = content_.commit(*session.ingest, expected);
    if (blob || is_wrong_content(blob.error())) session.ingest.reset();
    return blob;
  });
}

Result<> UploadSessions::link(const std::string& repository, const oci::Digest& blob,
                              content::ContentStore& from) {
  return take_in(repository, blob, "", [&] { return content_.link_from(from, blob); });
}

// What `put` stores becomes the repository's; a crash on the way leaves nothing.
Result<> UploadSessions::take_in(const std::string& repository, const oci::Digest& blob,
                                 const std::string& upload,
                                 const std::function<Result<content::BlobInfo>()>& put) {
  DigestLocks::Guard guard = locks_.lock(blob);
  TRY(metadata_.blob_arrives(blob, upload));
  // Where that fails, the collection looks what there is of it.
  const content::BlobInfo stored = TRY(put());
  return metadata_.link_blob(repository, blob, stored.size);
}

Result<> UploadSessions::cancel(Upload& upload) { return forget(*upload.session_); }

Result<> UploadSessions::forget(Session& session) {
  session.ended = true;
  {
    std::lock_guard lock(session.bytes);
    session.ingest.reset();
  }
  {
    std::lock_guard lock(mutex_);
    sessions_.erase(session.id);
  }
  TRY(content_.abort(ingest_name(session.id)));
  return metadata_.end_upload(session.id);
}

Result<> UploadSessions::sweep(std::chrono::seconds age) {
  close_idle();
  for (const std::string& id : TRY(metadata_.stale_uploads(clock_.now() - age))) {
    {
      std::lock_guard lock(mutex_);
      if (sessions_.contains(id)) continue;  // open: not idle yet
    }
    TRY(content_.abort(ingest_name(id)));
    TRY(metadata_.end_upload(id));
    log_info(cat("upload ", id, " was abandoned: dropped"));
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
