#include "runtime/user_namespace.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "base/scope_exit.h"
#include "base/strings.h"
#include "sys/namespaces.h"
#include "sys/procfs.h"

namespace skiff::runtime {

std::string mapping_text(const std::vector<OciIdMapping>& mappings) {
  std::string text;
  for (const OciIdMapping& m : mappings) {
    text += cat(m.container, " ", m.host, " ", m.size, "\n");
  }
  return text;
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
