// For tests: a bundle with busybox as its root file system, and containers run to their end.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <functional>
#include <string>

#include "base/io.h"
#include "base/scope_exit.h"
#include "base/strings.h"
#include "runtime/container.h"
#include "runtime/container_spec.h"
#include "sys/process.h"

namespace skiff::runtime::test {

inline std::string unique_name() {
  static std::atomic<int> counter = 0;
  return cat("skiff-test-", ::getpid(), "-", ++counter);
}

struct Ran {
  int code = -1;
  std::string output;
};

class TestBundle {
 public:
  TestBundle() : dir_(*TempDir::make("/tmp", "skiff-runtime-test")) {
    std::filesystem::create_directories(rootfs() / "bin");
    for (const char* name : {"etc", "proc", "sys", "dev", "tmp"}) {
      std::filesystem::create_directories(rootfs() / name);
    }
    std::filesystem::copy_file("/bin/busybox", rootfs() / "bin/busybox");
    for (const char* name :
         {"sh",      "ls",    "cat",   "id",       "sleep", "true", "hostname", "stat", "grep",
          "unshare", "mknod", "chmod", "readlink", "kill",  "ps",   "mount",    "tr",   "wc",
          "head",    "tail",  "seq",   "touch",    "mkdir", "ip",   "env",      "dd"}) {
      std::filesystem::create_symlink("busybox", rootfs() / "bin" / name);
    }
    spec.rootfs = rootfs();
    spec.env = {"PATH=/bin"};
    spec.hostname = "inside";
    spec.cgroup_path = "/" + id;
    ::chmod(dir_.path().c_str(), 0755);
  }

  Path path() const { return dir_.path() / "bundle"; }
  Path rootfs() const { return dir_.path() / "rootfs"; }
  Path state_root() const { return dir_.path() / "state"; }
  Path scratch() const { return dir_.path(); }

  // A shell script as the program.
  TestBundle& script(const std::string& text) {
    spec.args = {"/bin/sh", "-c", text};
    return *this;
  }

  // Writes config.json; `change` has the last word on it.
  Result<> write() {
    json::Value config = TRY(make_oci_config(spec));
    if (change) change(config);
    std::filesystem::create_directories(path());
    UniqueFd fd = TRY(open_file(path() / "config.json", O_WRONLY | O_CREAT | O_TRUNC, 0644));
    FdSink sink(fd.get());
    return sink.write(config.dump());
  }

  CreateOptions options() const {
    CreateOptions made;
    made.id = id;
    made.state_root = state_root();
    return made;
  }

  Result<Container> create(int out = -1) {
    TRY(write());
    CreateOptions made = options();
    made.stdio = {-1, out, out};
    return Container::create(made, TRY(read_bundle(path())));
  }

  // From create to remove.
  Result<Ran> run() {
    sys::Pipe pipe = TRY(sys::make_pipe());
    Container container = TRY(create(pipe.write.get()));
    pipe.write.reset();
    ScopeExit remove([&] { [[maybe_unused]] auto removed = container.remove(true); });
    Result<> started = container.start();
    if (!started) {
      reap(container.pid());
      return started.error();
    }
    Ran ran;
    FdSource source(pipe.read.get());
    ran.output = TRY(read_all(source, size_t{1} << 20U));
    ran.code = reap(container.pid());
    remove.dismiss();
    TRY(container.remove(true));
    return ran;
  }

  static int reap(pid_t pid) {
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0) {
      if (errno != EINTR) return -1;
    }
    return sys::exit_code_of(status);
  }

  // What a container of this bundle must not leave behind.
  std::string traces() const {
    std::string found;
    if (std::filesystem::exists(state_root() / id)) found += "state directory; ";
    const auto hierarchies = *sys::cgroup_hierarchies();
    for (const auto& hierarchy : hierarchies) {
      Path group = hierarchy.mount / id;
      if (std::filesystem::exists(group)) found += group.native() + "; ";
    }
    std::string mounts = *read_file("/proc/self/mountinfo");
    if (mounts.find(dir_.path().native()) != std::string::npos) found += "mounts; ";
    return found;
  }

  std::string id = unique_name();
  ContainerSpec spec;
  std::function<void(json::Value&)> change;

 private:
  TempDir dir_;
};

// A member of the config's object `part` replaced.
inline std::function<void(json::Value&)> with_member(const std::string& part,
                                                     const std::string& key, json::Value value) {
  return [part, key, value](json::Value& config) {
    json::Value changed = *config.find(part);
    changed.set(key, value);
    config.set(part, changed);
  };
}
inline std::function<void(json::Value&)> with_linux(const std::string& key, json::Value value) {
  return with_member("linux", key, std::move(value));
}
inline std::function<void(json::Value&)> with_process(const std::string& key, json::Value value) {
  return with_member("process", key, std::move(value));
}

}  // namespace skiff::runtime::test
