#include "runtime/default_apparmor.h"

#include "base/file.h"
#include "base/log.h"
#include "base/strings.h"
#include "runtime/security_labels.h"
#include "sys/process.h"

namespace skiff::runtime {

namespace {

constexpr const char* kLoaded = "/sys/kernel/security/apparmor/profiles";
constexpr size_t kLoadedLimit = size_t{4} << 20U;
constexpr std::string_view kProcessDigits = "1-9";

void deny(std::string& text, std::string_view pattern, std::string_view access) {
  text += cat("  deny ", pattern, " ", access, ",\n");
}

void deny_all(std::string& text, const std::vector<std::string>& patterns,
              std::string_view access) {
  for (const std::string& pattern : patterns) deny(text, pattern, access);
}

void deny_proc(std::string& text) {
  deny(text, "/proc/*", "w");
  // A directory there is a process's, with a number for a name, or one of the kernel's.
  deny(text, cat("/proc/[^", kProcessDigits, "s]*/**"), "w");
  for (const char* other :
       {"/proc/s", "/proc/s[^y]*", "/proc/sy", "/proc/sy[^s]*", "/proc/sys?*"}) {
    deny(text, cat(other, "/**"), "w");
  }
  deny_all(text, all_but("/proc/sys/", "kernel/"), "w");
  deny_all(text, all_but("/proc/sys/kernel/", "shm"), "w");
  for (const char* closed : {"sysrq-trigger", "kcore", "kmem", "mem"}) {
    deny(text, cat("/proc/", closed), "rwklx");
  }
}

void deny_sys(std::string& text) {
  deny_all(text, all_but("/sys/", "fs/cgroup/"), "wklx");
  for (const char* closed : {"firmware", "devices/virtual/powercap", "kernel/security"}) {
    deny(text, cat("/sys/", closed, "/**"), "rwklx");
  }
}

bool is_loaded(std::string_view profile) {
  Result<std::string> loaded = read_file(kLoaded, kLoadedLimit);
  if (!loaded) return false;
  // "docker-default (enforce)"
  for (const std::string& line : split(*loaded, '\n')) {
    if (line.starts_with(cat(profile, " ("))) return true;
  }
  return false;
}

Result<> load() {
  sys::Captured done = TRY(sys::run_captured(
      {.args = {"apparmor_parser", "--skip-cache", "--replace"}}, default_apparmor_text()));
  if (done.code == 0) return {};
  return Error(Code::kInternal, cat("apparmor_parser: ", trim(done.err)));
}

}  // namespace

std::vector<std::string> all_but(const std::string& directory, std::string_view kept) {
  std::vector<std::string> patterns;
  for (size_t i = 0; i < kept.size(); ++i) {
    const std::string_view same = kept.substr(0, i);
    // A name that ends where the kept one goes on, and one that goes on differently.
    const bool in_name = i > 0 && same.back() != '/';
    if (in_name) patterns.push_back(cat(directory, same));
    if (kept[i] == '/') {
      patterns.push_back(cat(directory, same, "[^/]**"));
      continue;
    }
    patterns.push_back(cat(directory, same, "[^/", kept.substr(i, 1), "]**"));
    if (in_name) patterns.push_back(cat(directory, same, "/**"));
  }
  return patterns;
}

std::string default_apparmor_text() {
  std::string text = cat("profile ", kDefaultApparmorProfile,
                         " flags=(attach_disconnected,mediate_deleted) {\n"
                         "  capability,\n  file,\n  network,\n  umount,\n"
                         "  signal (receive) peer=unconfined,\n"
                         "  signal (send, receive) peer=",
                         kDefaultApparmorProfile,
                         ",\n"
                         "  ptrace (trace, read, tracedby, readby) peer=",
                         kDefaultApparmorProfile,
                         ",\n"
                         "  deny mount,\n");
  deny_proc(text);
  deny_sys(text);
  return text + "}\n";
}

std::string apparmor_profile_for(const std::string& wanted, bool privileged) {
  if (!apparmor_enabled()) return "";
  if (!wanted.empty()) return wanted;
  if (privileged) return std::string(kUnconfined);
  return is_loaded(kDefaultApparmorProfile) ? std::string(kDefaultApparmorProfile) : "";
}

std::string ready_apparmor_profile_for(const std::string& wanted, bool privileged) {
  if (!apparmor_enabled()) return "";
  const bool is_default = wanted == kDefaultApparmorProfile || (wanted.empty() && !privileged);
  if (is_default && !is_loaded(kDefaultApparmorProfile)) {
    Result<> loaded = load();
    if (!loaded) {
      log_warn(cat("containers run without the AppArmor profile ", kDefaultApparmorProfile, ": ",
                   loaded.error().message()));
    }
  }
  return apparmor_profile_for(wanted, privileged);
}

}  // namespace skiff::runtime
