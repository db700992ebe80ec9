// The systemd cgroup driver: a container's cgroup is that of a transient scope, which systemd makes
// when it is asked over D-Bus (org.freedesktop.systemd1(5), StartTransientUnit), and delegates to
// us.
//
//   ScopeName name = TRY(parse_scope("system.slice:docker:1234", id));
//   StartedScope scope = TRY(start_scope(name, {config.resources, config.annotations}));
//   ...                       // the container's process is born into scope.cgroup
//   TRY(stop_scope(name.unit));
//
// The limits are written to the cgroup as without systemd; systemd is told them, too, so that it
// keeps them when it goes over its units (systemctl daemon-reload). The caller has CPU quotas of
// with_whole_percents (cpu_quota.h).
#pragma once

#include <map>
#include <string>
#include <utility>

#include "base/unique_fd.h"
#include "codec/json.h"
#include "sys/namespaces.h"

namespace skiff::runtime {

struct ScopeName {
  std::string slice;  // "system.slice"
  std::string unit;   // "docker-1234.scope"
  // Where the system's systemd puts it: "/system.slice/docker-1234.scope".
  std::string cgroup;
};

// "slice:prefix:name"; "" takes the slice that systemd has for us and the container's id.
Result<ScopeName> parse_scope(const std::string& cgroups_path, const std::string& id);

// A scope ends with its last process: this one keeps it until the container's is in. Ends, and is
// waited for, with the object.
class ScopeHolder {
 public:
  static Result<ScopeHolder> make();
  ScopeHolder(ScopeHolder&&) = default;
  ScopeHolder& operator=(ScopeHolder&& other) noexcept {
    std::swap(child_, other.child_);
    std::swap(pipe_, other.pipe_);
    return *this;
  }
  ~ScopeHolder();
  pid_t pid() const { return child_.pid; }

 private:
  ScopeHolder(sys::Child child, UniqueFd pipe) : child_(std::move(child)), pipe_(std::move(pipe)) {}
  sys::Child child_;
  UniqueFd pipe_;  // it waits for the other end to close
};

struct StartedScope {
  ScopeHolder holder;
  std::string cgroup;
};
struct ScopeOrder {
  const json::Value& resources;  // linux.resources
  const std::map<std::string, std::string>& annotations;
};
// Returns when systemd has made the scope; single-threaded callers only. kUnavailable: there is no
// systemd to ask.
Result<StartedScope> start_scope(const ScopeName& name, const ScopeOrder& order);
// What systemd knows of the limits; those that are not there stay.
Result<> update_scope(const std::string& unit, const json::Value& resources);
// Success, too, when there is no such unit any more.
Result<> stop_scope(const std::string& unit);

}  // namespace skiff::runtime
