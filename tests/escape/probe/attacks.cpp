#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <set>
#include <utility>

#include "probe.h"

namespace probe {

namespace {

using Identity = std::pair<dev_t, ino_t>;

// Each program of this size that a process runs, by an O_PATH descriptor that holds it.
class Programs {
 public:
  explicit Programs(off_t size) : size_(size) {}

  void look() {
    DIR* proc = ::opendir("/proc");
    if (proc == nullptr) return;
    while (const dirent* entry = ::readdir(proc)) {
      const char* name = static_cast<const char*>(entry->d_name);
      if (std::isdigit(static_cast<unsigned char>(name[0])) != 0) add(name);
    }
    ::closedir(proc);
  }

  void write_to_all() {
    for (const auto& [identity, fd] : held_) {
      std::string path = "/proc/self/fd/" + std::to_string(fd);
      int opened = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
      std::string result = opened >= 0 ? "OPENED" : error_name(errno);
      struct statvfs info{};
      bool readonly = ::fstatvfs(fd, &info) == 0 && (info.f_flag & ST_RDONLY) != 0;
      results_.insert(result + (readonly ? ", mount read-only" : ", mount writable"));
      if (opened >= 0) ::close(opened);
    }
  }

  void print() const {
    std::printf("programs %zu\n", held_.size());
    for (const std::string& result : results_) std::printf("write %s\n", result.c_str());
  }

 private:
  void add(const char* pid) {
    std::string path = std::string("/proc/") + pid + "/exe";
    int fd = ::open(path.c_str(), O_PATH | O_CLOEXEC);
    if (fd < 0) return;
    struct stat st{};
    bool wanted = ::fstat(fd, &st) == 0 && st.st_size == size_;
    if (!wanted || !held_.emplace(Identity{st.st_dev, st.st_ino}, fd).second) ::close(fd);
  }

  off_t size_;
  std::map<Identity, int> held_;
  std::set<std::string> results_;
};

bool input_ended() {
  pollfd polled{STDIN_FILENO, POLLIN, 0};
  char byte = 0;
  return ::poll(&polled, 1, 0) > 0 && ::read(STDIN_FILENO, &byte, 1) <= 0;
}

std::string mount_cgroup() {
  ::mkdir("/tmp/cgroup", 0755);
  int done = ::mount("cgroup", "/tmp/cgroup", "cgroup", 0, "memory");
  return done == 0 ? "DONE" : "mount " + error_name(errno);
}

std::string mount_in_user_namespace() {
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWCGROUP) != 0) {
    return "unshare " + error_name(errno);
  }
  return mount_cgroup();
}

}  // namespace

int overwrite(Arguments arguments) {
  if (arguments.size() != 1) return 2;
  Programs programs(std::atoll(arguments[0]));
  std::printf("ready\n");
  std::fflush(stdout);
  while (!input_ended()) {
    programs.look();
    programs.write_to_all();
  }
  programs.write_to_all();
  programs.print();
  return 0;
}

int swap(Arguments arguments) {
  if (arguments.size() != 2) return 2;
  std::printf("ready\n");
  std::fflush(stdout);
  for (;;) {
    if (::syscall(SYS_renameat2, AT_FDCWD, arguments[0], AT_FDCWD, arguments[1], 2) != 0 &&
        errno != ENOENT) {
      std::perror("swap");
      return 1;
    }
  }
}

int cgroup_mounts(Arguments) {
  std::printf("mount as root: %s\n", in_child(mount_cgroup).c_str());
  std::printf("mount in a user namespace: %s\n", in_child(mount_in_user_namespace).c_str());
  return 0;
}

std::string error_name(int error) {
  const char* name = ::strerrorname_np(error);
  return name == nullptr ? std::to_string(error) : name;
}

std::string in_child(std::string (*action)()) {
  int ends[2];
  if (::pipe(static_cast<int*>(ends)) != 0) return "no pipe";
  pid_t child = ::fork();
  if (child == 0) {
    std::string text = action();
    [[maybe_unused]] ssize_t n = ::write(ends[1], text.data(), text.size());
    ::_exit(0);
  }
  ::close(ends[1]);
  std::string told(256, '\0');
  ssize_t n = ::read(ends[0], told.data(), told.size());
  told.resize(n > 0 ? static_cast<size_t>(n) : 0);
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  return told;
}

}  // namespace probe
