// HeldNamespaces: what a container that is started again joins instead of getting it anew
// (docs/decisions/010-restarts-in-the-monitor.md).
#pragma once

#include <string>
#include <vector>

#include "runtime/container.h"

namespace skiff::runtime {

class HeldNamespaces {
 public:
  // The network namespace that `container` got, which the daemon has wired since, and the user
  // namespace that owns it. Those of an earlier run stay.
  Result<> hold_own(const Container& container);
  // One of another container, by the directory of that one's state: its process may be another by
  // now than when this one was made. kFailedPrecondition when it does not run.
  Result<> hold_other(const std::string& kind, const Path& state);
  // For CreateOptions, as long as this lives.
  std::vector<OciNamespace> namespaces() const;

 private:
  struct Held {
    const sys::NamespaceKind* kind = nullptr;
    UniqueFd fd;
  };
  bool holds(const sys::NamespaceKind& kind) const;

  std::vector<Held> held_;
};

}  // namespace skiff::runtime
