#include "upstream/blob_cache.h"

#include <algorithm>

#include "base/log.h"
#include "base/strings.h"
#include "registry/byte_range.h"
#include "upstream/blob_receiver.h"

namespace skiff::upstream {

using registry::Answer;
using registry::Call;
using registry::RangeKind;
using registry::RequestedRange;

namespace {

constexpr size_t kBuffer = size_t{64} << 10U;

void describe(const Call& call, const oci::Digest& digest) {
  call.set("Docker-Content-Digest", digest.str());
  call.set("ETag", registry::etag_of(digest.str()));
  call.set("Cache-Control", "max-age=31536000, immutable");
  call.set("Accept-Ranges", "bytes");
  call.set("Content-Type", "application/octet-stream");
}

// Sends [at, end) of a blob while it comes. What makes the blob whole is sent only once the blob is
// right: where it is not, the client is left with less than it was promised, and knows.
Result<> send(const Call& call, Spool& spool, uint64_t at, uint64_t end, bool is_end,
              const CancelToken& gone) {
  std::vector<char> buffer(kBuffer);
  while (at < end) {
    const size_t wanted = std::min<uint64_t>(buffer.size(), end - at);
    const size_t n = TRY(spool.read(at, std::span(buffer).first(wanted), gone));
    at += n;
    if (at == end && is_end) TRY(spool.outcome(gone));
    TRY(call.writer.write({buffer.data(), n}));
  }
  return call.writer.finish();
}

}  // namespace

Answer<bool> BlobCache::serve(Origin& origin, Call& call) {
  const oci::Digest digest = TRY(registry::parse_digest(call.reference));
  if (TRY(is_here(call.name, digest))) return false;
  if (origin.is_missing(cat(call.name, "@", call.reference))) return registry::unknown_blob(call);
  if (call.is_head()) return tell(origin, call, digest);
  return give(origin, call, digest);
}

Result<bool> BlobCache::is_here(const std::string& repository, const oci::Digest& digest) {
  return is_whole(digest,
                  TRY(context_.metadata.find_blob(repository, digest, registry::Renew::kNo)));
}

Result<bool> BlobCache::is_whole(const oci::Digest& digest,
                                 const std::optional<registry::BlobPlace>& place) {
  if (!place) return false;
  // Elsewhere a look costs a request, and nothing is damaged unseen.
  if (context_.blobs.files() == nullptr) return true;
  const auto opened = context_.blobs.open(digest, *place);
  if (opened) return true;
  const bool is_lost =
      opened.error().code() == Code::kNotFound || opened.error().code() == Code::kDataLoss;
  if (is_lost) return false;
  return opened.error();
}

Answer<bool> BlobCache::refuse(Origin& origin, Call& call, const Error& error) {
  if (is_not_there(error)) return registry::unknown_blob(call);
  if (error.code() == Code::kCancelled) return error;
  return origin.refusal(error);
}

// Nothing is fetched for a HEAD.
Answer<bool> BlobCache::tell(Origin& origin, Call& call, const oci::Digest& digest) {
  const oci::Reference reference = TRY(origin.reference(call.name));
  const auto size = origin.client().blob_size(reference, digest, call.writer.client_gone());
  if (!size) {
    origin.failed(cat("blob ", digest.str(), " of ", call.name), size.error());
    if (is_not_there(size.error())) origin.missing(cat(call.name, "@", call.reference));
    return refuse(origin, call, size.error());
  }
  describe(call, digest);
  if (TRY(call.not_modified(digest.str()))) return true;
  call.set("Content-Length", cat(*size));
  TRY(call.reply_empty(200));
  return true;
}

Answer<bool> BlobCache::give(Origin& origin, Call& call, const oci::Digest& digest) {
  const CancelToken gone = call.writer.client_gone();
  const std::shared_ptr<Spool> spool = TRY(flight(origin, call.name, digest));
  const auto size = spool->size(gone);
  if (!size) return refuse(origin, call, size.error());
  if (!*size) return false;  // it needed no bytes
  const uint64_t bytes = **size;
  const std::string condition = call.header("If-Range");
  RequestedRange wanted;
  if (condition.empty() || condition == registry::etag_of(digest.str())) {
    wanted = registry::requested_range(call.header("Range"), bytes);
  }
  const bool is_part = wanted.kind == RangeKind::kPart;
  const uint64_t first = is_part ? wanted.range.first : 0;
  const uint64_t end = is_part ? wanted.range.last + 1 : bytes;
  // What is small, and what the registry refuses, it answers itself.
  if (end - first <= kBuffer || wanted.kind == RangeKind::kUnsatisfiable) {
    const Result<> done = spool->outcome(gone);
    if (!done) return refuse(origin, call, done.error());
    return false;
  }
  describe(call, digest);
  if (TRY(call.not_modified(digest.str()))) return true;
  if (is_part) call.set("Content-Range", cat("bytes ", first, "-", end - 1, "/", bytes));
  call.set("Content-Length", cat(end - first));
  Result<> sent = call.writer.begin(is_part ? 206 : 200);
  if (sent) sent = send(call, *spool, first, end, end == bytes, gone);
  if (!sent) log_debug(cat("blob ", call.reference, ": ", sent.error().message()));
  return true;
}

Result<std::shared_ptr<Spool>> BlobCache::flight(Origin& origin, const std::string& repository,
                                                 const oci::Digest& digest) {
  const std::string key = cat(repository, "@", digest.str());
  if (auto found = flights_.find(key)) return found;
  std::shared_ptr<Spool> fresh = TRY(Spool::make(spool_));
  return flights_.join(
      key, std::move(fresh),
      [this, &origin, repository, digest](Spool& spool, const CancelToken& cancel) {
        Result<> done = fetch(origin, repository, digest, spool, cancel);
        if (!done && !cancel.cancelled()) {
          origin.failed(cat("blob ", digest.str(), " of ", repository), done.error());
          if (is_not_there(done.error())) origin.missing(cat(repository, "@", digest.str()));
        }
        spool.end(std::move(done));
      });
}

Result<> BlobCache::fetch(Origin& origin, const std::string& repository, const oci::Digest& digest,
                          Spool& spool, const CancelToken& cancel) {
  // Who asked may have looked before the last flight landed.
  if (TRY(is_here(repository, digest))) return {};
  if (TRY(take_from_another(origin, repository, digest, cancel))) return {};
  BlobReceiver receiver(context_.uploads, repository, digest, &spool);
  TRY(receiver.begin());
  TRY(origin.client().receive_blob(TRY(origin.reference(repository)), digest, receiver, cancel));
  TRY(ours(receiver.finish()));
  origin.answered();
  stored_();
  return {};
}

// Where another repository has the blob, and this one upstream, no bytes move.
Result<bool> BlobCache::take_from_another(Origin& origin, const std::string& repository,
                                          const oci::Digest& digest, const CancelToken& cancel) {
  if (!TRY(is_whole(digest, TRY(context_.metadata.place_of(digest))))) return false;
  TRY(origin.client().blob_size(TRY(origin.reference(repository)), digest, cancel));
  return context_.metadata.mount_blob(repository, "", digest);
}

}  // namespace skiff::upstream
