#include "upstream/list_cache.h"

#include "base/strings.h"

namespace skiff::upstream {

using registry::Answer;
using registry::Call;

namespace {

constexpr std::chrono::minutes kFresh{1};
constexpr size_t kMaxLists = 256;

registry::Referrer referrer_of(const oci::Descriptor& found) {
  return {.digest = found.digest.str(),
          .media_type = found.media_type,
          .size = found.size,
          .artifact_type = found.artifact_type,
          .annotations = found.annotations};
}

void mark_stale(const Call& call) { call.set("Warning", "110 - \"Response is Stale\""); }

}  // namespace

Answer<bool> ListCache::tags(Origin& origin, Call& call) {
  const oci::Reference reference = TRY(origin.reference(call.name));
  Fetch fetch = [&origin, reference](const CancelToken& cancel) -> Result<List> {
    List list;
    list.tags = TRY(origin.client().tags(reference, cancel));
    return list;
  };
  auto list = TRY(get(origin, call, cat(call.name, "/tags"), std::move(fetch)));
  if (!list) return false;
  TRY(registry::reply_tags(call, std::move(list->tags)));
  return true;
}

Answer<bool> ListCache::referrers(Origin& origin, Call& call) {
  const oci::Digest subject = TRY(registry::parse_digest(call.reference));
  const oci::Reference reference = TRY(origin.reference(call.name));
  Fetch fetch = [&origin, reference, subject](const CancelToken& cancel) -> Result<List> {
    List list;
    const auto found = TRY(origin.client().referrers(reference, subject, cancel));
    for (const oci::Descriptor& each : found) list.referrers.push_back(referrer_of(each));
    return list;
  };
  auto list = TRY(get(origin, call, cat(call.name, "@", subject.str()), std::move(fetch)));
  if (!list) return false;
  TRY(registry::reply_referrers(call, std::move(list->referrers)));
  return true;
}

Answer<std::optional<ListCache::List>> ListCache::get(Origin& origin, Call& call,
                                                      const std::string& key, Fetch fetch) {
  std::optional<List> here = known(key);
  if (here && clock_.now() - here->at < kFresh) return here;
  if (here && origin.is_quiet()) {
    mark_stale(call);
    return here;
  }
  const auto flight =
      flights_.join(key, std::make_shared<Flight>(),
                    [this, key, fetch = std::move(fetch)](Flight& to, const CancelToken& cancel) {
                      Result<List> list = fetch(cancel);
                      if (list) {
                        list->at = clock_.now();
                        keep(key, *list);
                      }
                      to.land(std::move(list));
                    });
  const CancelToken gone = call.writer.client_gone();
  if (here) {
    const auto landed = TRY(flight->wait(gone, origin.options().patience));
    if (!landed) {
      mark_stale(call);
      return here;
    }
  }
  Result<List> list = TRY(flight->wait(gone));
  if (list) return std::optional(*std::move(list));
  origin.failed(cat("list of ", call.name), list.error());
  if (list.error().code() == Code::kNotFound) return registry::unknown_repository(call);
  mark_stale(call);
  return here;
}

std::optional<ListCache::List> ListCache::known(const std::string& key) {
  std::lock_guard lock(mutex_);
  const auto found = lists_.find(key);
  return found == lists_.end() ? std::nullopt : std::optional(found->second);
}

void ListCache::keep(const std::string& key, const List& list) {
  std::lock_guard lock(mutex_);
  if (lists_.size() >= kMaxLists) lists_.clear();
  lists_[key] = list;
}

}  // namespace skiff::upstream
