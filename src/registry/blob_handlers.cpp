// GET, HEAD and DELETE of blobs (distribution-spec, Pulling blobs; Deleting Blobs).
#include "base/log.h"
#include "base/strings.h"
#include "registry/byte_range.h"
#include "registry/call.h"

namespace skiff::registry {

namespace {

// Of a blob in no file, as it comes. The head goes with the first bytes: before them the answer can
// still be that there is no such blob.
Answer<> stream_part(Call& call, int status, BlobSource& source, const ByteRange& range) {
  call.set("Content-Length", cat(range.size()));
  if (call.is_head()) TRY(call.writer.begin(status));
  Result<> sent;
  if (!call.is_head()) {
    sent = source.read(range.first, range.size(), [&](std::string_view bytes) -> Result<> {
      if (!call.writer.started()) TRY(call.writer.begin(status));
      return call.writer.write(bytes);
    });
  }
  if (sent) sent = call.writer.finish();
  if (sent) return {};
  const Code failure = sent.error().code();
  if (!call.writer.started() && (failure == Code::kNotFound || failure == Code::kDataLoss)) {
    log_error(cat("blob ", call.reference, " is lost: ", sent.error().message()));
    return unknown_blob(call);
  }
  if (!call.writer.started()) return sent.error();
  // An answer that ends early is one that the connection ends with.
  log_info(cat("blob ", call.reference, ": ", sent.error().message()));
  return {};
}

Answer<> send_part(Call& call, int status, BlobSource& source, const ByteRange& range) {
  if (source.file() < 0) return stream_part(call, status, source, range);
  Result<> sent = call.writer.send_file(status, source.file(), range.first, range.size());
  if (!sent) log_debug(cat("blob ", call.reference, ": ", sent.error().message()));
  return {};
}

// To where the blob is. HEAD is answered here: what it promises is ours to keep.
Answer<> redirect(Call& call, const std::string& link) {
  call.set("Location", link);
  call.set("Cache-Control", "no-store");  // the link is good for minutes
  return call.reply_empty(307);
}

// The range that counts: none of a HEAD (RFC 9110, 14.2), nor where If-Range names other content.
RequestedRange range_of(const Call& call, uint64_t size) {
  if (call.is_head()) return {};
  const std::string condition = call.header("If-Range");
  if (!condition.empty() && condition != etag_of(call.reference)) return {};
  return requested_range(call.header("Range"), size);
}

// The engine in this process asks for the blob: its store gets the file itself. Where that
// cannot be it asks again, as everybody does.
void link_to_engine(const Call& call, const oci::Digest& digest) {
  content::RecordedStore* ours = call.context.blobs.files();
  content::ContentStore* engine = ours == nullptr ? nullptr : call.redeem_ticket(digest);
  if (engine == nullptr) return;
  const auto linked = engine->link_from(*ours, digest);
  if (!linked) log_info(cat("not linked to the engine: ", linked.error().message()));
}

}  // namespace

Refusal unknown_blob(const Call& call) {
  return {kBlobUnknown, cat("blob ", call.reference, " is unknown to repository ", call.asked),
          json::object({{"digest", call.reference}})};
}

Answer<> hidden_blob(Call& call) {
  const oci::Digest digest = TRY(parse_digest(call.reference));
  TRY(call.context.metadata.find_blob(kNoRepository, digest, Renew::kNo));
  return unknown_blob(call);
}

Answer<> get_blob(Call& call) {
  const oci::Digest digest = TRY(parse_digest(call.reference));
  const Renew renew = call.is_head() ? Renew::kYes : Renew::kNo;
  const auto at = TRY(call.context.metadata.find_blob(call.name, digest, renew));
  if (!at) return unknown_blob(call);
  call.set("Docker-Content-Digest", digest.str());
  call.set("ETag", etag_of(digest.str()));
  call.set("Cache-Control", "max-age=31536000, immutable");
  if (TRY(call.not_modified(digest.str()))) return {};
  if (call.is_head()) link_to_engine(call, digest);

  auto source = call.context.blobs.open(digest, *at);
  // What is damaged is as good as not here: a client that hears so pushes it again.
  const Code failure = source ? Code::kUnknown : source.error().code();
  if (failure == Code::kDataLoss) log_error(source.error().message());
  if (failure == Code::kNotFound || failure == Code::kDataLoss) return unknown_blob(call);
  if (!source) return source.error();
  const uint64_t size = (*source)->size();
  if (const std::string link = (*source)->link(); !link.empty() && !call.is_head()) {
    return redirect(call, link);
  }
  call.set("Accept-Ranges", "bytes");
  call.set("Content-Type", "application/octet-stream");
  const RequestedRange wanted = range_of(call, size);
  if (wanted.kind == RangeKind::kUnsatisfiable) {
    call.set("Content-Range", cat("bytes */", size));
    return Refusal(kRangeNotSatisfiable, cat("the blob has ", size, " bytes"));
  }
  if (wanted.kind == RangeKind::kPart) {
    call.set("Content-Range", cat("bytes ", wanted.range.first, "-", wanted.range.last, "/", size));
    return send_part(call, 206, **source, wanted.range);
  }
  if (size == 0) return call.reply_empty(200);
  return send_part(call, 200, **source, {0, size - 1});
}

Answer<> delete_blob(Call& call) {
  const oci::Digest digest = TRY(parse_digest(call.reference));
  const Actor actor = TRY(call.actor());
  auto parents = call.context.metadata.unlink_blob(call.name, digest, actor);
  if (!parents && parents.error().code() == Code::kNotFound) return unknown_blob(call);
  if (!parents) return parents.error();
  if (parents->empty()) return call.reply_empty(202);
  return Refusal(
      kReferenced,
      cat("blob ", digest.str(), " is part of ", join(*parents, ", "), ": delete that first"),
      json::object({{"referenced_by", *parents}}));
}

}  // namespace skiff::registry
