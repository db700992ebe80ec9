// skiff-runtime checkpoint and restore: runc's words for CRIU's.
#include <fcntl.h>
#include <sched.h>

#include <climits>
#include <utility>

#include "base/scope_exit.h"
#include "base/strings.h"
#include "runtime/command_line.h"
#include "runtime/container.h"
#include "runtime/criu.h"
#include "runtime/foreground.h"

namespace skiff::runtime {

namespace {

std::vector<CommandFlag> common_flags() {
  return {{"image-path", "", "DIR", "where the image files are"},
          {"work-path", "", "DIR", "where logs are"},
          {"tcp-established", "", "", "allow open TCP connections"},
          {"tcp-skip-in-flight", "", "", "leave out TCP connections that are being made"},
          {"link-remap", "", "", "give files that were removed while open a name again"},
          {"ext-unix-sk", "", "", "allow external Unix sockets"},
          {"shell-job", "", "", "allow shell jobs"},
          {"lazy-pages", "", "", "move memory when it is touched"},
          {"file-locks", "", "", "keep file locks"},
          {"manage-cgroups-mode", "", "MODE", "soft, full, strict or ignore"},
          {"empty-ns", "", "TYPE", "make a namespace, but restore nothing in it"},
          {"auto-dedup", "", "", "drop memory that is in two images"}};
}

std::vector<CommandFlag> checkpoint_flags() {
  std::vector<CommandFlag> flags = common_flags();
  flags.insert(flags.end(), {{"parent-path", "", "DIR", "images of an earlier pre-dump"},
                             {"leave-running", "", "", "go on afterwards"},
                             {"status-fd", "", "N", "told when lazy pages can be served"},
                             {"page-server", "", "HOST:PORT", "where memory goes"},
                             {"pre-dump", "", "", "memory alone; the container goes on"}});
  return flags;
}

std::vector<CommandFlag> restore_flags() {
  std::vector<CommandFlag> flags = common_flags();
  flags.insert(flags.end(),
               {{"console-socket", "", "PATH", "Unix socket that gets the terminal's master"},
                {"bundle", "b", "DIR", "the bundle's directory"},
                {"detach", "d", "", "do not wait for the end"},
                {"pid-file", "", "FILE", "gets the process's number"},
                {"no-subreaper", "", "", "accepted; there never is one"},
                {"no-pivot", "", "", "chroot instead of pivot_root"},
                {"lsm-profile", "", "TYPE:NAME", "security profile of what is restored"},
                {"lsm-mount-context", "", "CONTEXT", "security context of its mounts"}});
  return flags;
}

// Ours on the left, CRIU's on the right.
constexpr std::pair<std::string_view, CriuOption> kSwitches[] = {
    {"tcp-established", CriuOption::kTcpEstablished},
    {"tcp-skip-in-flight", CriuOption::kTcpSkipInFlight},
    {"ext-unix-sk", CriuOption::kExternalUnixSockets},
    {"shell-job", CriuOption::kShellJob},
    {"lazy-pages", CriuOption::kLazyPages},
    {"file-locks", CriuOption::kFileLocks},
    {"link-remap", CriuOption::kLinkRemap},
    {"auto-dedup", CriuOption::kAutoDedup}};
constexpr std::pair<std::string_view, CriuOption> kTexts[] = {
    {"lsm-profile", CriuOption::kSecurityProfile},
    {"lsm-mount-context", CriuOption::kMountContext}};
// CRIU's numbers of them.
constexpr std::pair<std::string_view, uint64_t> kCgroupModes[] = {
    {"ignore", 0}, {"soft", 3}, {"full", 4}, {"strict", 5}};

Result<uint64_t> cgroup_mode(const CommandArguments& arguments) {
  std::string mode =
      arguments.has("manage-cgroups-mode") ? arguments.value("manage-cgroups-mode") : "soft";
  for (const auto& [known, number] : kCgroupModes) {
    if (mode == known) return number;
  }
  return Error(Code::kInvalidArgument, "Invalid manage-cgroups-mode value");
}

Result<> add_page_server(const std::string& address, CriuOptions& options) {
  size_t at = address.rfind(':');
  auto port = at == std::string::npos ? std::nullopt : parse_uint(address.substr(at + 1));
  if (!port) {
    return Error(Code::kInvalidArgument, "Use --page-server ADDRESS:PORT to specify page server");
  }
  ProtoWriter server;
  server.text(1, address.substr(0, at)).number(2, *port);
  options.set(CriuOption::kPageServer, server);
  return {};
}

// As CRIU, it counts from the images.
Result<> add_parent(const std::string& parent, const Path& images, CriuOptions& options) {
  if (parent.starts_with('/')) {
    return Error(Code::kInvalidArgument, "--parent-path must be relative");
  }
  std::error_code ec;
  if (!std::filesystem::is_directory(images / parent, ec)) {
    return Error(Code::kInvalidArgument,
                 cat("invalid --parent-path: ", parent, " is no directory"));
  }
  options.set(CriuOption::kParentImages, parent).set(CriuOption::kTrackMemory);
  return {};
}

Result<CheckpointOptions> options_of(const CommandContext& context) {
  const CommandArguments& arguments = context.arguments;
  CheckpointOptions options;
  if (!context.criu.empty()) options.criu = context.criu;
  std::string images = arguments.value("image-path");
  options.images = std::filesystem::absolute(images.empty() ? "checkpoint" : images);
  std::string work = arguments.value("work-path");
  options.work = work.empty() ? options.images : std::filesystem::absolute(work);
  for (const auto& [ours, theirs] : kSwitches) {
    if (arguments.has(ours)) options.options.set(theirs);
  }
  for (const auto& [ours, theirs] : kTexts) {
    if (arguments.has(ours)) options.options.set(theirs, arguments.value(ours));
  }
  options.options.set(CriuOption::kCgroupMode, TRY(cgroup_mode(arguments)));
  uint64_t empty = 0;
  for (const std::string& kind : arguments.values("empty-ns")) {
    if (kind != "network") {
      return Error(Code::kInvalidArgument, cat("namespace ", quoted(kind), " is not supported"));
    }
    empty |= CLONE_NEWNET;
  }
  if (empty != 0) options.options.set(CriuOption::kEmptyNamespaces, empty);
  return options;
}

// Before lazy pages can be served their reader must know: a number that is no descriptor of ours
// would be found out too late.
Result<int> status_descriptor(const CommandArguments& arguments) {
  if (!arguments.has("status-fd")) return -1;
  const std::string text = arguments.value("status-fd");
  auto number = parse_uint(text);
  if (!number || *number > INT_MAX || ::fcntl(static_cast<int>(*number), F_GETFD) < 0) {
    return Error(Code::kInvalidArgument, cat("--status-fd ", text, " is no open descriptor"));
  }
  return static_cast<int>(*number);
}

Result<int> checkpoint(const CommandContext& context) {
  const CommandArguments& arguments = context.arguments;
  Container container = TRY(Container::load(context.root, context.id()));
  CheckpointOptions options = TRY(options_of(context));
  options.pre_dump = arguments.has("pre-dump");
  options.leave_running = arguments.has("leave-running");
  options.status_fd = TRY(status_descriptor(arguments));
  if (arguments.has("page-server")) {
    TRY(add_page_server(arguments.value("page-server"), options.options));
  }
  if (arguments.has("parent-path")) {
    TRY(add_parent(arguments.value("parent-path"), options.images, options.options));
  }
  TRY(container.checkpoint(options));
  return 0;
}

Result<int> restore(const CommandContext& context) {
  const CommandArguments& arguments = context.arguments;
  bool detach = arguments.has("detach");
  CreateOptions options;
  options.id = context.id();
  options.state_root = context.root;
  options.seccomp_dir = context.root / kSeccompDir;
  options.systemd_cgroup = context.systemd_cgroup;
  Bundle bundle = TRY(read_bundle(context.bundle()));
  Console console =
      TRY(Console::open(wants_terminal(bundle.config), arguments.value("console-socket"), detach));
  options.console_socket = console.socket();
  if (!detach) hold_signals();
  Container container =
      TRY(Container::restore(options, std::move(bundle), TRY(options_of(context))));
  ScopeExit undo([&] { [[maybe_unused]] auto removed = container.remove(true); });
  UniqueFd master = TRY(console.take_master());
  TRY(announce(arguments, container.pid(), container.pidfd()));
  if (detach) {
    undo.dismiss();
    return 0;
  }
  sys::Child child{container.pid(), UniqueFd(::fcntl(container.pidfd(), F_DUPFD_CLOEXEC, 0))};
  int code = TRY(attend(child, std::move(master)));
  undo.dismiss();
  TRY(container.remove(true));
  return code;
}

}  // namespace

std::vector<Command> checkpoint_commands() {
  return {{"checkpoint", "<container-id>", "write a container's processes into files (CRIU)",
           checkpoint_flags(), 1, 1, false, checkpoint},
          {"restore", "<container-id>", "run a container from such files", restore_flags(), 1, 1,
           false, restore}};
}

}  // namespace skiff::runtime
