#include "runtime/default_shields.h"

#include <algorithm>
#include <string>
#include <vector>

namespace skiff::runtime {

namespace {

constexpr const char* kMasked[] = {"/proc/acpi",
                                   "/proc/asound",
                                   "/proc/interrupts",
                                   "/proc/kcore",
                                   "/proc/keys",
                                   "/proc/latency_stats",
                                   "/proc/sched_debug",
                                   "/proc/scsi",
                                   "/proc/timer_list",
                                   "/proc/timer_stats",
                                   "/sys/devices/virtual/powercap",
                                   "/sys/firmware"};
constexpr const char* kReadonly[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                     "/proc/sysrq-trigger"};

// How often a processor ran hot tells what others do with it.
std::vector<std::string> throttles_of(const Path& processors) {
  std::vector<std::string> found;
  std::error_code ec;
  for (const auto& entry : std::filesystem::directory_iterator(processors, ec)) {
    std::string name = entry.path().filename();
    bool processor = name.starts_with("cpu") && name.size() > 3 &&
                     name.find_first_not_of("0123456789", 3) == std::string::npos;
    Path throttle = entry.path() / "thermal_throttle";
    if (processor && std::filesystem::exists(throttle, ec)) found.push_back(throttle.native());
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

json::Array default_masked_paths(const Path& processors) {
  json::Array paths(std::begin(kMasked), std::end(kMasked));
  for (std::string& throttle : throttles_of(processors)) paths.emplace_back(std::move(throttle));
  return paths;
}

json::Array default_readonly_paths() {
  return json::Array(std::begin(kReadonly), std::end(kReadonly));
}

}  // namespace skiff::runtime
