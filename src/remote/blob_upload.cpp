#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/strings.h"
#include "oci/distribution.h"
#include "remote/answers.h"
#include "remote/blob_transfer.h"

namespace skiff::remote {

namespace {

// Where an upload stands at the registry.
struct Session {
  net::Url location;
  uint64_t offset = 0;
};

class Upload {
 public:
  Upload(Transport& transport, const Repository& repository, const oci::Descriptor& blob,
         const ReadAt& read, const Progress& progress, const CancelToken& cancel)
      : transport_(transport),
        repository_(repository),
        blob_(blob),
        read_(read),
        progress_(progress),
        cancel_(cancel) {}

  Result<PushOutcome> run() {
    if (TRY(exists())) return PushOutcome::kExists;
    return send_bytes(std::nullopt);
  }

  // Of a blob in `store`.
  Result<PushOutcome> run(content::ContentStore& store, const std::string& mount_from) {
    if (TRY(exists())) return PushOutcome::kExists;
    const auto ticket = transport_.ticket(repository_.host, store, blob_.digest);
    if (mount_from.empty() && !ticket) return send_bytes(std::nullopt);
    std::optional<Session> session = TRY(try_mount(mount_from, ticket ? ticket->word() : ""));
    if (session) return send_bytes(std::move(session));
    const bool is_linked = ticket && (ticket->is_redeemed() || mount_from.empty());
    return is_linked ? PushOutcome::kLinked : PushOutcome::kMounted;
  }

 private:
  Result<bool> exists() {
    const net::WebResponse answer =
        TRY(transport_.send(call("HEAD", repository_.blob_target(blob_.digest))));
    if (answer.status == 200) return true;
    if (answer.status == 404) return false;
    return answer_error(answer, what());
  }

  // nullopt: mounted or linked. Otherwise the session that the registry opened instead.
  Result<std::optional<Session>> try_mount(const std::string& mount_from,
                                           const std::string& ticket) {
    net::Query query;
    query.add("mount", blob_.digest.str());
    if (!mount_from.empty()) query.add("from", mount_from);
    Call mount = call("POST", cat(repository_.uploads_target(), "?", query.str()));
    if (!mount_from.empty()) mount.scope += cat(" repository:", mount_from, ":pull");
    if (!ticket.empty()) mount.request.headers.set(oci::kTicketField, ticket);
    const Result<net::WebResponse> answer = transport_.send(mount);
    if (answer && answer->status == 201) return std::nullopt;
    if (answer && answer->status == 202) return TRY(session_of(*answer, 0));
    // A refused mount (no right to read the other repository) is no reason not to upload.
    TRY(cancel_.check());
    return TRY(open_session());
  }

  Result<Session> open_session() {
    const net::WebResponse answer =
        TRY_CONTEXT(transport_.send(call("POST", repository_.uploads_target())), what());
    if (answer.status != 202) return answer_error(answer, what());
    return session_of(answer, 0);
  }

  Result<Session> session_of(const net::WebResponse& answer, uint64_t offset) {
    const net::Url base = TRY(net::Url::parse(answer.url));
    net::Url location = TRY_CONTEXT(base.resolve(answer.headers.get("Location")), what());
    return Session{std::move(location), offset};
  }

  // The whole in one PUT; what breaks off is continued with PATCH where the registry kept a
  // part, or started again.
  Result<PushOutcome> send_bytes(std::optional<Session> session) {
    Backoff backoff = transport_.backoff(cancel_);
    uint64_t furthest = 0;
    for (;;) {
      if (!session) session = TRY(open_session());
      Result<net::WebResponse> answer = send_from(*session);
      if (local_failure_) return *std::move(local_failure_);
      if (answer && answer->status == 201) return check_stored(*answer);
      const bool lost_session = answer && (answer->status == 404 || answer->status == 416);
      const bool transient = answer ? is_transient(answer->status) : is_transient(answer.error());
      if (!transient && !lost_session) return failure(answer);
      const auto wish = answer ? retry_after(*answer) : std::nullopt;
      if (!TRY(backoff.again(wish))) return failure(answer);
      if (TRY(exists())) return PushOutcome::kUploaded;
      session = lost_session ? std::nullopt : TRY(where_it_stands(*session));
      if (session && session->offset > furthest) backoff.progressed();
      furthest = std::max(furthest, session ? session->offset : 0);
    }
  }

  Result<net::WebResponse> send_from(Session& session) {
    if (session.offset > 0 && session.offset < blob_.size) {
      Call patch = body_call("PATCH", session.location, session.offset);
      patch.request.headers.set("Content-Range", cat(session.offset, "-", blob_.size - 1));
      net::WebResponse answer = TRY(transport_.send_once(patch));
      if (answer.status != 202) return answer;
      session = TRY(session_of(answer, blob_.size));
    }
    net::Url target = session.location;
    const char separator = target.target.find('?') == std::string::npos ? '?' : '&';
    net::Query query;
    target.target += separator + query.add("digest", blob_.digest.str()).str();
    return transport_.send_once(body_call("PUT", target, session.offset));
  }

  // nullopt where the registry knows nothing of it any more, or nothing arrived.
  Result<std::optional<Session>> where_it_stands(const Session& session) {
    const auto answer = transport_.send(call("GET", session.location));
    TRY(cancel_.check());
    if (!answer || answer->status != 204) return std::nullopt;
    const std::string range = answer->headers.get("Range");
    const auto ends = split_once(range, '-');
    const uint64_t last = ends ? parse_uint(ends->second).value_or(0) : 0;
    // "0-0" is what registries say of an empty upload, too.
    if (last == 0 || last >= blob_.size) return std::nullopt;
    if (answer->headers.find("Location")) return session_of(*answer, last + 1);
    return Session{session.location, last + 1};
  }

  Result<PushOutcome> check_stored(const net::WebResponse& answer) {
    const std::string stored = answer.headers.get("Docker-Content-Digest");
    if (!stored.empty() && stored != blob_.digest.str()) {
      return Error(Code::kDataLoss, cat(what(), ": the registry stored ", stored));
    }
    return PushOutcome::kUploaded;
  }

  Call call(std::string method, std::variant<std::string, net::Url> target) {
    Call out;
    out.host = repository_.host;
    out.target = std::move(target);
    out.scope = repository_.push_scope();
    out.request.method = std::move(method);
    out.request.cancel = cancel_;
    return out;
  }

  Call body_call(std::string method, net::Url target, uint64_t from) {
    Call out = call(std::move(method), std::move(target));
    out.request.headers.set("Content-Type", "application/octet-stream");
    out.request.upload_size = blob_.size - from;
    if (out.request.upload_size == 0) return out;
    out.rewind = [this, from] { position_ = from; };
    out.request.upload = [this](std::span<char> buffer) { return read_more(buffer); };
    return out;
  }

  Result<size_t> read_more(std::span<char> buffer) {
    const size_t wanted = std::min<uint64_t>(buffer.size(), blob_.size - position_);
    Result<size_t> n = read_(position_, buffer.first(wanted));
    if (n && *n == 0 && wanted > 0) n = Error(Code::kDataLoss, "it is shorter than recorded");
    if (!n) {
      local_failure_ = Error(n.error()).with_context(what());
      return *local_failure_;
    }
    position_ += *n;
    if (progress_) progress_(position_, blob_.size);
    return n;
  }

  Error failure(const Result<net::WebResponse>& answer) const {
    if (!answer) return Error(answer.error()).with_context(what());
    return answer_error(*answer, what());
  }

  std::string what() const { return cat("upload ", blob_.digest.str()); }

  Transport& transport_;
  const Repository& repository_;
  const oci::Descriptor& blob_;
  const ReadAt& read_;
  const Progress& progress_;
  const CancelToken& cancel_;
  uint64_t position_ = 0;
  std::optional<Error> local_failure_;
};

}  // namespace

Result<PushOutcome> upload_blob(Transport& transport, const Repository& repository,
                                const oci::Descriptor& blob, content::ContentStore& store,
                                const std::string& mount_from, const Progress& progress,
                                const CancelToken& cancel) {
  const std::unique_ptr<content::BlobReader> reader = TRY(store.open(blob.digest));
  if (reader->size() != blob.size) {
    return Error(Code::kDataLoss, cat("upload ", blob.digest.str(), ": it has ", reader->size(),
                                      " bytes, its descriptor says ", blob.size));
  }
  const ReadAt read = [&reader](uint64_t offset, std::span<char> buffer) -> Result<size_t> {
    const ssize_t n =
        ::pread(reader->fd(), buffer.data(), buffer.size(), static_cast<off_t>(offset));
    if (n < 0) return Error::from_errno(errno, "read it");
    return static_cast<size_t>(n);
  };
  return Upload(transport, repository, blob, read, progress, cancel).run(store, mount_from);
}

Result<PushOutcome> upload_blob(Transport& transport, const Repository& repository,
                                const oci::Descriptor& blob, const ReadAt& read,
                                const CancelToken& cancel) {
  const Progress untold;
  return Upload(transport, repository, blob, read, untold, cancel).run();
}

Result<bool> mount_blob(Transport& transport, const Repository& repository, const oci::Digest& blob,
                        const std::string& mount_from, const CancelToken& cancel) {
  Call call;
  call.host = repository.host;
  call.target = repository.blob_target(blob);
  call.scope = repository.push_scope();
  call.request.method = "HEAD";
  call.request.cancel = cancel;
  if (TRY(transport.send(call)).status == 200) return true;
  net::Query query;
  query.add("mount", blob.str()).add("from", mount_from);
  call.target = cat(repository.uploads_target(), "?", query.str());
  call.scope += cat(" repository:", mount_from, ":pull");
  call.request.method = "POST";
  // A refused mount (no right to read the other repository) is no reason not to upload.
  const Result<net::WebResponse> answer = transport.send(call);
  TRY(cancel.check());
  if (!answer || answer->status != 202) return answer && answer->status == 201;
  // It opened an upload instead, which nobody needs.
  const net::Url base = TRY(net::Url::parse(answer->url));
  call.target = TRY(base.resolve(answer->headers.get("Location")));
  call.request.method = "DELETE";
  [[maybe_unused]] const auto ignored = transport.send_once(call);
  return false;
}

}  // namespace skiff::remote
