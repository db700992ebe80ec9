#include "runtime/seccomp_profile.h"

#include <sys/utsname.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/strings.h"

namespace skiff::runtime {

namespace {

constexpr std::string_view kDefaultProfile =
#include "runtime/default_seccomp.inc"
    ;

#if defined(__x86_64__)
constexpr std::string_view kArchitecture = "SCMP_ARCH_X86_64";
constexpr std::string_view kGoArchitecture = "amd64";
#elif defined(__aarch64__)
constexpr std::string_view kArchitecture = "SCMP_ARCH_AARCH64";
constexpr std::string_view kGoArchitecture = "arm64";
#elif defined(__riscv)
constexpr std::string_view kArchitecture = "SCMP_ARCH_RISCV64";
constexpr std::string_view kGoArchitecture = "riscv64";
#elif defined(__s390x__)
constexpr std::string_view kArchitecture = "SCMP_ARCH_S390X";
constexpr std::string_view kGoArchitecture = "s390x";
#elif defined(__powerpc64__)
constexpr std::string_view kArchitecture = "SCMP_ARCH_PPC64LE";
constexpr std::string_view kGoArchitecture = "ppc64le";
#else
#error "an architecture without a name for seccomp profiles"
#endif

struct KernelVersion {
  uint64_t major = 0;
  uint64_t minor = 0;
};

// "6.1.0-13-amd64" and "4.8" alike.
KernelVersion parse_version(std::string_view text) {
  std::vector<std::string> parts = split(text, '.');
  auto number = [](std::string_view part) {
    return parse_uint(part.substr(0, part.find_first_not_of("0123456789"))).value_or(0);
  };
  return {number(parts[0]), parts.size() > 1 ? number(parts[1]) : 0};
}

struct Circumstances {
  sys::CapabilityMask capabilities = 0;
  KernelVersion kernel;
};

bool kernel_is_at_least(const KernelVersion& have, std::string_view wanted) {
  KernelVersion want = parse_version(wanted);
  return have.major > want.major || (have.major == want.major && have.minor >= want.minor);
}

bool has_capability(const Circumstances& now, const std::string& name) {
  int number = sys::capability_number(name);
  return number >= 0 && ((now.capabilities >> static_cast<unsigned>(number)) & 1U) != 0;
}

bool names_our_architecture(const json::Value& filter) {
  std::vector<std::string> arches = filter.strings("arches");
  return std::find(arches.begin(), arches.end(), kGoArchitecture) != arches.end();
}

// "includes": all of what it names must be true.
bool included(const json::Value& filter, const Circumstances& now) {
  if (!filter.array("arches").empty() && !names_our_architecture(filter)) return false;
  for (const std::string& name : filter.strings("caps")) {
    if (!has_capability(now, name)) return false;
  }
  std::string kernel = filter.string("minKernel");
  return kernel.empty() || kernel_is_at_least(now.kernel, kernel);
}

// "excludes": one of what it names is enough.
bool excluded(const json::Value& filter, const Circumstances& now) {
  if (names_our_architecture(filter)) return true;
  for (const std::string& name : filter.strings("caps")) {
    if (has_capability(now, name)) return true;
  }
  std::string kernel = filter.string("minKernel");
  return !kernel.empty() && kernel_is_at_least(now.kernel, kernel);
}

// Null is the same as not there.
Result<> copy_number(const json::Value& from, const char* key, json::Value& to) {
  const json::Value* number = from.find(key);
  if (number == nullptr || number->is_null()) return {};
  if (!number->is_int()) {
    return Error(Code::kInvalidArgument,
                 cat("seccomp profile: ", key, " is no whole number: ", number->dump()));
  }
  to.set(key, *number);
  return {};
}

Result<json::Value> convert_rule(const json::Value& rule) {
  json::Value out = json::object();
  std::vector<std::string> names = rule.strings("names");
  std::string name = rule.string("name");
  if (!name.empty() && !names.empty()) {
    return Error(Code::kInvalidArgument,
                 "both 'name' and 'names' are specified in the seccomp profile");
  }
  if (!name.empty()) names.push_back(name);
  out.set("names", names);
  out.set("action", TRY_CONTEXT(rule.require_string("action"), "seccomp profile"));
  TRY_CONTEXT(copy_number(rule, "errnoRet", out), join(names, ","));
  if (!rule.array("args").empty()) out.set("args", rule.array("args"));
  return out;
}

json::Array architectures_of(const json::Value& profile) {
  json::Array found;
  for (const json::Value& entry : profile.array("archMap")) {
    if (entry.string("architecture") != kArchitecture) continue;
    found.emplace_back(kArchitecture);
    for (const std::string& sub : entry.strings("subArchitectures")) found.emplace_back(sub);
  }
  return found.empty() ? profile.array("architectures") : found;
}

Result<json::Value> resolve_profile(std::string_view text, sys::CapabilityMask capabilities) {
  json::Value profile = TRY_CONTEXT(json::parse(text), "decoding seccomp profile failed");
  utsname system{};
  ::uname(&system);
  Circumstances now{capabilities, parse_version(system.release)};
  json::Value out = json::object();
  out.set("defaultAction", TRY_CONTEXT(profile.require_string("defaultAction"), "seccomp profile"));
  TRY(copy_number(profile, "defaultErrnoRet", out));
  if (json::Array arches = architectures_of(profile); !arches.empty()) {
    out.set("architectures", std::move(arches));
  }
  if (!profile.array("flags").empty()) out.set("flags", profile.array("flags"));
  json::Array rules;
  for (const json::Value& rule : profile.array("syscalls")) {
    const json::Value* includes = rule.find("includes");
    const json::Value* excludes = rule.find("excludes");
    if (includes != nullptr && !included(*includes, now)) continue;
    if (excludes != nullptr && excluded(*excludes, now)) continue;
    rules.push_back(TRY(convert_rule(rule)));
  }
  out.set("syscalls", std::move(rules));
  return out;
}

// Nearly every container has the same one; to read the profile anew is a fifth of a millisecond.
Result<json::Value> default_profile_for(sys::CapabilityMask capabilities) {
  constexpr size_t kMostKept = 16;
  static std::mutex mutex;
  static std::map<sys::CapabilityMask, json::Value> kept;
  std::lock_guard lock(mutex);
  if (auto found = kept.find(capabilities); found != kept.end()) return found->second;
  json::Value made = TRY(resolve_profile(kDefaultProfile, capabilities));
  if (kept.size() == kMostKept) kept.clear();
  return kept.emplace(capabilities, std::move(made)).first->second;
}

}  // namespace

Result<json::Value> make_oci_seccomp(std::string_view profile, sys::CapabilityMask capabilities) {
  if (profile.empty()) return default_profile_for(capabilities);
  return resolve_profile(profile, capabilities);
}

}  // namespace skiff::runtime
