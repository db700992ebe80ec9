// GET, HEAD, PUT and DELETE of manifests by tag and digest (distribution-spec, Pulling
// manifests, Pushing Manifests, Deleting tags, Deleting Manifests).
#include <algorithm>

#include "base/strings.h"
#include "oci/reference.h"
#include "registry/call.h"
#include "registry/manifest_document.h"

namespace skiff::registry {

namespace {

constexpr size_t kMaxManifest = size_t{4} << 20U;
constexpr size_t kMaxTags = 100;  // of one PUT

bool is_digest(const std::string& reference) { return reference.find(':') != std::string::npos; }

// What the Accept header allows; clients that send none take anything.
bool accepts(const Call& call, std::string_view media_type) {
  const std::vector<std::string> headers = call.request.headers.all("Accept");
  bool any = true;
  for (const std::string& header : headers) {
    for (std::string_view item : split(header, ',')) {
      const std::string_view range = trim(item.substr(0, item.find(';')));
      if (range.empty()) continue;
      any = false;
      if (range == "*/*" || range == "application/*" || equals_ignore_case(range, media_type)) {
        return true;
      }
    }
  }
  return any;
}

Answer<std::string> read_document(const Call& call) {
  const auto too_large = [] {
    return Refusal(kManifestTooLarge, cat("a manifest may have ", kMaxManifest, " bytes"));
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

Answer<std::vector<std::string>> tags_to_set(const Call& call) {
  std::vector<std::string> tags = call.request.query.all("tag");
  if (!is_digest(call.reference)) tags.push_back(call.reference);
  for (const std::string& tag : tags) {
    if (!oci::valid_tag(tag)) return Refusal(kTagInvalid, cat("invalid tag ", quoted(tag)));
  }
  if (tags.size() > kMaxTags) {
    return Refusal(kTagInvalid, cat("at most ", kMaxTags, " tags at once"));
  }
  return tags;
}

// The digest in If-Match, without its quotes.
std::string matched_digest(const Call& call) {
  std::string text = call.header("If-Match");
  std::erase(text, '"');
  return text;
}

Answer<PutCondition> put_condition(const Call& call) {
  PutCondition condition{.tags = TRY(tags_to_set(call))};
  condition.only_over = matched_digest(call);
  condition.only_new = call.header("If-None-Match") == "*";
  return condition;
}

json::Value details_of(const std::vector<ManifestReference>& references) {
  json::Array out;
  for (const ManifestReference& reference : references) {
    out.emplace_back(
        json::object({{"place", reference.place}, {"digest", reference.digest.str()}}));
  }
  return out;
}

Answer<> check_outcome(const Call& call, const PutOutcome& outcome) {
  if (outcome.condition_failed) {
    return Refusal(kPreconditionFailed, cat("tag ", quoted(call.reference),
                                            " is not what the request's condition names"));
  }
  if (!outcome.missing.empty()) {
    const ManifestReference& first = outcome.missing.front();
    return Refusal(
        kManifestBlobUnknown,
        cat(first.place, ": ", first.digest.str(), " is unknown to repository ", call.name),
        details_of(outcome.missing));
  }
  if (!outcome.mismatch.empty()) {
    const ManifestReference& first = outcome.mismatch.front();
    return Refusal(kManifestInvalid,
                   cat(first.place, ".size: ", first.digest.str(), " has ", first.size, " bytes"),
                   details_of(outcome.mismatch));
  }
  return {};
}

Answer<> delete_tag(Call& call) {
  auto deleted = call.context.metadata.delete_tag(call.name, call.reference, matched_digest(call));
  if (!deleted && deleted.error().code() == Code::kFailedPrecondition) {
    return Refusal(kPreconditionFailed, deleted.error().message());
  }
  if (!TRY(std::move(deleted))) return unknown_manifest(call);
  return call.reply_empty(202);
}

}  // namespace

Refusal unknown_manifest(const Call& call) {
  return {kManifestUnknown,
          cat("manifest ", quoted(call.reference), " is unknown to repository ", call.name),
          json::object({{"name", call.name}, {"reference", call.reference}})};
}

Answer<> hidden_manifest(Call& call) {
  if (is_digest(call.reference)) TRY(parse_digest(call.reference));
  return unknown_manifest(call);
}

Answer<> get_manifest(Call& call) {
  if (is_digest(call.reference)) TRY(parse_digest(call.reference));
  const auto manifest = TRY(call.context.metadata.find_manifest(call.name, call.reference));
  if (!manifest) return unknown_manifest(call);
  if (!accepts(call, manifest->media_type)) {
    return Refusal(kManifestUnknown,
                   cat("manifest ", quoted(call.reference), " is of type ", manifest->media_type,
                       ", which the Accept header does not allow"));
  }
  const std::string digest = manifest->digest.str();
  call.set("Docker-Content-Digest", digest);
  call.set("ETag", etag_of(digest));
  if (TRY(call.not_modified(digest))) return {};
  return call.reply(200, manifest->media_type, manifest->bytes);
}

Answer<> put_manifest(Call& call) {
  PutCondition condition = TRY(put_condition(call));
  std::string bytes = TRY(read_document(call));
  const oci::Digest digest = TRY(digest_for(call, bytes));
  const std::string type_header = call.header("Content-Type");
  const std::string type(trim(std::string_view(type_header).substr(0, type_header.find(';'))));
  const NewManifest manifest = TRY(read_manifest(std::move(bytes), type, digest));
  TRY(check_outcome(call, TRY(call.context.metadata.put_manifest(call.name, manifest, condition))));
  call.set("Location", cat("/v2/", call.name, "/manifests/", digest.str()));
  call.set("Docker-Content-Digest", digest.str());
  if (manifest.subject) call.set("OCI-Subject", manifest.subject->str());
  for (const std::string& tag : call.request.query.all("tag")) {
    call.writer.headers().add("OCI-Tag", tag);
  }
  return call.reply_empty(201);
}

Answer<> delete_manifest(Call& call) {
  if (!is_digest(call.reference)) return delete_tag(call);
  const oci::Digest digest = TRY(parse_digest(call.reference));
  const DeleteOutcome outcome = TRY(call.context.metadata.delete_manifest(call.name, digest));
  if (!outcome.found) return unknown_manifest(call);
  if (outcome.parents.empty()) return call.reply_empty(202);
  return Refusal(kReferenced,
                 cat("manifest ", digest.str(), " is part of what the tags ",
                     join(outcome.parents, ", "), " name: delete those first"),
                 json::object({{"tags", outcome.parents}}));
}

}  // namespace skiff::registry
