#include "api/body_types.h"

#include "codec/json_text.h"

namespace skiff::api {

namespace {

using json::Field;
using json::Type;

constexpr Field kContainerConfig[] = {
    {"Hostname", Type::kString},
    {"Domainname", Type::kString},
    {"Image", Type::kString},
    {"AttachStdin", Type::kBool},
    {"AttachStdout", Type::kBool},
    {"AttachStderr", Type::kBool},
    {"Tty", Type::kBool},
    {"OpenStdin", Type::kBool},
    {"StdinOnce", Type::kBool},
    {"NetworkDisabled", Type::kBool},
    {"StopTimeout", Type::kInt},
    {"Healthcheck", Type::kObject},
    {"Healthcheck.Interval", Type::kInt},
    {"Healthcheck.Timeout", Type::kInt},
    {"Healthcheck.StartPeriod", Type::kInt},
    {"Healthcheck.StartInterval", Type::kInt},
    {"Healthcheck.Retries", Type::kInt},
    {"HostConfig", Type::kObject},
    {"NetworkingConfig", Type::kObject},
    {"NetworkingConfig.EndpointsConfig", Type::kObject},
    {"NetworkingConfig.EndpointsConfig.*", Type::kObject},
    {"NetworkingConfig.EndpointsConfig.*.Aliases", Type::kStrings},
    {"NetworkingConfig.EndpointsConfig.*.Links", Type::kStrings},
    {"NetworkingConfig.EndpointsConfig.*.MacAddress", Type::kString},
    {"NetworkingConfig.EndpointsConfig.*.DriverOpts", Type::kObject},
    {"NetworkingConfig.EndpointsConfig.*.DriverOpts.*", Type::kString},
    {"NetworkingConfig.EndpointsConfig.*.IPAMConfig", Type::kObject},
    {"NetworkingConfig.EndpointsConfig.*.IPAMConfig.IPv4Address", Type::kString},
    {"NetworkingConfig.EndpointsConfig.*.IPAMConfig.IPv6Address", Type::kString},
};

constexpr Field kHostConfig[] = {
    {"Binds", Type::kStrings},
    {"Mounts", Type::kObjects},
    {"Mounts[].Type", Type::kString},
    {"Mounts[].Source", Type::kString},
    {"Mounts[].Target", Type::kString},
    {"Mounts[].ReadOnly", Type::kBool},
    {"Mounts[].BindOptions", Type::kObject},
    {"Mounts[].BindOptions.Propagation", Type::kString},
    {"Mounts[].BindOptions.CreateMountpoint", Type::kBool},
    {"Mounts[].VolumeOptions", Type::kObject},
    {"Mounts[].VolumeOptions.NoCopy", Type::kBool},
    {"Mounts[].VolumeOptions.Labels", Type::kObject},
    {"Mounts[].VolumeOptions.Labels.*", Type::kString},
    {"Mounts[].VolumeOptions.Subpath", Type::kString},
    {"Mounts[].VolumeOptions.DriverConfig", Type::kObject},
    {"Mounts[].VolumeOptions.DriverConfig.Options", Type::kObject},
    {"Mounts[].VolumeOptions.DriverConfig.Options.*", Type::kString},
    {"Mounts[].TmpfsOptions", Type::kObject},
    {"Mounts[].TmpfsOptions.SizeBytes", Type::kInt},
    {"Mounts[].TmpfsOptions.Mode", Type::kInt},
    {"Tmpfs", Type::kObject},
    {"Tmpfs.*", Type::kString},
    {"VolumesFrom", Type::kStrings},
    {"VolumeDriver", Type::kString},
    {"ContainerIDFile", Type::kString},
    {"LogConfig", Type::kObject},
    {"LogConfig.Type", Type::kString},
    {"LogConfig.Config", Type::kObject},
    {"LogConfig.Config.*", Type::kString},
    {"NetworkMode", Type::kString},
    {"PortBindings", Type::kObject},
    {"PortBindings.*", Type::kObjects},
    {"PortBindings.*[].HostIp", Type::kString},
    {"PortBindings.*[].HostPort", Type::kString},
    {"PublishAllPorts", Type::kBool},
    {"RestartPolicy", Type::kObject},
    {"RestartPolicy.Name", Type::kString},
    {"RestartPolicy.MaximumRetryCount", Type::kInt},
    {"AutoRemove", Type::kBool},
    {"ConsoleSize", Type::kInts},
    {"CapAdd", Type::kStrings},
    {"CapDrop", Type::kStrings},
    {"Dns", Type::kStrings},
    {"DnsOptions", Type::kStrings},
    {"DnsSearch", Type::kStrings},
    {"ExtraHosts", Type::kStrings},
    {"GroupAdd", Type::kStrings},
    {"CgroupnsMode", Type::kString},
    {"IpcMode", Type::kString},
    {"PidMode", Type::kString},
    {"UTSMode", Type::kString},
    {"UsernsMode", Type::kString},
    {"CgroupParent", Type::kString},
    {"Runtime", Type::kString},
    {"OomScoreAdj", Type::kInt},
    {"Privileged", Type::kBool},
    {"ReadonlyRootfs", Type::kBool},
    {"SecurityOpt", Type::kStrings},
    {"MaskedPaths", Type::kStrings},
    {"ReadonlyPaths", Type::kStrings},
    {"Sysctls", Type::kObject},
    {"Sysctls.*", Type::kString},
    {"Annotations", Type::kObject},
    {"Annotations.*", Type::kString},
    {"ShmSize", Type::kInt},
    {"Init", Type::kBool},
    {"Ulimits", Type::kObjects},
    {"Ulimits[].Name", Type::kString},
    {"Ulimits[].Soft", Type::kInt},
    {"Ulimits[].Hard", Type::kInt},
    {"Devices", Type::kObjects},
    {"Devices[].PathOnHost", Type::kString},
    {"Devices[].PathInContainer", Type::kString},
    {"Devices[].CgroupPermissions", Type::kString},
    {"DeviceCgroupRules", Type::kStrings},
    {"Memory", Type::kInt},
    {"MemorySwap", Type::kInt},
    {"MemoryReservation", Type::kInt},
    {"MemorySwappiness", Type::kInt},
    {"NanoCpus", Type::kInt},
    {"CpuShares", Type::kInt},
    {"CpuPeriod", Type::kInt},
    {"CpuQuota", Type::kInt},
    {"CpusetCpus", Type::kString},
    {"CpusetMems", Type::kString},
    {"OomKillDisable", Type::kBool},
    {"PidsLimit", Type::kInt},
};

constexpr Field kExec[] = {
    {"Cmd", Type::kStrings},       {"Env", Type::kStrings},       {"User", Type::kString},
    {"WorkingDir", Type::kString}, {"DetachKeys", Type::kString}, {"Tty", Type::kBool},
    {"AttachStdin", Type::kBool},  {"AttachStdout", Type::kBool}, {"AttachStderr", Type::kBool},
    {"Privileged", Type::kBool},   {"ConsoleSize", Type::kInts},  {"Detach", Type::kBool},
};

constexpr Field kNetwork[] = {
    {"Name", Type::kString},
    {"Driver", Type::kString},
    {"EnableIPv6", Type::kBool},
    {"ConfigOnly", Type::kBool},
    {"Ingress", Type::kBool},
    {"Internal", Type::kBool},
    {"IPAM", Type::kObject},
    {"IPAM.Driver", Type::kString},
    {"IPAM.Config", Type::kObjects},
    {"IPAM.Config[].Subnet", Type::kString},
    {"IPAM.Config[].Gateway", Type::kString},
    {"IPAM.Config[].IPRange", Type::kString},
    {"IPAM.Config[].AuxiliaryAddresses", Type::kObject},
    {"Labels", Type::kObject},
    {"Labels.*", Type::kString},
    {"Options", Type::kObject},
    {"Options.*", Type::kString},
};

constexpr Field kVolume[] = {
    {"Name", Type::kString},     {"Driver", Type::kString},     {"Labels", Type::kObject},
    {"Labels.*", Type::kString}, {"DriverOpts", Type::kObject}, {"DriverOpts.*", Type::kString},
};

constexpr Field kLogin[] = {
    {"username", Type::kString},      {"password", Type::kString},
    {"identitytoken", Type::kString}, {"registrytoken", Type::kString},
    {"serveraddress", Type::kString},
};

}  // namespace

std::span<const Field> container_config_types() { return kContainerConfig; }
Result<> check_words(const json::Value& body) {
  for (const auto& [name, value] : body.as_object()) {
    if (name != "Labels") TRY(json::refuse_nul(value, name));
  }
  return {};
}
Result<> check_named(const json::Value& body) {
  for (const auto& [name, value] : body.as_object()) {
    TRY(name == "Labels" ? json::refuse_control_in_text(value, name)
                         : json::refuse_control(value, name));
  }
  return {};
}
std::span<const Field> host_config_types() { return kHostConfig; }
std::span<const Field> exec_types() { return kExec; }
std::span<const Field> network_types() { return kNetwork; }
std::span<const Field> volume_types() { return kVolume; }
std::span<const Field> login_types() { return kLogin; }

}  // namespace skiff::api
