// skiff-runtime create and run.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include <cstdlib>
#include <thread>

#include "base/scope_exit.h"
#include "base/strings.h"
#include "runtime/command_line.h"
#include "runtime/container.h"
#include "runtime/diagnostics.h"
#include "runtime/foreground.h"
#include "runtime/notify_proxy.h"

namespace skiff::runtime {

namespace {

constexpr int64_t kMaxListening = 1024;

std::vector<CommandFlag> create_flags() {
  return {{"bundle", "b", "DIR", "the bundle's directory; the current one when not given"},
          {"console-socket", "", "PATH", "Unix socket that gets the terminal's master"},
          {"pid-file", "", "FILE", "gets the process's number"},
          {"preserve-fds", "", "N", "descriptors to keep besides 0, 1 and 2"},
          {"no-pivot", "", "", "chroot instead of pivot_root"},
          {"no-new-keyring", "", "", "leave the caller's session keyring to the container"},
          {"pidfd-socket", "", "PATH", "Unix socket that gets the process's pidfd"}};
}

std::vector<CommandFlag> run_flags() {
  std::vector<CommandFlag> flags = create_flags();
  flags.push_back({"detach", "d", "", "do not wait for the end"});
  flags.push_back({"keep", "", "", "do not delete the container when it has ended"});
  flags.push_back({"no-subreaper", "", "", "accepted; there never is one"});
  return flags;
}

// sd_listen_fds(3): the descriptors behind standard error are the program's.
void pass_listening_sockets(CreateOptions& options) {
  const char* text = ::getenv("LISTEN_FDS");
  std::optional<int64_t> count = text == nullptr ? std::nullopt : parse_int(text);
  if (!count || *count <= 0 || *count > kMaxListening) return;
  options.preserve_fds += static_cast<int>(*count);
  options.env.insert(options.env.end(), {cat("LISTEN_FDS=", *count), "LISTEN_PID=1"});
  if (const char* names = ::getenv("LISTEN_FDNAMES")) {
    options.env.push_back(cat("LISTEN_FDNAMES=", names));
  }
}

Result<CreateOptions> create_options(const CommandContext& context) {
  CreateOptions options;
  options.id = context.id();
  options.state_root = context.root;
  options.seccomp_dir = context.root / kSeccompDir;
  options.preserve_fds = TRY(context.arguments.number("preserve-fds", 0));
  options.systemd_cgroup = context.systemd_cgroup;
  options.no_pivot = context.arguments.has("no-pivot");
  options.no_new_keyring = context.arguments.has("no-new-keyring");
  options.notify_socket = !service_manager().empty();
  pass_listening_sockets(options);
  return options;
}

Result<int> create(const CommandContext& context) {
  CreateOptions options = TRY(create_options(context));
  Bundle bundle = TRY(read_bundle(context.bundle()));
  Console console = TRY(Console::open(wants_terminal(bundle.config),
                                      context.arguments.value("console-socket"), true));
  options.console_socket = console.socket();
  Container container = TRY(Container::create(options, std::move(bundle)));
  Result<> written = announce(context.arguments, container.pid(), container.pidfd());
  if (written) return 0;
  [[maybe_unused]] auto removed = container.remove(true);
  return written.error();
}

// The manager goes on watching us: we end with the container, and as it does.
void pass_on_or_warn(const NotifyProxy& proxy, const sys::Child& child) {
  Result<> passed = proxy.pass_on(child.pidfd.get(), ::getpid());
  if (!passed) warn(passed.error().message());
}

Result<int> run(const CommandContext& context) {
  bool detach = context.arguments.has("detach");
  CreateOptions options = TRY(create_options(context));
  Bundle bundle = TRY(read_bundle(context.bundle()));
  Console console = TRY(Console::open(wants_terminal(bundle.config),
                                      context.arguments.value("console-socket"), detach));
  options.console_socket = console.socket();
  if (!detach) hold_signals();
  Container container = TRY(Container::create(options, std::move(bundle)));
  ScopeExit undo([&] { [[maybe_unused]] auto removed = container.remove(true); });
  UniqueFd master = TRY(console.take_master());
  TRY(announce(context.arguments, container.pid(), container.pidfd()));
  std::optional<NotifyProxy> proxy = TRY(NotifyProxy::open(container.notify_directory()));
  TRY(container.start());
  if (detach) {
    if (proxy) TRY(proxy->pass_on(container.pidfd(), container.pid()));
    undo.dismiss();
    return 0;
  }
  sys::Child child{container.pid(), UniqueFd(::fcntl(container.pidfd(), F_DUPFD_CLOEXEC, 0))};
  Result<int> code = 0;
  {
    std::jthread relay;
    if (proxy) relay = std::jthread([&] { pass_on_or_warn(*proxy, child); });
    code = attend(child, std::move(master));
  }
  TRY(code);
  undo.dismiss();
  if (!context.arguments.has("keep")) TRY(container.remove(true));
  return *code;
}

}  // namespace

std::vector<Command> create_commands() {
  return {{"create", "<container-id>", "create a container; its process waits for start",
           create_flags(), 1, 1, false, create},
          {"run", "<container-id>", "create and start a container, and wait for its end",
           run_flags(), 1, 1, false, run}};
}

}  // namespace skiff::runtime
