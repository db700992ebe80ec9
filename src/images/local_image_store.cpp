// The image store: its parts, and each operation handed to the file that does it.
#include "base/strings.h"
#include "images/check.h"
#include "images/holding.h"
#include "images/image_finder.h"
#include "images/image_store.h"
#include "images/load.h"
#include "images/new_image.h"
#include "images/pack.h"
#include "images/pull.h"
#include "images/push.h"
#include "images/remove.h"
#include "images/remove_platforms.h"
#include "images/save.h"

namespace skiff::images {

namespace {

constexpr std::chrono::hours kResumable{24};

class LocalImageStore : public ImageStore {
 public:
  LocalImageStore(const Path& root, std::unique_ptr<content::ContentStore> store,
                  std::unique_ptr<snapshot::Snapshotter> snapshots, Catalog catalog,
                  const Clock& clock, const StoreLimits& limits)
      : store_(std::move(store)),
        snapshots_(std::move(snapshots)),
        catalog_(std::move(catalog)),
        reader_(*store_),
        garbage_(*store_, *snapshots_, catalog_, reader_),
        limit_(*store_, *snapshots_, limits.bytes),
        unpacker_(*store_, *snapshots_, limit_, limits.layer),
        begun_(catalog_),
        parts_{*store_, *snapshots_,  catalog_,   reader_, garbage_, unpacker_,
               limit_,  limits.layer, transfers_, begun_,  clock,    root / "loading"},
        finder_(parts_) {}

  Result<Image> find(const std::string& name,
                     const std::optional<oci::Platform>& platform) override {
    return finder_.find(name, platform);
  }
  Result<std::unique_ptr<ImageLease>> lease() override { return TRY(Holding::make(parts_)); }
  Result<Image> find_held(const std::string& name, const std::optional<oci::Platform>& platform,
                          ImageLease& lease) override;
  Result<std::vector<Image>> list() override { return finder_.list(); }
  Result<std::vector<Image>> platforms_of(const oci::Descriptor& target) override {
    return finder_.platforms_of(target);
  }

  Result<> tag(const Image& image, const oci::Reference& name) override;
  Result<> put(const oci::Descriptor& target, const std::optional<oci::Reference>& name,
               const std::string& parent_id) override;
  Result<std::vector<Removed>> remove(const std::string& name, bool force, bool prune_parents,
                                      const InUse& in_use) override {
    return remove_image(parts_, finder_, name, force, prune_parents, in_use);
  }
  Result<std::vector<Removed>> remove_platforms(const std::string& name,
                                                std::span<const oci::Platform> platforms,
                                                bool force, const InUse& in_use) override {
    return images::remove_platforms(parts_, finder_, name, platforms, force, in_use);
  }
  Result<std::vector<Removed>> remove_unused(std::span<const oci::Digest> targets, Named named,
                                             const InUse& in_use) override {
    return images::remove_unused(parts_, targets, named, in_use);
  }
  Result<bool> still_has(const Image& image) override {
    const auto lock = garbage_.adding_roots();
    return catalog_.has(image.target.digest);
  }

  Result<Image> pull(const oci::Reference& name, const PullOptions& options,
                     const ProgressSink& progress, const CancelToken& cancel) override;
  Result<PushResult> push(const oci::Reference& name, const PushOptions& options,
                          const ProgressSink& progress, const CancelToken& cancel) override {
    return push_image(parts_, name, with_near(options), progress, cancel);
  }

  Result<std::vector<std::string>> remote_tags(const oci::Reference& repository,
                                               const remote::ClientOptions& client) override {
    return remote::RegistryClient(client).tags(repository);
  }

  Result<> save(const std::vector<std::string>& names, Sink& tar, const CancelToken& cancel,
                std::span<const oci::Platform> platforms) override {
    return save_images(parts_, finder_, names, platforms, tar, cancel);
  }
  Result<> archive(const oci::Descriptor& target, std::span<const oci::Reference> names,
                   ArchiveForm form, Sink& tar, const CancelToken& cancel) override {
    return archive_target(parts_, finder_, target, names, form, tar, cancel);
  }
  Result<std::vector<std::string>> load(Source& tar, const ProgressSink& progress,
                                        const CancelToken& cancel,
                                        std::span<const oci::Platform> platforms) override {
    return load_images(parts_, tar, platforms, progress, cancel);
  }

  Result<NewLayer> add_layer(Source& tar, content::Lease& lease,
                             const CompressForm& form) override {
    return images::add_layer(parts_, tar, lease, form);
  }
  Result<NewLayer> add_layer(snapshot::LayerToStore& tar, content::Lease& lease) override {
    return images::add_layer(parts_, tar, lease);
  }
  Result<oci::Descriptor> pack_layer(const oci::Descriptor& layer, Pack pack, content::Lease& lease,
                                     const CancelToken& cancel) override {
    return images::pack_layer(parts_, layer, pack, lease, cancel);
  }
  Result<oci::Descriptor> write_image(const oci::ImageConfig& config,
                                      const std::vector<oci::Descriptor>& layers,
                                      content::Lease& lease, const ManifestForm& form) override {
    return write_manifest(parts_, config.serialize(), config, layers, lease, form);
  }
  Result<std::string> unpack(const Image& image, const ProgressSink& progress,
                             const CancelToken& cancel) override;

  void set_near_registry(remote::NearRegistry near) override { near_ = std::move(near); }

  content::ContentStore& content() override { return *store_; }
  snapshot::Snapshotter& snapshots() override { return *snapshots_; }

  Result<uint64_t> collect_garbage() override;
  Result<uint64_t> collect_leftovers() override;
  Result<> collect_layers(const std::string& snapshot) override;
  Result<CheckSummary> check(const CheckOptions& options, const ProblemSink& report,
                             const CancelToken& cancel) override {
    return check_images(parts_, options, report, cancel);
  }
  Result<content::ScrubTotals> scrub(const content::ScrubOptions& options,
                                     const std::function<void(const Error&)>& damaged,
                                     const CancelToken& cancel) override;
  Result<StorageUse> storage_use() override {
    return StorageUse{.limit = limit_.bytes(), .used = TRY(limit_.used())};
  }
  Result<uint64_t> unneeded() override {
    const uint64_t whole = TRY_CONTEXT(garbage_.unneeded(), "count what nothing needs");
    return whole + TRY(store_->idle_bytes());
  }
  snapshot::Snapshotter::MakeRoom layer_room() override;
  void set_extra_roots(std::function<Result<Roots>()> roots) override {
    garbage_.set_extra_roots(std::move(roots));
  }

 private:
  template <typename Options>
  Options with_near(Options options) const {
    options.client.near = near_;
    return options;
  }

  std::unique_ptr<content::ContentStore> store_;
  std::unique_ptr<snapshot::Snapshotter> snapshots_;
  Catalog catalog_;
  ImageReader reader_;
  Garbage garbage_;
  StorageLimit limit_;
  LayerUnpacker unpacker_;
  KeyedMutex transfers_;
  BegunPulls begun_;
  Parts parts_;
  ImageFinder finder_;
  std::optional<remote::NearRegistry> near_;
};

Result<Image> LocalImageStore::find_held(const std::string& name,
                                         const std::optional<oci::Platform>& platform,
                                         ImageLease& lease) {
  while (true) {
    Image image = TRY(finder_.find(name, platform));
    // Else it was removed just now, and the name may be another's.
    if (TRY(lease.hold_image(image))) return image;
  }
}

Result<> LocalImageStore::tag(const Image& image, const oci::Reference& name) {
  if (name.digest()) {
    return Error(Code::kInvalidArgument, "refusing to create a tag with a digest reference");
  }
  const auto point_at = [&](const oci::Digest& target) {
    const auto lock = garbage_.adding_roots();
    // Not recorded anew: of what was removed since, all parts need not be here.
    return catalog_.tag(target, name.with_default_tag(), parts_.clock.now());
  };
  if (TRY(point_at(image.target.digest))) return {};
  // A push may have given the image another target since.
  const Image now = TRY(finder_.find(image.id.str(), image.config.platform));
  if (TRY(point_at(now.target.digest))) return {};
  return Error(Code::kNotFound, cat("No such image: ", image.id.str()));
}

Result<> LocalImageStore::put(const oci::Descriptor& target,
                              const std::optional<oci::Reference>& name,
                              const std::string& parent_id) {
  std::vector<oci::Reference> names;
  if (name) names.push_back(name->with_default_tag());
  return record_target(parts_, target, names, parent_id);
}

Result<Image> LocalImageStore::pull(const oci::Reference& name, const PullOptions& options,
                                    const ProgressSink& progress, const CancelToken& cancel) {
  const Pulled pulled = TRY(pull_image(parts_, name, with_near(options), progress, cancel));
  // Also where others have removed it since: the pull came first then.
  return finder_.image_of(pulled.target, *pulled.image);
}

snapshot::Snapshotter::MakeRoom LocalImageStore::layer_room() {
  if (limit_.bytes() == 0) return {};
  const auto room = std::make_shared<StorageLimit::Room>(limit_.room());
  return [this, room, total = uint64_t{0}](uint64_t bytes) mutable {
    total += bytes;
    return make_room(limit_, *room, total);
  };
}

Result<uint64_t> LocalImageStore::collect_garbage() {
  TRY(catalog_.forget_begun(parts_.clock.now()));
  const uint64_t swept = TRY(garbage_.collect()).bytes;
  const uint64_t aborted = TRY(store_->abort_idle());
  store_->settle();
  snapshots_->settle();
  return swept + aborted;
}

Result<content::ScrubTotals> LocalImageStore::scrub(
    const content::ScrubOptions& options, const std::function<void(const Error&)>& damaged,
    const CancelToken& cancel) {
  content::ScrubTotals totals = TRY(content::scrub(*store_, options, damaged, cancel));
  const content::ScrubTotals layers = TRY(snapshots_->scrub(options, damaged, cancel));
  totals.layers = layers.layers;
  totals.bytes += layers.bytes;
  totals.damaged += layers.damaged;
  return totals;
}

Result<uint64_t> LocalImageStore::collect_leftovers() {
  TRY(catalog_.forget_begun(parts_.clock.now() - kResumable));
  return TRY(garbage_.collect()).bytes;
}

Result<> LocalImageStore::collect_layers(const std::string& snapshot) {
  Garbage::Candidates stack;
  for (auto info = snapshots_->stat(snapshot); info; info = snapshots_->stat(info->parent)) {
    stack.snapshots.insert(info->name);
  }
  TRY(garbage_.collect(&stack));
  return {};
}

Result<std::string> LocalImageStore::unpack(const Image& image, const ProgressSink& progress,
                                            const CancelToken& cancel) {
  std::string name = image.snapshot_name();
  if (name.empty() || TRY(unpacker_.has_all_below(name))) return name;
  if (const auto damaged = TRY(snapshots_->damaged_below(name))) {
    const std::string label = image.names.empty() ? image.id.str() : image.names.front().familiar();
    return snapshot::damaged_layer(*damaged).with_context(cat("image ", label));
  }
  const auto lease = TRY(Holding::make(parts_));
  TRY(lease->hold_image(image));
  const DocumentPtr document = TRY(reader_.document(image.manifest));
  ProgressStream stream(progress);
  TRY(unpack_layers(parts_, *document, "Extracting", stream, cancel));
  return name;
}

}  // namespace

std::string Image::snapshot_name() const {
  const size_t count = config.diff_ids.size();
  return count == 0 ? "" : oci::chain_id(config.diff_ids, count).str();
}

Result<std::unique_ptr<ImageStore>> open_image_store(
    const Path& root, std::unique_ptr<content::ContentStore> content,
    std::unique_ptr<snapshot::Snapshotter> snapshots, const Clock& clock,
    const StoreLimits& limits) {
  const auto open = [&]() -> Result<std::unique_ptr<ImageStore>> {
    TRY(make_directories(root));
    // What a killed load left.
    TRY(remove_tree(root / "loading"));
    TRY(make_directories(root / "loading", 0700));
    Catalog catalog = TRY(Catalog::open(root / "images.db"));
    return std::make_unique<LocalImageStore>(root, std::move(content), std::move(snapshots),
                                             std::move(catalog), clock, limits);
  };
  return open().context(cat("open image store ", root.native()));
}

}  // namespace skiff::images
