#include "registry/registry.h"

#include "registry/check.h"
#include "registry/directory_access.h"
#include "registry/garbage_collector.h"
#include "registry/htpasswd.h"
#include "registry/local_blobs.h"
#include "registry/router.h"

namespace skiff::registry {

namespace {

// Candidates that a preview looks at, while pushes wait.
constexpr size_t kPreviewed = 10'000;

class LocalRegistry : public Registry {
 public:
  LocalRegistry(std::unique_ptr<Blobs> blobs, std::unique_ptr<MetadataStore> metadata,
                std::shared_ptr<Authorizer> access, const RegistryOptions& options,
                const Clock& clock)
      : blobs_(std::move(blobs)),
        metadata_(std::move(metadata)),
        access_(std::move(access)),
        uploads_(*blobs_, *metadata_, locks_, clock),
        context_{*blobs_,         *metadata_,         uploads_,         *access_,
                 options.tickets, options.extensions, options.observers},
        collector_(*blobs_, *metadata_, uploads_, locks_, gate_, options.upload_age,
                   options.metadata.grace, clock),
        root_(options.root) {}

  Result<> start(const RegistryOptions& options, const Clock& clock) {
    TRY(uploads_.recover());
    TRY(collector_.recover());
    if (options.collect_garbage) collector_.start();
    content::RecordedStore* files = blobs_->files();
    // Stores elsewhere look after their bytes themselves, and each look at them costs.
    if (options.scrub_rate > 0 && files != nullptr) {
      scrubber_.emplace(*files, options.scrub_rate, clock);
    }
    return {};
  }

  net::Handler handler() override { return make_handler(context_); }
  Result<size_t> collect_garbage() override { return collector_.collect(); }
  Result<Garbage::Preview> preview_garbage() override {
    return metadata_->preview_garbage(kPreviewed);
  }
  RemovalGate::Counted hold_removals() override { return gate_.hold(); }
  Result<CheckSummary> check(const CheckOptions& options, const ProblemSink& report,
                             const CancelToken& cancel) override {
    const auto pass = options.repair ? gate_.try_pass() : std::nullopt;
    if (options.repair && !pass) {
      return Error(Code::kUnavailable, "no repair while a backup is made: again later");
    }
    return check_registry({*blobs_, *metadata_, locks_, root_}, options, report, cancel);
  }
  Result<content::ScrubTotals> scrub(const content::ScrubOptions& options,
                                     const std::function<void(const Error&)>& damaged,
                                     const CancelToken& cancel) override {
    content::RecordedStore* files = blobs_->files();
    if (files == nullptr)
      return Error(Code::kUnimplemented, "blobs in an S3 store are not scrubbed");
    return content::scrub(*files, options, damaged, cancel);
  }

 private:
  std::unique_ptr<Blobs> blobs_;
  std::unique_ptr<MetadataStore> metadata_;
  std::shared_ptr<Authorizer> access_;
  DigestLocks locks_;
  RemovalGate gate_;
  UploadSessions uploads_;
  Context context_;
  GarbageCollector collector_;
  const Path root_;
  std::optional<content::Scrubber> scrubber_;
};

Result<std::shared_ptr<Authorizer>> open_authorizer(const RegistryOptions& options,
                                                    const Clock& clock) {
  if (options.access) return options.access;
  if (options.htpasswd.empty())
    return accounts_where_there_are_any(options.root, options.public_url, clock);
  return TRY(Htpasswd::open(options.htpasswd, TRY(access::Guesses::open(options.root, clock))));
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
  if (options.s3) return TRY(open_s3_blobs(*options.s3, options.root / "spool", clock));
  return std::make_unique<LocalBlobs>(
      TRY(content::open_recorded_store(options.root / "content", files, clock)));
}

}  // namespace

Result<std::unique_ptr<Registry>> open_registry(const RegistryOptions& options, const Clock& clock,
                                                DurableFiles& files) {
  TRY(make_directories(options.root));
  auto access = TRY(open_authorizer(options, clock));
  auto metadata = TRY(open_sqlite_metadata(options.root, options.metadata, clock));
  TRY(judge_places(*metadata, options));
  auto blobs = TRY(open_blobs(options, clock, files));
  auto registry = std::make_unique<LocalRegistry>(std::move(blobs), std::move(metadata),
                                                  std::move(access), options, clock);
  TRY(registry->start(options, clock));
  return registry;
}

}  // namespace skiff::registry
