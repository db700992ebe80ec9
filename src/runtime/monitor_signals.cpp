#include "runtime/monitor_signals.h"

#include <csignal>
#include <initializer_list>

namespace skiff::runtime {

static void do_nothing(int) {}

void outlive_signals() {
  struct sigaction action{};
  action.sa_flags = SA_RESTART;
  action.sa_handler = do_nothing;
  for (int number : {SIGPIPE, SIGHUP, SIGINT, SIGTERM, SIGQUIT, SIGUSR1, SIGUSR2}) {
    ::sigaction(number, &action, nullptr);
  }
}

}  // namespace skiff::runtime
