// Uploads of blobs: whole, in chunks, continued, cancelled, mounted from another repository
// (distribution-spec, Pushing blobs).
#include <array>

#include "base/log.h"
#include "base/strings.h"
#include "oci/reference.h"
#include "registry/byte_range.h"
#include "registry/call.h"

namespace skiff::registry {

namespace {

using Upload = UploadSessions::Upload;

// On the stack of each upload's thread: of a hundred at once all are in memory.
constexpr size_t kUploadBuffer = size_t{64} * 1024;
constexpr size_t kMaxHolders = 1'000;  // looked at for a mount without `from`

std::string upload_path(const Call& call, const std::string& id) {
  return cat("/v2/", call.name, "/blobs/uploads/", id);
}

// Where the upload is and how far it got. "0-0" is what the specification's clients take for
// an empty one, too.
void tell_state(const Call& call, const std::string& id, uint64_t offset) {
  call.set("Location", upload_path(call, id));
  call.set("Docker-Upload-UUID", id);
  call.set("Range", cat("0-", offset == 0 ? 0 : offset - 1));
}

Answer<> reply_created(Call& call, const oci::Digest& digest) {
  call.set("Location", cat("/v2/", call.name, "/blobs/", digest.str()));
  call.set("Docker-Content-Digest", digest.str());
  return call.reply_empty(201);
}

Answer<HashAlgorithm> wanted_algorithm(const Call& call) {
  const std::string name = call.request.query.get("digest-algorithm");
  if (name.empty() || name == "sha256") return HashAlgorithm::kSha256;
  if (name == "sha512") return HashAlgorithm::kSha512;
  return Refusal(kDigestInvalid,
                 cat("unsupported digest algorithm ", quoted(name), ": choose sha256 or sha512"));
}

Refusal unknown_upload(const Call& call, const std::string& id) {
  return {kBlobUploadUnknown, cat("upload ", quoted(id), " is unknown to repository ", call.name)};
}

Answer<Upload> open_upload(const Call& call, const std::string& id) {
  Result<Upload> upload = call.context.uploads.open(call.name, id);
  if (upload) return std::move(*upload);
  if (upload.error().code() == Code::kNotFound) return unknown_upload(call, id);
  if (upload.error().code() == Code::kUnavailable) {
    return Refusal(kUploadBusy, upload.error().message());
  }
  return upload.error();
}

using Length = std::optional<uint64_t>;

Refusal wrong_length(const Call& call, uint64_t said, std::string_view has) {
  return {kSizeInvalid, cat("Content-Range ", call.header("Content-Range"), " has ", said,
                            " bytes, the body has ", has)};
}

// The request's body goes to the end of the upload. One that no quota has room for is refused
// before it comes, as far as its length is known. `said`: by its Content-Range; what comes beyond
// that is not written.
Answer<> receive(Call& call, Upload& upload, Length said = std::nullopt) {
  const uint64_t length = call.request.content_length.value_or(said.value_or(1));
  if (length > 0) TRY(call.context.metadata.check_room(call.name, upload.offset() + length));
  upload.expect(length);
  std::array<char, kUploadBuffer> buffer;
  uint64_t done = 0;
  for (;;) {
    Result<size_t> n = call.request.body->read(buffer);
    if (!n) return broken_off(kSizeInvalid, n.error());
    if (*n == 0) break;
    done += *n;
    if (said && done > *said) return wrong_length(call, *said, "more");
    TRY(upload.write({buffer.data(), *n}));
  }
  if (said && done < *said) return wrong_length(call, *said, cat(done));
  return {};
}

// A chunk must begin where the upload ends, and be as long as it says.
Answer<Length> check_chunk(const Call& call, const std::string& id, Upload& upload) {
  const std::string header = call.header("Content-Range");
  if (header.empty()) return Length();
  const std::optional<ByteRange> range = chunk_range(header);
  if (!range) {
    return Refusal(kBlobUploadInvalid, cat("malformed Content-Range ", quoted(header)));
  }
  if (range->first != upload.offset()) {
    tell_state(call, id, TRY(call.context.uploads.settle(upload)));
    return Refusal(kRangeInvalid, cat("the chunk begins at byte ", range->first,
                                      ", the upload stands at ", upload.offset()));
  }
  const auto length = call.request.content_length;
  if (length && *length != range->size()) return wrong_length(call, range->size(), cat(*length));
  return Length(range->size());
}

Answer<> finish(Call& call, Upload& upload, const oci::Digest& digest) {
  Result<> stored = call.context.uploads.finish(upload, digest);
  if (stored) return reply_created(call, digest);
  if (!is_wrong_content(stored.error())) return stored.error();
  return Refusal(kDigestInvalid, cat("the uploaded bytes are not ", digest.str()),
                 json::object({{"digest", digest.str()}}));
}

// POST with the digest and all bytes: nothing stays of it where it fails.
Answer<> upload_at_once(Call& call, const oci::Digest& digest) {
  const std::string id = TRY(call.context.uploads.begin(call.name, digest.algorithm()));
  Upload upload = TRY(open_upload(call, id));
  Answer<> answer = receive(call, upload);
  if (answer) answer = finish(call, upload, digest);
  // Nobody knows it by name to go on with it.
  if (!answer) TRY(call.context.uploads.cancel(upload));
  return answer;
}

// Where the blob may be mounted from: `from`, or without it any repository with the blob that the
// viewer may pull; "" for no matter which. nullopt: nowhere.
Answer<std::optional<std::string>> mount_source(const Call& call, const std::string& from,
                                                const oci::Digest& digest) {
  if (TRY(call.may_pull(from))) return from;
  if (!from.empty()) return std::nullopt;
  for (const std::string& name : TRY(call.context.metadata.holders(digest, kMaxHolders))) {
    if (TRY(call.may_pull(name))) return name;
  }
  return std::nullopt;
}

Answer<bool> mount_ours(Call& call, const oci::Digest& digest) {
  const std::string from = call.request.query.get("from");
  if (!from.empty() && !oci::valid_repository_path(from)) {
    return Refusal(kNameInvalid, cat("invalid repository name ", quoted(from)));
  }
  const auto source = TRY(mount_source(call, from, digest));
  const auto at = TRY(call.context.metadata.place_of(digest));
  if (!source || !at) return false;
  // Of a damaged one the client sends a whole one, which takes its place.
  Result<> whole = call.context.blobs.verify(digest, *at);
  const Code failure = whole ? Code::kUnknown : whole.error().code();
  if (failure == Code::kNotFound || failure == Code::kDataLoss) return false;
  TRY(std::move(whole));
  return TRY(call.context.metadata.mount_blob(call.name, *source, digest));
}

// The engine in this process pushes the blob: its file becomes ours, too.
bool link_from_engine(Call& call, const oci::Digest& digest) {
  content::ContentStore* engine = call.redeem_ticket(digest);
  if (engine == nullptr) return false;
  const Result<> linked = call.context.uploads.link(call.name, digest, *engine);
  if (!linked) log_info(cat("not linked from the engine: ", linked.error().message()));
  return linked.has_value();
}

Answer<bool> mount(Call& call) {
  const oci::Digest digest = TRY(parse_digest(call.request.query.get("mount")));
  if (!TRY(mount_ours(call, digest)) && !link_from_engine(call, digest)) return false;
  TRY(reply_created(call, digest));
  return true;
}

}  // namespace

Answer<> start_upload(Call& call) {
  const net::Query& query = call.request.query;
  if (query.has("mount") && TRY(mount(call))) return {};
  if (query.has("digest")) return upload_at_once(call, TRY(parse_digest(query.get("digest"))));
  const std::string id = TRY(call.context.uploads.begin(call.name, TRY(wanted_algorithm(call))));
  tell_state(call, id, 0);
  return call.reply_empty(202);
}

Answer<> upload_status(Call& call) {
  auto offset = TRY(call.context.uploads.offset(call.name, call.reference));
  if (!offset) return unknown_upload(call, call.reference);
  tell_state(call, call.reference, *offset);
  return call.reply_empty(204);
}

Answer<> upload_chunk(Call& call) {
  Upload upload = TRY(open_upload(call, call.reference));
  const Length said = TRY(check_chunk(call, call.reference, upload));
  TRY(receive(call, upload, said));
  tell_state(call, call.reference, TRY(call.context.uploads.settle(upload)));
  return call.reply_empty(202);
}

Answer<> finish_upload(Call& call) {
  const oci::Digest digest = TRY(parse_digest(call.request.query.get("digest")));
  Upload upload = TRY(open_upload(call, call.reference));
  const Length said = TRY(check_chunk(call, call.reference, upload));
  TRY(receive(call, upload, said));
  return finish(call, upload, digest);
}

Answer<> cancel_upload(Call& call) {
  Upload upload = TRY(open_upload(call, call.reference));
  TRY(call.context.uploads.cancel(upload));
  return call.reply_empty(204);
}

}  // namespace skiff::registry
