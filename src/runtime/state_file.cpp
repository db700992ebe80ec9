#include "runtime/state_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>

#include "base/strings.h"
#include "runtime/replace_file.h"

namespace skiff::runtime {

namespace {

bool is_id_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
         std::string_view("_+-.").find(c) != std::string_view::npos;
}

json::Value to_json(const ContainerState& state) {
  return json::object({{"id", state.id},
                       {"bundle", state.bundle.native()},
                       {"rootfs", state.rootfs.native()},
                       {"pid", state.pid},
                       {"startTime", state.start_time},
                       {"created", format_rfc3339(state.created)},
                       {"cgroup", state.cgroup},
                       {"systemdUnit", state.systemd_unit},
                       {"owner", state.owner},
                       {"rootMount", state.root_mount},
                       {"resctrl", state.resctrl},
                       {"noNewKeyring", state.no_new_keyring},
                       {"annotations", state.annotations}});
}

Result<ContainerState> from_json(const json::Value& value) {
  ContainerState state;
  state.id = TRY(value.require_string("id"));
  state.bundle = TRY(value.require_string("bundle"));
  state.rootfs = value.string("rootfs");
  state.pid = static_cast<int>(TRY(value.require_int("pid")));
  state.start_time = static_cast<uint64_t>(value.integer("startTime"));
  state.created = TRY(parse_rfc3339(value.string("created")));
  state.cgroup = TRY(value.require_string("cgroup"));
  // Any other would count from our own cgroup, and be emptied with the container.
  if (!state.cgroup.starts_with('/')) {
    return Error(Code::kInvalidArgument, cat("cgroup ", quoted(state.cgroup), " is not absolute"));
  }
  state.systemd_unit = value.string("systemdUnit");
  state.owner = value.string("owner");
  state.no_new_keyring = value.boolean("noNewKeyring");
  state.root_mount = static_cast<uint64_t>(value.integer("rootMount"));
  state.resctrl = value.strings("resctrl");
  state.annotations = value.string_map("annotations");
  return state;
}

Result<> leave_link(const Path& link, const std::string& target) {
  if (target.empty() || ::symlink(target.c_str(), link.c_str()) == 0) return {};
  return Error::from_errno(errno, cat("link ", link.native()));
}

}  // namespace

Result<> check_container_id(const std::string& id) {
  bool good = !id.empty() && id != "." && id != ".." && id.size() <= 1024 &&
              std::all_of(id.begin(), id.end(), is_id_character);
  if (!good) return Error(Code::kInvalidArgument, cat("invalid container ID format: ", quoted(id)));
  return {};
}

Result<> write_state(const Path& directory, const ContainerState& state) {
  return replace_file(directory / kStateFile, to_json(state).dump());
}

Result<ContainerState> read_state(const Path& directory) {
  Path file = directory / kStateFile;
  json::Value value = TRY_CONTEXT(json::parse(TRY(read_file(file))), file.native());
  return from_json(value).context(file.native());
}

Result<> leave_trace(const Path& directory, const ContainerState& state) {
  TRY(leave_link(directory / kCgroupLink, state.cgroup));
  return leave_link(directory / kScopeLink, state.systemd_unit);
}

ContainerState read_trace(const Path& directory) {
  ContainerState state;
  state.cgroup = read_link_at(AT_FDCWD, directory / kCgroupLink).value_or("");
  state.systemd_unit = read_link_at(AT_FDCWD, directory / kScopeLink).value_or("");
  return state;
}

std::string current_owner() {
  // The file itself: the name service has no place in a static program.
  std::string uid = cat(::geteuid());
  Result<std::string> passwd = read_file("/etc/passwd", size_t{1} << 20U);
  if (!passwd) return uid;
  for (const std::string& line : split(*passwd, '\n')) {
    std::vector<std::string> fields = split(line, ':');
    if (fields.size() >= 3 && fields[2] == uid) return fields[0];
  }
  return uid;
}

}  // namespace skiff::runtime
