// UploadSessions: uploads of blobs, from POST to PUT. An upload's bytes are where the blobs are,
// its row is in the metadata; here they come together, and writers stay open between requests, so
// that a chunk does not read again what came before it.
//
//   std::string id = TRY(uploads.begin("a/b", HashAlgorithm::kSha256));
//   auto upload = TRY(uploads.open("a/b", id));      // exclusive while it lives
//   TRY(upload->write(bytes)) ...
//   TRY(uploads.finish(*upload, digest));            // durable, and linked to the repository
//
// What a request wrote before it broke off counts: the next one continues behind it, also
// after a crash of the process where bytes go to files. What settle() or offset() told counts after
// a power cut, too, and on every node that has the metadata and the blobs.
// Thread-safe.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "registry/blobs.h"
#include "registry/digest_locks.h"
#include "registry/metadata.h"

namespace skiff::registry {

// Of `finish`: the client's bytes are not what it said. A disk that fails loses data, too, but
// that is not the client's doing.
inline bool is_wrong_content(const Error& error) {
  return error.code() == Code::kDataLoss && error.sys_errno() == 0;
}

class UploadSessions {
 private:
  struct Session;

 public:
  UploadSessions(Blobs& blobs, MetadataStore& metadata, DigestLocks& locks, const Clock& clock)
      : blobs_(blobs), metadata_(metadata), locks_(locks), clock_(clock) {}

  // The right to write one upload. Owned by one thread.
  class Upload {
   public:
    explicit Upload(std::shared_ptr<Session> session) : session_(std::move(session)) {}
    Upload(Upload&&) noexcept = default;
    Upload& operator=(Upload&&) = delete;
    ~Upload();
    uint64_t offset() const;
    Result<> write(std::string_view bytes);
    void expect(uint64_t bytes);  // that are about to be written

   private:
    friend class UploadSessions;
    std::shared_ptr<Session> session_;
  };

  // Ends uploads whose end a crash broke off, and drops what nobody knows. Before anything else,
  // the collector's recover() too.
  Result<> recover();
  Result<std::string> begin(const std::string& repository, HashAlgorithm algorithm);
  // How many bytes there are, for good; nullopt for an unknown upload. Does not wait for the end
  // of a request that writes it.
  Result<std::optional<uint64_t>> offset(const std::string& repository, const std::string& id);
  // kNotFound for an unknown upload; kUnavailable where another request keeps writing it for
  // longer than it takes to notice that its client has gone. On another node that request ends with
  // its next write.
  Result<Upload> open(const std::string& repository, const std::string& id);
  // The same for who writes it: what may be told of it.
  Result<uint64_t> settle(Upload& upload);
  // Ends the upload. kDataLoss where the bytes are not `expected`: then nothing is left of them.
  // After a failure of where blobs are it is as before; after one of the metadata it has
  // ended, and the client begins again.
  Result<> finish(Upload& upload, const oci::Digest& expected);
  // Of one that has ended, success.
  Result<> cancel(Upload& upload);
  // Without an upload: a blob of another store of this process, as ContentStore::link_from. For
  // blobs in files.
  Result<> link(const std::string& repository, const oci::Digest& blob,
                content::ContentStore& from);

  // Drops uploads that nobody touched for `age`, closes what is open and idle.
  Result<> sweep(std::chrono::seconds age);

 private:
  Result<std::shared_ptr<Session>> session(const std::string& repository, const std::string& id);
  Result<> load(Session& session);
  Result<uint64_t> settle(Session& session);
  Result<> keep(Session& session, const UploadState& state);
  Result<> store(Session& session, const oci::Digest& expected);
  Result<> take_in(const std::string& repository, const oci::Digest& blob, Session* session,
                   const std::function<Result<BlobPlace>()>& put);
  Result<> forget(Session& session);
  void leave(Session& session);
  void close_idle();

  Blobs& blobs_;
  MetadataStore& metadata_;
  DigestLocks& locks_;
  const Clock& clock_;
  std::mutex mutex_;  // guards sessions_
  std::map<std::string, std::shared_ptr<Session>> sessions_;
};

}  // namespace skiff::registry
