#include "builder/workspace.h"

#include <filesystem>
#include <set>

#include "base/log.h"
#include "base/random.h"
#include "base/scope_exit.h"
#include "base/strings.h"
#include "codec/json.h"
#include "sys/cgroup.h"
#include "sys/mounts.h"
#include "sys/process.h"

namespace skiff::builder {

namespace {

constexpr size_t kIdDigits = 12;

// A layer is there as a tar and unpacked, or twice as a tar.
constexpr uint64_t kForms = 2;

void warn(const Result<>& result) {
  if (!result) log_warn(cat("build: ", result.error().message()));
}

std::string new_id() { return cat(kStepPrefix, random_hex(kIdDigits)); }

Result<> drop_snapshots(Site& site) {
  std::vector<std::string> left;
  TRY(site.images.snapshots().walk([&](const snapshot::Info& info) -> Result<> {
    bool ours = info.kind != snapshot::Kind::kCommitted && info.name.starts_with(kStepPrefix);
    if (ours) left.push_back(info.name);
    return {};
  }));
  for (const std::string& name : left) warn(site.images.snapshots().remove(name));
  return {};
}

// The bundle of a step that was broken off tells where its cgroup is.
void add_cgroups_of_bundles(const Site& site, std::set<std::string>& to) {
  std::error_code ec;
  for (const auto& entry : std::filesystem::directory_iterator(site.options.run_dir, ec)) {
    const auto text = read_file(entry.path() / "config.json");
    const auto config = text ? json::parse(*text) : Result<json::Value>(json::Value());
    const json::Value* linux_part = config ? config->find("linux") : nullptr;
    if (linux_part == nullptr) continue;
    const std::string path = linux_part->string("cgroupsPath");
    if (Path(path).filename().native().starts_with(kStepPrefix)) to.insert(path);
  }
}

Result<> drop_cgroups(Site& site) {
  std::set<std::string> left;
  add_cgroups_of_bundles(site, left);
  for (const auto& hierarchy : TRY(sys::cgroup_hierarchies())) {
    std::error_code ec;
    Path parent = hierarchy.mount / Path(site.options.cgroup_parent).relative_path();
    for (const auto& entry : std::filesystem::directory_iterator(parent, ec)) {
      std::string name = entry.path().filename();
      if (!entry.is_directory(ec) || !name.starts_with(kStepPrefix)) continue;
      left.insert(cat(site.options.cgroup_parent, "/", name));
    }
  }
  for (const std::string& path : left) {
    auto group = sys::Cgroup::open(path);
    if (!group) continue;
    warn(group->kill_all());
    warn(group->remove());
  }
  return {};
}

Result<> drop_endpoints(Site& site) {
  for (const auto& network : TRY(site.networks.list())) {
    auto endpoints = site.networks.endpoints(network.id);
    if (!endpoints) continue;
    for (const auto& endpoint : *endpoints) {
      if (endpoint.container_id.starts_with(kStepPrefix)) {
        warn(site.networks.detach(endpoint.container_id));
      }
    }
  }
  return {};
}

}  // namespace

Result<Workspace> Workspace::make(Site& site, const std::string& parent) {
  std::string id = new_id();
  TempDir directory = TRY(TempDir::make(site.options.run_dir, cat(id, "-")));
  TRY(make_directories(directory.path() / "rootfs", 0755));
  auto& snapshots = site.images.snapshots();
  TRY(snapshots.prepare(id, parent));
  Workspace space(site, parent, id, std::move(directory));
  space.mounted_ = TRY(space.mount({}));
  return space;
}

// What a step leaves is read, and written down, when it has ended.
Result<snapshot::MountedSnapshot> Workspace::mount(
    const std::function<void(snapshot::Mount&)>& change) {
  const auto find = [&]() -> Result<snapshot::Mount> {
    auto mount = TRY(site_->images.snapshots().mount_of(id_));
    mount.is_passing = true;
    if (change) change(mount);
    return mount;
  };
  return snapshot::MountedSnapshot::mount(find, root());
}

Workspace::~Workspace() {
  mounted_.reset();
  if (owned_.active) warn(site_->images.snapshots().remove(id_));
}

Result<> Workspace::remount_for_step(const Path& extra) {
  mounted_.reset();
  mounted_ = TRY(mount([&](snapshot::Mount& mount) {
    if (!extra.empty()) mount.lowers.insert(mount.lowers.begin(), extra);
    mount.ids = site_->options.ids;
  }));
  return {};
}

snapshot::LentContents* Workspace::lent() {
  const bool kept_as_tars = site_->images.snapshots().backend() == snapshot::Backend::kErofs;
  return kept_as_tars ? &lent_ : nullptr;
}

Result<Layer> Workspace::commit(images::ImageLease& lease, const CancelToken& cancel) {
  mounted_.reset();
  Layer layer;
  const auto store = [&](snapshot::LayerToStore& tar) -> Result<std::string> {
    const images::NewLayer stored = TRY(site_->images.add_layer(tar, lease));
    layer.diff_id = stored.diff_id;
    layer.blob = stored.descriptor;
    const oci::Digest chain =
        parent_.empty() ? layer.diff_id : oci::Digest::of(cat(parent_, " ", layer.diff_id.str()));
    layer.snapshot = chain.str();
    TRY(lease.hold_snapshots({layer.snapshot}));
    return layer.snapshot;
  };
  auto& snapshots = site_->images.snapshots();
  layer.room = std::make_shared<CacheRoom>(site_->cache);
  if (site_->cache.has_limit()) {
    const auto asked = snapshot::Snapshotter::Asked::kInPassing;
    const uint64_t bytes = TRY(snapshots.usage(id_, asked)).bytes + lent_.bytes();
    TRY_CONTEXT(layer.room->reserve(kForms * bytes), "store layer");
  }
  auto sealed = snapshots.seal(id_, store, room_for(*site_, *layer.room), cancel, lent());
  // Another step gave the same tree.
  const bool known = !sealed && sealed.error().code() == Code::kAlreadyExists;
  if (!known) TRY_CONTEXT(std::move(sealed), "store layer");
  if (!known) owned_.active = false;
  // Not to be kept, which would wait for the disk once more.
  const auto asked = snapshot::Snapshotter::Asked::kInPassing;
  layer.size = TRY(snapshots.usage(layer.snapshot, asked)).bytes;
  return layer;
}

snapshot::Snapshotter::MakeRoom room_for(Site& site, CacheRoom& room) {
  auto of_images = site.images.layer_room();
  if (!site.cache.has_limit()) return of_images;
  return [of_images = std::move(of_images), &room](uint64_t bytes) -> Result<> {
    TRY(room.grow(kForms * bytes));
    return of_images ? of_images(bytes) : Result<>();
  };
}

Result<std::unique_ptr<MountedView>> MountedView::make(Site& site, const std::string& name) {
  std::string key = new_id();
  TempDir directory = TRY(TempDir::make(site.options.run_dir, cat(key, "-")));
  auto& snapshots = site.images.snapshots();
  TRY(snapshots.view(key, name));
  std::unique_ptr<MountedView> view(new MountedView(site, key, std::move(directory)));
  const auto find = [&] { return snapshots.mount_of(key); };
  view->mounted_ = TRY(snapshot::MountedSnapshot::mount(find, view->root()));
  return view;
}

MountedView::~MountedView() {
  mounted_.reset();
  warn(site_.images.snapshots().remove(key_));
}

Result<> clean_up_steps(Site& site) {
  TRY(drop_cgroups(site));
  sys::unmount_below(site.options.run_dir);
  TRY(remove_tree(site.options.run_dir));
  TRY(make_directories(site.options.run_dir, 0711));
  TRY(remove_tree(site.options.scratch()));
  TRY(make_directories(site.options.scratch(), 0700));
  TRY(drop_snapshots(site));
  return drop_endpoints(site);
}

}  // namespace skiff::builder
