// start_floor LOWER DIRECTORY RUN PROGRAM ROUNDS [own-network]: the kernel's part of a start call,
// and nothing else: the calls that a start of a container with Docker's defaults cannot do without,
// one after the other. LOWER is the image's tree, DIRECTORY a place on the disk, RUN one on a
// tmpfs; PROGRAM, static, is what is executed. With `own-network` each makes a network namespace,
// which else is there before. Prints the least and the median of the milliseconds that each share
// takes, and of those of CPU that a whole life takes, with end and removal.
#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "runtime/default_capabilities.h"
#include "runtime/seccomp_cache.h"
#include "runtime/seccomp_profile.h"
#include "sys/cgroup.h"
#include "sys/mounts.h"
#include "sys/namespaces.h"

namespace {

using skiff::UniqueFd;
using skiff::sys::attach_mount;
using skiff::sys::clone_mount;
using skiff::sys::new_filesystem;
using Clock = std::chrono::steady_clock;
constexpr const char* kCgroups = "/sys/fs/cgroup/";

void need(bool done, const char* what) {
  if (done) return;
  std::perror(what);
  std::exit(1);
}

template <typename T>
T need(skiff::Result<T> made) {
  if (made) return std::move(*made);
  std::fprintf(stderr, "start_floor: %s\n", made.error().message().c_str());
  std::exit(1);
}

void need(const skiff::Result<>& done) {
  if (done) return;
  std::fprintf(stderr, "start_floor: %s\n", done.error().message().c_str());
  std::exit(1);
}

void put(const std::string& file, const std::string& text) {
  const UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  need(fd && ::write(fd.get(), text.data(), text.size()) >= 0, file.c_str());
}

struct Round {
  std::string disk, run, cgroup;
  std::vector<std::string> hierarchies;  // version 1; the unified one is apart
  bool unified = false;
};

// The writable layer, the root, the files in /etc and the log.
UniqueFd make_root(const Round& round, const std::string& lower) {
  const std::string& d = round.disk;
  for (const char* part : {"", "/upper", "/work"})
    need(::mkdir((d + part).c_str(), 0755) == 0, "mkdir");
  for (const char* file : {"/hosts", "/hostname", "/resolv.conf", "/log"})
    put(d + file, "one line\n");
  for (const char* part : {"", "/bundle", "/state"})
    need(::mkdir((round.run + part).c_str(), 0755) == 0, "mkdir");
  put(round.run + "/bundle/config.json", std::string(9600, ' '));
  return need(new_filesystem(
      {.type = "overlay",
       .source = "overlay",
       .options = {{"lowerdir", lower}, {"upperdir", d + "/upper"}, {"workdir", d + "/work"}}}));
}

void make_cgroups(const Round& round) {
  for (const std::string& name : round.hierarchies) {
    const std::string directory = kCgroups + name + "/" + round.cgroup;
    need(::mkdir(directory.c_str(), 0755) == 0, directory.c_str());
    if (name == "cpuset") {
      put(directory + "/cpuset.cpus", "0");
      put(directory + "/cpuset.mems", "0");
    }
    if (name != "devices") continue;
    put(directory + "/devices.deny", "a");
    const UniqueFd allow(::open((directory + "/devices.allow").c_str(), O_WRONLY | O_CLOEXEC));
    for (const char* rule :
         {"c *:* m", "b *:* m", "c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm", "c 1:8 rwm", "c 1:9 rwm",
          "c 5:0 rwm", "c 5:1 rwm", "c 5:2 rwm", "c 136:* rwm"}) {
      need(::write(allow.get(), rule, std::char_traits<char>::length(rule)) > 0, rule);
    }
  }
  if (round.unified)
    need(::mkdir((kCgroups + ("unified/" + round.cgroup)).c_str(), 0755) == 0, "mkdir unified");
}

UniqueFd at(int root, const char* path) {
  UniqueFd fd(::openat(root, path, O_PATH | O_CLOEXEC));
  need(static_cast<bool>(fd), path);
  return fd;
}

void mount_at(int root, const char* path, const skiff::sys::FilesystemOptions& what) {
  ::mkdirat(root, path, 0755);
  need(attach_mount(need(new_filesystem(what)).get(), at(root, path).get()));
}

void make_devices(int root) {
  const int numbers[][2] = {{1, 3}, {1, 5}, {1, 7}, {1, 8}, {1, 9}, {5, 0}};
  const char* names[] = {"dev/null",   "dev/zero",    "dev/full",
                         "dev/random", "dev/urandom", "dev/tty"};
  for (int i = 0; i < 6; ++i)
    need(::mknodat(root, names[i], S_IFCHR | 0666, makedev(numbers[i][0], numbers[i][1])) == 0,
         "mknod");
  for (const char* link : {"dev/fd", "dev/stdin", "dev/stdout", "dev/stderr", "dev/ptmx"}) {
    need(::symlinkat("/proc/self/fd", root, link) == 0, "symlink");
  }
}

void shield(int root) {
  for (const char* path : {"proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger"}) {
    const UniqueFd target(::openat(root, path, O_PATH | O_CLOEXEC));
    if (!target) continue;
    const UniqueFd copy = need(clone_mount(target.get(), "", true));
    need(skiff::sys::change_mount(copy.get(), {.set = MOUNT_ATTR_RDONLY, .recursive = true}));
    need(attach_mount(copy.get(), target.get()));
  }
  for (const char* path : {"proc/acpi", "proc/interrupts", "proc/kcore", "proc/keys",
                           "proc/timer_list", "sys/firmware"}) {
    const UniqueFd target(::openat(root, path, O_PATH | O_CLOEXEC));
    if (target && ::faccessat(root, path, F_OK, 0) == 0) {
      struct stat st{};
      need(::fstat(target.get(), &st) == 0, path);
      need(attach_mount(S_ISDIR(st.st_mode)
                            ? need(new_filesystem({.type = "tmpfs", .source = "tmpfs"})).get()
                            : need(clone_mount(AT_FDCWD, "/dev/null", false)).get(),
                        target.get()));
    }
  }
}

void build_tree(const Round& round, int root, const std::vector<UniqueFd>& views) {
  const UniqueFd place(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  need(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "private");
  need(attach_mount(root, place.get()));
  mount_at(root, "proc", {.type = "proc", .source = "proc"});
  mount_at(root, "dev", {.type = "tmpfs", .source = "tmpfs", .options = {{"mode", "755"}}});
  mount_at(root, "dev/pts",
           {.type = "devpts",
            .source = "devpts",
            .options = {{"newinstance", ""}, {"ptmxmode", "0666"}}});
  mount_at(root, "sys", {.type = "sysfs", .source = "sysfs"});
  mount_at(root, "sys/fs/cgroup",
           {.type = "tmpfs", .source = "cgroup", .options = {{"mode", "755"}}});
  for (size_t i = 0; i < views.size(); ++i) {
    const std::string name = "sys/fs/cgroup/" + std::to_string(i);
    need(::mkdirat(root, name.c_str(), 0755) == 0, "mkdir");
    need(attach_mount(views[i].get(), at(root, name.c_str()).get()));
  }
  mount_at(root, "dev/mqueue", {.type = "mqueue", .source = "mqueue"});
  mount_at(root, "dev/shm", {.type = "tmpfs", .source = "shm", .options = {{"size", "65536k"}}});
  for (const char* file : {"hosts", "hostname", "resolv.conf"}) {
    const std::string target = std::string("etc/") + file;
    const UniqueFd made(::openat(root, target.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    need(attach_mount(need(clone_mount(AT_FDCWD, round.disk + "/" + file, false)).get(),
                      at(root, target.c_str()).get()));
  }
  make_devices(root);
  shield(root);
  need(::fchdir(root) == 0 && ::syscall(SYS_pivot_root, ".", ".") == 0, "pivot_root");
  need(::umount2(".", MNT_DETACH) == 0 && ::chdir("/") == 0, "detach");
}

void take_identity(const skiff::runtime::SeccompFilter& filter) {
  const auto kept = skiff::runtime::default_capabilities();
  for (unsigned number = 0; number < 41; ++number) {
    if (((kept >> number) & 1U) == 0) ::prctl(PR_CAPBSET_DROP, number, 0, 0, 0);
  }
  const sock_fprog program{static_cast<unsigned short>(filter.program.size()),
                           const_cast<sock_filter*>(filter.program.data())};
  need(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, filter.flags, &program) == 0, "seccomp");
}

struct Shares {
  std::vector<double> root, cgroups, process, all, cpu;
};

double cpu_ms() {
  double sum = 0;
  for (const auto whose : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage used{};
    need(::getrusage(whose, &used) == 0, "getrusage");
    for (const timeval& time : {used.ru_utime, used.ru_stime})
      sum += static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
  }
  return sum;
}

// `network` is that to enter, or none for a new one.
void one_round(const Round& round, const std::string& lower, const char* program,
               const UniqueFd& network, const skiff::runtime::SeccompFilter& filter,
               Shares& shares) {
  const auto t0 = Clock::now();
  UniqueFd root = make_root(round, lower);
  const auto t1 = Clock::now();
  make_cgroups(round);
  const auto t2 = Clock::now();
  std::vector<UniqueFd> tasks, views;
  for (const std::string& name : round.hierarchies) {
    const std::string directory = kCgroups + name + "/" + round.cgroup;
    tasks.emplace_back(::open((directory + "/tasks").c_str(), O_WRONLY | O_CLOEXEC));
    views.push_back(need(clone_mount(AT_FDCWD, directory, false)));
  }
  UniqueFd unified(round.unified ? ::open((kCgroups + ("unified/" + round.cgroup)).c_str(),
                                          O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                                 : -1);
  int ends[2];
  need(::pipe2(ends, O_CLOEXEC) == 0, "pipe");
  skiff::sys::CloneOptions options{
      .flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS, .cgroup = unified.get()};
  if (!network) options.flags |= CLONE_NEWNET;
  const auto child = need(skiff::sys::clone_process(options, [&] {
    for (const UniqueFd& fd : tasks) need(::write(fd.get(), "0", 1) == 1, "tasks");
    if (network) need(::setns(network.get(), CLONE_NEWNET) == 0, "setns");
    build_tree(round, root.get(), views);
    take_identity(filter);
    ::execl(program, program, "1000", nullptr);
    return 1;
  }));
  ::close(ends[1]);
  char nothing = 0;
  need(::read(ends[0], &nothing, 1) == 0, "read");
  const auto t3 = Clock::now();
  ::close(ends[0]);
  ::kill(child.pid, SIGKILL);
  ::waitpid(child.pid, nullptr, 0);
  const auto ms = [](auto from, auto to) {
    return std::chrono::duration<double, std::milli>(to - from).count();
  };
  shares.root.push_back(ms(t0, t1));
  shares.cgroups.push_back(ms(t1, t2));
  shares.process.push_back(ms(t2, t3));
  shares.all.push_back(ms(t0, t3));
}

void take_away(const Round& round) {
  for (const std::string& name : round.hierarchies)
    ::rmdir((kCgroups + name + "/" + round.cgroup).c_str());
  if (round.unified) ::rmdir((kCgroups + ("unified/" + round.cgroup)).c_str());
}

UniqueFd new_network() {
  const UniqueFd own(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
  need(::unshare(CLONE_NEWNET) == 0, "unshare");
  UniqueFd made(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
  need(::setns(own.get(), CLONE_NEWNET) == 0, "setns");
  return made;
}

void print(const char* what, std::vector<double> times) {
  std::sort(times.begin(), times.end());
  std::printf("%s %.2f %.2f\n", what, times.front(), times[times.size() / 2]);
}

}  // namespace

int main(int argc, char** argv) {
  const bool own_network = argc == 7 && std::string(argv[6]) == "own-network";
  need(argc == 6 || own_network,
       "usage: start_floor LOWER DIRECTORY RUN PROGRAM ROUNDS [own-network]");
  const auto capabilities = skiff::runtime::default_capabilities();
  const auto filter = need(skiff::runtime::SeccompCache("").get(
      need(skiff::runtime::make_oci_seccomp("", capabilities))));
  const UniqueFd network = own_network ? UniqueFd() : new_network();
  Shares shares;
  for (int number = 0; number < std::atoi(argv[5]); ++number) {
    const std::string name = "floor-" + std::to_string(::getpid()) + "-" + std::to_string(number);
    Round round{.disk = std::string(argv[2]) + "/" + name,
                .run = std::string(argv[3]) + "/" + name,
                .cgroup = name};
    for (const auto& h : need(skiff::sys::cgroup_hierarchies())) {
      if (h.unified) round.unified = true;
      if (!h.unified) round.hierarchies.push_back(h.mount.filename());
    }
    const double before = cpu_ms();
    one_round(round, argv[1], argv[4], network, filter, shares);
    take_away(round);
    shares.cpu.push_back(cpu_ms() - before);
  }
  print("root", shares.root);
  print("cgroups", shares.cgroups);
  print("process", shares.process);
  print("all", shares.all);
  print("life-CPU", shares.cpu);
}
