// Container: checkpoint and restore through CRIU.
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "base/scope_exit.h"
#include "base/strings.h"
#include "runtime/channel.h"
#include "runtime/container.h"
#include "runtime/criu.h"
#include "runtime/descriptors.h"
#include "runtime/device_rules.h"
#include "runtime/process_birth.h"
#include "runtime/state_file.h"
#include "sys/mounts.h"
#include "sys/process.h"
#include "sys/procfs.h"
#include "sys/root_dir.h"

namespace skiff::runtime {

namespace {

// runc's name and form: what 0, 1 and 2 were, so that pipes can be given anew.
constexpr std::string_view kDescriptors = "descriptors.json";
constexpr std::string_view kMasked = "masked.json";  // masked_files()
constexpr std::string_view kPidFile = "restored.pid";

Result<> check_terminal(const OciConfig& config, std::string_view action) {
  if (!config.process || !config.process->terminal) return {};
  return Error(Code::kUnimplemented,
               cat(action,
                   ": a container with a terminal is not supported: its other end would be "
                   "lost"));
}

Result<> write_list(const Path& path, json::Array list) {
  UniqueFd file = TRY(open_file(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600));
  std::string text = json::Value(std::move(list)).dump();
  if (::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size())) return {};
  return Error::from_errno(errno, cat("write ", path.native()));
}

Result<std::vector<std::string>> read_list(const Path& path) {
  json::Value list = TRY_CONTEXT(json::parse(TRY(read_file(path))), path.native());
  std::vector<std::string> texts;
  for (const json::Value& entry : list.as_array()) {
    texts.push_back(entry.is_string() ? entry.as_string() : "");
  }
  return texts;
}

Result<> write_descriptors(pid_t pid, const Path& images) {
  UniqueFd open = TRY(TRY(sys::ProcFs::ours())->open_at(cat(pid, "/fd"), O_RDONLY | O_DIRECTORY));
  json::Array names;
  for (int fd = 0; fd < 3; ++fd) {
    Result<std::string> name = read_link_at(open.get(), cat(fd));
    names.emplace_back(name ? *name : "");
  }
  return write_list(images / kDescriptors, std::move(names));
}

Result<std::vector<std::string>> inherited(const Path& images) {
  std::vector<std::string> words;
  int fd = 0;
  for (const std::string& name : TRY(read_list(images / kDescriptors))) {
    if (name.starts_with("pipe:")) {
      words.insert(words.end(), {"--inherit-fd", cat("fd[", fd, "]:", name)});
    }
    ++fd;
  }
  return words;
}

// The network is another's: CRIU neither keeps nor makes it.
std::vector<std::string> external_network(const OciConfig& config, bool restore, int inherit_fd) {
  const OciNamespace* network = config.find_namespace(CLONE_NEWNET);
  struct stat st{};
  if (network == nullptr || network->path.empty()) return {};
  if (restore) return {"--inherit-fd", cat("fd[", inherit_fd, "]:extRootNetNS")};
  if (::stat(network->path.c_str(), &st) != 0) return {};
  return {"--external", cat("net[", st.st_ino, "]:extRootNetNS")};
}

void append(std::vector<std::string>& words, const std::vector<std::string>& more) {
  words.insert(words.end(), more.begin(), more.end());
}

// In the process that becomes CRIU, in a mount namespace of its own.
Result<> become_criu(const std::vector<std::string>& words, const Path& root, const Path& place,
                     const Stdio& stdio, const UniqueFd& network) {
  reset_signals();
  TRY(install_stdio(stdio, network ? 1 : 0));
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) {
    return Error::from_errno(errno, "make the mount namespace a slave");
  }
  UniqueFd tree = TRY(sys::clone_mount(AT_FDCWD, root.native(), true));
  TRY(sys::change_mount(tree.get(), {.propagation = MS_PRIVATE, .recursive = true}));
  UniqueFd target = TRY(open_file(place, O_PATH | O_DIRECTORY));
  TRY(sys::attach_mount(tree.get(), target.get()));
  tree.reset();
  target.reset();
  if (network && ::dup2(network.get(), 3) < 0) return Error::from_errno(errno, "pass the network");
  if (network) ::fcntl(3, F_SETFD, 0);
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  ::execvp(arguments[0], arguments.data());
  return Error::from_errno(errno, cat("start ", words[0]));
}

Error no_criu(const CheckpointOptions& options, const Error& why) {
  return {Code::kUnavailable,
          cat("checkpoints need CRIU, Debian's package criu: ", options.criu, ": ", why.message())};
}

}  // namespace

Result<> Container::checkpoint(const CheckpointOptions& options) {
  TRY(require_running("checkpoint"));
  TRY(check_terminal(config_, "checkpoint"));
  TRY(make_directories(options.images, 0700));
  TRY(make_directories(options.work, 0700));
  UniqueFd top = TRY(TRY(sys::ProcFs::ours())->open_link(cat(state_.pid, "/root"), O_PATH));
  sys::RootDir root = TRY(sys::RootDir::from_fd(std::move(top)));
  const std::string action = options.pre_dump ? "pre-dump" : "dump";
  std::vector<std::string> words = criu_command(options, action);
  append(words, {"--tree", cat(state_.pid)});
  append(words, external_network(config_, false, 0));
  const std::vector<std::string> masked = masked_files(config_, root);
  append(words, external_mounts(config_, *cgroup_, masked, false));
  if (!options.pre_dump) {
    append(words, {"--root", state_.rootfs.native()});
    if (options.leave_running) words.emplace_back("--leave-running");
    TRY(write_descriptors(state_.pid, options.images));
    TRY(write_list(options.images / kMasked, json::Array(masked.begin(), masked.end())));
  } else {
    words.emplace_back("--track-mem");
  }
  sys::ProcessOptions program{.args = std::move(words)};
  program.fds = {{STDOUT_FILENO, 1}, {STDERR_FILENO, 2}};
  Result<sys::Process> criu = sys::Process::spawn(program);
  if (!criu) return no_criu(options, criu.error());
  int code = TRY(criu->wait());
  if (code != 0) return criu_failure(options, action, code);
  TRY(check_images(options, action));
  return options.pre_dump || options.leave_running ? Result<>{} : remove(true);
}

Result<Container> Container::restore(const CreateOptions& options,
                                     const CheckpointOptions& checkpoint) {
  Container c;
  TRY(c.begin(options));
  ScopeExit undo([&] { c.undo_create(); });
  TRY(check_terminal(c.config_, "restore"));
  TRY(make_directories(checkpoint.work, 0700));
  c.config_.resources = with_device_rules(c.config_.resources);
  TRY(options.systemd_cgroup ? c.make_scope() : c.make_cgroup());
  TRY(c.run_restore(options, checkpoint));
  TRY(write_state(c.directory_, c.state_));
  c.scope_holder_.reset();
  undo.dismiss();
  return c;
}

Result<> Container::run_restore(const CreateOptions& options, const CheckpointOptions& checkpoint) {
  const Path place = directory_ / "root";
  const Path pid_file = directory_ / kPidFile;
  TRY(make_directories(place, 0700));
  std::vector<std::string> words = criu_command(checkpoint, "restore");
  append(words, {"--restore-detached", "--restore-sibling", "--pidfile", pid_file.native(),
                 "--root", place.native(), "--cgroup-root", state_.cgroup});
  append(words, TRY(inherited(checkpoint.images)));
  std::vector<std::string> masked = TRY(read_list(checkpoint.images / kMasked));
  append(words, external_mounts(config_, *cgroup_, masked, true));
  append(words, external_network(config_, true, 3));
  UniqueFd network;
  if (const OciNamespace* named = config_.find_namespace(CLONE_NEWNET)) {
    if (!named->path.empty()) network = TRY(sys::open_namespace(named->path, *named->kind));
  }
  Channel::Ends ends = TRY(Channel::make());
  sys::Child criu = TRY(sys::clone_process({.flags = CLONE_NEWNS}, [&] {
    Result<> failed = become_criu(words, state_.rootfs, place, options.stdio, network);
    if (!failed) ends.process.send_error(failed.error());
    return 1;
  }));
  ends.process.close();
  // Closed by the execve, or with the reason why there was none.
  Result<Message> heard = ends.creator.receive();
  int status = 0;
  while (::waitpid(criu.pid, &status, 0) < 0 && errno == EINTR) continue;
  if (!heard) return no_criu(checkpoint, heard.error());
  int code = sys::exit_code_of(status);
  if (code != 0) return criu_failure(checkpoint, "restore", code);
  const auto pid = parse_uint(trim(TRY(read_file(pid_file))));
  if (!pid || *pid == 0 || *pid > INT32_MAX) {
    return Error(Code::kDataLoss, "criu restore says that it is done, and names no process");
  }
  state_.pid = static_cast<int>(*pid);
  state_.start_time = TRY(sys::process_start_time(state_.pid));
  pidfd_ = TRY(sys::open_pidfd(state_.pid));
  return {};
}

}  // namespace skiff::runtime
