// The keeper: makes the rootless namespaces and serves the user's daemons, one after the other,
// with what needs the host's side (packet.h has its words). It ends when a daemon says so.
#pragma once

#include "base/file.h"

namespace skiff::rootless {

inline constexpr const char* kKeeperSocket = "keeper.sock";

// Starts it in the background, for the calling user; back when the namespaces are there. Its
// socket and files are in `directory`, which is the user's own. Called by a process with one
// thread. An Error names what is missing on this machine and the command that supplies it.
Result<> start_keeper(const Path& directory);

}  // namespace skiff::rootless
