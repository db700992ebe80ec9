// skiff-runtime checkpoint and restore: runc's words for CRIU's.
#include <fcntl.h>

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
constexpr std::pair<std::string_view, std::string_view> kSwitches[] = {
    {"tcp-established", "--tcp-established"},
    {"ext-unix-sk", "--ext-unix-sk"},
    {"shell-job", "--shell-job"},
    {"lazy-pages", "--lazy-pages"},
    {"file-locks", "--file-locks"},
    {"auto-dedup", "--auto-dedup"}};
constexpr std::pair<std::string_view, std::string_view> kValues[] = {
    {"status-fd", "--status-fd"},
    {"lsm-profile", "--lsm-profile"},
    {"lsm-mount-context", "--lsm-mount-context"}};

Result<std::string> cgroup_mode(const CommandArguments& arguments) {
  std::string mode =
      arguments.has("manage-cgroups-mode") ? arguments.value("manage-cgroups-mode") : "soft";
  for (std::string_view known : {"soft", "full", "strict", "ignore"}) {
    if (mode == known) return cat("--manage-cgroups=", mode);
  }
  return Error(Code::kInvalidArgument, "Invalid manage-cgroups-mode value");
}

Result<> add_page_server(const std::string& address, std::vector<std::string>& words) {
  size_t at = address.rfind(':');
  if (at == std::string::npos || !parse_uint(address.substr(at + 1))) {
    return Error(Code::kInvalidArgument, "Use --page-server ADDRESS:PORT to specify page server");
  }
  words.insert(words.end(), {"--page-server", "--address", address.substr(0, at), "--port",
                             address.substr(at + 1)});
  return {};
}

// As CRIU, it counts from the images.
Result<> add_parent(const std::string& parent, const Path& images,
                    std::vector<std::string>& words) {
  if (parent.starts_with('/')) {
    return Error(Code::kInvalidArgument, "--parent-path must be relative");
  }
  std::error_code ec;
  if (!std::filesystem::is_directory(images / parent, ec)) {
    return Error(Code::kInvalidArgument,
                 cat("invalid --parent-path: ", parent, " is no directory"));
  }
  words.insert(words.end(), {"--prev-images-dir", parent, "--track-mem"});
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
  std::vector<std::string>& words = options.words;
  for (const auto& [ours, theirs] : kSwitches) {
    if (arguments.has(ours)) words.emplace_back(theirs);
  }
  for (const auto& [ours, theirs] : kValues) {
    if (arguments.has(ours))
      words.insert(words.end(), {std::string(theirs), arguments.value(ours)});
  }
  words.push_back(TRY(cgroup_mode(arguments)));
  for (const std::string& kind : arguments.values("empty-ns")) {
    if (kind != "network") {
      return Error(Code::kInvalidArgument, cat("namespace ", quoted(kind), " is not supported"));
    }
    words.insert(words.end(), {"--empty-ns", "net"});
  }
  return options;
}

Result<int> checkpoint(const CommandContext& context) {
  const CommandArguments& arguments = context.arguments;
  Container container = TRY(Container::load(context.root, context.id()));
  CheckpointOptions options = TRY(options_of(context));
  options.pre_dump = arguments.has("pre-dump");
  options.leave_running = arguments.has("leave-running");
  if (arguments.has("page-server")) {
    TRY(add_page_server(arguments.value("page-server"), options.words));
  }
  if (arguments.has("parent-path")) {
    TRY(add_parent(arguments.value("parent-path"), options.images, options.words));
  }
  TRY(container.checkpoint(options));
  return 0;
}

Result<int> restore(const CommandContext& context) {
  const CommandArguments& arguments = context.arguments;
  bool detach = arguments.has("detach");
  CreateOptions options;
  options.id = context.id();
  std::string bundle = arguments.value("bundle");
  options.bundle = std::filesystem::absolute(bundle.empty() ? "." : bundle);
  options.state_root = context.root;
  options.seccomp_dir = context.root / kSeccompDir;
  options.systemd_cgroup = context.systemd_cgroup;
  if (!detach) hold_signals();
  Container container = TRY(Container::restore(options, TRY(options_of(context))));
  ScopeExit undo([&] { [[maybe_unused]] auto removed = container.remove(true); });
  TRY(announce(arguments, container.pid(), container.pidfd()));
  if (detach) {
    undo.dismiss();
    return 0;
  }
  sys::Child child{container.pid(), UniqueFd(::fcntl(container.pidfd(), F_DUPFD_CLOEXEC, 0))};
  int code = TRY(attend(child, UniqueFd()));
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
