#include "runtime/process_birth.h"

#include <linux/keyctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>

namespace skiff::runtime {

void become_undumpable() { ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

void reset_signals() {
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void leave_session_keyring(const std::string& id) {
  std::string name = "_ses." + id;
  [[maybe_unused]] long joined = ::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name.c_str());
}

}  // namespace skiff::runtime
