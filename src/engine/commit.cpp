#include "engine/commit.h"

#include "base/log.h"
#include "base/strings.h"
#include "engine/create.h"
#include "snapshot/snapshotter.h"

namespace skiff::engine {

namespace {

// Keeps the container still while its changes are read.
class Pause {
 public:
  static Result<Pause> take(Core& core, Container& container, bool wanted) {
    Monitor monitor = container.monitor();
    // Without cgroups nothing stands still, and a container is committed as it runs.
    const bool can_pause = core.options.has_cgroups;
    if (!wanted || !can_pause || monitor == nullptr ||
        container.state().status != Status::kRunning) {
      return Pause(core, container, nullptr);
    }
    TRY_CONTEXT(monitor->pause(), cat("cannot pause container ", container.id));
    core.publish(container, "pause");
    return Pause(core, container, std::move(monitor));
  }
  Pause(Pause&& other) noexcept = default;
  Pause& operator=(Pause&&) = delete;
  ~Pause() {
    if (monitor_ == nullptr) return;
    if (Result<> resumed = monitor_->resume(); !resumed) log_warn(resumed.error().message());
    core_.publish(container_, "unpause");
  }

 private:
  Pause(Core& core, Container& container, Monitor monitor)
      : core_(core), container_(container), monitor_(std::move(monitor)) {}
  Core& core_;
  Container& container_;
  Monitor monitor_;
};

Result<oci::RunConfig> new_config(const ContainerInfo& info, const CommitOptions& options) {
  oci::RunConfig config = options.config.value_or(oci::RunConfig());
  TRY(apply_changes(config, options.changes));
  TRY(merge_image_config(config, info.config.run));
  return config;
}

oci::History history_entry(const ContainerInfo& info, const CommitOptions& options,
                           TimePoint created) {
  oci::History step;
  step.created = created;
  step.created_by = join(info.config.run.cmd.value_or(std::vector<std::string>()), " ");
  step.author = options.author;
  step.comment = options.comment;
  return step;
}

// What the container has changed becomes the image's topmost layer, ready to be run.
Result<> capture_changes(Core& core, const std::string& snapshot, oci::ImageConfig& config,
                         std::vector<oci::Descriptor>& layers, images::ImageLease& lease,
                         const CancelToken& cancel) {
  const std::string parent =
      config.diff_ids.empty() ? "" : oci::chain_id(config.diff_ids, config.diff_ids.size()).str();
  const auto store = [&](snapshot::LayerToStore& tar) -> Result<std::string> {
    const images::NewLayer layer = TRY(core.images.add_layer(tar, lease));
    config.diff_ids.push_back(layer.diff_id);
    layers.push_back(layer.descriptor);
    const std::string name = oci::chain_id(config.diff_ids, config.diff_ids.size()).str();
    TRY(lease.hold_snapshots({name}));
    return name;
  };
  const auto make_room = core.images.layer_room();
  Result<> captured = core.images.snapshots().capture(snapshot, parent, store, make_room, cancel);
  // The same changes were committed before.
  if (!captured && captured.error().code() == Code::kAlreadyExists) return {};
  return captured;
}

}  // namespace

Result<std::string> commit_container(Core& core, Container& container, const CommitOptions& options,
                                     const CancelToken& cancel) {
  const auto operation = container.operate();
  Record record = container.record();
  Status status = record.info.state.status;
  if (status == Status::kRemoving || status == Status::kDead) {
    return Error(Code::kFailedPrecondition,
                 cat("You cannot commit container ", container.id, " which is being removed"));
  }
  auto platform = TRY(oci::Platform::parse(record.image_platform));
  const auto lease = TRY(core.images.lease());
  images::Image image = TRY(core.images.find_held(record.info.image_id, platform, *lease));
  oci::ImageConfig config = image.config;
  config.created = core.clock.now();
  config.author = options.author;
  config.config = TRY(new_config(record.info, options));
  std::vector<oci::Descriptor> layers = image.manifest_doc.layers;
  {
    Pause pause = TRY(Pause::take(core, container, options.pause));
    TRY_CONTEXT(capture_changes(core, record.snapshot, config, layers, *lease, cancel), "commit");
  }
  config.history.push_back(history_entry(record.info, options, config.created));
  auto manifest = TRY(core.images.write_image(config, layers, *lease));
  TRY(core.images.put(manifest, options.name, record.info.image_id));
  std::string id = oci::Digest::of(config.serialize()).str();
  core.publish(container, "commit",
               {{"comment", options.comment},
                {"imageID", id},
                {"imageRef", options.name ? options.name->familiar() : ""}});
  return id;
}

}  // namespace skiff::engine
