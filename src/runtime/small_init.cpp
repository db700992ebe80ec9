#include "runtime/small_init.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "sys/process.h"

namespace skiff::runtime {

namespace {

constexpr int kCannotFork = 125;

// Reaps all that have ended; true when `child` is among them.
bool reap(pid_t child, int& status) {
  bool ended = false;
  for (;;) {
    int any = 0;
    pid_t pid = ::waitpid(-1, &any, WNOHANG);
    if (pid <= 0) return ended;
    if (pid == child) {
      status = any;
      ended = true;
    }
  }
}

int attend(pid_t child, const sigset_t& signals) {
  int status = 0;
  for (;;) {
    siginfo_t info{};
    int signal = ::sigwaitinfo(&signals, &info);
    if (signal < 0) continue;  // interrupted by a stop and continue
    if (signal != SIGCHLD) {
      ::kill(child, signal);
    } else if (reap(child, status)) {
      return sys::exit_code_of(status);
    }
  }
}

// Its own foreground process group, so that ^C reaches the program and not the init.
void lead_own_group() {
  ::setpgid(0, 0);
  if (::isatty(STDIN_FILENO) == 0) return;
  ::signal(SIGTTOU, SIG_IGN);
  ::tcsetpgrp(STDIN_FILENO, ::getpgrp());
  ::signal(SIGTTOU, SIG_DFL);
}

}  // namespace

int run_small_init(const std::function<int()>& program, const std::function<void()>& as_parent) {
  sigset_t signals;
  ::sigfillset(&signals);
  for (int fault : {SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGABRT, SIGTRAP, SIGSYS}) {
    ::sigdelset(&signals, fault);
  }
  ::sigprocmask(SIG_SETMASK, &signals, nullptr);
  pid_t child = ::fork();
  if (child < 0) return kCannotFork;
  if (child == 0) {
    lead_own_group();
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::_exit(program());
  }
  as_parent();
  ::prctl(PR_SET_NAME, "skiff-init", 0, 0, 0);
  return attend(child, signals);
}

}  // namespace skiff::runtime
