// The first things a cloned process does, whoever's program it will be.
#pragma once

#include <string>

namespace skiff::runtime {

// Other processes of the container must not look into it, nor at our program through it.
void become_undumpable();
// The caller's handlers and mask are not the program's.
void reset_signals();
// Keys of the host's session must not be the container's.
void leave_session_keyring(const std::string& id);

}  // namespace skiff::runtime
