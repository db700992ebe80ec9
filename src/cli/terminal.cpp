#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <csignal>

namespace skiff::cli {

namespace {

// For the signal handler, which may touch nothing else.
termios saved_settings;
volatile sig_atomic_t raw_now = 0;

void restore() {
  if (raw_now == 0) return;
  raw_now = 0;
  ::tcsetattr(STDIN_FILENO, TCSANOW, &saved_settings);
}

void restore_and_die(int number) {
  restore();
  ::signal(number, SIG_DFL);
  ::raise(number);
}

}  // namespace

bool is_terminal(int fd) { return ::isatty(fd) == 1; }

WindowSize window_size() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return {};
  return {size.ws_row, size.ws_col};
}

RawMode::RawMode() {
  if (!is_terminal(STDIN_FILENO) || ::tcgetattr(STDIN_FILENO, &saved_settings) != 0) return;
  termios raw = saved_settings;
  ::cfmakeraw(&raw);
  raw_now = 1;
  ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  for (int number : {SIGTERM, SIGHUP, SIGQUIT, SIGSEGV, SIGABRT}) ::signal(number, restore_and_die);
}

RawMode::~RawMode() { restore(); }

}  // namespace skiff::cli
