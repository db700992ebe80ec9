#include "runtime/user_namespace.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "base/scope_exit.h"
#include "base/strings.h"
#include "sys/namespaces.h"
#include "sys/process.h"
#include "sys/procfs.h"

namespace skiff::runtime {

std::string mapping_text(const std::vector<OciIdMapping>& mappings) {
  std::string text;
  for (const OciIdMapping& m : mappings) {
    text += cat(m.container, " ", m.host, " ", m.size, "\n");
  }
  return text;
}

Result<> map_as_ordinary_user(const std::string& kind, pid_t pid, uint32_t own,
                              const std::vector<OciIdMapping>& mappings) {
  const bool itself_alone =
      mappings.size() == 1 && mappings[0].size == 1 && mappings[0].host == own;
  if (itself_alone) {
    const sys::ProcFs* proc = TRY(sys::ProcFs::ours());
    // Else a group that is denied something could be left.
    if (kind == "gid") TRY(proc->write(cat(pid, "/setgroups"), "deny"));
    return proc->write(cat(pid, "/", kind, "_map"), mapping_text(mappings));
  }
  const std::string program = cat("new", kind, "map");
  std::vector<std::string> args{program, cat(pid)};
  for (const OciIdMapping& m : mappings) {
    args.insert(args.end(), {cat(m.container), cat(m.host), cat(m.size)});
  }
  const auto told = sys::run_captured({.args = args});
  if (!told && told.error().code() == Code::kNotFound) {
    return Error(Code::kFailedPrecondition,
                 cat("the program ", program, " was not found: sudo apt-get install uidmap"));
  }
  if (!told) return told.error();
  if (told->code == 0) return {};
  return Error(Code::kPermissionDenied, cat(program, ": ", trim(told->err)));
}

Result<UniqueFd> make_user_namespace(const std::vector<OciIdMapping>& uids,
                                     const std::vector<OciIdMapping>& gids) {
  // Somebody must be in it until it is opened.
  sys::Child holder = TRY(sys::clone_process({.flags = CLONE_NEWUSER}, [] { return ::pause(); }));
  ScopeExit end([&] {
    ::kill(holder.pid, SIGKILL);
    while (::waitpid(holder.pid, nullptr, 0) < 0 && errno == EINTR) continue;
  });
  const sys::ProcFs* proc = TRY(sys::ProcFs::ours());
  TRY_CONTEXT(proc->write(cat(holder.pid, "/gid_map"), mapping_text(gids)), "gidMappings");
  TRY_CONTEXT(proc->write(cat(holder.pid, "/uid_map"), mapping_text(uids)), "uidMappings");
  return proc->open_link(cat(holder.pid, "/ns/user"), O_RDONLY);
}

}  // namespace skiff::runtime
