#include "runtime/held_namespaces.h"

#include <algorithm>

#include "base/strings.h"
#include "runtime/state_file.h"
#include "sys/root_dir.h"

namespace skiff::runtime {

Result<> HeldNamespaces::hold_own(const Container& container) {
  for (const char* name : {"user", "network"}) {
    const sys::NamespaceKind& kind = *sys::find_namespace(name);
    if (holds(kind) || !container.config().has_new_namespace(kind.flag)) continue;
    held_.push_back({&kind, TRY(sys::namespace_of(cat(container.pid()), kind))});
  }
  return {};
}

Result<> HeldNamespaces::hold_other(const std::string& name, const Path& directory) {
  const sys::NamespaceKind* kind = sys::find_namespace(name);
  if (kind == nullptr) return Error(Code::kInvalidArgument, cat("no namespace is a ", name));
  const Error gone(
      Code::kFailedPrecondition,
      cat("cannot join ", name, " of a non running container: ", directory.filename().native()));
  Result<ContainerState> state = read_state(directory);
  if (!state) return gone;
  Result<UniqueFd> found = sys::namespace_of(cat(state->pid), *kind);
  // Asked afterwards: the number may have become another process's.
  if (!found || !sys::process_alive(state->pid, state->start_time)) return gone;
  held_.push_back({kind, std::move(*found)});
  return {};
}

std::vector<OciNamespace> HeldNamespaces::namespaces() const {
  std::vector<OciNamespace> out;
  for (const Held& held : held_) out.push_back({held.kind, sys::fd_path(held.fd.get())});
  return out;
}

bool HeldNamespaces::holds(const sys::NamespaceKind& kind) const {
  return std::any_of(held_.begin(), held_.end(),
                     [&](const Held& held) { return held.kind == &kind; });
}

}  // namespace skiff::runtime
