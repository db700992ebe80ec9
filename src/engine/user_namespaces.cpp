#include "engine/user_namespaces.h"

#include "base/strings.h"
#include "snapshot/snapshotter.h"

namespace skiff::engine {

namespace {

constexpr std::string_view kOther = "container:";
constexpr std::string_view kAuto = "auto";
constexpr std::string_view kSize = "auto:size=";
constexpr uint32_t kDefaultSize = 65536;  // what images and their nobody count on

bool is_auto(const HostConfig& host) { return host.userns_mode.starts_with(kAuto); }

Result<uint32_t> auto_size(const std::string& mode) {
  if (mode == kAuto) return kDefaultSize;
  const auto size = mode.starts_with(kSize) ? parse_uint(mode.substr(kSize.size())) : std::nullopt;
  if (!size || *size == 0 || *size > UINT32_MAX - 1) {
    return invalid_argument(
        cat("invalid user namespace mode: ", mode, ": want auto or auto:size=N"));
  }
  return static_cast<uint32_t>(*size);
}

// The first container whose namespaces it is in: "" for none.
std::string sharer(const HostConfig& host) {
  for (const std::string* mode :
       {&host.userns_mode, &host.pid_mode, &host.network_mode, &host.ipc_mode}) {
    if (mode->starts_with(kOther)) return mode->substr(kOther.size());
  }
  return "";
}

// Its own, or another's that it shares.
bool has_range(const HostConfig& host) { return is_auto(host) || !sharer(host).empty(); }

// The host's own namespaces, and power over it, are for those who have its ids.
Result<> check_conflicts(const HostConfig& host) {
  if (host.privileged) {
    return invalid_argument(
        "privileged mode is incompatible with user namespaces.  You must run the container in the "
        "host namespace when running privileged mode");
  }
  if (host.network_mode == "host") {
    return invalid_argument(
        "cannot share the host's network namespace when user namespaces are enabled");
  }
  if (host.pid_mode == "host") {
    return invalid_argument("cannot share the host PID namespace when user namespaces are enabled");
  }
  return {};
}

}  // namespace

UserNamespaces::UserNamespaces(UsernsOptions options, Path root)
    : options_(std::move(options)), root_(std::move(root)) {
  if (options_.remap) pool_.keep(*options_.remap);
}

Result<UserNamespaces::Maps> UserNamespaces::choose(const HostConfig& host, const MapsOf& maps_of) {
  const std::string& mode = host.userns_mode;
  const bool is_known = mode.empty() || mode == "host" || is_auto(host) || mode.starts_with(kOther);
  if (!is_known) return invalid_argument(cat("invalid user namespace mode: ", mode));
  if (!is_auto(host)) return choose_again(host, std::nullopt, maps_of);
  const uint32_t size = TRY(auto_size(mode));
  TRY(check_conflicts(host));
  if (const std::string other = sharer(host); !other.empty()) {
    return invalid_argument(cat("a container that shares a namespace of ", other,
                                " cannot have ids of its own: use --userns=container:", other));
  }
  return take_range(size);
}

Result<UserNamespaces::Maps> UserNamespaces::choose_again(const HostConfig& host,
                                                          const Maps& present,
                                                          const MapsOf& maps_of) {
  const std::string& mode = host.userns_mode;
  if (is_auto(host)) return present;
  const bool is_hosts = mode == "host" || (mode.empty() && !options_.remap);
  if (is_hosts) return std::nullopt;
  TRY(check_conflicts(host));
  if (sharer(host).empty()) return options_.remap;
  Maps maps = TRY(maps_of_sharer(host, maps_of));
  // The other may go first.
  keep(host, maps);
  give_back(host, present);
  return maps;
}

Result<UserNamespaces::Maps> UserNamespaces::maps_of_sharer(const HostConfig& host,
                                                            const MapsOf& maps_of) {
  const std::string other = sharer(host);
  Maps maps = TRY(maps_of(other));
  if (maps) return maps;
  return invalid_argument(cat("container ", other,
                              " has the host's user namespace: to share a namespace with ",
                              "it, use --userns=host"));
}

Result<UserNamespaces::Maps> UserNamespaces::take_range(uint32_t size) {
  TRY_CONTEXT(check_lends_ids(), "--userns=auto");
  TRY(check_kernel());
  const auto what = [&] { return cat("--userns=auto, ids lent to ", options_.lender); };
  const sys::HostUser user = TRY(lender(options_.lender));
  const auto uids = TRY_CONTEXT(sys::subordinate_ids(options_.files.subuid, user), what());
  const auto gids = TRY_CONTEXT(sys::subordinate_ids(options_.files.subgid, user), what());
  sys::IdMaps maps = TRY_CONTEXT(pool_.take(uids, gids, size), what());
  return Maps(std::move(maps));
}

// Once is enough: what it is asked of does not change under a running daemon.
Result<> UserNamespaces::check_kernel() {
  const std::lock_guard lock(mutex_);
  if (!kernel_is_fit_) TRY(snapshot::check_mapped_mounts(root_));
  kernel_is_fit_ = true;
  return {};
}

void UserNamespaces::keep(const HostConfig& host, const Maps& maps) {
  if (has_range(host) && maps) pool_.keep(*maps);
}

void UserNamespaces::give_back(const HostConfig& host, const Maps& maps) {
  if (has_range(host) && maps) pool_.give_back(*maps);
}

Result<UserNamespaces::Namespace> UserNamespaces::namespace_for(const Maps& maps) {
  if (!maps) return nullptr;
  const std::lock_guard lock(mutex_);
  if (!last_ || last_->maps() != *maps) last_ = TRY(sys::UserNamespace::make(*maps));
  return last_;
}

std::string userns_owner(const HostConfig& host, const UserNamespaces::Maps& maps) {
  return maps && !is_auto(host) ? sharer(host) : "";
}

}  // namespace skiff::engine
