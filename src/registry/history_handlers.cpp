// History of tags, and deleted manifests that can come back: Skiff's own endpoints below
// /v2/NAME/_skiff/, which no repository's name can hold (docs/registry.md, Undelete).
#include <algorithm>

#include "base/strings.h"
#include "oci/reference.h"
#include "registry/call.h"
#include "registry/manifest_document.h"

namespace skiff::registry {

namespace {

constexpr size_t kMaxItems = 100;
// Of indexes in indexes whose entries were deleted, too.
constexpr int kMaxDepth = 8;

Answer<uint64_t> number(const Call& call, const char* name, uint64_t if_absent) {
  if (!call.request.query.has(name)) return if_absent;
  const std::string text = call.request.query.get(name);
  if (const auto n = parse_uint(text)) return *n;
  return Refusal(kNumberInvalid, cat(name, " must be a whole number, not ", quoted(text)));
}

Answer<size_t> page_size(const Call& call) {
  return std::min<size_t>(TRY(number(call, "n", kMaxItems)), kMaxItems);
}

void link_next(const Call& call, size_t n, const std::string& last) {
  net::Query query;
  query.add("n", cat(n)).add("last", last);
  call.set("Link", cat("<", call.request.path, "?", query.str(), ">; rel=\"next\""));
}

void set_if(json::Value& out, const char* name, const std::string& value) {
  if (!value.empty()) out.set(name, value);
}

json::Value describe(const TagChange& change) {
  json::Value out =
      json::object({{"id", change.id}, {"tag", change.tag}, {"action", change.action}});
  set_if(out, "digest", change.digest);
  set_if(out, "before", change.before);
  set_if(out, "actor", change.actor);
  out.set("at", format_rfc3339(change.at));
  out.set("until", format_rfc3339(change.until));
  return out;
}

json::Value describe(const TrashedManifest& manifest) {
  json::Value out = json::object({{"digest", manifest.digest},
                                  {"mediaType", manifest.media_type},
                                  {"size", manifest.size},
                                  {"tags", manifest.tags}});
  set_if(out, "actor", manifest.actor);
  out.set("deleted", format_rfc3339(manifest.deleted));
  out.set("until", format_rfc3339(manifest.until));
  return out;
}

Refusal incomplete(const oci::Digest& digest, const std::vector<ManifestReference>& missing) {
  json::Array details;
  for (const ManifestReference& reference : missing) {
    if (details.size() == 10) break;
    details.emplace_back(
        json::object({{"place", reference.place}, {"digest", reference.digest.str()}}));
  }
  return {kIncomplete,
          cat("manifest ", digest.str(), " cannot come back: ", missing.front().place, " ",
              missing.front().digest.str(), " is gone"),
          std::move(details)};
}

// The manifest, there or in the trash.
Answer<std::optional<NewManifest>> find_either(const Call& call, const oci::Digest& digest) {
  auto row = TRY(call.context.metadata.find_trashed(call.name, digest));
  if (!row) row = TRY(call.context.metadata.find_manifest(call.name, digest.str(), Renew::kYes));
  if (!row) return std::nullopt;
  return std::optional(TRY(read_manifest(std::move(row->bytes), row->media_type, digest)));
}

// What an index lists comes back before it, where that was deleted, too.
Answer<RestoreOutcome> restore(const Call& call, const oci::Digest& digest,
                               const std::optional<std::string>& tag, int depth = 0) {
  MetadataStore& metadata = call.context.metadata;
  const std::optional<NewManifest> manifest = TRY(find_either(call, digest));
  if (!manifest) return RestoreOutcome{};
  for (const ManifestReference& entry : manifest->references) {
    if (!entry.manifest || depth == kMaxDepth) continue;
    if (!TRY(metadata.find_trashed(call.name, entry.digest))) continue;
    TRY(restore(call, entry.digest, std::nullopt, depth + 1));
  }
  const Actor actor = TRY(call.actor());
  RestoreOutcome outcome = TRY(metadata.restore_manifest(call.name, *manifest, tag, actor));
  if (!outcome.missing.empty()) return incomplete(digest, outcome.missing);
  return outcome;
}

Answer<oci::Digest> former_target(const Call& call) {
  std::optional<oci::Digest> wanted;
  if (call.request.query.has("digest"))
    wanted = TRY(parse_digest(call.request.query.get("digest")));
  const auto found = TRY(call.context.metadata.former_target(call.name, call.reference, wanted));
  if (!found) return unknown_manifest(call);
  return *found;
}

}  // namespace

Answer<> list_history(Call& call) {
  const size_t n = TRY(page_size(call));
  const auto last = std::min<uint64_t>(TRY(number(call, "last", 0)), INT64_MAX);
  auto changes = TRY(call.context.metadata.tag_changes(call.name, call.reference,
                                                       static_cast<int64_t>(last), n + 1));
  if (changes.size() > n) {
    changes.resize(n);
    if (n > 0) link_next(call, n, cat(changes.back().id));
  }
  json::Array items;
  for (const TagChange& change : changes) items.push_back(describe(change));
  return call.reply_json(json::object({{"name", call.name}, {"changes", std::move(items)}}));
}

Answer<> list_trash(Call& call) {
  const size_t n = TRY(page_size(call));
  auto found = TRY(call.context.metadata.trash(call.name, call.request.query.get("last"), n + 1));
  if (found.size() > n) {
    found.resize(n);
    if (n > 0) link_next(call, n, found.back().digest);
  }
  json::Array items;
  for (const TrashedManifest& manifest : found) items.push_back(describe(manifest));
  return call.reply_json(json::object({{"name", call.name}, {"manifests", std::move(items)}}));
}

Answer<> restore_manifest(Call& call) {
  const bool by_digest = is_digest(call.reference);
  if (!by_digest && !oci::valid_tag(call.reference)) return unknown_manifest(call);
  const oci::Digest digest =
      by_digest ? TRY(parse_digest(call.reference)) : TRY(former_target(call));
  std::optional<std::string> tag;
  if (!by_digest) tag = call.reference;
  const RestoreOutcome outcome = TRY(restore(call, digest, tag));
  if (!outcome.found) return unknown_manifest(call);
  call.set("Location", cat("/v2/", call.name, "/manifests/", digest.str()));
  call.set("Docker-Content-Digest", digest.str());
  return call.reply_json(json::object({{"digest", digest.str()}, {"tags", outcome.tags}}));
}

}  // namespace skiff::registry
