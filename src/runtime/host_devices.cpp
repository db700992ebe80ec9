#include "runtime/host_devices.h"

#include <dirent.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <string>

#include "base/scope_exit.h"

namespace skiff::runtime {

namespace {

// Filesystems and links of their own in every container.
constexpr std::array<std::string_view, 7> kNotHanded = {"pts",     "shm",   "fd",    "mqueue",
                                                        "console", ".udev", "stdout"};

void collect(const std::string& directory, json::Array& into) {
  DIR* dir = ::opendir(directory.c_str());
  if (dir == nullptr) return;
  ScopeExit close_dir([&] { ::closedir(dir); });
  while (const dirent* entry = ::readdir(dir)) {
    std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (std::find(kNotHanded.begin(), kNotHanded.end(), name) != kNotHanded.end()) continue;
    std::string path = directory + "/" + entry->d_name;
    struct stat st{};
    if (::lstat(path.c_str(), &st) != 0) continue;
    if (S_ISDIR(st.st_mode)) collect(path, into);
    if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode)) continue;
    into.push_back(json::object({{"path", path},
                                 {"type", S_ISCHR(st.st_mode) ? "c" : "b"},
                                 {"major", int64_t{major(st.st_rdev)}},
                                 {"minor", int64_t{minor(st.st_rdev)}},
                                 {"fileMode", int64_t{st.st_mode & 07777U}},
                                 {"uid", int64_t{st.st_uid}},
                                 {"gid", int64_t{st.st_gid}}}));
  }
}

}  // namespace

json::Array host_devices() {
  json::Array devices;
  collect("/dev", devices);
  return devices;
}

}  // namespace skiff::runtime
