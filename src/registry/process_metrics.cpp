#include "registry/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/strings.h"

namespace skiff::registry {

namespace {

std::vector<std::string> words_of(const char* file) {
  std::ifstream in(file);
  std::vector<std::string> out;
  for (std::string word; in >> word;) out.push_back(std::move(word));
  return out;
}

void write_memory(MetricsText& out) {
  const std::vector<std::string> pages = words_of("/proc/self/statm");
  if (pages.size() < 2) return;
  const auto bytes = [&](size_t i) {
    return parse_uint(pages[i]).value_or(0) * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  };
  out.single("process_virtual_memory_bytes", "gauge", "Virtual memory size.", bytes(0));
  out.single("process_resident_memory_bytes", "gauge", "Resident memory size.", bytes(1));
}

void write_descriptors(MetricsText& out) {
  std::error_code error;
  uint64_t open = 0;
  for (std::filesystem::directory_iterator each("/proc/self/fd", error), end; !error && each != end;
       each.increment(error)) {
    ++open;
  }
  if (!error) out.single("process_open_fds", "gauge", "Open file descriptors.", open);
  rlimit limit = {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  out.single("process_max_fds", "gauge", "Most file descriptors that may be open.",
             static_cast<uint64_t>(limit.rlim_cur));
}

void write_time(MetricsText& out) {
  rusage usage = {};
  if (::getrusage(RUSAGE_SELF, &usage) == 0) {
    const auto seconds = [](const timeval& t) {
      return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    out.single("process_cpu_seconds_total", "counter", "User and system CPU time.",
               seconds(usage.ru_utime) + seconds(usage.ru_stime));
  }
  // proc(5): "btime" of /proc/stat, and field 22 of our own, in ticks behind it. The program's name
  // is the second, and has no blank.
  const std::vector<std::string> system = words_of("/proc/stat");
  const std::vector<std::string> own = words_of("/proc/self/stat");
  const auto boot = std::ranges::find(system, "btime");
  if (boot == system.end() || boot + 1 == system.end() || own.size() < 22) return;
  const double start = static_cast<double>(parse_uint(own[21]).value_or(0)) /
                       static_cast<double>(::sysconf(_SC_CLK_TCK));
  out.single("process_start_time_seconds", "gauge", "When the process began, since 1970.",
             start + static_cast<double>(parse_uint(*(boot + 1)).value_or(0)));
}

}  // namespace

void write_process_metrics(MetricsText& out) {
  write_memory(out);
  write_descriptors(out);
  write_time(out);
  out.family("skiff_build_info", "gauge", "The version of Skiff; always 1.");
  out.sample({{"version", SKIFF_VERSION}}, uint64_t{1});
}

}  // namespace skiff::registry
