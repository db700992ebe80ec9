#include "runtime/bind_attributes.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

#include "base/strings.h"

namespace skiff::runtime {

namespace {

constexpr uint64_t kProtections =
    MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
constexpr unsigned long kNoSymlinks = 0x2000;  // ST_NOSYMFOLLOW, which the C library does not name
constexpr uint64_t kAccessTimes = MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME;

// Of access times, by name: each can be there or not, whatever the others are.
struct TimeWords {
  bool noatime = false, nodiratime = false, relatime = false, strictatime = false;

  bool any() const { return noatime || nodiratime || relatime || strictatime; }
  bool take(std::string_view word) {
    const std::pair<std::string_view, bool*> words[] = {
        {"noatime", &noatime}, {"relatime", &relatime}, {"strictatime", &strictatime}};
    for (const auto& [name, flag] : words) {
      if (word == name) return *flag = true;
      if (word == cat("no", name) || (name == "noatime" && word == "atime")) {
        *flag = false;
        return true;
      }
    }
    if (word != "nodiratime" && word != "diratime") return false;
    nodiratime = word == "nodiratime";
    return true;
  }
  // As mount(2) reads them when a mount is changed.
  uint64_t attributes() const {
    const uint64_t directories = nodiratime ? MOUNT_ATTR_NODIRATIME : 0;
    if (strictatime) return directories | MOUNT_ATTR_STRICTATIME;
    return directories | (noatime ? MOUNT_ATTR_NOATIME : MOUNT_ATTR_RELATIME);
  }
};

uint64_t attributes_of(unsigned long flags) {
  const std::pair<unsigned long, uint64_t> known[] = {
      {ST_RDONLY, MOUNT_ATTR_RDONLY},         {ST_NOSUID, MOUNT_ATTR_NOSUID},
      {ST_NODEV, MOUNT_ATTR_NODEV},           {ST_NOEXEC, MOUNT_ATTR_NOEXEC},
      {ST_NODIRATIME, MOUNT_ATTR_NODIRATIME}, {kNoSymlinks, MOUNT_ATTR_NOSYMFOLLOW}};
  uint64_t found = 0;
  for (const auto& [flag, attribute] : known) {
    if ((flags & flag) != 0) found |= attribute;
  }
  if ((flags & ST_NOATIME) != 0) return found | MOUNT_ATTR_NOATIME;
  return found | ((flags & ST_RELATIME) != 0 ? MOUNT_ATTR_RELATIME : MOUNT_ATTR_STRICTATIME);
}

// What the options ask for.
struct Asked {
  uint64_t set = 0;
  uint64_t undone = 0;
  TimeWords times;
  bool any = false;
  bool besides = false;  // "remount"
};

Asked read_options(const OciMount& mount) {
  Asked asked;
  for (const std::string& word : mount.options) {
    if (word == "remount") asked.besides = true;
    const sys::MountChange change = sys::parse_mount_option(word).change;
    if (change.recursive || change.propagation != 0 || (change.set | change.clear) == 0) {
      if (!asked.times.take(word)) continue;
    } else if (!asked.times.take(word)) {
      asked.set = (asked.set & ~change.clear) | change.set;
      asked.undone = (asked.undone & ~change.set) | change.clear;
    }
    asked.any = true;
  }
  return asked;
}

Result<> check_kept(const OciMount& mount, const Asked& asked, uint64_t had) {
  const bool undoes = (had & asked.undone & kProtections) != 0;
  const bool retimes = asked.times.any() && asked.times.attributes() != (had & kAccessTimes);
  if (!undoes && !retimes) return {};
  return Error(Code::kPermissionDenied,
               cat("bind mount at ", mount.destination, ": in a user namespace, undo flags that ",
                   "its source has: operation not permitted"));
}

}  // namespace

Result<sys::MountChange> bind_attributes(const OciMount& mount, int source, bool flags_hold) {
  const Asked asked = read_options(mount);
  if (!asked.any) return sys::MountChange{};
  sys::MountChange change{.set = asked.set, .clear = asked.undone};
  if (asked.times.any()) {
    change.set |= asked.times.attributes();
    change.clear |= kAccessTimes & ~(asked.times.attributes() & MOUNT_ATTR_NODIRATIME);
  }
  if (asked.besides) return change;
  struct statvfs info{};
  if (::fstatvfs(source, &info) != 0) return Error::from_errno(errno, "statvfs of a bind mount");
  const uint64_t had = attributes_of(info.f_flag);
  if (flags_hold) TRY(check_kept(mount, asked, had));
  const uint64_t goes = flags_hold ? MOUNT_ATTR_NOSYMFOLLOW : kProtections | MOUNT_ATTR_NOSYMFOLLOW;
  change.clear |= had & goes & ~change.set;
  return change;
}

}  // namespace skiff::runtime
