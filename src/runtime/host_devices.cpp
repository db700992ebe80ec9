#include "runtime/host_devices.h"

#include <dirent.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <string>

#include "base/scope_exit.h"
#include "base/strings.h"

namespace skiff::runtime {

namespace {

// Filesystems and links of their own in every container.
constexpr std::array<std::string_view, 7> kNotHanded = {"pts",     "shm",   "fd",    "mqueue",
                                                        "console", ".udev", "stdout"};

bool is_device(const struct stat& st) { return S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode); }

json::Value device_of(const struct stat& st, const std::string& path) {
  return json::object({{"path", path},
                       {"type", S_ISCHR(st.st_mode) ? "c" : "b"},
                       {"major", int64_t{major(st.st_rdev)}},
                       {"minor", int64_t{minor(st.st_rdev)}},
                       {"fileMode", int64_t{st.st_mode & 07777U}},
                       {"uid", int64_t{st.st_uid}},
                       {"gid", int64_t{st.st_gid}}});
}

// What is below `directory`, as if it were below `target`.
void collect(const std::string& directory, const std::string& target, json::Array& into) {
  DIR* dir = ::opendir(directory.c_str());
  if (dir == nullptr) return;
  ScopeExit close_dir([&] { ::closedir(dir); });
  while (const dirent* entry = ::readdir(dir)) {
    std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (std::find(kNotHanded.begin(), kNotHanded.end(), name) != kNotHanded.end()) continue;
    const std::string path = cat(directory, "/", name);
    const std::string place = cat(target, "/", name);
    struct stat st{};
    if (::lstat(path.c_str(), &st) != 0) continue;
    if (S_ISDIR(st.st_mode)) collect(path, place, into);
    if (is_device(st)) into.push_back(device_of(st, place));
  }
}

Error bad_rule(const std::string& text) {
  return {Code::kInvalidArgument, cat("invalid device cgroup rule format: '", text, "'")};
}

// A number, or all of them.
Result<json::Value> number_of(std::string_view text, const std::string& rule) {
  if (text == "*") return json::Value(-1);
  const auto number = parse_uint(text);
  if (!number || *number > INT32_MAX) return bad_rule(rule);
  return json::Value(static_cast<int64_t>(*number));
}

}  // namespace

json::Array host_devices() {
  json::Array devices;
  collect("/dev", "/dev", devices);
  return devices;
}

Result<json::Array> granted_devices(const DeviceGrant& grant) {
  auto refused = [&](std::string_view why) {
    return Error(Code::kInvalidArgument,
                 cat("error gathering device information while adding custom device ",
                     quoted(grant.source), ": ", why));
  };
  struct stat st{};
  if (::stat(grant.source.c_str(), &st) != 0) {
    return refused(errno == ENOENT ? std::string("no such file or directory")
                                   : Error::from_errno(errno, "stat").message());
  }
  json::Array devices;
  if (is_device(st)) devices.push_back(device_of(st, grant.target));
  if (S_ISDIR(st.st_mode)) collect(grant.source, grant.target, devices);
  if (devices.empty()) return refused("not a device node");
  return devices;
}

json::Value device_rule(const json::Value& device, const std::string& access) {
  return json::object({{"allow", true},
                       {"type", device.string("type")},
                       {"major", device.integer("major")},
                       {"minor", device.integer("minor")},
                       {"access", access}});
}

Result<json::Value> parse_device_rule(const std::string& text) {
  const std::vector<std::string> words = split(text, ' ');
  if (words.size() != 3 || (words[0] != "a" && words[0] != "b" && words[0] != "c") ||
      !is_device_access(words[2])) {
    return bad_rule(text);
  }
  const auto numbers = split_once(words[1], ':');
  if (!numbers) return bad_rule(text);
  json::Value rule = json::object({{"allow", true}, {"type", words[0]}});
  rule.set("major", TRY(number_of(numbers->first, text)));
  rule.set("minor", TRY(number_of(numbers->second, text)));
  rule.set("access", words[2]);
  return rule;
}

bool is_device_access(std::string_view text) {
  if (text.empty() || text.size() > 3) return false;
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c == 'r' || c == 'w' || c == 'm') && std::count(text.begin(), text.end(), c) == 1;
  });
}

}  // namespace skiff::runtime
