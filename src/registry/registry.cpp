#include "registry/registry.h"

#include <unistd.h>

#include <array>
#include <climits>

#include "base/log.h"
#include "base/strings.h"
#include "content/layout.h"
#include "registry/access_log.h"
#include "registry/backup.h"
#include "registry/check.h"
#include "registry/directory_access.h"
#include "registry/garbage_collector.h"
#include "registry/htpasswd.h"
#include "registry/local_blobs.h"
#include "registry/mark.h"
#include "registry/place_scrub.h"
#include "registry/quick.h"
#include "registry/request_metrics.h"
#include "registry/router.h"
#include "registry/store_metrics.h"
#include "registry/vitals.h"

namespace skiff::registry {

namespace {

// Candidates that a preview looks at, while pushes wait.
constexpr size_t kPreviewed = 10'000;

// The same after a restart, and no other server's of the same database.
std::string server_name(const RegistryOptions& options) {
  std::array<char, HOST_NAME_MAX + 1> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  return cat(host.data(), ":", options.root.native());
}

// Events are of the registry as its clients know it.
WebhookOptions webhook_options(const RegistryOptions& options) {
  WebhookOptions out = options.webhooks;
  if (out.source.empty()) out.source = options.public_url;
  if (out.source.empty()) out.source = "skiff-registry";
  out.server = server_name(options);
  return out;
}

class LocalRegistry : public Registry {
 public:
  LocalRegistry(std::unique_ptr<AuditWriter> audit, std::unique_ptr<Blobs> blobs,
                std::unique_ptr<MetadataStore> metadata, std::shared_ptr<Authorizer> access,
                const RegistryOptions& options, const Clock& clock)
      : audit_(std::move(audit)),
        blobs_(std::move(blobs)),
        metadata_(std::move(metadata)),
        access_(std::move(access)),
        uploads_(*blobs_, *metadata_, locks_, clock),
        context_{*blobs_,         *metadata_,         uploads_,          *access_,
                 options.tickets, options.extensions, options.observers, audit_.get()},
        collector_(*blobs_, *metadata_, uploads_, locks_, gate_, options.upload_age,
                   options.metadata.grace, clock),
        root_(options.root),
        clock_(clock) {
    context_.server = server_name(options);
  }

  Result<> start(const RegistryOptions& options, const Clock& clock) {
    keeper_ =
        TRY(PolicyKeeper::open(options.root, *metadata_, *access_, options.retention_every, clock));
    context_.keeper = keeper_.get();
    TRY(uploads_.recover());
    TRY(collector_.recover());
    TRY(observe(options));
    if (options.upstreams) {
      upstreams_ = TRY(options.upstreams(context_, clock));
      context_.upstreams = upstreams_.get();
    }
    if (options.collect_garbage) collector_.start();
    if (options.send_webhooks) {
      webhooks_ = std::make_unique<WebhookSender>(*metadata_, webhook_options(options), clock);
      webhooks_->start();
    }
    if (options.scrub_rate > 0) {
      scrubber_.emplace(
          [this](const auto& how, const auto& cancel) { return scrub_all(how, cancel); },
          options.scrub_rate, clock);
    }
    return {};
  }

  Upstreams* upstreams() override { return upstreams_.get(); }
  net::Handler handler() override { return make_handler(context_); }
  bool is_quick(const net::Request& request) override {
    return registry::is_quick(request, *access_);
  }
  void refused(int status, const std::string& remote) override {
    observe_refused(context_, status, remote);
  }
  net::Handler vitals() override { return vitals_.handler(); }
  void about_to_stop() override { vitals_.stopping(); }
  void reopen_log() override {
    if (access_log_) access_log_->reopen();
  }
  Result<size_t> collect_garbage() override { return collector_.collect(); }
  Result<Garbage::Preview> preview_garbage() override {
    return metadata_->preview_garbage(kPreviewed);
  }
  RemovalGate::Counted hold_removals() override { return gate_.hold(); }
  Result<> check_files() override { return files_.check(); }
  Result<CheckSummary> check(const CheckOptions& options, const ProblemSink& report,
                             const CancelToken& cancel) override {
    const auto pass = options.repair ? gate_.try_pass() : std::nullopt;
    if (options.repair && !pass) {
      return Error(Code::kUnavailable, "no repair while a backup is made: again later");
    }
    return check_registry({*blobs_, *metadata_, locks_, root_}, options, report, cancel);
  }
  Result<ImportSummary> import_tree(const Path& tree, const ImportOptions& options,
                                    const std::function<void(const std::string&)>& begins,
                                    const ProblemSink& report, const CancelToken& cancel) override {
    const auto hold = gate_.hold();
    return registry::import_tree({*metadata_, uploads_}, tree, options, begins, report, cancel);
  }
  Result<content::ScrubTotals> scrub(const content::ScrubOptions& options,
                                     const std::function<void(const Error&)>& damaged,
                                     const CancelToken& cancel) override {
    if (blobs_->files() != nullptr) {
      content::ScrubOptions noted = options;
      noted.may_note = [this] { return records_.check(); };
      return content::scrub(*blobs_->files(), noted, damaged, cancel);
    }
    return scrub_places({*blobs_, *metadata_, context_.server, clock_}, options, damaged, cancel);
  }

 private:
  // Who is told of requests, and what is served beside the API.
  Result<> observe(const RegistryOptions& options) {
    for (Extension& vital : vitals_.extensions()) {
      if (vital.prefix != kMetricsPath || options.metrics_here) {
        context_.extensions.push_back(std::move(vital));
      }
    }
    std::vector<std::string_view> kinds;
    for (const Extension& extension : context_.extensions) kinds.push_back(extension.kind);
    requests_ = std::make_unique<RequestMetrics>(kinds);
    context_.observers.push_back(requests_.get());
    if (options.access_log.empty()) return {};
    access_log_ = TRY_CONTEXT(AccessLog::open(options.access_log), "access log");
    context_.observers.push_back(access_log_.get());
    return {};
  }
  std::vector<Vitals::Probe> probes() {
    std::vector<Vitals::Probe> out = {
        {"database", [this] { return probe_database(*metadata_, files_, *access_); }}};
    // A store elsewhere answers in its own time, and asks for money each time.
    if (blobs_->files() != nullptr) {
      out.push_back({"store", [this] { return probe_store(root_, records_); }});
    }
    return out;
  }
  std::vector<Vitals::Writer> writers() {
    return {[this](MetricsText& out) { requests_->write(out); },
            [this](MetricsText& out) { write_store_metrics(out, *metadata_, root_); },
            [this](MetricsText& out) { write_collector_metrics(out, collector_.totals()); },
            [this](MetricsText& out) { write_scrub_metrics(out, scrubbed_); },
            [this](MetricsText& out) { write_webhook_metrics(out, webhooks_.get()); },
            [this](MetricsText& out) { write_log_metrics(out, access_log_.get()); }};
  }
  Result<content::ScrubTotals> scrub_all(const content::ScrubOptions& options,
                                         const CancelToken& cancel) {
    const auto damaged = [this](const Error& error) {
      if (blobs_->files() == nullptr) log_error(error.message());  // files tell it themselves
      ++scrubbed_.damaged;
    };
    auto done = scrub(options, damaged, cancel);
    if (done) scrubbed_.add(*done);
    return done;
  }

  std::unique_ptr<AuditWriter> audit_;
  std::unique_ptr<Blobs> blobs_;
  std::unique_ptr<MetadataStore> metadata_;
  std::shared_ptr<Authorizer> access_;
  DigestLocks locks_;
  RemovalGate gate_;
  UploadSessions uploads_;
  Context context_;
  GarbageCollector collector_;
  const Path root_;
  const FileWatch files_{root_ / kDatabaseName};                            // of metadata_
  const FileWatch records_{content::Layout(root_ / "content").database()};  // of blobs_
  const Clock& clock_;
  ScrubCounts scrubbed_;
  Vitals vitals_{probes(), writers()};
  std::unique_ptr<RequestMetrics> requests_;
  std::unique_ptr<AccessLog> access_log_;
  std::optional<content::Scrubber> scrubber_;
  std::unique_ptr<WebhookSender> webhooks_;
  std::unique_ptr<PolicyKeeper> keeper_;
  std::unique_ptr<Upstreams> upstreams_;
};

Result<std::shared_ptr<Authorizer>> open_authorizer(const RegistryOptions& options,
                                                    const Clock& clock, AuditWriter& audit) {
  if (options.access) return options.access;
  if (options.htpasswd.empty()) {
    TRY(access::Store::open(options.root, clock));  // they are not lost
    return accounts_where_there_are_any(options.root, options.public_url, clock, &audit);
  }
  return TRY(
      Htpasswd::open(options.htpasswd, TRY(access::Guesses::open(options.root, clock)), &audit));
}

// A blob is read where it was written.
Result<> judge_places(MetadataStore& metadata, const RegistryOptions& options) {
  const auto blob = TRY(metadata.some_blob());
  if (!blob || blob->at.place.empty() == !options.s3) return {};
  return Error(Code::kFailedPrecondition,
               options.s3 ? "this registry has its blobs in files: an S3 store needs a new root"
                          : "this registry has its blobs in an S3 store, and none is given");
}

Result<std::unique_ptr<Blobs>> open_blobs(const RegistryOptions& options, const Clock& clock,
                                          DurableFiles& files) {
  if (options.s3) return TRY(open_s3_blobs(*options.s3, options.root / "spool"));
  const Path content = options.root / "content";
  auto store = TRY(content::open_recorded_store(content, files, clock));
  return std::make_unique<LocalBlobs>(std::move(store),
                                      FileWatch(content::Layout(content).database()));
}

}  // namespace

Result<std::unique_ptr<Registry>> open_registry(const RegistryOptions& options, const Clock& clock,
                                                DurableFiles& files) {
  TRY(make_directories(options.root));
  if (std::filesystem::exists(options.root / backup::kRestoring)) {
    return Error(Code::kFailedPrecondition,
                 cat("a restore into ", options.root.native(),
                     " was not finished: run it again, or choose another root"));
  }
  auto audit = TRY(AuditWriter::open(options.root, clock));
  auto access = TRY(open_authorizer(options, clock, *audit));
  auto metadata = TRY(open_metadata(options.root, options.metadata, clock));
  TRY(judge_places(*metadata, options));
  auto blobs = TRY(open_blobs(options, clock, files));
  auto registry = std::make_unique<LocalRegistry>(
      std::move(audit), std::move(blobs), std::move(metadata), std::move(access), options, clock);
  TRY(registry->start(options, clock));
  return registry;
}

}  // namespace skiff::registry
