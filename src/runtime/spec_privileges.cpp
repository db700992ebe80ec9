#include "runtime/spec_privileges.h"

#include <sys/resource.h>

#include <algorithm>

#include "base/strings.h"
#include "runtime/default_capabilities.h"

namespace skiff::runtime {

namespace {

// "NET_ADMIN" and "cap_net_admin" to their bit; all bits for "ALL".
Result<sys::CapabilityMask> parse_capabilities(const std::vector<std::string>& names,
                                               std::string_view option) {
  sys::CapabilityMask mask = 0;
  for (const std::string& given : names) {
    std::string name = to_upper(given);
    if (name == "ALL" || name == "CAP_ALL") {
      mask |= sys::known_capabilities();
      continue;
    }
    if (!name.starts_with("CAP_")) name.insert(0, "CAP_");
    int number = sys::capability_number(name);
    if (number < 0) {
      return Error(Code::kInvalidArgument,
                   cat("invalid ", option, ": unknown capability: ", skiff::quoted(name)));
    }
    mask |= sys::CapabilityMask{1} << static_cast<unsigned>(number);
  }
  return mask;
}

bool names_all(const std::vector<std::string>& names) {
  return std::any_of(names.begin(), names.end(), [](const std::string& name) {
    return equals_ignore_case(name, "ALL") || equals_ignore_case(name, "CAP_ALL");
  });
}

// Of a login, whatever the daemon gave itself: programs that close every descriptor up to
// their limit, or make a table of that size, suffer from a high one.
json::Value default_nofile() {
  constexpr rlim_t kSoft = 1024;
  rlimit own{kSoft, kSoft};
  ::getrlimit(RLIMIT_NOFILE, &own);
  return json::object({{"type", "RLIMIT_NOFILE"},
                       {"soft", static_cast<int64_t>(std::min(kSoft, own.rlim_max))},
                       {"hard", static_cast<int64_t>(own.rlim_max)}});
}

}  // namespace

Result<sys::CapabilityMask> wanted_capabilities(const ContainerSpec& spec) {
  sys::CapabilityMask add = TRY(parse_capabilities(spec.cap_add, "CapAdd"));
  sys::CapabilityMask drop = TRY(parse_capabilities(spec.cap_drop, "CapDrop"));
  if (spec.privileged) return sys::known_capabilities();
  if (names_all(spec.cap_add)) return sys::known_capabilities() & ~drop;
  if (names_all(spec.cap_drop)) return add;
  return (default_capabilities() & ~drop) | add;
}

json::Value capability_sets(sys::CapabilityMask mask, uint32_t uid) {
  json::Value names = sys::names_of(mask);
  json::Value sets = json::object({{"bounding", names}});
  // Others than root have none after execve anyway; the inheritable set stays empty
  // (CVE-2022-24769).
  if (uid == 0) {
    sets.set("effective", names);
    sets.set("permitted", names);
  }
  return sets;
}

Result<json::Value> make_rlimits(const ContainerSpec& spec) {
  json::Array limits;
  bool names_nofile = false;
  for (const Ulimit& limit : spec.ulimits) {
    names_nofile = names_nofile || limit.name == "nofile";
    if (!is_ulimit(limit.name)) {
      return Error(Code::kInvalidArgument, cat("invalid ulimit type: ", limit.name));
    }
    limits.push_back(json::object({{"type", cat("RLIMIT_", to_upper(limit.name))},
                                   {"soft", limit.soft},
                                   {"hard", limit.hard}}));
  }
  if (!names_nofile) limits.push_back(default_nofile());
  return limits;
}

Result<> check_capabilities(const std::vector<std::string>& add,
                            const std::vector<std::string>& drop) {
  TRY(parse_capabilities(add, "CapAdd"));
  TRY(parse_capabilities(drop, "CapDrop"));
  return {};
}

bool is_ulimit(std::string_view name) {
  static constexpr std::string_view kNames[] = {
      "as",   "core",   "cpu",   "data", "fsize",  "locks",  "memlock",    "msgqueue",
      "nice", "nofile", "nproc", "rss",  "rtprio", "rttime", "sigpending", "stack"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

}  // namespace skiff::runtime
