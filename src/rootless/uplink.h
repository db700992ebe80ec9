// Uplink: the program that carries a rootless network namespace's packets to the outside: pasta
// (package passt) or slirp4netns, whichever is there, pasta first.
#pragma once

#include <optional>
#include <string>

#include "base/file.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "sys/process.h"

namespace skiff::rootless {

enum class UplinkKind { kPasta, kSlirp };

// The first that is installed; nullopt for none.
std::optional<UplinkKind> find_uplink();
std::string_view program_of(UplinkKind kind);
// The address that answers names inside.
std::string_view nameserver_of(UplinkKind kind);

class Uplink {
 public:
  // Started as the user, outside, for the network namespace of `holder`; back when it works.
  // `pid_file` is a file of its own.
  static Result<Uplink> start(UplinkKind kind, pid_t holder, const Path& pid_file);
  Uplink(Uplink&&) = default;
  Uplink& operator=(Uplink&&) = delete;
  ~Uplink();

  int pidfd() const { return pidfd_.get(); }  // readable when it has ended

 private:
  explicit Uplink(UniqueFd pidfd) : pidfd_(std::move(pidfd)) {}
  UniqueFd pidfd_;
};

}  // namespace skiff::rootless
