// The engine as a whole: ping, version, info, events, disk usage, login.
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "api/body_types.h"
#include "api/cache_filters.h"
#include "api/container_json.h"
#include "api/image_json.h"
#include "api/router.h"
#include "api/volume_json.h"
#include "base/strings.h"
#include "engine/log_drivers.h"

namespace skiff::api {

namespace {

using json::Value;

void set_ping_headers(Call& call) {
  auto& headers = call.writer.headers();
  // What POST /build of clients without buildx is to be: BuildKit's.
  headers.set("Builder-Version", "2");
  headers.set("Cache-Control", "no-cache, no-store, must-revalidate");
  headers.set("Pragma", "no-cache");
  headers.set("Swarm", "inactive");
}

Result<> ping(Call& call) {
  set_ping_headers(call);
  return call.reply_text(200, "text/plain; charset=utf-8", "OK");
}

utsname kernel() {
  utsname name{};
  ::uname(&name);
  return name;
}

Result<> version(Call& call) {
  auto host = oci::Platform::host();
  std::string api = cat("1.", kMaxApiMinor);
  std::string min_api = cat("1.", kMinApiMinor);
  Value details = json::object({{"ApiVersion", api},
                                {"Arch", host.architecture},
                                {"Experimental", "false"},
                                {"KernelVersion", kernel().release},
                                {"MinAPIVersion", min_api},
                                {"Os", host.os}});
  Value component =
      json::object({{"Name", "Engine"}, {"Version", SKIFF_VERSION}, {"Details", details}});
  return call.reply(200, json::object({{"Platform", json::object({{"Name", "Skiff"}})},
                                       {"Components", json::array({component})},
                                       {"Version", SKIFF_VERSION},
                                       {"ApiVersion", api},
                                       {"MinAPIVersion", min_api},
                                       {"GitCommit", call.context.facts.commit},
                                       {"GoVersion", ""},
                                       {"Os", host.os},
                                       {"Arch", host.architecture},
                                       {"KernelVersion", kernel().release}}));
}

std::string os_name() {
  auto text = read_file("/etc/os-release");
  if (!text) return "Linux";
  for (const auto& line : split(*text, '\n')) {
    if (!line.starts_with("PRETTY_NAME=")) continue;
    return replace_all(line.substr(line.find('=') + 1), "\"", "");
  }
  return "Linux";
}

bool cgroup_v2() { return std::filesystem::exists("/sys/fs/cgroup/cgroup.controllers"); }

// Lines that `docker info` shows under the storage driver.
Value storage_status(const Context& context) {
  std::vector<Value> lines = {
      // By these words clients know that images of several platforms, and with attestations, can
      // be loaded: buildx refuses --load of those else.
      json::array({"driver-type", "io.containerd.snapshotter.v1"}),
      json::array({"New layers", context.images.snapshots().backend() == snapshot::Backend::kErofs
                                     ? "kept as their tar, mounted through an EROFS index"
                                     : "unpacked"})};
  if (!context.facts.why_not_erofs.empty()) {
    lines.emplace_back(json::array({"No EROFS", context.facts.why_not_erofs}));
  }
  return json::array(std::move(lines));
}

// docker's client prints them below all else.
Value warnings_of(const DaemonFacts& facts) {
  if (facts.warnings.empty()) return {};
  json::Array lines;
  for (const std::string& warning : facts.warnings) lines.emplace_back(cat("WARNING: ", warning));
  return Value(std::move(lines));
}

bool can_limit(const DaemonFacts& facts, std::string_view controller) {
  if (!facts.controllers) return true;
  return std::ranges::find(*facts.controllers, controller) != facts.controllers->end();
}

// "none" as with Docker: containers have no cgroups of their own.
const char* cgroup_driver(const DaemonFacts& facts) {
  return facts.has_cgroups ? "cgroupfs" : "none";
}

Value security_options(const DaemonFacts& facts) {
  json::Array options;
  if (facts.apparmor) options.emplace_back("name=apparmor");
  options.emplace_back("name=seccomp,profile=builtin");
  if (facts.selinux) options.emplace_back("name=selinux");
  if (facts.rootless) options.emplace_back("name=rootless");
  if (facts.maps_ids) options.emplace_back("name=userns");
  return Value(std::move(options));
}

Result<> info(Call& call) {
  auto counters = call.context.engine.containers().counters();
  auto images = one_row_an_id(image_rows(TRY(call.context.images.list())));
  auto host = oci::Platform::host();
  struct sysinfo memory{};
  ::sysinfo(&memory);
  Value status = storage_status(call.context);
  const DaemonFacts& facts = call.context.facts;
  return call.reply(
      200, json::object(
               {{"ID", facts.id},
                {"Containers", counters.containers},
                {"ContainersRunning", counters.running},
                {"ContainersPaused", counters.paused},
                {"ContainersStopped", counters.stopped},
                {"Images", images.size()},
                {"Driver", snapshot::name_of(call.context.images.snapshots().backend())},
                {"DriverStatus", status},
                {"Plugins", json::object({{"Volume", json::array({"local"})},
                                          {"Network", json::array({"bridge", "host", "null"})},
                                          {"Authorization", nullptr},
                                          {"Log", engine::log_driver_names()}})},
                {"MemoryLimit", can_limit(facts, "memory")},
                {"SwapLimit", can_limit(facts, "memory")},
                {"CpuCfsPeriod", can_limit(facts, "cpu")},
                {"CpuCfsQuota", can_limit(facts, "cpu")},
                {"CPUShares", can_limit(facts, "cpu")},
                {"CPUSet", can_limit(facts, "cpuset")},
                {"PidsLimit", can_limit(facts, "pids")},
                {"IPv4Forwarding", true},
                {"Debug", false},
                {"OomKillDisable", !cgroup_v2() && can_limit(facts, "memory")},
                {"NGoroutines", 0},
                {"SystemTime", format_rfc3339(call.context.clock.now())},
                {"LoggingDriver", facts.log_driver},
                {"CgroupDriver", cgroup_driver(facts)},
                {"CgroupVersion", cgroup_v2() ? "2" : "1"},
                {"NEventsListener", 0},
                {"KernelVersion", kernel().release},
                {"OperatingSystem", os_name()},
                {"OSVersion", ""},
                {"OSType", host.os},
                {"Architecture", kernel().machine},
                {"IndexServerAddress", "https://index.docker.io/v1/"},
                {"RegistryConfig",
                 json::object({{"InsecureRegistryCIDRs", json::array({"::1/128", "127.0.0.0/8"})},
                               {"IndexConfigs", json::object()},
                               {"Mirrors", nullptr}})},
                {"NCPU", static_cast<int64_t>(::sysconf(_SC_NPROCESSORS_ONLN))},
                {"MemTotal", static_cast<uint64_t>(memory.totalram) * memory.mem_unit},
                {"GenericResources", nullptr},
                {"DockerRootDir", facts.root.native()},
                {"HttpProxy", ""},
                {"HttpsProxy", ""},
                {"NoProxy", ""},
                {"Name", kernel().nodename},
                {"Labels", json::array()},
                {"ExperimentalBuild", false},
                {"ServerVersion", SKIFF_VERSION},
                {"Runtimes",
                 json::object({{"skiff-runtime", json::object({{"path", "skiff-runtime"}})}})},
                {"DefaultRuntime", "skiff-runtime"},
                {"Swarm", json::object({{"NodeID", ""}, {"LocalNodeState", "inactive"}})},
                {"LiveRestoreEnabled", true},
                {"Isolation", ""},
                {"InitBinary", ""},
                {"SecurityOptions", security_options(facts)},
                {"Warnings", warnings_of(facts)}}));
}

Value event_json(const engine::Event& event) {
  json::Object out;
  if (event.type == "container" || event.type == "image") {
    out.set("status", event.action);
    out.set("id", event.id);
    if (auto from = event.attributes.find("image"); from != event.attributes.end()) {
      out.set("from", from->second);
    }
  }
  json::Object attributes;
  for (const auto& [key, value] : event.attributes) attributes.set(key, value);
  out.set("Type", event.type);
  out.set("Action", event.action);
  out.set("Actor", json::object({{"ID", event.id}, {"Attributes", std::move(attributes)}}));
  out.set("scope", "local");
  out.set("time", unix_seconds(event.time));
  out.set("timeNano", unix_nanos(event.time));
  return out;
}

Result<> events(Call& call) {
  engine::EventQuery query;
  TimePoint now = call.context.clock.now();
  if (auto since = call.arg("since"); !since.empty()) {
    query.since = TRY(engine::parse_time_argument(since, now));
  }
  if (auto until = call.arg("until"); !until.empty()) {
    query.until = TRY(engine::parse_time_argument(until, now));
  }
  query.filters = TRY(call.filters());
  auto subscription = TRY(call.context.engine.events().subscribe(query));
  call.writer.headers().set("Content-Type", "application/json");
  TRY(call.writer.begin(200));
  CancelToken gone = call.writer.client_gone();
  for (;;) {
    auto event = subscription->next(gone);
    if (!event) return {};  // the client is gone
    if (!*event) return call.writer.finish();
    TRY(call.writer.write(event_json(**event).dump() + "\n"));
  }
}

Result<Value> volumes_usage(const Call& call) {
  json::Array out;
  auto& volumes = call.context.engine.volumes();
  for (const auto& volume : TRY(volumes.list({}))) {
    auto usage = TRY(volumes.usage(volume.name));
    Value item = volume_json(volume);
    item.set("UsageData", json::object({{"RefCount", usage.references}, {"Size", usage.bytes}}));
    out.push_back(std::move(item));
  }
  return Value(std::move(out));
}

Result<Value> cache_usage(const Call& call) {
  const CacheFilters filters = TRY(decode_cache_filters(call));
  const TimePoint now = call.context.clock.now();
  json::Array out;
  for (const auto& record : TRY(call.context.builder.disk_usage())) {
    const bool young = filters.until && now - record.last_used < *filters.until;
    if (filters.none || young || !filters.filter.matches(record)) continue;
    out.push_back(json::object({{"ID", record.id},
                                {"Parent", record.parent},
                                {"Type", std::string(solver::type_name(record.kind))},
                                {"Description", record.description},
                                {"InUse", record.in_use},
                                {"Shared", record.shared},
                                {"Size", record.size},
                                {"CreatedAt", format_rfc3339(record.created)},
                                {"LastUsedAt", format_rfc3339(record.last_used)},
                                {"UsageCount", record.usage_count}}));
  }
  return Value(std::move(out));
}

Result<> disk_usage(Call& call) {
  auto wanted = call.request.query.all("type");
  auto wants = [&](std::string_view type) {
    return wanted.empty() || std::find(wanted.begin(), wanted.end(), type) != wanted.end();
  };
  auto containers = TRY(call.context.engine.containers().list({.all = true, .sizes = true}));
  json::Object out;
  if (wants("image")) {
    json::Array images;
    uint64_t total = 0;
    for (const auto& row : one_row_an_id(image_rows(TRY(call.context.images.list())))) {
      auto users = std::count_if(containers.begin(), containers.end(),
                                 [&](const auto& c) { return c.image_id == row.image.id.str(); });
      images.push_back(image_list_json(row, users));
      images.back().set("SharedSize", 0);
      total += row.image.size;
    }
    out.set("LayersSize", total);
    out.set("Images", std::move(images));
  }
  if (wants("container")) {
    json::Array list;
    TimePoint now = call.context.clock.now();
    for (const auto& container : containers) list.push_back(container_list_json(container, now));
    out.set("Containers", std::move(list));
  }
  if (wants("volume")) out.set("Volumes", TRY(volumes_usage(call)));
  if (wants("build-cache")) out.set("BuildCache", TRY(cache_usage(call)));
  if (wants("image")) {
    out.set("SkiffInterrupted", TRY(call.context.images.unneeded()));
  }
  if (const auto storage = TRY(call.context.images.storage_use()); storage.limit > 0) {
    out.set("SkiffStorage", json::object({{"Limit", storage.limit}, {"Used", storage.used}}));
  }
  return call.reply(200, std::move(out));
}

// "https://host:port/v1/" and "host:port" both name a registry host.
std::string registry_host(std::string address) {
  for (std::string_view scheme : {"https://", "http://"}) {
    if (address.starts_with(scheme)) address.erase(0, scheme.size());
  }
  address.resize(std::min(address.size(), address.find('/')));
  return address.empty() || address == "index.docker.io" ? "docker.io" : address;
}

Result<> login(Call& call) {
  Value body = TRY(call.json_body(login_types()));
  remote::ClientOptions options;
  options.credentials = {body.string("username"), body.string("password"),
                         body.string("identitytoken"), body.string("registrytoken")};
  options.wants_identity_token = true;
  remote::RegistryClient client(options);
  const std::string token = TRY(client.check_login(registry_host(body.string("serveraddress"))));
  return call.reply(200, json::object({{"Status", "Login Succeeded"}, {"IdentityToken", token}}));
}

constexpr Route kSystemRoutes[] = {
    {"GET", "/_ping", ping},  {"HEAD", "/_ping", ping},   {"GET", "/version", version},
    {"GET", "/info", info},   {"GET", "/events", events}, {"GET", "/system/df", disk_usage},
    {"POST", "/auth", login},
};

}  // namespace

std::span<const Route> system_routes() { return kSystemRoutes; }

}  // namespace skiff::api
