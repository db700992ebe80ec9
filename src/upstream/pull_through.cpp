#include "upstream/pull_through.h"

#include <algorithm>
#include <memory>

#include "base/strings.h"
#include "upstream/blob_cache.h"
#include "upstream/eviction.h"
#include "upstream/list_cache.h"
#include "upstream/manifest_cache.h"
#include "upstream/mirrors.h"

namespace skiff::upstream {

namespace {

using registry::Answer;
using registry::Call;

class PullThrough : public registry::Upstreams {
 public:
  PullThrough(const Options& options, const registry::Context& context, const Clock& clock)
      : metadata_(context.metadata),
        eviction_(context.metadata, options.size, context.server, clock),
        lists_(clock),
        manifests_(context.metadata, clock),
        blobs_(context, options.spool, [this] { eviction_.look(); }),
        mirrors_(context, clock) {
    for (const OriginOptions& each : options.origins) {
      origins_.push_back(std::make_unique<Origin>(each, clock));
    }
    if (options.run_mirrors) mirrors_.start();
  }

  Answer<std::string> repository(const Call& call, bool is_pull) override {
    if (origins_.empty()) return call.name;
    if (const std::string space = to_lower(call.request.query.get("ns")); !space.empty()) {
      return repository_in(call, space);
    }
    if (covers(call.name) || !is_pull) return call.name;
    const Origin* origin = default_origin();
    if (origin == nullptr) return call.name;
    // What was pushed here comes first.
    if (TRY(metadata_.tags(call.name, {.last = "", .limit = 1}))) return call.name;
    return cat(origin->options().name, "/", call.name);
  }

  bool covers(const std::string& repository) const override { return find(repository) != nullptr; }
  Answer<bool> manifest(Call& call) override { return manifests_.prepare(*find(call.name), call); }
  Answer<bool> blob(Call& call) override { return blobs_.serve(*find(call.name), call); }
  Answer<bool> tags(Call& call) override { return lists_.tags(*find(call.name), call); }
  Answer<bool> referrers(Call& call) override { return lists_.referrers(*find(call.name), call); }
  Result<json::Value> operate_mirrors(std::string_view what, const json::Value& arguments,
                                      const std::function<void(const json::Value&)>& tell,
                                      const CancelToken& cancel) override {
    return mirrors_.operate(what, arguments, tell, cancel);
  }

 private:
  Answer<std::string> repository_in(const Call& call, const std::string& space) const {
    for (const auto& origin : origins_) {
      const auto& spaces = origin->options().spaces;
      if (std::ranges::find(spaces, space) == spaces.end()) continue;
      // Clients may give the name that it has here as well.
      return origin->covers(call.name) ? call.name : cat(origin->options().name, "/", call.name);
    }
    return registry::Refusal(registry::kNameUnknown,
                             cat(skiff::quoted(space), " is no registry that is fetched from here"),
                             json::object({{"name", call.name}}));
  }

  Origin* find(const std::string& repository) const {
    const auto found = std::ranges::find_if(
        origins_, [&](const auto& origin) { return origin->covers(repository); });
    return found == origins_.end() ? nullptr : found->get();
  }

  const Origin* default_origin() const {
    const auto found = std::ranges::find_if(
        origins_, [](const auto& origin) { return origin->options().is_default; });
    return found == origins_.end() ? nullptr : found->get();
  }

  registry::MetadataStore& metadata_;
  std::vector<std::unique_ptr<Origin>> origins_;
  Eviction eviction_;
  ListCache lists_;
  ManifestCache manifests_;
  BlobCache blobs_;
  Mirrors mirrors_;
};

}  // namespace

registry::MakeUpstreams pull_through(Options options) {
  return [options = std::move(options)](
             const registry::Context& context,
             const Clock& clock) -> Result<std::unique_ptr<registry::Upstreams>> {
    TRY(check(options));
    return std::make_unique<PullThrough>(options, context, clock);
  };
}

}  // namespace skiff::upstream
