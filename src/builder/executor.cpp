#include "builder/executor.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/log.h"
#include "base/scope_exit.h"
#include "base/strings.h"
#include "dockerfile/config_words.h"
#include "dockerfile/scope.h"
#include "net/extra_host.h"
#include "runtime/default_apparmor.h"
#include "runtime/emulation.h"
#include "runtime/monitor_client.h"
#include "snapshot/file_attributes.h"
#include "sys/binfmt.h"
#include "sys/namespaces.h"
#include "sys/root_dir.h"

namespace skiff::builder {

namespace {

// Of every step that nobody has named: a name that varied would vary what is built.
constexpr std::string_view kHostname = "build";

Result<> add_mount_points(Workspace& space, const RunFiles& files, bool is_mapped) {
  Path directory = space.directory() / "stubs";
  TRY(make_directories(directory, 0755));
  bool any = false;
  {
    sys::RootDir tree = TRY(sys::RootDir::open(space.root()));
    sys::RootDir stubs = TRY(sys::RootDir::open(directory));
    std::vector<MountPlace> places = {{"dev", true},
                                      {"proc", true},
                                      {"sys", true},
                                      {"etc/resolv.conf", false},
                                      {"etc/hosts", false}};
    places.insert(places.end(), files.places.begin(), files.places.end());
    any = TRY(make_mount_points(tree, stubs, places));
  }
  if (any) return space.remount_for_step(directory);
  return is_mapped ? space.remount_for_step({}) : Result<>();
}

class Execution {
 public:
  Execution(Site& site, Workspace& space, const PlannedRun& run, const RunSettings& settings,
            const std::string& emulation)
      : site_(site), space_(space), run_(run), settings_(settings), emulation_(emulation) {}

  Result<int> run(Sink& output, const CancelToken& cancel);

 private:
  std::string hostname() const {
    return settings_.hostname.empty() ? std::string(kHostname) : settings_.hostname;
  }
  Path file(const char* name) const { return space_.directory() / name; }
  Result<> write_files();
  Result<> write_hosts(const std::string& ip);
  Result<runtime::ContainerSpec> make_spec();
  Result<> connect(int pid);

  Site& site_;
  Workspace& space_;
  const PlannedRun& run_;
  const RunSettings& settings_;
  const std::string& emulation_;
};

Result<> Execution::write_hosts(const std::string& ip) {
  std::vector<std::string> extra;
  for (const std::string& entry : settings_.extra_hosts) {
    net::ExtraHost host = TRY(net::parse_extra_host(entry));
    if (host.address == net::kHostGateway) {
      host.address = TRY(site_.networks.find("bridge")).gateway;
    }
    extra.push_back(host.str());
  }
  // In place: the file is bind-mounted, a new one would not be seen.
  return write_file(file("hosts"), network::make_hosts(hostname(), "", ip, extra));
}

Result<> Execution::write_files() {
  std::string resolv_conf = read_file(site_.options.host_resolv_conf).value_or("");
  if (settings_.network != "host") {
    resolv_conf = network::make_resolv_conf(resolv_conf, {}, {}, {});
  }
  std::vector<std::pair<const char*, std::string>> files{{"resolv.conf", resolv_conf},
                                                         {"hosts", ""}};
  if (run_.script) files.emplace_back("script", run_.script->second);
  for (const auto& [name, text] : files) {
    UniqueFd fd = TRY(open_file(file(name), O_WRONLY | O_CREAT | O_TRUNC, 0644));
    FdSink sink(fd.get());
    TRY(sink.write(text));
    if (::fchmod(fd.get(), std::string_view(name) == "script" ? 0755 : 0644) != 0) {
      return Error::from_errno(errno, cat("chmod ", name));
    }
  }
  return write_hosts("");
}

Result<runtime::ContainerSpec> Execution::make_spec() {
  runtime::ContainerSpec spec;
  spec.rootfs = space_.root();
  spec.args = run_.args;
  for (const auto& [name, value] : run_.hidden_args) spec.env.push_back(cat(name, "=", value));
  for (const auto& [name, value] : run_.build_args) spec.env.push_back(cat(name, "=", value));
  spec.env.insert(spec.env.end(), run_.env.begin(), run_.env.end());
  spec.env.insert(spec.env.end(), settings_.files.env.begin(), settings_.files.env.end());
  if (!get_env(spec.env, "HOME")) {
    auto user = TRY(runtime::resolve_user(spec.rootfs, run_.user));
    spec.env.push_back(cat("HOME=", user.home));
  }
  spec.working_dir = run_.working_dir;
  spec.user = run_.user;
  spec.hostname = hostname();
  spec.apparmor_profile = runtime::ready_apparmor_profile_for("", run_.insecure);
  spec.shm_bytes = settings_.shm_bytes;
  spec.limits = settings_.limits;
  spec.ulimits = settings_.ulimits;
  const std::string& parent = settings_.cgroup_parent;
  spec.cgroup_path =
      cat(parent.empty() ? site_.options.cgroup_parent : clean_path(parent), "/", space_.id());
  if (settings_.network == "host") spec.network_namespace = "host";
  if (site_.options.ids) spec.id_maps = site_.options.ids->maps();
  const auto bind = [&](const char* name, const std::string& target, bool read_only) {
    spec.binds.push_back({.source = file(name),
                          .target = target,
                          .read_only = read_only,
                          .map_ids = spec.id_maps.has_value()});
  };
  bind("resolv.conf", "/etc/resolv.conf", false);
  bind("hosts", "/etc/hosts", false);
  if (run_.script) bind("script", cat("/dev/pipes/", run_.script->first), true);
  spec.binds.insert(spec.binds.end(), settings_.files.binds.begin(), settings_.files.binds.end());
  spec.tmpfs = settings_.files.tmpfs;
  spec.privileged = run_.insecure;
  TRY(runtime::emulate(spec, emulation_));
  return spec;
}

Result<> Execution::connect(int pid) {
  if (settings_.network == "host") return {};
  UniqueFd netns = TRY(sys::namespace_of(cat(pid), *sys::find_namespace("network")));
  if (settings_.network == "none") return site_.networks.raise_loopback(netns.get());
  auto endpoint = TRY(site_.networks.attach(space_.id(), settings_.network, netns.get(), {}));
  return write_hosts(endpoint.ip);
}

Result<int> Execution::run(Sink& output, const CancelToken& cancel) {
  TRY(write_files());
  const runtime::ContainerSpec spec = TRY(make_spec());
  std::optional<sys::CgroupParents::Use> parents;
  if (!settings_.cgroup_parent.empty()) {
    parents.emplace(TRY(site_.cgroup_parents.use(spec.cgroup_path)));
  }
  json::Value config = TRY(runtime::make_oci_config(spec));
  TRY(write_file_durably(file("config.json"), config.dump()));
  const ScopeExit disconnect([this] {
    Result<> detached = site_.networks.detach(space_.id());
    if (!detached) log_warn(cat("build: ", detached.error().message()));
  });
  return runtime::run_bundle(
      site_.options.runtime_program, space_.id(), space_.directory(), file("state"), output,
      [this](int pid) { return connect(pid); }, cancel);
}

}  // namespace

Result<int> run_in(Site& site, Workspace& space, const PlannedRun& run,
                   const oci::Platform& platform, const RunSettings& settings, Sink& output,
                   const CancelToken& cancel) {
  const bool is_mapped = site.options.ids != nullptr;
  if (is_mapped && settings.network == "host") {
    return Error(Code::kInvalidArgument,
                 "cannot share the host's network namespace when user namespaces are enabled");
  }
  const std::string emulation =
      TRY(sys::find_emulation(platform.architecture, site.options.emulation));
  TRY_CONTEXT(add_mount_points(space, settings.files, is_mapped), "make mount points");
  return Execution(site, space, run, settings, emulation).run(output, cancel);
}

}  // namespace skiff::builder
