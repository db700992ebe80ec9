#include <array>
#include <csignal>

#include "base/strings.h"
#include "engine/engine.h"

namespace skiff::engine {

namespace {

struct NamedSignal {
  std::string_view name;
  int number;
};

constexpr std::array kSignals = {NamedSignal{"HUP", SIGHUP},       NamedSignal{"INT", SIGINT},
                                 NamedSignal{"QUIT", SIGQUIT},     NamedSignal{"ILL", SIGILL},
                                 NamedSignal{"TRAP", SIGTRAP},     NamedSignal{"ABRT", SIGABRT},
                                 NamedSignal{"IOT", SIGIOT},       NamedSignal{"BUS", SIGBUS},
                                 NamedSignal{"FPE", SIGFPE},       NamedSignal{"KILL", SIGKILL},
                                 NamedSignal{"USR1", SIGUSR1},     NamedSignal{"SEGV", SIGSEGV},
                                 NamedSignal{"USR2", SIGUSR2},     NamedSignal{"PIPE", SIGPIPE},
                                 NamedSignal{"ALRM", SIGALRM},     NamedSignal{"TERM", SIGTERM},
                                 NamedSignal{"STKFLT", SIGSTKFLT}, NamedSignal{"CHLD", SIGCHLD},
                                 NamedSignal{"CLD", SIGCHLD},      NamedSignal{"CONT", SIGCONT},
                                 NamedSignal{"STOP", SIGSTOP},     NamedSignal{"TSTP", SIGTSTP},
                                 NamedSignal{"TTIN", SIGTTIN},     NamedSignal{"TTOU", SIGTTOU},
                                 NamedSignal{"URG", SIGURG},       NamedSignal{"XCPU", SIGXCPU},
                                 NamedSignal{"XFSZ", SIGXFSZ},     NamedSignal{"VTALRM", SIGVTALRM},
                                 NamedSignal{"PROF", SIGPROF},     NamedSignal{"WINCH", SIGWINCH},
                                 NamedSignal{"IO", SIGIO},         NamedSignal{"POLL", SIGPOLL},
                                 NamedSignal{"PWR", SIGPWR},       NamedSignal{"SYS", SIGSYS}};

// "RTMIN+3", "RTMAX-2".
std::optional<int> real_time_signal(std::string_view name) {
  constexpr int kRtMin = 34;
  constexpr int kRtMax = 64;
  int base = name.starts_with("RTMIN") ? kRtMin : name.starts_with("RTMAX") ? kRtMax : 0;
  if (base == 0) return std::nullopt;
  std::string_view rest = name.substr(5);
  if (rest.empty()) return base;
  char wanted = base == kRtMin ? '+' : '-';
  auto offset = rest[0] == wanted ? parse_uint(rest.substr(1)) : std::nullopt;
  if (!offset || *offset > kRtMax - kRtMin) return std::nullopt;
  return base + (wanted == '+' ? 1 : -1) * static_cast<int>(*offset);
}

}  // namespace

Result<int> parse_signal(std::string_view text) {
  if (auto number = parse_uint(text)) {
    if (*number >= 1 && *number <= 64) return static_cast<int>(*number);
    return Error(Code::kInvalidArgument, cat("invalid signal: ", text));
  }
  std::string name = to_upper(text);
  if (name.starts_with("SIG")) name.erase(0, 3);
  for (const NamedSignal& signal : kSignals) {
    if (signal.name == name) return signal.number;
  }
  if (auto number = real_time_signal(name)) return *number;
  return Error(Code::kInvalidArgument, cat("invalid signal: ", text));
}

}  // namespace skiff::engine
