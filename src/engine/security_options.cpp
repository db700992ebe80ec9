#include "engine/security_options.h"

#include <algorithm>

#include "base/strings.h"
#include "base/truth.h"
#include "runtime/container_spec.h"
#include "runtime/default_apparmor.h"
#include "runtime/security_labels.h"
#include "runtime/selinux_contexts.h"

namespace skiff::engine {

namespace {

// Says of `option` that the kernel lacks `module`.
std::string unenforced(std::string_view option, std::string_view module) {
  return cat("--security-opt ", option, ": ", module,
             " is off in this kernel: the container runs without it");
}

Result<> check_devices(const HostConfig& host) {
  for (const DeviceMapping& device : host.devices) {
    for (const std::string& path : {device.path_on_host, device.path_in_container}) {
      if (!path.starts_with('/')) {
        return Error(Code::kInvalidArgument, cat(path, " is not an absolute path"));
      }
    }
    if (!runtime::is_device_access(device.permissions)) {
      return Error(Code::kInvalidArgument, cat("bad mode specified: ", device.permissions));
    }
  }
  for (const std::string& rule : host.device_cgroup_rules) TRY(runtime::parse_device_rule(rule));
  return {};
}

Result<> check_ulimits(const std::vector<Ulimit>& ulimits) {
  for (const Ulimit& u : ulimits) {
    if (!runtime::is_ulimit(u.name)) {
      return Error(Code::kInvalidArgument, cat("invalid ulimit type: ", u.name));
    }
    if (u.hard != -1 && (u.soft > u.hard || u.soft == -1)) {
      return Error(Code::kInvalidArgument,
                   cat("ulimit ", u.name, ": soft limit must be less than or equal to hard limit: ",
                       u.soft, " > ", u.hard));
    }
  }
  return {};
}

}  // namespace

Result<SecurityOptions> read_security_options(const std::vector<std::string>& options) {
  SecurityOptions out;
  for (const std::string& option : options) {
    const size_t equals = option.find('=');
    const size_t at = equals == std::string::npos ? option.find(':') : equals;
    const std::string name = option.substr(0, at);
    const std::string value = at == std::string::npos ? "" : option.substr(at + 1);
    const auto refused = [&](int rule) {
      return Error(Code::kInvalidArgument,
                   cat("invalid --security-opt ", rule, ": ", skiff::quoted(option)));
    };
    if (option == "disable") {
      out.labels.push_back(option);
      continue;
    }
    if (at == std::string::npos && name != "no-new-privileges") return refused(1);
    if (name == "no-new-privileges") {
      const auto wanted = at == std::string::npos ? true : parse_bool(value);
      if (!wanted) return refused(2);
      out.no_new_privileges = *wanted;
    } else if (name == "seccomp") {
      out.seccomp = value == "builtin" ? "" : value;
    } else if (name == "apparmor") {
      out.apparmor_profile = value;
    } else if (name == "label") {
      out.labels.push_back(value);
    } else {
      return refused(2);
    }
  }
  return out;
}

Result<> add_default_labels(HostConfig& host, const LabelOf& label_of) {
  if (!TRY(read_security_options(host.security_opt)).labels.empty()) return {};
  if (host.privileged || host.pid_mode == "host" || host.ipc_mode == "host") {
    host.security_opt.emplace_back("label=disable");
    return {};
  }
  std::optional<std::vector<std::string>> joined;
  for (const std::string* mode : {&host.ipc_mode, &host.pid_mode}) {
    constexpr std::string_view kJoin = "container:";
    if (!mode->starts_with(kJoin)) continue;
    auto labels = TRY(runtime::label_options_of(TRY(label_of(mode->substr(kJoin.size())))));
    if (joined && *joined != labels) {
      return Error(Code::kInvalidArgument,
                   "--ipc and --pid containers SELinux labels aren't the same");
    }
    joined = std::move(labels);
  }
  if (!joined) return {};
  for (const std::string& label : *joined) host.security_opt.push_back(cat("label=", label));
  return {};
}

Result<> check_security(const HostConfig& host, std::vector<std::string>& warnings) {
  TRY(runtime::check_capabilities(host.cap_add, host.cap_drop));
  TRY(check_ulimits(host.ulimits));
  TRY(check_devices(host));
  const SecurityOptions options = TRY(read_security_options(host.security_opt));
  TRY(runtime::check_label_options(options.labels));
  const std::string& profile = options.apparmor_profile;
  if (!profile.empty() && profile != runtime::kUnconfined && !runtime::apparmor_enabled()) {
    warnings.push_back(unenforced(cat("apparmor=", profile), "AppArmor"));
  }
  for (const std::string& label : options.labels) {
    if (label == "disable" || runtime::selinux_enabled()) continue;
    warnings.push_back(unenforced(cat("label=", label), "SELinux"));
  }
  return {};
}

std::string apparmor_profile_of(const HostConfig& host) {
  Result<SecurityOptions> options = read_security_options(host.security_opt);
  return runtime::apparmor_profile_for(options ? options->apparmor_profile : "", host.privileged);
}

}  // namespace skiff::engine
