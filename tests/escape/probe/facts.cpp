#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "probe.h"

namespace probe {

namespace {

void fact(const std::string& key, const std::string& value) {
  std::printf("%s\t%s\n", key.c_str(), value.c_str());
}

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  DIR* opened = ::opendir(directory.c_str());
  if (opened == nullptr) return names;
  while (const dirent* entry = ::readdir(opened)) {
    std::string name(static_cast<const char*>(entry->d_name));
    if (name != "." && name != "..") names.push_back(std::move(name));
  }
  ::closedir(opened);
  std::sort(names.begin(), names.end());
  return names;
}

std::string link_at(const std::string& path) {
  std::string target(4096, '\0');
  ssize_t n = ::readlink(path.c_str(), target.data(), target.size());
  target.resize(n > 0 ? static_cast<size_t>(n) : 0);
  return target;
}

bool is_null_device(const struct stat& st) {
  return S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
}

void print_privileges() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    for (const char* wanted : {"Cap", "NoNewPrivs", "Seccomp:", "Groups", "Uid", "Gid"}) {
      if (!line.starts_with(wanted)) continue;
      size_t colon = line.find(':');
      size_t value = line.find_first_not_of("\t ", colon + 1);
      fact("status " + line.substr(0, colon), value == std::string::npos ? "" : line.substr(value));
    }
  }
}

// Absent, empty (a mask), or readable.
std::string how_readable(const std::string& path) {
  struct stat st{};
  if (::lstat(path.c_str(), &st) != 0) return "absent";
  if (S_ISDIR(st.st_mode)) return names_in(path).empty() ? "empty" : "readable";
  if (is_null_device(st)) return "empty";
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return error_name(errno);
  ::close(fd);
  return "readable";
}

void print_masks() {
  for (const char* path :
       {"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys",
        "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi", "/proc/timer_list",
        "/proc/timer_stats", "/proc/kallsyms", "/proc/kmsg", "/sys/firmware",
        "/sys/devices/virtual/powercap", "/sys/kernel/debug", "/sys/kernel/security",
        "/sys/devices/system/cpu/cpu0/thermal_throttle"}) {
    fact(std::string("mask ") + path, how_readable(path));
  }
}

// Below `directory`, without processes: what access(2) calls writable for us.
void print_writable(const std::string& directory, int depth) {
  for (const std::string& name : names_in(directory)) {
    bool process =
        directory == "/proc" && (std::isdigit(static_cast<unsigned char>(name[0])) != 0 ||
                                 name == "self" || name == "thread-self");
    std::string path = directory + "/" + name;
    struct stat st{};
    if (process || ::lstat(path.c_str(), &st) != 0 || S_ISLNK(st.st_mode)) continue;
    if (S_ISDIR(st.st_mode)) {
      if (depth > 0) print_writable(path, depth - 1);
      continue;
    }
    bool written = (st.st_mode & 0222U) != 0 && !is_null_device(st);
    if (written && ::access(path.c_str(), W_OK) == 0) fact("writable " + path, "yes");
  }
}

void print_descriptors() {
  for (const std::string& name : names_in("/proc/self/fd")) {
    std::string target = link_at("/proc/self/fd/" + name);
    if (std::stoi(name) > 2 && !target.empty() && !target.starts_with("/proc/")) {
      fact("descriptor " + name, target);
    }
  }
}

void print_limits() {
  constexpr const char* kNames[] = {"cpu",      "fsize",  "data",    "stack", "core",  "rss",
                                    "nproc",    "nofile", "memlock", "as",    "locks", "sigpending",
                                    "msgqueue", "nice",   "rtprio",  "rttime"};
  for (int resource = 0; resource < RLIM_NLIMITS; ++resource) {
    rlimit limit{};
    ::getrlimit(static_cast<__rlimit_resource_t>(resource), &limit);
    auto text = [](rlim_t value) {
      return value == RLIM_INFINITY ? "unlimited" : std::to_string(value);
    };
    fact(std::string("limit ") + kNames[resource],
         text(limit.rlim_cur) + " " + text(limit.rlim_max));
  }
}

std::string open_made_device(mode_t type, unsigned major, unsigned minor) {
  ::unlink("/tmp/made");
  if (::mknod("/tmp/made", type | 0600U, makedev(major, minor)) != 0) return error_name(errno);
  int fd = ::open("/tmp/made", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  std::string result = fd < 0 ? error_name(errno) : "OPENED";
  if (fd >= 0) ::close(fd);
  ::unlink("/tmp/made");
  return result;
}

void print_devices() {
  for (const std::string& name : names_in("/dev")) {
    struct stat st{};
    std::string path = "/dev/" + name;
    if (::lstat(path.c_str(), &st) != 0 || !(S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))) continue;
    std::ostringstream text;
    text << (S_ISCHR(st.st_mode) ? 'c' : 'b') << major(st.st_rdev) << ":" << minor(st.st_rdev)
         << " " << std::oct << (st.st_mode & 07777U);
    fact("device " + path, text.str());
  }
  fact("made device disk 8:0", open_made_device(S_IFBLK, 8, 0));
  fact("made device memory 1:1", open_made_device(S_IFCHR, 1, 1));
  fact("made device kernel log 1:11", open_made_device(S_IFCHR, 1, 11));
  fact("made device fuse 10:229", open_made_device(S_IFCHR, 10, 229));
}

void print_mounts() {
  std::ifstream table("/proc/self/mountinfo");
  for (std::string line; std::getline(table, line);) {
    std::istringstream fields(line);
    std::string skipped, target, options, word, type;
    for (int i = 0; i < 4; ++i) fields >> skipped;
    fields >> target >> options;
    while (fields >> word && word != "-") {
      bool propagates = word.starts_with("shared:") || word.starts_with("master:");
      if (propagates) options += "," + word.substr(0, 6);
    }
    fields >> type;
    fact("mount " + target, type + " " + options);
  }
}

void print_namespaces() {
  for (const std::string& name : names_in("/proc/self/ns")) {
    fact("namespace " + name, link_at("/proc/self/ns/" + name));
  }
}

void print_abstract_sockets() {
  std::ifstream table("/proc/net/unix");
  for (std::string line; std::getline(table, line);) {
    size_t at = line.find(" @");
    if (at != std::string::npos) fact("abstract socket", line.substr(at + 1));
  }
}

std::string told(long result) { return result < 0 ? error_name(errno) : "DONE"; }

// Calls whose arguments decide.
void print_attempts() {
  struct Attempt {
    const char* what;
    std::string (*run)();
  };
  const Attempt attempts[] = {
      {"unshare a user namespace", [] { return told(::unshare(CLONE_NEWUSER)); }},
      {"unshare a mount namespace", [] { return told(::unshare(CLONE_NEWNS)); }},
      {"clone into a user namespace",
       [] {
         long made =
             ::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
         if (made == 0) ::_exit(0);
         return told(made);
       }},
      {"clone3", [] { return told(::syscall(SYS_clone3, nullptr, 0)); }},
      {"mount a tmpfs", [] { return told(::mount("t", "/tmp", "tmpfs", 0, nullptr)); }},
      {"remount / writable",
       [] { return told(::mount("", "/", nullptr, MS_REMOUNT | MS_BIND, nullptr)); }},
      {"personality ADDR_NO_RANDOMIZE", [] { return told(::personality(ADDR_NO_RANDOMIZE)); }},
      {"socket AF_VSOCK", [] { return told(::socket(AF_VSOCK, SOCK_STREAM, 0)); }},
      {"socket AF_ALG", [] { return told(::socket(AF_ALG, SOCK_SEQPACKET, 0)); }},
      {"socket AF_PACKET", [] { return told(::socket(AF_PACKET, SOCK_RAW, 0)); }},
      {"raise an ambient capability",
       [] { return told(::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN, 0, 0)); }},
      {"set the host name", [] { return told(::sethostname("x", 1)); }},
      {"chroot", [] { return told(::chroot("/tmp")); }},
  };
  for (const Attempt& attempt : attempts) {
    fact(std::string("attempt ") + attempt.what, in_child(attempt.run));
  }
}

}  // namespace

int facts(Arguments) {
  print_privileges();
  print_attempts();
  print_masks();
  print_writable("/proc", 8);
  print_writable("/sys", 4);
  print_descriptors();
  print_limits();
  print_devices();
  print_mounts();
  print_namespaces();
  print_abstract_sockets();
  std::fflush(stdout);  // before children that would print it again
  print_system_calls();
  return 0;
}

}  // namespace probe
