#include "engine/commit.h"

#include <thread>

#include "base/log.h"
#include "base/scope_exit.h"
#include "base/strings.h"
#include "engine/create.h"
#include "sys/process.h"

namespace skiff::engine {

namespace {

// What a snapshot's diff writes, to be read: the diff runs on a thread of its own.
class DiffSource : public Source {
 public:
  static Result<std::unique_ptr<DiffSource>> start(snapshot::Snapshotter& snapshots,
                                                   const std::string& key) {
    auto pipe = TRY(sys::make_pipe());
    return std::unique_ptr<DiffSource>(new DiffSource(snapshots, key, std::move(pipe)));
  }
  // Reads to the end, so that the writer never meets a closed pipe.
  ~DiffSource() override {
    std::string dropped(64 << 10, '\0');
    while (thread_.joinable()) {
      if (auto count = read(dropped); count && *count == 0) break;
    }
  }
  DiffSource(const DiffSource&) = delete;
  DiffSource& operator=(const DiffSource&) = delete;

  Result<size_t> read(std::span<char> buffer) override {
    FdSource source(read_.get());
    auto count = source.read(buffer);
    if (count && *count > 0) return count;
    if (thread_.joinable()) thread_.join();
    // A diff that broke off must not pass for a whole one.
    TRY(result_);
    return count;
  }

 private:
  DiffSource(snapshot::Snapshotter& snapshots, const std::string& key, sys::Pipe pipe)
      : read_(std::move(pipe.read)) {
    thread_ = std::thread([this, &snapshots, key, write = std::move(pipe.write)]() mutable {
      FdSink sink(write.get());
      result_ = snapshots.diff(key, sink);
      write.reset();
    });
  }

  UniqueFd read_;
  Result<> result_;  // written by the thread, read after its end
  std::thread thread_;
};

// Keeps the container still while its changes are read.
class Pause {
 public:
  static Result<Pause> take(Core& core, Container& container, bool wanted) {
    Monitor monitor = container.monitor();
    if (!wanted || monitor == nullptr || container.state().status == Status::kPaused) {
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

Result<images::NewLayer> add_changes(Core& core, const std::string& snapshot,
                                     content::Lease& lease) {
  auto diff = TRY(DiffSource::start(core.images.snapshots(), snapshot));
  return core.images.add_layer(*diff, lease);
}

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

}  // namespace

Result<std::string> commit_container(Core& core, Container& container,
                                     const CommitOptions& options) {
  std::lock_guard operation(container.operation);
  Record record = container.record();
  Status status = record.info.state.status;
  if (status == Status::kRemoving || status == Status::kDead) {
    return Error(Code::kFailedPrecondition,
                 cat("You cannot commit container ", container.id, " which is being removed"));
  }
  auto platform = TRY(oci::Platform::parse(record.image_platform));
  images::Image image = TRY(core.images.find(record.info.image_id, platform));
  oci::ImageConfig config = image.config;
  config.created = core.clock.now();
  config.author = options.author;
  config.config = TRY(new_config(record.info, options));
  auto lease = TRY(core.images.content().lease());
  std::vector<oci::Descriptor> layers = image.manifest_doc.layers;
  {
    Pause pause = TRY(Pause::take(core, container, options.pause));
    images::NewLayer layer = TRY_CONTEXT(add_changes(core, record.snapshot, *lease), "commit");
    config.diff_ids.push_back(layer.diff_id);
    layers.push_back(layer.descriptor);
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
