#include "upstream/mirror_run.h"

#include <algorithm>

#include "base/log.h"
#include "base/strings.h"
#include "registry/manifest_document.h"
#include "upstream/blob_pieces.h"
#include "upstream/blob_receiver.h"

namespace skiff::upstream {

namespace {

constexpr size_t kPage = 1000;

// "sha256-ab..", "sha256-ab...sig": tags that stand for what is about a manifest
// (distribution-spec, Referrers Tag Schema; cosign).
std::optional<std::string> subject_of(std::string_view tag) {
  constexpr std::string_view kPrefix = "sha256-";
  constexpr size_t kDigits = 64;
  if (!tag.starts_with(kPrefix) || tag.size() < kPrefix.size() + kDigits) return std::nullopt;
  return cat("sha256:", tag.substr(kPrefix.size(), kDigits));
}

}  // namespace

MirrorRun::MirrorRun(const registry::Context& context, const Clock& clock, MirrorSettings settings,
                     OriginOptions origin, std::string actor, Tell tell)
    : context_(context),
      clock_(clock),
      settings_(std::move(settings)),
      origin_(std::move(origin), clock),
      actor_(std::move(actor)),
      tell_(std::move(tell)) {}

MirrorReport MirrorRun::run(const CancelToken& cancel) {
  cancel_ = cancel;
  report_.started = clock_.now();
  tell_(report_);
  const auto pairs = repositories();
  if (!pairs) report_.fail(std::string(pairs.error().message()));
  for (const Pair& pair : pairs.value_or(std::vector<Pair>())) {
    if (cancel_.cancelled()) break;
    ++report_.repositories;
    seen_.clear();
    const Result<> done = settings_.is_push ? push_repository(pair) : pull_repository(pair);
    if (!done && !cancel_.cancelled()) {
      report_.fail(cat(pair.local, ": ", std::string(done.error().message())));
    }
  }
  report_.at = "";
  // A run that was broken off is not over: it goes on later.
  if (!cancel_.cancelled()) report_.ended = clock_.now();
  tell_(report_);
  return report_;
}

Result<std::vector<MirrorRun::Pair>> MirrorRun::repositories() {
  std::vector<Pair> out;
  const auto add = [&](const std::string& remote) {
    if (settings_.wants_repository(remote)) out.push_back({remote, settings_.local_name(remote)});
  };
  if (settings_.names_repositories()) {
    for (const std::string& name : settings_.repositories) add(name);
    return out;
  }
  if (!settings_.is_push) {
    const auto names = TRY(origin_.client().repositories(origin_.options().host, cancel_));
    for (const std::string& name : names) add(name);
    return out;
  }
  const std::string prefix = settings_.local_name("");
  for (registry::Page page{.last = "", .limit = kPage};;) {
    const std::vector<std::string> names = TRY(context_.metadata.repositories(page));
    for (const std::string& name : names) {
      if (name.starts_with(prefix)) add(name.substr(prefix.size()));
    }
    if (names.size() < page.limit) return out;
    page.last = names.back();
  }
}

Result<oci::Reference> MirrorRun::reference(const Pair& pair) const {
  return oci::Reference::parse(cat(origin_.options().host, "/", pair.remote));
}

void MirrorRun::each_tag(const Pair& pair, const std::vector<std::string>& tags,
                         Result<bool> (MirrorRun::*copy)(const Pair&, const std::string&)) {
  for (const std::string& tag : tags) {
    if (cancel_.cancelled()) return;
    ++report_.tags;
    report_.at = cat(pair.local, ":", tag);
    const Result<bool> moved = (this->*copy)(pair, tag);
    if (moved) {
      ++(*moved ? report_.copied : report_.unchanged);
    } else if (!cancel_.cancelled()) {
      log_warn(cat(actor_, ": ", report_.at, ": ", moved.error().message()));
      report_.fail(cat(report_.at, ": ", std::string(moved.error().message())));
    }
    tell_(report_);
  }
}

Result<> MirrorRun::pull_repository(const Pair& pair) {
  if (context_.upstreams != nullptr && context_.upstreams->covers(pair.local)) {
    return Error(Code::kFailedPrecondition,
                 "it keeps images of another registry as they are pulled");
  }
  const std::vector<std::string> there = TRY(origin_.client().tags(TRY(reference(pair)), cancel_));
  std::vector<std::string> wanted;
  std::ranges::copy_if(there, std::back_inserter(wanted),
                       [&](const std::string& tag) { return settings_.wants_tag(tag); });
  each_tag(pair, wanted, &MirrorRun::pull_tag);
  // What is about the images that came, where its tags were not asked for by name.
  std::vector<std::string> about;
  std::ranges::copy_if(there, std::back_inserter(about), [&](const std::string& tag) {
    const auto subject = subject_of(tag);
    return settings_.referrers && subject && seen_.contains(*subject) && !settings_.wants_tag(tag);
  });
  each_tag(pair, about, &MirrorRun::pull_tag);
  if (!settings_.remove || cancel_.cancelled()) return {};
  return remove_tags(pair, {there.begin(), there.end()});
}

Result<bool> MirrorRun::pull_tag(const Pair& pair, const std::string& tag) {
  const oci::Descriptor there =
      TRY(origin_.client().resolve(TRY(reference(pair)).with_tag(tag), cancel_));
  const auto here = TRY(context_.metadata.cached_tag(pair.local, tag));
  const bool is_same = here && here->digest == there.digest;
  // What could not be named is not fetched: it would go as garbage, and come again with each run.
  if (!is_same) {
    TRY(context_.metadata.judge_tag_change(pair.local, tag, there.digest, {.name = actor_}));
  }
  return pull_manifest(pair, there.digest, is_same ? std::nullopt : std::optional(tag), 0);
}

// True where anything moved.
Result<bool> MirrorRun::pull_manifest(const Pair& pair, const oci::Digest& digest,
                                      const std::optional<std::string>& tag, int depth) {
  constexpr int kMaxDepth = 8;
  if (depth > kMaxDepth)
    return Error(Code::kInvalidArgument, "its indexes and referrers nest too deep");
  if (!tag && !seen_.insert(digest.str()).second) return false;
  seen_.insert(digest.str());
  const int64_t blobs = report_.blobs;
  bool moved = false;
  const registry::NewManifest found = TRY(manifest(pair, digest, moved));
  const bool is_partial = TRY(pull_parts(pair, found, depth));
  if (moved || tag) {
    registry::PutCondition condition;
    if (tag) condition.tags = {*tag};
    condition.actor.name = actor_;
    condition.is_partial = is_partial;
    const registry::PutOutcome outcome =
        TRY(context_.metadata.put_manifest(pair.local, found, condition));
    if (!outcome.missing.empty()) {
      return Error(Code::kAborted, cat(outcome.missing.front().place, " went meanwhile"));
    }
    if (!outcome.stored()) return Error(Code::kFailedPrecondition, "its sizes are wrong");
  }
  if (settings_.referrers) TRY(pull_referrers(pair, digest, depth));
  return moved || tag || report_.blobs != blobs;
}

// Ours, where it is here.
Result<registry::NewManifest> MirrorRun::manifest(const Pair& pair, const oci::Digest& digest,
                                                  bool& moved) {
  const auto here =
      TRY(context_.metadata.find_manifest(pair.local, digest.str(), registry::Renew::kYes));
  std::string bytes = here ? here->bytes : "";
  std::string type = here ? here->media_type : "";
  if (!here) {
    const oci::Reference from = TRY(reference(pair)).with_digest(digest);
    remote::FetchedManifest got = TRY(origin_.client().fetch_manifest(from, cancel_));
    bytes = std::move(got.bytes);
    type = std::move(got.media_type);
    ++report_.manifests;
    moved = true;
  }
  auto read = registry::read_manifest(std::move(bytes), type, digest);
  if (!read) return Error(Code::kDataLoss, read.error().message);
  return std::move(*read);
}

Result<bool> MirrorRun::pull_parts(const Pair& pair, const registry::NewManifest& manifest,
                                   int depth) {
  std::map<std::string, oci::Descriptor> entries;
  if (oci::is_index_type(manifest.row.media_type)) {
    const auto index = TRY(oci::Index::parse(manifest.row.bytes, manifest.row.media_type));
    for (const oci::Descriptor& entry : index.manifests) entries[entry.digest.str()] = entry;
  }
  bool is_partial = false;
  for (const registry::ManifestReference& part : manifest.references) {
    TRY(cancel_.check());
    const auto entry = entries.find(part.digest.str());
    const bool is_entry = entry != entries.end();
    if (is_entry && entry->second.platform && !settings_.wants_platform(*entry->second.platform)) {
      is_partial = true;
      continue;
    }
    const bool is_manifest = is_entry && (oci::is_manifest_type(entry->second.media_type) ||
                                          oci::is_index_type(entry->second.media_type));
    if (is_manifest) {
      TRY(pull_manifest(pair, part.digest, std::nullopt, depth + 1));
    } else if (!part.optional) {
      TRY(pull_blob(pair, part));
    }
  }
  return is_partial;
}

Result<> MirrorRun::pull_blob(const Pair& pair, const registry::ManifestReference& blob) {
  if (TRY(context_.metadata.find_blob(pair.local, blob.digest, registry::Renew::kYes))) return {};
  // The manifest that names it was given to us with it.
  if (TRY(context_.metadata.mount_blob(pair.local, "", blob.digest))) return {};
  BlobReceiver receiver(context_.uploads, pair.local, blob.digest, nullptr);
  TRY(receiver.begin());
  TRY(origin_.client().receive_blob(TRY(reference(pair)), blob.digest, receiver, cancel_));
  TRY(receiver.finish());
  ++report_.blobs;
  report_.bytes += static_cast<int64_t>(blob.size);
  return {};
}

Result<> MirrorRun::pull_referrers(const Pair& pair, const oci::Digest& subject, int depth) {
  const auto found = TRY(origin_.client().referrers(TRY(reference(pair)), subject, cancel_));
  for (const oci::Descriptor& each : found) {
    TRY(pull_manifest(pair, each.digest, std::nullopt, depth + 1));
  }
  return {};
}

Result<std::vector<std::string>> MirrorRun::local_tags(const std::string& local) {
  std::vector<std::string> out;
  for (registry::Page page{.last = "", .limit = kPage};;) {
    const auto tags = TRY(context_.metadata.tags(local, page));
    if (!tags) return out;
    std::ranges::copy_if(*tags, std::back_inserter(out),
                         [&](const std::string& tag) { return settings_.wants_tag(tag); });
    if (tags->size() < page.limit) return out;
    page.last = tags->back();
  }
}

// One that must not go is reported, and stays.
Result<> MirrorRun::remove_tags(const Pair& pair, const std::set<std::string>& there) {
  for (const std::string& tag : TRY(local_tags(pair.local))) {
    if (there.contains(tag)) continue;
    const auto removed = context_.metadata.delete_tag(pair.local, tag, {}, {.name = actor_});
    if (removed) {
      ++report_.removed;
    } else {
      report_.fail(cat(pair.local, ":", tag, " stays: ", std::string(removed.error().message())));
    }
  }
  return {};
}

Result<> MirrorRun::push_repository(const Pair& pair) {
  each_tag(pair, TRY(local_tags(pair.local)), &MirrorRun::push_tag);
  return {};
}

Result<bool> MirrorRun::push_tag(const Pair& pair, const std::string& tag) {
  const auto here = TRY(context_.metadata.find_manifest(pair.local, tag, registry::Renew::kNo));
  if (!here) return false;  // gone meanwhile
  const oci::Reference to = TRY(reference(pair));
  const auto there = origin_.client().resolve(to.with_tag(tag), cancel_);
  if (!there && !is_not_there(there.error())) return there.error();
  const bool is_same = there && there->digest == here->digest;
  const int64_t manifests = report_.manifests;
  if (!is_same) {
    TRY(push_manifest(pair, here->digest.str(), 0));
    TRY(origin_.client().push_manifest(to.with_tag(tag), here->bytes, here->media_type, cancel_));
  } else if (settings_.referrers) {
    TRY(push_referrers(pair, here->digest, 0));
  }
  return !is_same || report_.manifests != manifests;
}

Result<> MirrorRun::push_manifest(const Pair& pair, const std::string& digest, int depth) {
  constexpr int kMaxDepth = 8;
  if (depth > kMaxDepth)
    return Error(Code::kInvalidArgument, "its indexes and referrers nest too deep");
  if (!seen_.insert(digest).second) return {};
  const auto row = TRY(context_.metadata.find_manifest(pair.local, digest, registry::Renew::kNo));
  if (!row) return Error(Code::kNotFound, cat(digest, " is not here"));
  auto read = registry::read_manifest(row->bytes, row->media_type, row->digest);
  if (!read) return Error(Code::kDataLoss, read.error().message);
  const oci::Reference to = TRY(reference(pair)).with_digest(row->digest);
  const auto there = origin_.client().resolve(to, cancel_);
  if (!there && !is_not_there(there.error())) return there.error();
  if (!there) {
    TRY(push_parts(pair, *read, depth));
    TRY(origin_.client().push_manifest(to, row->bytes, row->media_type, cancel_));
    ++report_.manifests;
  }
  return settings_.referrers ? push_referrers(pair, row->digest, depth) : Result<>();
}

Result<> MirrorRun::push_parts(const Pair& pair, const registry::NewManifest& manifest, int depth) {
  for (const registry::ManifestReference& part : manifest.references) {
    TRY(cancel_.check());
    const bool is_manifest =
        part.manifest &&
        TRY(context_.metadata.find_manifest(pair.local, part.digest.str(), registry::Renew::kNo))
            .has_value();
    if (is_manifest) {
      TRY(push_manifest(pair, part.digest.str(), depth + 1));
    } else if (!part.optional) {
      oci::Descriptor blob;
      blob.digest = part.digest;
      blob.size = part.size;
      const auto how = TRY(push_blob(pair, blob));
      if (how != remote::PushOutcome::kUploaded) continue;
      ++report_.blobs;
      report_.bytes += static_cast<int64_t>(part.size);
    }
  }
  return {};
}

Result<remote::PushOutcome> MirrorRun::push_blob(const Pair& pair, const oci::Descriptor& blob) {
  const oci::Reference to = TRY(reference(pair));
  remote::RegistryClient& client = origin_.client();
  if (content::ContentStore* const files = context_.blobs.files(); files != nullptr) {
    return client.push_blob(to, blob, *files, "", {}, cancel_);
  }
  const auto at = TRY(context_.metadata.find_blob(pair.local, blob.digest, registry::Renew::kNo));
  if (!at) return Error(Code::kNotFound, cat("blob ", blob.digest.str(), " is not here"));
  const auto source = TRY(context_.blobs.open(blob.digest, *at));
  BlobPieces pieces(*source);
  return client.push_blob(
      to, blob,
      [&pieces](uint64_t offset, std::span<char> buffer) { return pieces.read(offset, buffer); },
      cancel_);
}

Result<> MirrorRun::push_referrers(const Pair& pair, const oci::Digest& subject, int depth) {
  for (registry::Page page{.last = "", .limit = kPage};;) {
    const registry::ReferrerPage found =
        TRY(context_.metadata.referrers(pair.local, subject, "", page, SIZE_MAX));
    for (const registry::Referrer& each : found.items) {
      TRY(push_manifest(pair, each.digest, depth + 1));
    }
    if (!found.more || found.items.empty()) return {};
    page.last = found.items.back().digest;
  }
}

}  // namespace skiff::upstream
