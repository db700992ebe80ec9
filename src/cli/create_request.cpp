#include "cli/create_request.h"

#include <algorithm>

#include "base/file.h"
#include "base/strings.h"
#include "cli/mount_options.h"
#include "cli/option_values.h"
#include "cli/port_options.h"
#include "cli/session.h"
#include "cli/terminal.h"

namespace skiff::cli {

namespace {

// The flags without a help text are those that the engine does not serve.
Result<> refuse_unserved(const Flags& flags) {
  for (const FlagSpec& spec : create_flags()) {
    if (spec.help.empty() && flags.has(spec.name)) {
      return Error(Code::kUnimplemented, cat("--", spec.name, " is not supported"));
    }
  }
  return {};
}

json::Value list_or_null(const std::vector<std::string>& list) {
  return list.empty() ? json::Value() : json::Value(list);
}

Result<> check_pull_option(const std::string& pull) {
  if (pull == "always" || pull == "missing" || pull == "never") return {};
  return Error(Code::kInvalidArgument,
               cat("invalid pull option: '", pull,
                   "': must be one of \"always\", \"missing\" or \"never\""));
}

struct Attached {
  bool in = false;
  bool out = false;
  bool err = false;
};

Result<Attached> attached_streams(const Flags& flags) {
  Attached out;
  if (flags.on("detach")) {
    if (flags.has("attach")) {
      return Error(Code::kInvalidArgument,
                   "conflicting options: cannot specify both --attach and --detach");
    }
    return out;
  }
  if (!flags.has("attach")) return Attached{flags.on("interactive"), true, true};
  for (const auto& name : flags.all("attach")) {
    std::string lower = to_lower(name);
    if (lower != "stdin" && lower != "stdout" && lower != "stderr") {
      return bad_flag("-a, --attach", name, "valid streams are STDIN, STDOUT and STDERR");
    }
    (lower == "stdin" ? out.in : lower == "stdout" ? out.out : out.err) = true;
  }
  return out;
}

Error negative(std::string_view flag) {
  return {Code::kInvalidArgument, cat("--", flag, " cannot be negative")};
}

// The times of --health-*, each with its member of Healthcheck.
Result<> add_health_times(const Flags& flags, json::Value& health) {
  constexpr std::pair<std::string_view, std::string_view> kTimes[] = {
      {"health-interval", "Interval"},
      {"health-timeout", "Timeout"},
      {"health-start-period", "StartPeriod"},
      {"health-start-interval", "StartInterval"}};
  for (const auto& [flag, member] : kTimes) {
    if (!flags.has(flag)) continue;
    if (flags.get(flag).starts_with('-')) return negative(flag);
    health.set(member, TRY(parse_duration(cat("--", flag), flags.get(flag))));
  }
  return {};
}

Result<> add_health(const Flags& flags, json::Value& config) {
  json::Value health = json::object();
  if (flags.has("health-cmd")) {
    health.set("Test", json::array({"CMD-SHELL", flags.get("health-cmd")}));
  }
  TRY(add_health_times(flags, health));
  if (flags.has("health-retries")) {
    const int64_t retries = TRY(flags.number("health-retries"));
    if (retries < 0) return negative("health-retries");
    health.set("Retries", retries);
  }
  if (flags.on("no-healthcheck")) {
    if (!health.as_object().empty()) {
      return Error(Code::kInvalidArgument, "--no-healthcheck conflicts with --health-* options");
    }
    health.set("Test", json::array({"NONE"}));
  }
  if (!health.as_object().empty()) config.set("Healthcheck", std::move(health));
  return {};
}

json::Value entrypoint(const Flags& flags) {
  if (!flags.has("entrypoint")) return {};
  return json::array({flags.get("entrypoint")});
}

Result<json::Value> make_config(const Flags& flags) {
  Attached attached = TRY(attached_streams(flags));
  bool open_stdin = flags.on("interactive") || attached.in;
  std::vector<std::string> command(flags.args.begin() + 1, flags.args.end());
  json::Value out = json::object({{"Hostname", flags.get("hostname")},
                                  {"Domainname", flags.get("domainname")},
                                  {"User", flags.get("user")},
                                  {"AttachStdin", attached.in},
                                  {"AttachStdout", attached.out},
                                  {"AttachStderr", attached.err},
                                  {"Tty", flags.on("tty")},
                                  {"OpenStdin", open_stdin},
                                  {"StdinOnce", open_stdin && attached.in},
                                  {"Cmd", list_or_null(command)},
                                  {"Image", flags.args[0]},
                                  {"WorkingDir", flags.get("workdir")},
                                  {"Entrypoint", entrypoint(flags)}});
  out.set("Env", TRY(read_environment(flags.all("env-file"), flags.all("env"))));
  out.set("Labels", TRY(read_labels(flags.all("label-file"), flags.all("label"))));
  if (flags.has("stop-signal")) out.set("StopSignal", flags.get("stop-signal"));
  if (flags.has("stop-timeout")) out.set("StopTimeout", TRY(flags.number("stop-timeout")));
  TRY(add_health(flags, out));
  return out;
}

// Docker's client turns this option into lists of nothing to hide.
bool shows_system_paths(const Flags& flags) {
  const auto& options = flags.all("security-opt");
  return std::find(options.begin(), options.end(), "systempaths=unconfined") != options.end();
}

// The daemon takes a profile as text, not as a file of the client's machine.
Result<json::Value> security_options(const Flags& flags) {
  json::Array out;
  for (const auto& option : flags.all("security-opt")) {
    if (option == "systempaths=unconfined") continue;
    size_t separator = option.find_first_of("=:");
    std::string name = option.substr(0, separator);
    if (separator == std::string::npos && name != "no-new-privileges") {
      return Error(Code::kInvalidArgument, cat("Invalid --security-opt: ", skiff::quoted(option)));
    }
    if (name != "seccomp" || separator == std::string::npos) {
      out.emplace_back(option);
      continue;
    }
    std::string profile = option.substr(separator + 1);
    if (profile != "unconfined" && profile != "builtin") {
      auto text = read_file(profile);
      if (!text) {
        return Error(Code::kInvalidArgument, cat("opening seccomp profile (", profile,
                                                 ") failed: ", text.error().message()));
      }
      profile = TRY_CONTEXT(json::parse(*text), cat("seccomp profile ", profile)).dump();
    }
    out.emplace_back(cat("seccomp=", profile));
  }
  return out.empty() ? json::Value() : json::Value(std::move(out));
}

Result<> add_byte_limit(const Flags& flags, std::string_view flag, std::string_view shown,
                        std::string_view member, json::Value& host) {
  if (!flags.has(flag)) return {};
  host.set(member, TRY(parse_bytes(shown, flags.get(flag))));
  return {};
}

// --userns is the daemon's to judge: it has modes that Docker has not.
Result<> check_namespace_modes(const Flags& flags) {
  struct Mode {
    std::string_view flag, name, other;
  };
  for (const Mode& mode :
       {Mode{"pid", "PID", ""}, Mode{"uts", "UTS", ""}, Mode{"cgroupns", "CGROUP", "private"}}) {
    const std::string wanted = flags.get(mode.flag);
    constexpr std::string_view kJoin = "container:";
    const bool joins =
        mode.flag == "pid" && wanted.starts_with(kJoin) && wanted.size() > kJoin.size();
    if (!wanted.empty() && wanted != "host" && wanted != mode.other && !joins) {
      return Error(Code::kInvalidArgument, cat("--", mode.flag, ": invalid ", mode.name, " mode"));
    }
  }
  return {};
}

Result<> add_host_modes(const Flags& flags, json::Value& host) {
  TRY(check_namespace_modes(flags));
  TRY(check_dns_servers(flags.all("dns")));
  TRY(check_search_domains(flags.all("dns-search")));
  constexpr std::pair<std::string_view, std::string_view> kTexts[] = {
      {"cgroup-parent", "CgroupParent"},
      {"cgroupns", "CgroupnsMode"},
      {"ipc", "IpcMode"},
      {"pid", "PidMode"},
      {"runtime", "Runtime"},
      {"userns", "UsernsMode"},
      {"uts", "UTSMode"},
      {"volume-driver", "VolumeDriver"},
      {"cidfile", "ContainerIDFile"}};
  for (const auto& [flag, member] : kTexts) {
    if (flags.has(flag)) host.set(member, flags.get(flag));
  }
  constexpr std::pair<std::string_view, std::string_view> kLists[] = {
      {"cap-add", "CapAdd"},        {"cap-drop", "CapDrop"},     {"dns", "Dns"},
      {"dns-option", "DnsOptions"}, {"dns-search", "DnsSearch"}, {"group-add", "GroupAdd"}};
  for (const auto& [flag, member] : kLists) {
    if (flags.has(flag)) host.set(member, flags.all(flag));
  }
  host.set("ExtraHosts", TRY(parse_extra_hosts(flags.all("add-host"))));
  host.set("Privileged", flags.on("privileged"));
  host.set("ReadonlyRootfs", flags.on("read-only"));
  host.set("AutoRemove", flags.on("rm"));
  if (flags.has("init")) host.set("Init", flags.on("init"));
  return {};
}

Result<json::Value> make_host_config(const Flags& flags) {
  json::Value host = json::object();
  TRY(add_host_modes(flags, host));
  TRY(add_resources(flags, host));
  TRY(add_byte_limit(flags, "shm-size", "--shm-size", "ShmSize", host));
  host.set("LogConfig", json::object({{"Type", flags.get("log-driver")},
                                      {"Config", key_values(flags.all("log-opt"))}}));
  if (flags.has("annotation")) host.set("Annotations", key_values(flags.all("annotation")));
  if (flags.has("sysctl")) host.set("Sysctls", TRY(parse_sysctls(flags.all("sysctl"))));
  host.set("SecurityOpt", TRY(security_options(flags)));
  if (shows_system_paths(flags)) {
    host.set("MaskedPaths", json::array());
    host.set("ReadonlyPaths", json::array());
  }
  host.set("Ulimits", TRY(parse_ulimits(flags.all("ulimit"))));
  host.set("Devices", TRY(parse_devices(flags.all("device"))));
  TRY(check_device_rules(flags.all("device-cgroup-rule")));
  host.set("DeviceCgroupRules", list_or_null(flags.all("device-cgroup-rule")));
  if (flags.has("oom-score-adj")) host.set("OomScoreAdj", TRY(flags.number("oom-score-adj")));
  host.set("OomKillDisable", flags.on("oom-kill-disable"));
  json::Value restart = TRY(parse_restart_policy(flags.get("restart")));
  if (flags.on("rm") && restart.string("Name") != "no") {
    return Error(Code::kInvalidArgument,
                 "conflicting options: cannot specify both --restart and --rm");
  }
  host.set("RestartPolicy", std::move(restart));
  if (WindowSize size = window_size(); flags.on("tty") && size.height > 0) {
    host.set("ConsoleSize", json::array({size.height, size.width}));
  }
  return host;
}

// One --network: a name, or name=...,alias=...,ip=...,driver-opt=OPTION=VALUE
Result<> add_network(const std::string& text, json::Value& host, json::Value& endpoints) {
  std::string name = text;
  json::Value endpoint = json::object();
  if (text.find('=') != std::string::npos) {
    json::Array aliases;
    std::vector<std::string> options;
    for (const auto& field : TRY(split_fields("--network", text))) {
      auto parts = split_once(field, '=');
      std::string_view key = parts ? parts->first : std::string_view();
      if (key == "name") {
        name = parts->second;
      } else if (key == "alias") {
        aliases.emplace_back(parts->second);
      } else if (key == "ip") {
        endpoint.set("IPAMConfig", json::object({{"IPv4Address", parts->second}}));
      } else if (key == "driver-opt") {
        options.emplace_back(parts->second);
      } else if (key == "mac-address") {
        endpoint.set("MacAddress", parts->second);
      } else {
        return bad_flag("--network", text, cat("invalid field ", field));
      }
    }
    if (!aliases.empty()) endpoint.set("Aliases", std::move(aliases));
    if (!options.empty()) endpoint.set("DriverOpts", key_values(options));
  }
  if (host.string("NetworkMode").empty()) host.set("NetworkMode", name);
  endpoints.set(name, std::move(endpoint));
  return {};
}

bool is_predefined_network(std::string_view name) {
  constexpr std::string_view kNames[] = {"default", "bridge", "host", "none"};
  return name.starts_with("container:") ||
         std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

// The networks, with what --ip, --network-alias and --mac-address wish for in the first.
Result<json::Value> make_networking(const Flags& flags, json::Value& host) {
  json::Value endpoints = json::object();
  for (const auto& text : flags.all("network")) TRY(add_network(text, host, endpoints));
  if (host.string("NetworkMode").empty()) host.set("NetworkMode", "default");
  std::string first = host.string("NetworkMode");
  if (flags.has("network-alias") && is_predefined_network(first)) {
    return Error(Code::kInvalidArgument,
                 "network-scoped aliases are only supported for user-defined networks");
  }
  json::Value endpoint = endpoints.find(first) != nullptr ? *endpoints.find(first) : json::object();
  if (flags.has("ip")) {
    endpoint.set("IPAMConfig", json::object({{"IPv4Address", flags.get("ip")}}));
  }
  if (flags.has("network-alias")) endpoint.set("Aliases", flags.all("network-alias"));
  if (flags.has("mac-address")) {
    TRY(check_mac_address(flags.get("mac-address")));
    endpoint.set("MacAddress", flags.get("mac-address"));
  }
  endpoints.set(first, std::move(endpoint));
  return json::object({{"EndpointsConfig", std::move(endpoints)}});
}

}  // namespace

Result<json::Value> parse_restart_policy(const std::string& text) {
  if (text.empty()) return json::object({{"Name", "no"}, {"MaximumRetryCount", 0}});
  auto parts = split_once(text, ':');
  if (!parts) return json::object({{"Name", text}, {"MaximumRetryCount", 0}});
  auto count = parse_int(parts->second);
  if (!count) {
    return Error(Code::kInvalidArgument,
                 "invalid restart policy format: maximum retry count must be an integer");
  }
  return json::object({{"Name", parts->first}, {"MaximumRetryCount", *count}});
}

Result<> add_resources(const Flags& flags, json::Value& host) {
  TRY(add_byte_limit(flags, "memory", "-m, --memory", "Memory", host));
  TRY(add_byte_limit(flags, "memory-reservation", "--memory-reservation", "MemoryReservation",
                     host));
  TRY(add_byte_limit(flags, "memory-swap", "--memory-swap", "MemorySwap", host));
  if (flags.has("cpus")) host.set("NanoCpus", TRY(parse_nano_cpus(flags.get("cpus"))));
  constexpr std::pair<std::string_view, std::string_view> kNumbers[] = {
      {"cpu-shares", "CpuShares"},
      {"cpu-period", "CpuPeriod"},
      {"cpu-quota", "CpuQuota"},
      {"pids-limit", "PidsLimit"}};
  for (const auto& [flag, member] : kNumbers) {
    if (flags.has(flag)) host.set(member, TRY(flags.number(flag)));
  }
  constexpr std::pair<std::string_view, std::string_view> kTexts[] = {
      {"cpuset-cpus", "CpusetCpus"}, {"cpuset-mems", "CpusetMems"}};
  for (const auto& [flag, member] : kTexts) {
    if (flags.has(flag)) host.set(member, flags.get(flag));
  }
  return {};
}

Result<json::Value> make_create_request(const Flags& flags) {
  TRY(refuse_unserved(flags));
  TRY(check_pull_option(flags.get("pull", "missing")));
  json::Value body = TRY(make_config(flags));
  json::Value host = TRY(make_host_config(flags));
  TRY(add_mounts(flags, body, host));
  TRY(add_ports(flags, body, host));
  json::Value networking = TRY(make_networking(flags, host));
  body.set("HostConfig", std::move(host));
  body.set("NetworkingConfig", std::move(networking));
  return body;
}

}  // namespace skiff::cli
