#include "sys/user_namespace.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "base/scope_exit.h"
#include "base/strings.h"
#include "sys/capabilities.h"
#include "sys/namespaces.h"
#include "sys/process.h"
#include "sys/procfs.h"

namespace skiff::sys {

Result<std::shared_ptr<const UserNamespace>> UserNamespace::make(IdMaps maps) {
  // Somebody must be in it until it is opened.
  Child holder = TRY(clone_process({.flags = CLONE_NEWUSER}, [] {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    return ::pause();
  }));
  ScopeExit end([&] {
    ::kill(holder.pid, SIGKILL);
    while (::waitpid(holder.pid, nullptr, 0) < 0 && errno == EINTR) continue;
  });
  const ProcFs* proc = TRY(ProcFs::ours());
  TRY_CONTEXT(proc->write(cat(holder.pid, "/gid_map"), mapping_text(maps.gids)), "gid mappings");
  TRY_CONTEXT(proc->write(cat(holder.pid, "/uid_map"), mapping_text(maps.uids)), "uid mappings");
  UniqueFd fd = TRY(proc->open_link(cat(holder.pid, "/ns/user"), O_RDONLY));
  return std::shared_ptr<const UserNamespace>(new UserNamespace(std::move(maps), std::move(fd)));
}

Result<IdMaps> same_ids() {
  const ProcFs* proc = TRY(ProcFs::ours());
  const auto read = [&](const char* file) -> Result<std::vector<IdMapping>> {
    auto map = parse_mapping_text(TRY(proc->read(file)));
    for (IdMapping& one : map) one.outside = one.inside;
    return map;
  };
  IdMaps out;
  out.uids = TRY(read("self/uid_map"));
  out.gids = TRY(read("self/gid_map"));
  return out;
}

Result<> map_as_ordinary_user(const std::string& kind, pid_t pid, uint32_t own,
                              const std::vector<IdMapping>& mappings) {
  const bool itself_alone =
      mappings.size() == 1 && mappings[0].size == 1 && mappings[0].outside == own;
  if (itself_alone) {
    const ProcFs* proc = TRY(ProcFs::ours());
    // Else a group that is denied something could be left.
    if (kind == "gid") TRY(proc->write(cat(pid, "/setgroups"), "deny"));
    return proc->write(cat(pid, "/", kind, "_map"), mapping_text(mappings));
  }
  const std::string program = cat("new", kind, "map");
  std::vector<std::string> args{program, cat(pid)};
  for (const IdMapping& m : mappings) {
    args.insert(args.end(), {cat(m.inside), cat(m.outside), cat(m.size)});
  }
  const auto told = run_captured({.args = args});
  if (!told && told.error().code() == Code::kNotFound) {
    return Error(Code::kFailedPrecondition,
                 cat("the program ", program, " was not found: sudo apt-get install uidmap"));
  }
  if (!told) return told.error();
  if (told->code == 0) return {};
  return Error(Code::kPermissionDenied, cat(program, ": ", trim(told->err)));
}

Result<> make_files_as(uid_t uid, gid_t gid) {
  const CapabilitySets before = TRY(current_capabilities());
  // They return what was before, and say nothing of a failure: asked for no id, they change
  // nothing.
  ::setfsgid(gid);
  ::setfsuid(uid);
  if (static_cast<gid_t>(::setfsgid(static_cast<gid_t>(-1))) != gid ||
      static_cast<uid_t>(::setfsuid(static_cast<uid_t>(-1))) != uid) {
    return Error(Code::kPermissionDenied, cat("make files as user ", uid, ", group ", gid));
  }
  // One who leaves id 0 loses those over files.
  return set_capabilities(before);
}

Result<> make_files_as_root_of(const IdMaps& maps) {
  const std::optional<uint32_t> uid = outside_id(maps.uids, 0);
  const std::optional<uint32_t> gid = outside_id(maps.gids, 0);
  if (!uid || !gid) return Error(Code::kInvalidArgument, "the id mappings have no root");
  return make_files_as(*uid, *gid);
}

}  // namespace skiff::sys
