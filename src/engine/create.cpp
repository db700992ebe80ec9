#include "engine/create.h"

#include <unistd.h>

#include <array>

#include "base/log.h"
#include "base/random.h"
#include "base/strings.h"
#include "engine/bind_source.h"
#include "engine/container_network.h"
#include "engine/copy_up.h"
#include "engine/cpuset.h"
#include "engine/init_layer.h"
#include "engine/log_drivers.h"
#include "engine/mode_conflicts.h"
#include "engine/mount_plan.h"
#include "engine/names.h"
#include "engine/relabel.h"
#include "engine/resource_support.h"
#include "engine/security_options.h"
#include "sys/cgroup.h"

namespace skiff::engine {

namespace {

std::string host_name() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  return name.data();
}

// To a client 404 means that the image is missing, and it pulls it: what else is not found is a
// request that can not be met.
template <typename T>
Result<T> not_the_image(Result<T> result) {
  if (result || result.error().code() != Code::kNotFound) return result;
  return Error(Code::kInvalidArgument, result.error().message());
}

// One creation under way; undoes itself unless finish() was reached.
class Creation {
 public:
  Creation(Core& core, CreateRequest request)
      : core_(core),
        request_(std::move(request)),
        id_(random_hex(64)),
        paths_(core.paths_of(id_)) {}
  Creation(const Creation&) = delete;
  Creation& operator=(const Creation&) = delete;
  ~Creation() {
    if (!done_) undo();
  }

  Result<Created> run() {
    TRY(check_mode_conflicts(request_.config, request_.host_config, request_.networking));
    TRY(take_name());
    const images::Image image = TRY(take_image());
    TRY(check_platform(image.config.platform, request_.platform.has_value(), warnings_));
    TRY(not_the_image(fill_record(image)));
    auto mounts_of = [this](const std::string& other) -> Result<std::vector<MountPoint>> {
      auto container = TRY(core_.table.find(other));
      return container->info().mounts;
    };
    std::vector<PlannedMount> mounts =
        TRY(not_the_image(plan_mounts(record_.info.config, record_.info.host_config, mounts_of)));
    TRY(make_root(image));
    TRY(make_volumes(mounts));
    TRY(make_directories(paths_.directory, 0710));
    TRY(make_network_files(paths_));
    TRY(core_.db->insert_container(record_));
    done_ = true;
    auto container = std::make_shared<Container>(std::move(record_), paths_);
    core_.table.add(container);
    core_.publish(*container, "create");
    return Created{id_, std::move(warnings_)};
  }

 private:
  Result<> take_name() {
    std::string& name = record_.info.name;
    if (!request_.name.empty()) {
      std::string wanted = TRY(check_container_name(request_.name));
      TRY(core_.table.reserve_name(wanted, id_));
      name = wanted;
      return {};
    }
    for (int attempt = 0;; ++attempt) {
      name = random_container_name(attempt);
      Result<> reserved = core_.table.reserve_name(name, id_);
      if (reserved) return {};
      constexpr int kAttempts = 50;
      if (attempt == kAttempts) return reserved;
    }
  }

  // Found, held whatever others remove, and claimed: a removal sees that, or has come first.
  Result<images::Image> take_image() {
    image_lease_ = TRY(core_.images.lease());
    while (true) {
      images::Image image = TRY(find_image());
      claim_.reset();
      claim_.emplace(core_.claims.claim(id_, image.id.str()));
      if (TRY(core_.images.still_has(image))) return image;
    }
  }

  Result<images::Image> find_image() {
    const std::string& name = request_.config.image;
    if (name.empty()) return Error(Code::kInvalidArgument, "no image was given");
    images::Image image = TRY(core_.images.find_held(name, request_.platform, *image_lease_));
    const oci::Platform& platform = image.config.platform;
    if (request_.platform && !oci::match_rank(request_.platform->normalized(), platform)) {
      return Error(Code::kNotFound, cat("image with reference ", name,
                                        " was found but does not provide the specified platform (",
                                        request_.platform->str(), ")"));
    }
    return image;
  }

  // The containers whose namespaces it is to share are there.
  Result<> check_joined(const HostConfig& host) {
    for (const std::string* mode : {&host.pid_mode, &host.ipc_mode}) {
      constexpr std::string_view kJoin = "container:";
      if (mode->starts_with(kJoin)) TRY(core_.table.find(mode->substr(kJoin.size())));
    }
    return {};
  }

  Result<> choose_labels(ContainerInfo& info) {
    const auto label_of = [this](const std::string& other) -> Result<std::string> {
      return TRY(core_.table.find(other))->info().labels.process;
    };
    TRY(add_default_labels(info.host_config, label_of));
    const auto options = TRY(read_security_options(info.host_config.security_opt));
    info.labels = TRY(core_.labels.choose(options.labels));
    return {};
  }

  Result<> fill_record(const images::Image& image) {
    ContainerInfo& info = record_.info;
    info.id = id_;
    info.created = core_.clock.now();
    info.config = std::move(request_.config);
    info.host_config = std::move(request_.host_config);
    TRY(merge_image_config(info.config.run, image.config.config));
    add_default_logging(info.host_config, core_.options.log_driver, core_.options.log_options);
    TRY(check_host_config(info.config, info.host_config, warnings_));
    for (std::string& told : TRY(discard_unsupported(core_.options, info.host_config.resources))) {
      warnings_.push_back(std::move(told));
    }
    TRY(check_cpuset(info.host_config.resources));
    TRY(check_joined(info.host_config));
    info.id_maps = TRY(core_.userns.choose(
        info.host_config, [this](const std::string& other) { return core_.maps_of(other); }));
    TRY(choose_labels(info));
    if (info.host_config.cgroupns_mode.empty()) {
      auto hierarchies = TRY(sys::cgroup_hierarchies());
      bool v2 = hierarchies.size() == 1 && hierarchies[0].unified;
      info.host_config.cgroupns_mode = v2 ? "private" : "host";
    }
    if (info.config.hostname.empty()) {
      bool hosts_own =
          info.host_config.network_mode == "host" || info.host_config.uts_mode == "host";
      info.config.hostname = hosts_own ? host_name() : id_.substr(0, 12);
    }
    std::vector<std::string> command =
        info.config.run.entrypoint.value_or(std::vector<std::string>());
    for (const std::string& word : info.config.run.cmd.value_or(std::vector<std::string>())) {
      command.push_back(word);
    }
    info.path = command.front();
    info.args.assign(command.begin() + 1, command.end());
    info.image_id = image.id.str();
    info.image_manifest_digest = image.manifest.digest.str();
    info.platform = image.config.platform.os;
    info.driver = snapshot::name_of(core_.images.snapshots().backend());
    info.networks = TRY(plan_networks(core_, info.host_config, request_.networking));
    TRY(plan_ports(info.config, info.host_config));
    record_.image_platform = image.config.platform.str();
    return {};
  }

  Result<> make_root(const images::Image& image) {
    std::string parent = TRY(
        core_.images.unpack(image, [](const images::ProgressEvent&) {}, core_.shutdown.token()));
    record_.snapshot = cat("container-", id_);
    TRY(prepare_root(core_.images.snapshots(), record_.snapshot, parent, core_.scratch()));
    has_root_ = true;
    return {};
  }

  Result<> make_volumes(std::vector<PlannedMount>& mounts) {
    std::vector<CopyUp> copies;
    for (PlannedMount& mount : mounts) {
      MountPoint& point = mount.point;
      if (point.type == MountType::kVolume) {
        mount.volume.driver = record_.info.host_config.volume_driver;
        Volume volume = TRY(core_.volumes.create(mount.volume));
        if (mount.volume.name.empty()) anonymous_.push_back(volume.name);
        // Nothing names it, so no mode asks for this at each start.
        if (point.mode.empty()) TRY(relabel(volume.mountpoint, record_.info.labels.mount, true));
        point.name = volume.name;
        point.source = volume.mountpoint.string();
        if (mount.copy_up) {
          copies.push_back({point.destination, volume.mountpoint});
          TRY(core_.volumes.hold(volume.name, id_));
        }
      } else if (point.from_mounts && mount.make_source) {
        TRY(make_bind_source(point.source, record_.info.id_maps));
      }
      record_.info.mounts.push_back(point);
    }
    TRY(copy_image_content(core_, paths_, record_.snapshot, copies));
    let_go_volumes();
    return {};
  }

  // Held until the image's files are in them.
  void let_go_volumes() {
    for (const MountPoint& mount : record_.info.mounts) {
      if (mount.type == MountType::kVolume) core_.volumes.let_go(mount.name, id_);
    }
  }

  void undo() {
    auto logged = [](const Result<>& result) {
      if (!result) log_warn(cat("undo of a failed create: ", result.error().message()));
    };
    if (has_root_) logged(core_.images.snapshots().remove(record_.snapshot));
    let_go_volumes();
    for (const std::string& volume : anonymous_) logged(core_.volumes.remove(volume, true));
    logged(remove_tree(paths_.directory));
    core_.userns.give_back(record_.info.host_config, record_.info.id_maps);
    core_.labels.give_back(record_.info.labels);
    // Last: a check takes what is left of nobody for a leftover.
    core_.table.release_name(record_.info.name, id_);
  }

  Core& core_;
  CreateRequest request_;
  std::string id_;
  ContainerPaths paths_;
  std::unique_ptr<images::ImageLease> image_lease_;
  std::optional<ImageClaims::Claim> claim_;
  Record record_;
  std::vector<std::string> warnings_;
  std::vector<std::string> anonymous_;  // volumes made for it alone
  bool has_root_ = false;
  bool done_ = false;
};

}  // namespace

Result<Created> create_container(Core& core, CreateRequest request) {
  return Creation(core, std::move(request)).run();
}

Result<> check_platform(const oci::Platform& platform, bool asked_for,
                        std::vector<std::string>& warnings) {
  oci::Platform host = oci::Platform::host();
  if (oci::match_rank(host, platform)) return {};
  if (!asked_for) {
    warnings.push_back(cat("The requested image's platform (", platform.str(),
                           ") does not match the detected host platform (", host.str(),
                           ") and no specific platform was requested"));
  }
  return {};
}

}  // namespace skiff::engine
