#include "cli/info_text.h"

#include <span>

#include "base/strings.h"
#include "cli/table.h"

namespace skiff::cli {

namespace {

std::string aligned(std::string_view label, std::string_view value) {
  constexpr size_t kColumn = 20;
  std::string line(label);
  line.resize(std::max(kColumn, line.size() + 1), ' ');
  return cat(line, value, "\n");
}

std::string engine_text(const json::Value& server) {
  std::string out = " Engine:\n";
  out += aligned("  Version:", server.string("Version"));
  out += aligned("  API version:", cat(server.string("ApiVersion"), " (minimum version ",
                                       server.string("MinAPIVersion"), ")"));
  out += aligned("  OS/Arch:", cat(server.string("Os"), "/", server.string("Arch")));
  out += aligned("  Kernel:", server.string("KernelVersion"));
  return out;
}

std::string yes(const json::Value& info, std::string_view key) {
  return info.boolean(key) ? "true" : "false";
}

std::string words(const json::Value& value) {
  std::vector<std::string> out;
  for (const auto& item : value.as_array()) out.push_back(item.as_string());
  return join(out, " ");
}

struct Field {
  std::string_view label;
  std::string_view key;
};

// Members that are numbers or texts, a line each.
std::string lines(const json::Value& info, std::span<const Field> fields) {
  std::string out;
  for (const auto& [label, key] : fields) {
    const json::Value* value = info.find(key);
    if (value == nullptr) continue;
    std::string text = value->is_string() ? value->as_string() : value->dump();
    if (!text.empty()) out += cat(label, ": ", text, "\n");
  }
  return out;
}

std::string storage_text(const json::Value& info) {
  std::string out = cat(" Storage Driver: ", info.string("Driver"), "\n");
  for (const auto& pair : info.array("DriverStatus")) {
    const auto& items = pair.as_array();
    if (items.size() == 2) out += cat("  ", items[0].as_string(), ": ", items[1].as_string(), "\n");
  }
  return out;
}

std::string plugins_text(const json::Value& info) {
  const json::Value* plugins = info.find("Plugins");
  if (plugins == nullptr) return "";
  std::string out = " Plugins:\n";
  for (std::string_view kind : {"Volume", "Network", "Log"}) {
    if (const json::Value* names = plugins->find(kind)) {
      out += cat("  ", kind, ": ", words(*names), "\n");
    }
  }
  return out;
}

// "name=seccomp,profile=builtin" -> " seccomp" and its options below.
std::string security_text(const json::Value& info) {
  std::string out = " Security Options:\n";
  for (const auto& option : info.strings("SecurityOptions")) {
    for (const auto& field : split(option, ',')) {
      auto parts = split_once(field, '=');
      if (!parts) continue;
      if (parts->first == "name") {
        out += cat("  ", parts->second, "\n");
      } else {
        std::string key(parts->first);
        key[0] = to_upper(key.substr(0, 1))[0];
        out += cat("   ", key, ": ", parts->second, "\n");
      }
    }
  }
  return out;
}

std::string runtimes_text(const json::Value& info) {
  std::vector<std::string> names;
  for (const auto& [name, runtime] : info.object("Runtimes")) names.push_back(name);
  const json::Value* swarm = info.find("Swarm");
  return cat(" Swarm: ", swarm != nullptr ? swarm->string("LocalNodeState") : "inactive",
             "\n Runtimes: ", join(names, " "), "\n");
}

std::string registries_text(const json::Value& info) {
  std::string out = " Insecure Registries:\n";
  if (const json::Value* config = info.find("RegistryConfig")) {
    for (const auto& range : config->strings("InsecureRegistryCIDRs")) {
      out += cat("  ", range, "\n");
    }
  }
  return out;
}

}  // namespace

std::string version_text(const json::Value& both) {
  const json::Value& client = *both.find("Client");
  const json::Value& server = *both.find("Server");
  std::string out = "Client:\n";
  out += aligned(" Version:", client.string("Version"));
  out += aligned(" API version:", client.string("ApiVersion"));
  out += aligned(" OS/Arch:", cat(client.string("Os"), "/", client.string("Arch")));
  out += aligned(" Context:", client.string("Context"));
  if (!server.is_null()) out += cat("\nServer:\n", engine_text(server));
  return out;
}

std::string info_text(const json::Value& info) {
  constexpr Field kCounts[] = {{" Containers", "Containers"},
                               {"  Running", "ContainersRunning"},
                               {"  Paused", "ContainersPaused"},
                               {"  Stopped", "ContainersStopped"},
                               {" Images", "Images"},
                               {" Server Version", "ServerVersion"}};
  constexpr Field kDrivers[] = {{" Logging Driver", "LoggingDriver"},
                                {" Cgroup Driver", "CgroupDriver"},
                                {" Cgroup Version", "CgroupVersion"}};
  constexpr Field kRuntime[] = {{" Default Runtime", "DefaultRuntime"}};
  constexpr Field kMachine[] = {{" Kernel Version", "KernelVersion"},
                                {" Operating System", "OperatingSystem"},
                                {" OSType", "OSType"},
                                {" Architecture", "Architecture"},
                                {" CPUs", "NCPU"}};
  constexpr Field kPlace[] = {
      {" Name", "Name"}, {" ID", "ID"}, {" Docker Root Dir", "DockerRootDir"}};
  return cat(lines(info, kCounts), storage_text(info), lines(info, kDrivers), plugins_text(info),
             runtimes_text(info), lines(info, kRuntime), security_text(info), lines(info, kMachine),
             " Total Memory: ", human_bytes_binary(static_cast<double>(info.integer("MemTotal"))),
             "\n", lines(info, kPlace), " Debug Mode: ", yes(info, "Debug"),
             "\n Experimental: ", yes(info, "ExperimentalBuild"), "\n", registries_text(info),
             " Live Restore Enabled: ", yes(info, "LiveRestoreEnabled"), "\n");
}

}  // namespace skiff::cli
