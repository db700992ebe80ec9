#include "engine/volume_store.h"

#include <fts.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "base/random.h"
#include "base/scope_exit.h"
#include "base/strings.h"
#include "engine/names.h"

namespace skiff::engine {

namespace {

constexpr std::string_view kAnonymousLabel = "com.docker.volume.anonymous";
constexpr std::string_view kTrashPrefix = ".removed-";

bool wanted_by_name(const Filters& filters, const std::string& name) {
  const auto& wanted = filter_values(filters, "name");
  return wanted.empty() || std::any_of(wanted.begin(), wanted.end(), [&](const std::string& w) {
           return name.find(w) != std::string::npos;
         });
}

bool wanted_by_driver(const Filters& filters, const std::string& driver) {
  const auto& wanted = filter_values(filters, "driver");
  return wanted.empty() || std::find(wanted.begin(), wanted.end(), driver) != wanted.end();
}

}  // namespace

bool Volume::anonymous() const { return labels.contains(std::string(kAnonymousLabel)); }

Result<> VolumeStore::open() {
  TRY(make_directories(root_, 0700));
  // Programs in volumes may have set-user-id bits: no user of the host gets at them by name
  // (CVE-2021-41091), nor where the directory is older than this rule.
  if (::chmod(root_.c_str(), 0700) != 0) {
    return Error::from_errno(errno, cat("chmod ", root_.native()));
  }
  std::error_code ec;
  for (const auto& entry : std::filesystem::directory_iterator(root_, ec)) {
    if (entry.path().filename().string().starts_with(kTrashPrefix)) TRY(remove_tree(entry.path()));
  }
  return {};
}

Result<Volume> VolumeStore::create(const VolumeRequest& request) {
  if (!request.driver.empty() && request.driver != "local") {
    return Error(Code::kNotFound,
                 cat("create ", request.name, ": error looking up volume plugin ", request.driver,
                     ": plugin ", skiff::quoted(request.driver), " not found"));
  }
  TRY_CONTEXT(check_volume_options(request.options), cat("create ", request.name));
  Volume volume;
  volume.name = request.name;
  volume.labels = request.labels;
  volume.has_labels = request.has_labels || !request.labels.empty();
  volume.options = request.options;
  volume.has_options = request.has_options || !request.options.empty();
  if (volume.name.empty()) {
    volume.name = random_hex(64);
    volume.labels.emplace(kAnonymousLabel, "");
    volume.has_labels = true;
  }
  TRY(check_volume_name(volume.name));
  const std::lock_guard pairing(pairing_);
  if (auto existing = TRY(db_.find_volume(volume.name))) return *existing;
  volume.mountpoint = root_ / volume.name / "_data";
  volume.created = clock_.now();
  TRY(make_directories(root_ / volume.name, 0701));
  TRY(make_directories(volume.mountpoint, 0755));
  if (!TRY(db_.insert_volume(volume))) return find(volume.name);
  events_.publish({.type = "volume",
                   .action = "create",
                   .id = volume.name,
                   .attributes = {{"driver", "local"}},
                   .time = {}});
  return volume;
}

Result<Volume> VolumeStore::find(const std::string& name) {
  if (auto volume = TRY(db_.find_volume(name))) return std::move(*volume);
  return Error(Code::kNotFound, cat("get ", name, ": no such volume"));
}

Result<std::vector<Volume>> VolumeStore::list(const Filters& filters) {
  TRY(check_filters(filters, {"dangling", "driver", "label", "name"}));
  bool by_use = !filter_values(filters, "dangling").empty();
  bool dangling = TRY(filter_flag(filters, "dangling", false));
  std::vector<Volume> all = TRY(db_.load_volumes());
  std::vector<Volume> out;
  for (Volume& volume : all) {
    if (!labels_match(filters, volume.labels) || !wanted_by_name(filters, volume.name) ||
        !wanted_by_driver(filters, volume.driver)) {
      continue;
    }
    if (by_use && TRY(db_.volume_users(volume.name)).empty() != dangling) continue;
    out.push_back(std::move(volume));
  }
  return out;
}

Result<> VolumeStore::remove(const std::string& name, bool force) {
  auto volume = TRY(db_.find_volume(name));
  if (!volume) {
    if (force) return {};
    return Error(Code::kNotFound, cat("get ", name, ": no such volume"));
  }
  return remove_unused(*volume);
}

// The row goes first: from then on no container can take the volume.
Result<> VolumeStore::remove_unused(const Volume& volume) {
  Path trash = root_ / cat(kTrashPrefix, random_hex(16));
  std::error_code ec;
  {
    const std::lock_guard pairing(pairing_);
    std::vector<std::string> users = TRY(db_.delete_volume(volume.name));
    if (!users.empty()) {
      return Error(Code::kFailedPrecondition,
                   cat("remove ", volume.name, ": volume is in use - [", join(users, ", "), "]"));
    }
    TRY(mounts_.drop_unheld(volume));
    std::filesystem::rename(root_ / volume.name, trash, ec);
  }
  if (!ec) TRY_CONTEXT(remove_tree(trash), cat("remove volume ", volume.name));
  events_.publish({.type = "volume",
                   .action = "destroy",
                   .id = volume.name,
                   .attributes = {{"driver", "local"}},
                   .time = {}});
  return {};
}

Result<> VolumeStore::hold(const std::string& name, const std::string& holder) {
  return mounts_.hold(TRY(find(name)), holder);
}

void VolumeStore::let_go(const std::string& name, const std::string& holder) {
  if (auto volume = find(name)) mounts_.let_go(*volume, holder);
}

Result<> VolumeStore::drop_unheld() {
  for (const Volume& volume : TRY(db_.load_volumes())) TRY(mounts_.drop_unheld(volume));
  return {};
}

bool VolumeStore::maps_ids(const std::string& name) {
  auto volume = find(name);
  return !volume || !is_host_directory(*volume);
}

Result<PruneResult> VolumeStore::prune(const Filters& filters) {
  TRY(check_filters(filters, {"label", "label!", "all"}));
  bool all = TRY(filter_flag(filters, "all", false));
  PruneResult result;
  std::vector<Volume> volumes = TRY(db_.load_volumes());
  for (const Volume& volume : volumes) {
    if ((!all && !volume.anonymous()) || !labels_match(filters, volume.labels)) continue;
    if (!TRY(db_.volume_users(volume.name)).empty()) continue;
    uint64_t bytes = tree_bytes(volume.mountpoint).value_or(0);
    Result<> removed = remove_unused(volume);
    // A container may have taken it just now: then it is not unused any more.
    if (!removed && removed.error().code() == Code::kFailedPrecondition) continue;
    TRY(std::move(removed));
    result.removed.push_back(volume.name);
    result.bytes += bytes;
  }
  return result;
}

Result<VolumeUsage> VolumeStore::usage(const std::string& name) {
  Volume volume = TRY(find(name));
  VolumeUsage usage;
  usage.references = static_cast<int>(TRY(db_.volume_users(name)).size());
  usage.bytes = TRY(tree_bytes(volume.mountpoint));
  return usage;
}

Result<uint64_t> tree_bytes(const Path& root) {
  std::string path = root.string();
  char* roots[] = {path.data(), nullptr};
  FTS* walk = ::fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, nullptr);
  if (walk == nullptr) return Error::from_errno(errno, cat("walk ", path));
  ScopeExit close([&] { ::fts_close(walk); });
  uint64_t bytes = 0;
  std::set<ino_t> linked;
  while (FTSENT* entry = ::fts_read(walk)) {
    if (entry->fts_info == FTS_DP || entry->fts_info == FTS_NS) continue;
    if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR) continue;
    const struct stat& st = *entry->fts_statp;
    bool counted = entry->fts_info != FTS_D && st.st_nlink > 1 && !linked.insert(st.st_ino).second;
    if (!counted) bytes += static_cast<uint64_t>(st.st_blocks) * 512;
  }
  return bytes;
}

}  // namespace skiff::engine
