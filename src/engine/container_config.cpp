#include "engine/container_config.h"

#include "base/strings.h"

namespace skiff::engine {

namespace {

// Docker takes `"Cmd": "sh"` for `["sh"]`.
void listify(json::Value& v, std::string_view key) {
  const json::Value* member = v.find(key);
  if (member != nullptr && member->is_string()) {
    v.set(key, json::array({json::Value(member->as_string())}));
  }
}

json::Value strings_or_null(const std::optional<std::vector<std::string>>& list) {
  return list ? json::Value(*list) : json::Value();
}

// {"80/tcp": {}}
json::Value set_object(const std::vector<std::string>& keys) {
  json::Value out = json::object();
  for (const std::string& key : keys) out.set(key, json::object());
  return out;
}

json::Value set_or_null(const std::vector<std::string>& keys) {
  return keys.empty() ? json::Value() : set_object(keys);
}

}  // namespace

Result<ContainerConfig> ContainerConfig::from_json(const json::Value& v) {
  json::Value shaped = v;
  for (std::string_view key : {"Cmd", "Entrypoint", "Shell"}) listify(shaped, key);
  ContainerConfig out;
  out.run = TRY(oci::RunConfig::from_json(shaped));
  out.hostname = v.string("Hostname");
  out.domainname = v.string("Domainname");
  out.image = v.string("Image");
  out.attach_stdin = v.boolean("AttachStdin");
  out.attach_stdout = v.boolean("AttachStdout");
  out.attach_stderr = v.boolean("AttachStderr");
  out.tty = v.boolean("Tty");
  out.open_stdin = v.boolean("OpenStdin");
  out.stdin_once = v.boolean("StdinOnce");
  out.network_disabled = v.boolean("NetworkDisabled");
  const json::Value* timeout = v.find("StopTimeout");
  if (timeout != nullptr && timeout->is_int())
    out.stop_timeout = static_cast<int>(timeout->as_int());
  return out;
}

json::Value ContainerConfig::to_json() const {
  json::Value out = json::object({{"Hostname", hostname},
                                  {"Domainname", domainname},
                                  {"User", run.user},
                                  {"AttachStdin", attach_stdin},
                                  {"AttachStdout", attach_stdout},
                                  {"AttachStderr", attach_stderr}});
  if (!run.exposed_ports.empty()) out.set("ExposedPorts", set_object(run.exposed_ports));
  out.set("Tty", tty);
  out.set("OpenStdin", open_stdin);
  out.set("StdinOnce", stdin_once);
  out.set("Env", run.env);
  out.set("Cmd", strings_or_null(run.cmd));
  if (run.healthcheck) out.set("Healthcheck", run.healthcheck->to_json());
  if (run.args_escaped) out.set("ArgsEscaped", true);
  out.set("Image", image);
  out.set("Volumes", set_or_null(run.volumes));
  out.set("WorkingDir", run.working_dir);
  out.set("Entrypoint", strings_or_null(run.entrypoint));
  if (network_disabled) out.set("NetworkDisabled", true);
  out.set("OnBuild", run.on_build.empty() ? json::Value() : json::Value(run.on_build));
  out.set("Labels", run.labels);
  if (!run.stop_signal.empty()) out.set("StopSignal", run.stop_signal);
  if (stop_timeout) out.set("StopTimeout", *stop_timeout);
  if (run.shell) out.set("Shell", *run.shell);
  return out;
}

std::string EndpointConfig::interface() const {
  const auto named = driver_opts.find(std::string(kInterfaceOption));
  return named == driver_opts.end() ? "" : named->second;
}

Result<NetworkingConfig> NetworkingConfig::from_json(const json::Value& v) {
  NetworkingConfig out;
  for (const auto& [name, value] : v.object("EndpointsConfig")) {
    EndpointConfig endpoint;
    endpoint.aliases = value.strings("Aliases");
    endpoint.mac_address = value.string("MacAddress");
    endpoint.driver_opts = value.string_map("DriverOpts");
    if (const json::Value* ipam = value.find("IPAMConfig")) {
      endpoint.ipv4_address = ipam->string("IPv4Address");
      if (!ipam->string("IPv6Address").empty()) {
        return Error(Code::kUnimplemented, "IPv6 addresses of endpoints are not supported");
      }
    }
    if (!value.array("Links").empty()) {
      return Error(Code::kUnimplemented, "links between containers are not supported");
    }
    out.endpoints.emplace(name, std::move(endpoint));
  }
  return out;
}

json::Value NetworkingConfig::to_json() const {
  json::Value endpoints_json = json::object();
  for (const auto& [name, endpoint] : endpoints) {
    json::Value one = json::object(
        {{"Aliases", endpoint.aliases.empty() ? json::Value() : json::Value(endpoint.aliases)},
         {"MacAddress", endpoint.mac_address},
         {"DriverOpts",
          endpoint.driver_opts.empty() ? json::Value() : json::Value(endpoint.driver_opts)}});
    one.set("IPAMConfig", endpoint.ipv4_address.empty()
                              ? json::Value()
                              : json::object({{"IPv4Address", endpoint.ipv4_address}}));
    endpoints_json.set(name, std::move(one));
  }
  return json::object({{"EndpointsConfig", std::move(endpoints_json)}});
}

Result<std::pair<uint16_t, std::string>> parse_port(std::string_view text) {
  auto parts = split_once(text, '/');
  std::string_view number = parts ? parts->first : text;
  std::string protocol = parts ? to_lower(parts->second) : "tcp";
  auto port = parse_uint(number);
  if (!port || *port == 0 || *port > 65535) {
    return Error(Code::kInvalidArgument, cat("invalid port specification: ", skiff::quoted(text)));
  }
  if (protocol != "tcp" && protocol != "udp" && protocol != "sctp") {
    return Error(Code::kInvalidArgument, cat("invalid protocol: ", protocol));
  }
  return std::pair(static_cast<uint16_t>(*port), protocol);
}

}  // namespace skiff::engine
