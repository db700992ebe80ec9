#include "upstream/manifest_cache.h"

#include "base/log.h"
#include "base/strings.h"
#include "registry/manifest_document.h"
#include "upstream/time_limit.h"

namespace skiff::upstream {

using registry::Answer;
using registry::Call;

namespace {

// Who is asked for an image every second need not write that every second.
constexpr std::chrono::minutes kUseResolution{1};
constexpr size_t kMaxUsed = 10'000;

bool is_digest(const std::string& reference) { return reference.find(':') != std::string::npos; }

}  // namespace

Answer<bool> ManifestCache::prepare(Origin& origin, Call& call) {
  if (is_digest(call.reference)) TRY(registry::parse_digest(call.reference));
  const Found found = TRY(look(origin, call));
  if (found.error && is_not_there(*found.error)) return registry::unknown_manifest(call);
  if (found.error) return origin.refusal(*found.error);
  if (found.is_stale) call.set("Warning", "110 - \"Response is Stale\"");
  TRY(note_use(call.name, call.reference));
  return false;
}

Result<ManifestCache::Found> ManifestCache::look(Origin& origin, const Call& call) {
  const std::string key = cat(call.name, "@", call.reference);
  const std::string repository = call.name;
  const std::string reference = call.reference;
  Flights<Flight>::Work work;
  bool is_here = false;
  if (is_digest(reference)) {
    if (TRY(metadata_.find_manifest(repository, reference, registry::Renew::kYes))) return Found{};
    const oci::Digest digest = TRY(oci::Digest::parse(reference));
    work = [this, &origin, repository, digest](Flight& to, const CancelToken& cancel) {
      to.land(ask_for_digest(origin, repository, digest, cancel));
    };
  } else {
    const auto here = TRY(metadata_.cached_tag(repository, reference));
    if (here && clock_.now() - here->checked < origin.options().revalidate) return Found{};
    if (here && origin.is_quiet()) return Found{.is_stale = true};
    is_here = here.has_value();
    work = [this, &origin, repository, reference](Flight& to, const CancelToken& cancel) {
      to.land(ask_for_tag(origin, repository, reference, cancel));
    };
  }
  if (origin.is_missing(key)) return Found{.error = Error(Code::kNotFound, "known to be missing")};
  const auto flight = flights_.join(key, std::make_shared<Flight>(), work);
  const CancelToken gone = call.writer.client_gone();
  if (!is_here) return flight->wait(gone);
  // It goes on for those who come later.
  const auto found = TRY(flight->wait(gone, origin.options().patience));
  return found.value_or(Found{.is_stale = true});
}

ManifestCache::Found ManifestCache::ask_for_tag(Origin& origin, const std::string& repository,
                                                const std::string& tag, const CancelToken& cancel) {
  const auto here = metadata_.cached_tag(repository, tag);
  const bool is_here = here && here->has_value();
  Result<> done = revalidate(origin, repository, tag, is_here, cancel);
  if (done) {
    origin.answered();
    return {};
  }
  origin.failed(cat(repository, ":", tag, is_here ? ", of which a copy is here" : ""),
                done.error());
  if (is_not_there(done.error())) {
    origin.missing(cat(repository, "@", tag));
    const bool is_gone = is_here && done.error().code() == Code::kNotFound;
    if (is_gone) {
      const auto deleted = metadata_.delete_tag(repository, tag, {}, {.name = "cache"});
      if (!deleted) log_warn(cat(repository, ":", tag, ": ", deleted.error().message()));
    }
    return {.error = done.error()};
  }
  if (!is_here) return {.error = done.error()};
  return {.is_stale = true};
}

Result<> ManifestCache::revalidate(Origin& origin, const std::string& repository,
                                   const std::string& tag, bool is_here,
                                   const CancelToken& cancel) {
  oci::Reference reference = TRY(origin.reference(repository)).with_tag(tag);
  if (is_here) {
    const oci::Descriptor now = TRY(resolve(origin, reference, cancel));
    if (TRY(ours(metadata_.confirm_tag(repository, tag, now.digest)))) return {};
    reference = reference.with_digest(now.digest);
  }
  return fetch(origin, repository, reference, tag, cancel);
}

// One that hangs is left alone as one that fails, while its copy is here.
Result<oci::Descriptor> ManifestCache::resolve(Origin& origin, const oci::Reference& reference,
                                               const CancelToken& cancel) {
  const std::chrono::milliseconds patience = origin.options().patience;
  const TimeLimit limit(cancel, patience);
  Result<oci::Descriptor> now = origin.client().resolve(reference, limit.token());
  if (now || !limit.is_over()) return now;
  return Error(Code::kDeadlineExceeded, cat("no answer within ", patience.count(), " ms"));
}

ManifestCache::Found ManifestCache::ask_for_digest(Origin& origin, const std::string& repository,
                                                   const oci::Digest& digest,
                                                   const CancelToken& cancel) {
  auto reference = origin.reference(repository);
  if (!reference) return {.error = reference.error()};
  const Result<> done =
      fetch(origin, repository, reference->with_digest(digest), std::nullopt, cancel);
  if (done) return {};
  origin.failed(cat(repository, "@", digest.str()), done.error());
  if (is_not_there(done.error())) origin.missing(cat(repository, "@", digest.str()));
  return {.error = done.error()};
}

Result<> ManifestCache::fetch(Origin& origin, const std::string& repository,
                              const oci::Reference& reference,
                              const std::optional<std::string>& tag, const CancelToken& cancel) {
  remote::FetchedManifest got = TRY(origin.client().fetch_manifest(reference, cancel));
  const auto manifest = registry::read_manifest(std::move(got.bytes), got.media_type, got.digest);
  if (!manifest) return Error(Code::kDataLoss, manifest.error().message);
  log_debug(
      cat("upstream ", origin.options().name, ": fetched ", repository, "@", got.digest.str()));
  return ours(metadata_.cache_manifest(repository, *manifest, tag));
}

Result<> ManifestCache::note_use(const std::string& repository, const std::string& reference) {
  std::optional<oci::Digest> digest;
  if (is_digest(reference)) {
    digest = TRY(oci::Digest::parse(reference));
  } else if (const auto tag = TRY(metadata_.cached_tag(repository, reference))) {
    digest = tag->digest;
  }
  if (!digest) return {};
  {
    std::lock_guard lock(mutex_);
    if (used_.size() >= kMaxUsed) used_.clear();
    TimePoint& last = used_[cat(repository, "@", digest->str())];
    if (last != TimePoint{} && clock_.now() - last < kUseResolution) return {};
    last = clock_.now();
  }
  return metadata_.use_manifest(repository, *digest);
}

}  // namespace skiff::upstream
