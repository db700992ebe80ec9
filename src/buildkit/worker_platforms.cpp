#include "buildkit/worker_platforms.h"

#include <algorithm>

#include "sys/binfmt.h"

namespace skiff::buildkit {

namespace {

// Of AMD's architecture the levels that this processor has beyond the first.
std::vector<const char*> levels_of_host() {
  std::vector<const char*> out;
#ifdef __x86_64__
  if (__builtin_cpu_supports("x86-64-v2")) out.push_back("v2");
  if (__builtin_cpu_supports("x86-64-v3")) out.push_back("v3");
  if (__builtin_cpu_supports("x86-64-v4")) out.push_back("v4");
#endif
  return out;
}

// In the order in which BuildKit tells them.
constexpr std::pair<const char*, const char*> kKnown[] = {
    {"amd64", ""}, {"arm64", ""},    {"riscv64", ""}, {"ppc64le", ""}, {"s390x", ""},
    {"386", ""},   {"mips64le", ""}, {"loong64", ""}, {"arm", "v7"},   {"arm", "v6"},
};

}  // namespace

std::vector<oci::Platform> worker_platforms(sys::EmulationScope emulation) {
  std::vector<oci::Platform> out{oci::Platform::host()};
  const auto add = [&](const char* architecture, const char* variant) {
    oci::Platform one{.os = "linux", .architecture = architecture, .variant = variant};
    if (std::ranges::find(out, one) == out.end()) out.push_back(std::move(one));
  };
  for (const char* level : levels_of_host()) add("amd64", level);
  for (const auto& [architecture, variant] : kKnown) {
    if (sys::can_run(architecture, emulation)) add(architecture, variant);
  }
  return out;
}

}  // namespace skiff::buildkit
