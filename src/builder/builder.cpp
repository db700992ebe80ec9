#include "builder/builder.h"

#include <algorithm>
#include <set>
#include <thread>

#include "base/log.h"
#include "base/scope_exit.h"
#include "base/strings.h"
#include "builder/answer.h"
#include "builder/build_caches.h"
#include "builder/cache_image.h"
#include "builder/context.h"
#include "builder/export.h"
#include "builder/export_provenance.h"
#include "builder/failed_step.h"
#include "builder/offline_plan.h"
#include "builder/platform_build.h"
#include "builder/source_epoch.h"
#include "builder/stat_cache.h"
#include "dockerfile/inspection.h"
#include "dockerfile/static_checks.h"
#include "images/linked_cancel.h"
#include "images/parts.h"
#include "oci/manifest.h"
#include "solver/cache.h"

namespace skiff::builder {

Result<std::optional<remote::Credentials>> BuildRequest::credentials_of(
    const std::string& host) const {
  const auto known = credentials.find(host);
  if (known != credentials.end()) return std::optional(known->second);
  if (find_credentials) return find_credentials(host);
  return std::optional<remote::Credentials>();
}

namespace {

// Each has threads of its own.
constexpr size_t kMostPlatforms = 32;

// For a terminal: words of the Dockerfile may be in it.
template <typename T>
Result<T> shown(Result<T> result) {
  if (result) return result;
  return Error(result.error().code(), without_controls(result.error().message()));
}

void send_findings(SharedSink& events, const Dockerfile& file,
                   const std::vector<Finding>& findings) {
  for (const Finding& finding : findings) {
    const RuleText& rule = text_of(finding.rule);
    events.send(
        BuildWarning{.text = without_controls(cat(file.source->name(), ":", finding.span.first,
                                                  ": ", rule.name, ": ", finding.message)),
                     .line = finding.span.first,
                     .detail = std::string(rule.description),
                     .url = page_of(rule)});
  }
}

// What is found before an error is told with it.
Result<Dockerfile> parse_telling(const BuildRequest& request, const std::string& text,
                                 SharedSink& events) {
  PartialDockerfile parsed = TRY(parse_partly(request.name_of_dockerfile(), text));
  if (!parsed.failure) return std::move(parsed.file);
  send_findings(events, parsed.file, TRY(findings_before_failure(request, parsed)));
  return *std::move(parsed.failure);
}

// All platforms side by side; the first failure stops the others.
Result<std::vector<PlatformImage>> build_platforms(BuildSite& build,
                                                   const std::vector<oci::Platform>& platforms,
                                                   const CancelToken& cancel) {
  images::LinkedCancel linked(cancel);
  images::FirstError error;
  std::vector<std::optional<PlatformImage>> built(platforms.size());
  auto run = [&](size_t i) {
    auto image = build_platform(build, platforms[i], linked.token());
    if (image) {
      built[i] = std::move(*image);
      return;
    }
    error.set(image.error());
    linked.cancel();
  };
  {
    std::vector<std::jthread> threads;
    for (size_t i = 1; i < platforms.size(); ++i) threads.emplace_back(run, i);
    run(0);
  }
  TRY(error.result());
  std::vector<PlatformImage> out;
  for (auto& image : built) out.push_back(std::move(*image));
  return out;
}

class LocalBuilder : public Builder {
 public:
  LocalBuilder(BuilderOptions options, images::ImageStore& images,
               network::NetworkManager& networks, std::unique_ptr<Cache> cache, const Clock& clock)
      : options_(std::move(options)),
        images_(images),
        cache_(std::move(cache)),
        cache_mounts_(options_.cache_mounts()),
        downloads_(options_.downloads()),
        conversions_(images),
        stats_(StatCache::open(options_.root / "stat-cache", clock)),
        sources_(options_.local_sources(), *stats_, clock),
        cgroup_parents_(options_.cgroup_parents ? options_.cgroup_parents
                                                : sys::CgroupParents::unrecorded()),
        site_{options_,   images,       networks,         *cache_, cache_mounts_,
              downloads_, conversions_, *cgroup_parents_, clock},
        solver_(*cache_, clock) {}
  ~LocalBuilder() override { images_.set_extra_roots({}); }

  Result<> start();
  Result<BuildResult> build(const BuildRequest& request, const EventSink& events,
                            const CancelToken& cancel) override {
    return shown(build_all(request, events, cancel));
  }
  Result<Answer> inspect(const BuildRequest& request, Question question,
                         const CancelToken& cancel) override {
    auto answer = shown(ask(request, question, cancel));
    if (!answer) return answer;
    answer->text = without_controls(answer->text);
    if (answer->failure) {
      answer->failure =
          Error(answer->failure->code(), without_controls(answer->failure->message()));
    }
    return answer;
  }
  Result<std::optional<std::vector<std::string>>> context_paths(
      const BuildRequest& request) override {
    return builder::context_paths(images_, request);
  }
  LocalSources& local_sources() override { return sources_; }
  Result<std::vector<CacheRecord>> disk_usage() override;
  Result<PruneResult> prune(const PruneOptions& options) override;
  Result<size_t> check(const CheckOptions& options, const ProblemSink& report) override {
    return cache_->check(options, report);
  }

 private:
  Result<BuildResult> build_all(const BuildRequest& request, const EventSink& events,
                                const CancelToken& cancel);
  Result<Answer> ask(const BuildRequest& request, Question question, const CancelToken& cancel) {
    Context context = TRY(Context::open(request, options_.scratch(), *stats_, cancel));
    return answer_to(images_, request, context, question);
  }
  Result<BuildResult> tell(const BuildRequest& request, const std::vector<oci::Platform>& platforms,
                           const ShapedImages& made, SharedSink& events);
  Result<std::set<std::string>> image_snapshots();
  Result<bool> remove_other(const CacheRecord& record);

  BuilderOptions options_;
  images::ImageStore& images_;
  std::unique_ptr<Cache> cache_;
  CacheMounts cache_mounts_;
  Downloads downloads_;
  Conversions conversions_;
  std::unique_ptr<StatCache> stats_;
  LocalSources sources_;
  std::shared_ptr<sys::CgroupParents> cgroup_parents_;
  Site site_;
  Solver solver_;
};

Result<> LocalBuilder::start() {
  images_.set_extra_roots([this] { return cache_->roots(); });
  cache_->set_limit(options_.cache_limit, [this]() -> Result<> {
    TRY(images_.collect_garbage());
    images_.content().settle();
    images_.snapshots().settle();
    return {};
  });
  TRY(cache_mounts_.start());
  TRY(sources_.start());
  return clean_up_steps(site_);
}

namespace {

std::vector<BuildProvenance> recorded(const BuildRequest& request,
                                      const std::vector<PlatformImage>& built,
                                      const BuildFacts& facts, TimePoint now) {
  std::vector<BuildProvenance> out;
  for (const PlatformImage& image : built) {
    out.push_back(recorded_provenance({.request = request,
                                       .built = image,
                                       .origin = facts.origin,
                                       .started = format_rfc3339(facts.begun),
                                       .finished = format_rfc3339(now)}));
  }
  return out;
}

}  // namespace

Result<BuildResult> LocalBuilder::build_all(const BuildRequest& asked, const EventSink& sink,
                                            const CancelToken& cancel) {
  SharedSink events(sink);
  BuildFacts facts{.begun = site_.clock.now(), .origin = asked.origin};
  TRY(Exporter::make(site_, asked));  // what is wrong with outputs is told at once
  const auto lease = TRY(images_.lease());
  CacheHold hold(*cache_, *lease);
  const Path scratch = options_.scratch();
  Context context = TRY(Context::open(asked, scratch, *stats_, cancel));
  if (context.origin()) facts.origin = context.origin();
  TRY(check_syntax(asked, context.dockerfile()));
  Dockerfile file = TRY(parse_telling(asked, context.dockerfile(), events));
  std::optional<TakenSource> taken;
  const BuildRequest request = TRY(with_epoch(asked,
                                              {.file = file,
                                               .of_context = context.time(),
                                               .named = context.named(),
                                               .downloads = downloads_,
                                               .scratch = scratch,
                                               .taken = taken},
                                              cancel));
  Exporter exporter = TRY(Exporter::make(site_, request));
  const ScopeExit remember([this] {
    if (auto saved = stats_->save(); !saved) log_warn(saved.error().message());
  });
  Checks checks(TRY(check_config(request, file)));
  check_text(file, checks);
  ImportedRecords imported;
  import_caches(site_, request, events, *lease, imported, cancel);
  BuildSite build{.site = site_,
                  .solver = solver_,
                  .request = request,
                  .file = file,
                  .context = context.tree(),
                  .named = context.named(),
                  .events = events,
                  .checks = checks,
                  .lease = *lease,
                  .hold = hold,
                  .imported = imported,
                  .taken = taken};
  std::vector<oci::Platform> platforms = platforms_of(request);
  if (platforms.size() > kMostPlatforms) {
    return Error(Code::kInvalidArgument, cat("an image of ", platforms.size(), " platforms: ",
                                             kMostPlatforms, " are the most at once"));
  }
  auto attempted = build_platforms(build, platforms, cancel);
  send_findings(events, file, checks.findings());
  auto built = TRY(std::move(attempted));
  TRY(cancel.check());
  if (!built[0].unused_args.empty()) {
    events.send(BuildWarning{
        cat("One or more build-args [", join(built[0].unused_args, " "), "] were not consumed"),
        0});
  }
  TRY(export_caches(site_, request, built, hold, events, cancel));
  if (wants_inline_cache(request)) facts.steps = TRY(cache_->records_of(hold));
  const ShapedImages made = TRY(exporter.run(built, facts, *lease, events, cancel));
  BuildResult result = TRY(tell(request, platforms, made, events));
  result.provenance = recorded(request, built, facts, site_.clock.now());
  return result;
}

Result<BuildResult> LocalBuilder::tell(const BuildRequest& request,
                                       const std::vector<oci::Platform>& platforms,
                                       const ShapedImages& made, SharedSink& events) {
  BuildResult result;
  result.target = made.target;
  if (request.result_lease != nullptr) {
    for (const images::Image& image : TRY(images_.platforms_of(made.target))) {
      TRY(request.result_lease->hold_image(image));
    }
  }
  auto host = std::ranges::find(platforms, oci::Platform::host());
  size_t chosen = host == platforms.end() ? 0 : static_cast<size_t>(host - platforms.begin());
  result.id = made.ids[chosen];
  for (size_t i = 0; i < platforms.size(); ++i) {
    result.images.push_back({platforms[i].str(), made.ids[i]});
    events.send(result.images.back());
  }
  return result;
}

Result<std::set<std::string>> LocalBuilder::image_snapshots() {
  std::set<std::string> out;
  for (const images::Image& image : TRY(images_.list())) {
    for (size_t i = 1; i <= image.config.diff_ids.size(); ++i) {
      out.insert(oci::chain_id(image.config.diff_ids, i).str());
    }
  }
  return out;
}

Result<std::vector<CacheRecord>> LocalBuilder::disk_usage() {
  std::vector<CacheRecord> out = TRY(cache_->records(TRY(image_snapshots())));
  std::ranges::move(TRY(downloads_.list()), std::back_inserter(out));
  std::ranges::move(TRY(sources_.list()), std::back_inserter(out));
  for (CacheMounts::Entry& entry : TRY(cache_mounts_.list())) {
    out.push_back({.id = std::move(entry.name),
                   .description = cat("cache mount ", entry.id),
                   .size = entry.bytes,
                   .in_use = entry.in_use,
                   .created = entry.last_used,
                   .last_used = entry.last_used,
                   .kind = CacheRecord::Kind::kCacheMount});
  }
  return out;
}

Result<bool> LocalBuilder::remove_other(const CacheRecord& record) {
  switch (record.kind) {
    case CacheRecord::Kind::kCacheMount:
      return cache_mounts_.remove(record.id);
    case CacheRecord::Kind::kDownload:
      return downloads_.remove(record.id);
    case CacheRecord::Kind::kLocalSource:
      return sources_.remove(record.id);
    case CacheRecord::Kind::kFailedStep:
      TRY(remove_failed_step(site_, record.id));
      return true;
    case CacheRecord::Kind::kStep:
      break;
  }
  return false;
}

Result<PruneResult> LocalBuilder::prune(const PruneOptions& options) {
  auto records = TRY(disk_usage());
  std::ranges::move(TRY(list_failed_steps(site_)), std::back_inserter(records));
  std::error_code unknown;
  const uint64_t free_bytes = std::filesystem::space(options_.root, unknown).available;
  if (unknown) {
    return Error::from_errno(unknown.value(), cat("free space of ", options_.root.native()));
  }
  std::vector<std::string> steps;
  PruneResult result;
  for (const CacheRecord& record :
       solver::chosen_to_go(std::move(records), options, site_.clock.now(), free_bytes)) {
    if (record.kind == CacheRecord::Kind::kStep) {
      steps.push_back(record.id);
    } else if (TRY(remove_other(record))) {
      result.removed.push_back(record.id);
      result.freed_bytes += record.size;
    }
  }
  std::ranges::move(TRY(cache_->remove(steps)), std::back_inserter(result.removed));
  if (options.is_everything()) TRY(cache_->remove_layerless());
  result.freed_bytes += TRY(images_.collect_garbage());
  return result;
}

// Whether a record's layer can still be built upon and put into an image.
bool is_present(images::ImageStore& images, const Layer& layer) {
  const auto blob = images.content().info(layer.blob.digest);
  return images.snapshots().stat(layer.snapshot).has_value() && blob && !blob->damaged;
}

}  // namespace

Result<std::unique_ptr<Builder>> open_builder(const BuilderOptions& options,
                                              images::ImageStore& images,
                                              network::NetworkManager& networks,
                                              const Clock& clock) {
  TRY(make_directories(options.root, 0700));
  auto cache = TRY(Cache::open(
      options.root / "cache.db",
      [&images](const Layer& layer) { return is_present(images, layer); }, clock));
  auto builder = std::make_unique<LocalBuilder>(options, images, networks, std::move(cache), clock);
  TRY_CONTEXT(builder->start(), "clean up after earlier builds");
  return builder;
}

}  // namespace skiff::builder
