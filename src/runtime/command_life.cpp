// skiff-runtime start, kill, delete, pause and resume.
#include <signal.h>

#include <cstring>

#include "base/strings.h"
#include "runtime/command_line.h"
#include "runtime/container.h"
#include "runtime/notify_proxy.h"

namespace skiff::runtime {

namespace {

Result<int> parse_signal(const std::string& text) {
  if (std::optional<int64_t> number = parse_int(text)) {
    if (*number >= 0 && *number < NSIG) return static_cast<int>(*number);
    return Error(Code::kInvalidArgument, cat("unknown signal ", quoted(text)));
  }
  std::string name = to_upper(text);
  if (name.starts_with("SIG")) name.erase(0, 3);
  for (int number = 1; number < SIGRTMIN; ++number) {
    const char* abbreviation = ::sigabbrev_np(number);
    if (abbreviation != nullptr && name == abbreviation) return number;
  }
  if (name.starts_with("RTMIN") || name.starts_with("RTMAX")) {
    int base = name.starts_with("RTMIN") ? SIGRTMIN : SIGRTMAX;
    std::string_view rest = std::string_view(name).substr(5);
    if (rest.starts_with('+')) rest.remove_prefix(1);
    std::optional<int64_t> offset = rest.empty() ? 0 : parse_int(rest);
    if (offset && base + *offset >= SIGRTMIN && base + *offset <= SIGRTMAX) {
      return static_cast<int>(base + *offset);
    }
  }
  return Error(Code::kInvalidArgument, cat("unknown signal ", quoted(text)));
}

Result<int> start(const CommandContext& context) {
  Container container = TRY(Container::load(context.root, context.id()));
  std::optional<NotifyProxy> proxy = TRY(NotifyProxy::open(container.notify_directory()));
  if (!proxy) {
    TRY(container.start());
    return 0;
  }
  UniqueFd pidfd = TRY(sys::open_pidfd(container.pid()));
  TRY(container.start());
  TRY(proxy->pass_on(pidfd.get(), container.pid()));
  return 0;
}

Result<int> kill(const CommandContext& context) {
  const std::vector<std::string>& words = context.arguments.words();
  int signal = TRY(parse_signal(words.size() > 1 ? words[1] : "SIGTERM"));
  Container container = TRY(Container::load(context.root, context.id()));
  TRY(container.kill(signal, context.arguments.has("all")));
  return 0;
}

Result<int> remove(const CommandContext& context) {
  bool force = context.arguments.has("force");
  Result<Container> container = Container::load(context.root, context.id());
  if (!container) {
    const Code code = container.error().code();
    if (force && code == Code::kNotFound) return 0;
    if (!force || code != Code::kDataLoss) return container.error();
    TRY(Container::discard(context.root, context.id()));
    return 0;
  }
  TRY(container->remove(force));
  return 0;
}

Result<int> pause(const CommandContext& context) {
  Container container = TRY(Container::load(context.root, context.id()));
  TRY(container.pause());
  return 0;
}

Result<int> resume(const CommandContext& context) {
  Container container = TRY(Container::load(context.root, context.id()));
  TRY(container.resume());
  return 0;
}

}  // namespace

std::vector<Command> life_commands() {
  return {
      {"start", "<container-id>", "let a created container's process go", {}, 1, 1, false, start},
      {"kill",
       "<container-id> [signal]",
       "send a signal, SIGTERM when none is given",
       {{"all", "a", "", "to all processes of the container"}},
       1,
       2,
       false,
       kill},
      {"delete",
       "<container-id>",
       "remove what is left of a container",
       {{"force", "f", "", "kill it first if it runs"}},
       1,
       1,
       false,
       remove},
      {"pause", "<container-id>", "stop all processes of a container", {}, 1, 1, false, pause},
      {"resume", "<container-id>", "let them go on", {}, 1, 1, false, resume}};
}

}  // namespace skiff::runtime
