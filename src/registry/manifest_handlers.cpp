// GET, HEAD, PUT and DELETE of manifests by tag and digest (distribution-spec, Pulling
// manifests, Pushing Manifests, Deleting tags, Deleting Manifests).
#include <algorithm>

#include "base/strings.h"
#include "oci/reference.h"
#include "registry/accept.h"
#include "registry/call.h"
#include "registry/manifest_document.h"

namespace skiff::registry {

namespace {

constexpr size_t kMaxPushedTags = 100;  // of one PUT
// Each is looked up and recorded in the one transaction that makes the manifest visible.
constexpr size_t kMaxReferences = 10'000;
constexpr size_t kMaxDetails = 10;

Answer<std::string> read_document(const Call& call) {
  const auto too_large = [] {
    return Refusal(kManifestTooLarge, cat("a manifest may have at most ", kMaxManifest, " bytes"));
  };
  if (call.request.content_length.value_or(0) > kMaxManifest) return too_large();
  Result<std::string> bytes = read_all(*call.request.body, kMaxManifest);
  if (bytes) return std::move(*bytes);
  if (bytes.error().code() == Code::kResourceExhausted) return too_large();
  return broken_off(kManifestInvalid, bytes.error());
}

// By digest: that of the path, which must be the bytes' own. By tag: SHA-256.
Answer<oci::Digest> digest_for(const Call& call, std::string_view bytes) {
  if (!is_digest(call.reference)) return oci::Digest::of(bytes);
  const oci::Digest expected = TRY(parse_digest(call.reference));
  oci::Digest actual = oci::Digest::of(bytes, expected.algorithm());
  if (actual == expected) return actual;
  return Refusal(kDigestInvalid,
                 cat("the manifest is ", actual.str(), ", pushed as ", expected.str()));
}

// Each once.
std::vector<std::string> tags_of_query(const Call& call) {
  std::vector<std::string> out;
  for (std::string& tag : call.request.query.all("tag")) {
    if (std::ranges::find(out, tag) == out.end()) out.push_back(std::move(tag));
  }
  return out;
}

Answer<std::vector<std::string>> tags_to_set(const Call& call) {
  std::vector<std::string> tags = tags_of_query(call);
  if (!is_digest(call.reference) && std::ranges::find(tags, call.reference) == tags.end()) {
    tags.push_back(call.reference);
  }
  for (const std::string& tag : tags) {
    if (!oci::valid_tag(tag)) return Refusal(kTagInvalid, cat("invalid tag ", quoted(tag)));
  }
  if (tags.size() > kMaxPushedTags) {
    return Refusal(kTagInvalid, cat("at most ", kMaxPushedTags, " tags at once"));
  }
  return tags;
}

// What is compared is the tag or manifest that the request would write.
Answer<Precondition> precondition_of(const Call& call) {
  Precondition out;
  out.match = TRY(entity_tags(call, "If-Match"));
  out.none_match = TRY(entity_tags(call, "If-None-Match"));
  return out;
}

json::Value details_of(const std::vector<ManifestReference>& references) {
  json::Array out;
  for (const ManifestReference& reference : references) {
    if (out.size() == kMaxDetails) break;
    out.emplace_back(
        json::object({{"place", reference.place}, {"digest", reference.digest.str()}}));
  }
  return out;
}

Answer<> check_outcome(const Call& call, const PutOutcome& outcome) {
  if (outcome.condition_failed) return condition_failed(call);
  if (!outcome.missing.empty()) {
    const ManifestReference& first = outcome.missing.front();
    return Refusal(
        kManifestBlobUnknown,
        cat(first.place, ": ", first.digest.str(), " is unknown to repository ", call.name),
        details_of(outcome.missing));
  }
  if (!outcome.mismatch.empty()) {
    const ManifestReference& first = outcome.mismatch.front();
    const std::string what =
        first.manifest && !first.media_type.empty()
            ? cat(": ", first.digest.str(), " is of type ", first.media_type, " and has ",
                  first.size, " bytes")
            : cat(".size: ", first.digest.str(), " has ", first.size, " bytes");
    return Refusal(kManifestInvalid, cat(first.place, what), details_of(outcome.mismatch));
  }
  return {};
}

// The indexes that list it must go first.
Refusal child_of(const oci::Digest& digest, const std::vector<DeleteOutcome::Parent>& parents) {
  json::Array details;
  std::vector<std::string> names;
  for (const DeleteOutcome::Parent& parent : parents) {
    details.emplace_back(json::object({{"digest", parent.digest}, {"tags", parent.tags}}));
    const std::string tags = parent.tags.empty() ? "" : cat(" (", join(parent.tags, ", "), ")");
    names.push_back(parent.digest + tags);
  }
  return {kManifestReferenced,
          cat("manifest ", digest.str(), " is part of ", join(names, ", "), ": delete that first"),
          json::object({{"parents", std::move(details)}})};
}

Answer<> delete_tag(Call& call) {
  const Precondition precondition = TRY(precondition_of(call));
  const Actor actor = TRY(call.actor());
  auto deleted = call.context.metadata.delete_tag(call.name, call.reference, precondition, actor);
  if (!deleted && deleted.error().code() == Code::kFailedPrecondition) {
    return condition_failed(call);
  }
  if (!TRY(std::move(deleted))) return unknown_manifest(call);
  return call.reply_empty(202);
}

}  // namespace

Refusal unknown_manifest(const Call& call) {
  return {kManifestUnknown,
          cat("manifest ", quoted(call.reference), " is unknown to repository ", call.asked),
          json::object({{"name", call.asked}, {"reference", call.reference}})};
}

Answer<> hidden_manifest(Call& call) {
  if (is_digest(call.reference)) TRY(parse_digest(call.reference));
  TRY(call.context.metadata.find_manifest(kNoRepository, call.reference, Renew::kYes));
  return unknown_manifest(call);
}

Answer<> get_manifest(Call& call) {
  if (is_digest(call.reference)) TRY(parse_digest(call.reference));
  const auto manifest =
      TRY(call.context.metadata.find_manifest(call.name, call.reference, Renew::kYes));
  if (!manifest) return unknown_manifest(call);
  call.set("Vary", "Accept");
  if (!accepted(call.request.headers.all("Accept"), manifest->media_type)) {
    return Refusal(kManifestUnknown,
                   cat("manifest ", quoted(call.reference), " is of type ", manifest->media_type,
                       ", which the Accept header does not allow"));
  }
  const std::string digest = manifest->digest.str();
  if (call.context.keeper != nullptr) call.context.keeper->pulled(call.name, call.reference);
  call.set("Docker-Content-Digest", digest);
  call.set("ETag", etag_of(digest));
  if (TRY(call.not_modified(digest))) return {};
  return call.reply(200, manifest->media_type, manifest->bytes);
}

Answer<> put_manifest(Call& call) {
  PutCondition condition;
  condition.tags = TRY(tags_to_set(call));
  condition.actor = TRY(call.actor());
  condition.precondition = TRY(precondition_of(call));
  std::string bytes = TRY(read_document(call));
  const oci::Digest digest = TRY(digest_for(call, bytes));
  const std::string type_header = call.header("Content-Type");
  const std::string type =
      to_lower(trim(std::string_view(type_header).substr(0, type_header.find(';'))));
  TRY(check_keys(bytes));
  const NewManifest manifest = TRY(read_manifest(std::move(bytes), type, digest));
  if (manifest.references.size() > kMaxReferences) {
    return Refusal(kManifestInvalid, cat("it names ", manifest.references.size(),
                                         " things; at most ", kMaxReferences, " are allowed"));
  }
  TRY(check_outcome(call, TRY(call.context.metadata.put_manifest(call.name, manifest, condition))));
  call.set("Location", cat("/v2/", call.name, "/manifests/", digest.str()));
  call.set("Docker-Content-Digest", digest.str());
  if (manifest.subject) call.set("OCI-Subject", manifest.subject->str());
  for (const std::string& tag : tags_of_query(call)) {
    call.writer.headers().add("OCI-Tag", tag);
  }
  return call.reply_empty(201);
}

Answer<> delete_manifest(Call& call) {
  if (!is_digest(call.reference)) return delete_tag(call);
  const oci::Digest digest = TRY(parse_digest(call.reference));
  const Precondition precondition = TRY(precondition_of(call));
  const Actor actor = TRY(call.actor());
  const DeleteOutcome outcome =
      TRY(call.context.metadata.delete_manifest(call.name, digest, precondition, actor));
  if (!outcome.found) return unknown_manifest(call);
  if (!outcome.parents.empty()) return child_of(digest, outcome.parents);
  if (outcome.condition_failed) return condition_failed(call);
  return call.reply_empty(202);
}

}  // namespace skiff::registry
