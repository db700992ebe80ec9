// The "process" object of config.json (config.md, Process).
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/strings.h"
#include "runtime/oci_config.h"
#include "runtime/oci_parts.h"

namespace skiff::runtime {

namespace {

constexpr int kMostCells = 0xffff;  // of a terminal's line or column, as the kernel has them

struct NamedLimit {
  std::string_view name;
  int resource;
};
constexpr NamedLimit kRlimits[] = {{"RLIMIT_AS", RLIMIT_AS},
                                   {"RLIMIT_CORE", RLIMIT_CORE},
                                   {"RLIMIT_CPU", RLIMIT_CPU},
                                   {"RLIMIT_DATA", RLIMIT_DATA},
                                   {"RLIMIT_FSIZE", RLIMIT_FSIZE},
                                   {"RLIMIT_LOCKS", RLIMIT_LOCKS},
                                   {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
                                   {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
                                   {"RLIMIT_NICE", RLIMIT_NICE},
                                   {"RLIMIT_NOFILE", RLIMIT_NOFILE},
                                   {"RLIMIT_NPROC", RLIMIT_NPROC},
                                   {"RLIMIT_RSS", RLIMIT_RSS},
                                   {"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
                                   {"RLIMIT_RTTIME", RLIMIT_RTTIME},
                                   {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
                                   {"RLIMIT_STACK", RLIMIT_STACK}};

// 2^64-1 ("infinity") and -1 are the same bits.
Result<uint64_t> limit_of(const json::Value& entry, const char* key) {
  constexpr double kBeyondInt = 9223372036854775808.0;
  const json::Value* number = entry.find(key);
  if (number == nullptr || !number->is_number() || number->is_int()) {
    return static_cast<uint64_t>(entry.integer(key));
  }
  if (number->as_double() >= kBeyondInt) return static_cast<uint64_t>(RLIM_INFINITY);
  return invalid(cat(key, " ", number->dump(), " is not a whole number of 64 bits"));
}

Result<std::vector<OciRlimit>> parse_rlimits(const json::Value& process) {
  std::vector<OciRlimit> limits;
  for (const json::Value& entry : process.array("rlimits")) {
    std::string name = entry.string("type");
    const NamedLimit* known =
        std::find_if(std::begin(kRlimits), std::end(kRlimits),
                     [&](const NamedLimit& limit) { return limit.name == name; });
    if (known == std::end(kRlimits)) return invalid(cat("process.rlimits: unknown type ", name));
    for (const OciRlimit& other : limits) {
      if (other.name == name) return invalid(cat("process.rlimits: ", name, " is there twice"));
    }
    const OciRlimit limit{known->resource, name,
                          TRY_CONTEXT(limit_of(entry, "soft"), cat("process.rlimits: ", name)),
                          TRY_CONTEXT(limit_of(entry, "hard"), cat("process.rlimits: ", name))};
    if (limit.soft > limit.hard) {
      return invalid(
          cat("process.rlimits: ", name, ": soft ", limit.soft, " is above hard ", limit.hard));
    }
    limits.push_back(limit);
  }
  return limits;
}

// Names this kernel does not have are left out, as runc does: nobody can have them.
sys::CapabilityMask parse_mask(const json::Value& capabilities, const char* set,
                               std::set<std::string>& unknown) {
  sys::CapabilityMask mask = 0;
  for (const std::string& name : capabilities.strings(set)) {
    const int number = sys::capability_number(name);
    const sys::CapabilityMask one =
        number >= 0 ? sys::CapabilityMask{1} << static_cast<unsigned>(number) : 0;
    if ((one & sys::known_capabilities()) == 0) unknown.insert(name);
    mask |= one & sys::known_capabilities();
  }
  return mask;
}

void parse_capabilities(const json::Value& process, OciProcess& out) {
  const json::Value* object = process.find("capabilities");
  if (object == nullptr) return;
  auto mask = [&](const char* set) { return parse_mask(*object, set, out.unknown_capabilities); };
  out.capabilities = {.bounding = mask("bounding"),
                      .effective = mask("effective"),
                      .inheritable = mask("inheritable"),
                      .permitted = mask("permitted"),
                      .ambient = mask("ambient")};
}

Result<> parse_user(const json::Value& process, OciProcess& out) {
  const json::Value* user = process.find("user");
  if (user == nullptr) return {};
  out.uid = TRY_CONTEXT(uint32_of(*user, "uid"), "process.user");
  out.gid = TRY_CONTEXT(uint32_of(*user, "gid"), "process.user");
  if (gives(*user, "umask")) out.umask = static_cast<mode_t>(user->integer("umask")) & 0777U;
  for (const json::Value& gid : user->array("additionalGids")) {
    if (!gid.is_int() || gid.as_int() < 0 || gid.as_int() > kMaxUint32) {
      return invalid("process.user.additionalGids holds no group id");
    }
    out.additional_gids.push_back(static_cast<gid_t>(gid.as_int()));
  }
  return {};
}

}  // namespace

Result<OciProcess> parse_process(const json::Value& process) {
  if (!process.is_object()) return invalid("process is not an object");
  OciProcess out;
  out.terminal = process.boolean("terminal");
  if (const json::Value* size = process.find("consoleSize")) {
    out.console_height = TRY_CONTEXT(int_of(*size, "height", 0, kMostCells), "process.consoleSize");
    out.console_width = TRY_CONTEXT(int_of(*size, "width", 0, kMostCells), "process.consoleSize");
  }
  TRY(parse_user(process, out));
  out.args = process.strings("args");
  if (out.args.empty() || out.args[0].empty()) return invalid("process.args must not be empty");
  out.env = process.strings("env");
  for (const std::string& variable : out.env) {
    if (variable.find('\0') != std::string::npos || variable.find('=') == std::string::npos) {
      return invalid(cat("process.env: ", quoted(variable), " is not NAME=value"));
    }
  }
  out.cwd = process.string("cwd");
  if (!out.cwd.starts_with('/')) {
    return invalid(cat("process.cwd ", quoted(out.cwd), " is not an absolute path"));
  }
  parse_capabilities(process, out);
  out.rlimits = TRY(parse_rlimits(process));
  out.scheduler = TRY(parse_scheduler(process));
  out.io_priority = TRY(parse_io_priority(process));
  out.exec_cpu_affinity = TRY(parse_cpu_affinity(process));
  out.apparmor_profile = process.string("apparmorProfile");
  out.selinux_label = process.string("selinuxLabel");
  out.no_new_privileges = process.boolean("noNewPrivileges");
  if (gives(process, "oomScoreAdj")) {
    out.oom_score_adj = TRY_CONTEXT(int_of(process, "oomScoreAdj", -1000, 1000), "process");
  }
  return out;
}

}  // namespace skiff::runtime
