#include "cli/docker_members.h"

#include <algorithm>
#include <iterator>

namespace skiff::cli {

namespace {

constexpr std::string_view kMaps[] = {"Annotations", "Attributes",   "Containers",   "Data",
                                      "DriverOpts",  "ExposedPorts", "Labels",       "Networks",
                                      "Options",     "Ports",        "PortBindings", "StorageOpt",
                                      "Sysctls",     "Tmpfs",        "Volumes"};

constexpr std::string_view kLists[] = {
    "Aliases",        "Args",        "Binds",         "CapAdd",
    "CapDrop",        "Cmd",         "DNSNames",      "DeviceCgroupRules",
    "DeviceRequests", "Devices",     "Dns",           "DnsOptions",
    "DnsSearch",      "Entrypoint",  "Env",           "ExecIDs",
    "ExtraHosts",     "GroupAdd",    "Links",         "MaskedPaths",
    "Mounts",         "OnBuild",     "ReadonlyPaths", "RepoDigests",
    "RepoTags",       "SecurityOpt", "Shell",         "Ulimits",
    "VolumesFrom"};

constexpr std::string_view kOthers[] = {
    "ArgsEscaped", "Author",      "Comment",    "ConfigFrom",  "Container",  "DockerVersion",
    "Health",      "Healthcheck", "Init",       "IPv6Address", "MacAddress", "NetworkDisabled",
    "Parent",      "Runtime",     "SizeRootFs", "SizeRw",      "Status",     "StopSignal",
    "StopTimeout", "UsageData",   "User",       "WorkingDir"};

template <size_t kCount>
bool is_one_of(const std::string_view (&names)[kCount], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

}  // namespace

bool may_be_absent(std::string_view name) {
  return is_one_of(kMaps, name) || is_one_of(kLists, name) || is_one_of(kOthers, name);
}

bool has_free_names(std::string_view name) { return is_one_of(kMaps, name); }

std::string_view text_of_nothing(std::string_view name) {
  if (is_one_of(kMaps, name)) return "map[]";
  return is_one_of(kLists, name) ? "[]" : "<no value>";
}

}  // namespace skiff::cli
