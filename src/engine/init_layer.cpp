#include "engine/init_layer.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/log.h"
#include "base/random.h"
#include "base/scope_exit.h"
#include "base/strings.h"
#include "sys/root_dir.h"

namespace skiff::engine {

namespace {

constexpr std::array kDirectories = {"dev/pts", "dev/shm", "proc", "sys"};
constexpr std::array kFiles = {".dockerenv", "dev/console", "etc/hosts", "etc/hostname",
                               "etc/resolv.conf"};

Result<> fill(const sys::RootDir& root) {
  for (const char* directory : kDirectories) TRY(root.make_directories(directory));
  for (const char* file : kFiles) {
    sys::Place place = TRY(root.make_place(file));
    UniqueFd made(::openat(place.parent.get(), place.name.c_str(),
                           O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0755));
    if (!made && errno != EEXIST) return Error::from_errno(errno, cat("create ", file));
  }
  sys::Place mtab = TRY(root.make_place("etc/mtab"));
  if (::symlinkat("/proc/mounts", mtab.parent.get(), mtab.name.c_str()) != 0 && errno != EEXIST) {
    return Error::from_errno(errno, "create etc/mtab");
  }
  return {};
}

Result<> make_init_layer(snapshot::Snapshotter& snapshots, const std::string& name,
                         const std::string& parent, const Path& scratch) {
  std::string key = cat("init-", random_hex(16));
  TRY(snapshots.prepare(key, parent));
  ScopeExit drop([&] {
    if (Result<> removed = snapshots.remove(key); !removed) log_warn(removed.error().message());
  });
  {
    TempDir target = TRY(TempDir::make(scratch, "init-"));
    const auto find = [&] { return snapshots.mount_of(key); };
    auto mounted = TRY(snapshot::MountedSnapshot::mount(find, target.path()));
    sys::RootDir root = TRY(sys::RootDir::open(mounted.path()));
    TRY(fill(root));
  }
  Result<> committed = snapshots.commit(name, key);
  // Another container of the same image was faster.
  if (!committed && committed.error().code() == Code::kAlreadyExists) return {};
  if (committed) drop.dismiss();
  return committed;
}

}  // namespace

Result<> prepare_root(snapshot::Snapshotter& snapshots, const std::string& key,
                      const std::string& parent, const Path& scratch) {
  std::string name = cat("container-init:", parent);
  constexpr int kAttempts = 3;
  for (int attempt = 1;; ++attempt) {
    Result<> prepared = snapshots.prepare(key, name);
    // Missing: never made, or just collected as garbage because no container used it.
    if (prepared || prepared.error().code() != Code::kNotFound || attempt == kAttempts) {
      return prepared;
    }
    TRY_CONTEXT(make_init_layer(snapshots, name, parent, scratch), "make init layer");
  }
}

}  // namespace skiff::engine
