// skiff-runtime checkpoint and restore: runc's words, which all end in one answer.
#include "runtime/command_line.h"
#include "runtime/container.h"

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

Error unsupported(std::string_view command) {
  return {Code::kUnimplemented,
          std::string(command) + ": skiff-runtime does not drive CRIU; use runc or crun for it"};
}

Result<int> checkpoint(const CommandContext& context) {
  TRY(Container::load(context.root, context.id()));
  return unsupported("checkpoint");
}

Result<int> restore(const CommandContext&) { return unsupported("restore"); }

}  // namespace

std::vector<Command> checkpoint_commands() {
  return {{"checkpoint", "<container-id>", "not supported", checkpoint_flags(), 1, 1, false,
           checkpoint},
          {"restore", "<container-id>", "not supported", restore_flags(), 1, 1, false, restore}};
}

}  // namespace skiff::runtime
