// Container: checkpoint and restore through CRIU.
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <initializer_list>

#include "base/scope_exit.h"
#include "base/strings.h"
#include "runtime/channel.h"
#include "runtime/container.h"
#include "runtime/criu.h"
#include "runtime/criu_mounts.h"
#include "runtime/descriptors.h"
#include "runtime/device_rules.h"
#include "runtime/hooks.h"
#include "runtime/process_birth.h"
#include "runtime/state_file.h"
#include "sys/mounts.h"
#include "sys/process.h"
#include "sys/procfs.h"
#include "sys/root_dir.h"
#include "sys/unix_socket.h"

namespace skiff::runtime {

namespace {

// runc's name and form: what 0, 1 and 2 were, so that pipes can be given anew.
constexpr std::string_view kDescriptors = "descriptors.json";

// The namespaces that CRIU neither keeps nor makes where they are another's, and its names for
// them.
struct ExternalNamespace {
  uint64_t flag;
  std::string_view file;
  std::string_view key;
};
constexpr ExternalNamespace kExternalNamespaces[] = {{CLONE_NEWNET, "net", "extRootNetNS"},
                                                     {CLONE_NEWPID, "pid", "extRootPidNS"}};

Result<> write_descriptors(pid_t pid, const Path& images) {
  UniqueFd open = TRY(TRY(sys::ProcFs::ours())->open_at(cat(pid, "/fd"), O_RDONLY | O_DIRECTORY));
  json::Array names;
  for (int fd = 0; fd < 3; ++fd) {
    Result<std::string> name = read_link_at(open.get(), cat(fd));
    names.emplace_back(name ? *name : "");
  }
  const Path path = images / kDescriptors;
  UniqueFd file = TRY(open_file(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600));
  std::string text = json::Value(std::move(names)).dump();
  if (::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size())) return {};
  return Error::from_errno(errno, cat("write ", path.native()));
}

ProtoWriter inherited(std::string_view key, int fd) {
  ProtoWriter message;
  message.text(1, key).number(2, static_cast<uint64_t>(fd));
  return message;
}

Result<> add_pipes(const Path& images, CriuOptions& options) {
  const Path path = images / kDescriptors;
  json::Value list = TRY_CONTEXT(json::parse(TRY(read_file(path))), path.native());
  int fd = 0;
  for (const json::Value& name : list.as_array()) {
    if (name.is_string() && name.as_string().starts_with("pipe:")) {
      options.set(CriuOption::kInheritFd, inherited(name.as_string(), fd));
    }
    ++fd;
  }
  return {};
}

void add_dumped_namespaces(const OciConfig& config, CriuOptions& options) {
  for (const ExternalNamespace& external : kExternalNamespaces) {
    const OciNamespace* named = config.find_namespace(external.flag);
    struct stat st{};
    if (named == nullptr || named->path.empty() || ::stat(named->path.c_str(), &st) != 0) continue;
    options.set(CriuOption::kExternal, cat(external.file, "[", st.st_ino, "]:", external.key));
  }
}

// Those that CRIU is to be started with, behind its own.
Result<std::vector<UniqueFd>> add_restored_namespaces(const OciConfig& config,
                                                      CriuOptions& options) {
  std::vector<UniqueFd> open;
  for (const ExternalNamespace& external : kExternalNamespaces) {
    const OciNamespace* named = config.find_namespace(external.flag);
    if (named == nullptr || named->path.empty()) continue;
    const int fd = static_cast<int>(CriuFd::kMore) + static_cast<int>(open.size());
    open.push_back(TRY(sys::open_namespace(named->path, *named->kind)));
    options.set(CriuOption::kInheritFd, inherited(external.key, fd));
  }
  return open;
}

// Which the kernel stops the processes by, however many there are.
void add_freezer(const sys::Cgroup& cgroup, CriuOptions& options) {
  for (const sys::Cgroup::Member& member : cgroup.members()) {
    const auto& names = member.controllers;
    if (cgroup.v2() || std::find(names.begin(), names.end(), "freezer") != names.end()) {
      options.set(CriuOption::kFreezeCgroup, member.directory.native());
    }
  }
}

Error no_criu(const CheckpointOptions& options, const Error& why) {
  return {Code::kUnavailable,
          cat("checkpoints need CRIU, Debian's package criu: ", options.criu, ": ", why.message())};
}

Result<> ignore_notice(const CriuNotice& /*notice*/) { return {}; }

Result<> dump(const CheckpointOptions& options, const CriuOptions& words) {
  auto [ours, its] = TRY(sys::socket_pair(SOCK_SEQPACKET));
  sys::ProcessOptions program{.args = criu_command(options)};
  program.fds = {
      {STDOUT_FILENO, 1}, {STDERR_FILENO, 2}, {its.get(), static_cast<int>(CriuFd::kSocket)}};
  Result<sys::Process> criu = sys::Process::spawn(program);
  if (!criu) return no_criu(options, criu.error());
  its.reset();
  const CriuAction action = options.pre_dump ? CriuAction::kPreDump : CriuAction::kDump;
  const char* name = options.pre_dump ? "pre-dump" : "dump";
  Result<CriuOutcome> done = ask_criu(ours.get(), action, words, ignore_notice);
  ours.reset();
  TRY(criu->wait());
  if (!done) return criu_failure(options, name, done.error().message());
  return done->success ? Result<>{} : criu_failure(options, name, done->message);
}

// CRIU for a restore, in a mount namespace of its own in which the container's root is a mount.
struct Restorer {
  const OciConfig& config;
  const CheckpointOptions& options;
  const Path& root;
  const Path& place;
  const Stdio& stdio;
  RootfsSources& sources;
  const sys::CgroupEntry& cgroup;
  const std::vector<UniqueFd>& namespaces;

  // Gives the other end of CRIU's socket to `requester`.
  Result<> become(const UniqueFd& requester) {
    reset_signals();
    TRY(cgroup.enter());
    TRY(mount_root());
    TRY(install(requester));
    std::vector<std::string> command = criu_command(options);
    std::vector<char*> arguments;
    for (std::string& word : command) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    ::execvp(arguments[0], arguments.data());
    return Error::from_errno(errno, cat("start ", command[0]));
  }

 private:
  Result<> mount_root() {
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) {
      return Error::from_errno(errno, "make the mount namespace a slave");
    }
    UniqueFd tree = TRY(sys::clone_mount(AT_FDCWD, root.native(), true));
    TRY(sys::change_mount(tree.get(), {.propagation = MS_PRIVATE, .recursive = true}));
    UniqueFd target = TRY(open_file(place, O_PATH | O_DIRECTORY));
    TRY(sys::attach_mount(tree.get(), target.get()));
    target.reset();
    return make_mount_points(config, sources, TRY(sys::RootDir::from_fd(std::move(tree))));
  }

  // In the order of CriuFd; the originals are closed, so that none is where a copy will be.
  Result<> open_above(const UniqueFd& requester, int least, std::vector<UniqueFd>& copies) {
    auto [ours, its] = TRY(sys::socket_pair(SOCK_SEQPACKET));
    TRY(sys::send_fd(requester.get(), ours.get(), "criu"));
    const CriuFiles files = TRY(CriuFiles::open(options));
    std::vector<int> wanted = {its.get(), files.images.get(), files.work.get()};
    for (const UniqueFd& fd : namespaces) wanted.push_back(fd.get());
    for (int fd : wanted) {
      copies.emplace_back(::fcntl(fd, F_DUPFD_CLOEXEC, least));
      if (!copies.back()) return Error::from_errno(errno, "duplicate a descriptor for CRIU");
    }
    return {};
  }

  // All others close with the execve.
  Result<> install(const UniqueFd& requester) {
    const int first = static_cast<int>(CriuFd::kSocket);
    const int count = static_cast<int>(CriuFd::kMore) - first + static_cast<int>(namespaces.size());
    std::vector<UniqueFd> copies;
    TRY(open_above(requester, first + count, copies));
    TRY(install_stdio(stdio, count));
    for (int i = 0; i < count; ++i) {
      if (::dup2(copies[static_cast<size_t>(i)].get(), first + i) < 0) {
        return Error::from_errno(errno, "pass a descriptor to CRIU");
      }
    }
    return prepare_for_exec(count);
  }
};

}  // namespace

Result<> Container::checkpoint(const CheckpointOptions& options) {
  // A paused one as well: that is how containerd's clients do it.
  if (status() != ContainerStatus::kPaused) TRY(require_running("checkpoint"));
  TRY(make_directories(options.images, 0700));
  TRY(make_directories(options.work, 0700));
  UniqueFd top = TRY(TRY(sys::ProcFs::ours())->open_link(cat(state_.pid, "/root"), O_PATH));
  sys::RootDir root = TRY(sys::RootDir::from_fd(std::move(top)));
  const ExternalMounts mounts = ExternalMounts::of(config_, root);
  const CriuFiles files = TRY(CriuFiles::open(options));
  CriuOptions words = common_options(options, files.images.get(), files.work.get(), config_,
                                     options.pre_dump ? "pre-dump" : "dump");
  if (options.status_fd >= 0) {
    words.set(CriuOption::kStatusFd, static_cast<uint64_t>(options.status_fd));
  }
  words.set(CriuOption::kPid, static_cast<uint64_t>(state_.pid));
  add_freezer(*cgroup_, words);
  add_dumped_namespaces(config_, words);
  words.add(mounts.for_dump(config_, *cgroup_));
  if (!options.pre_dump) {
    words.set(CriuOption::kRoot, state_.rootfs.native());
    if (options.leave_running) words.set(CriuOption::kLeaveRunning);
    TRY(write_descriptors(state_.pid, options.images));
    TRY(mounts.write(options.images));
  } else {
    words.set(CriuOption::kTrackMemory);
  }
  TRY(dump(options, words));
  if (options.pre_dump) return {};
  TRY(check_images(options));
  return options.leave_running ? Result<>{} : remove(true);
}

Result<Container> Container::restore(const CreateOptions& options, Bundle bundle,
                                     const CheckpointOptions& checkpoint) {
  Container c;
  TRY(c.begin(options, std::move(bundle)));
  ScopeExit undo([&] { c.undo_create(); });
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
  TRY(make_directories(place, 0700));
  const ExternalMounts mounts = TRY(ExternalMounts::read(checkpoint.images));
  ProtoWriter cgroup_root;
  cgroup_root.text(2, state_.cgroup);
  CriuOptions words = common_options(checkpoint, static_cast<int>(CriuFd::kImages),
                                     static_cast<int>(CriuFd::kWork), config_, "restore");
  words.set(CriuOption::kRestoreSibling)
      .set(CriuOption::kNotify)
      .set(CriuOption::kRoot, place.native())
      .set(CriuOption::kCgroupRoot, cgroup_root)
      .add(mounts.for_restore(config_, *cgroup_, state_.bundle));
  TRY(add_pipes(checkpoint.images, words));
  const std::vector<UniqueFd> namespaces = TRY(add_restored_namespaces(config_, words));
  RootfsSources sources = TRY(open_rootfs_sources(config_, state_.bundle, *cgroup_));
  const sys::CgroupEntry entry = TRY(cgroup_->entry());
  Restorer restorer{config_,       checkpoint, state_.rootfs, place,
                    options.stdio, sources,    entry,         namespaces};
  Channel::Ends ends = TRY(Channel::make());
  auto [requester, given] = TRY(sys::socket_pair(SOCK_SEQPACKET));
  sys::Child criu =
      TRY(sys::clone_process({.flags = CLONE_NEWNS, .cgroup = entry.unified_dir()}, [&] {
        // Above what CRIU is given.
        Channel channel(UniqueFd(::fcntl(ends.process.fd(), F_DUPFD_CLOEXEC, 64)));
        Result<> failed = restorer.become(given);
        if (!failed) channel.send_error(failed.error());
        ::_exit(1);
        return 1;
      }));
  ends.process.close();
  given.reset();
  // Closed by the execve, or with the reason why there was none.
  Result<Message> heard = ends.creator.receive();
  Result<CriuOutcome> done = CriuOutcome{};
  if (heard) {
    UniqueFd criu_socket = TRY(sys::receive_fd(requester.get()));
    done = ask_criu(criu_socket.get(), CriuAction::kRestore, words, [&](const CriuNotice& notice) {
      return heed_restore(notice, options.console_socket);
    });
  }
  while (::waitpid(criu.pid, nullptr, 0) < 0 && errno == EINTR) continue;
  if (!heard) return no_criu(checkpoint, heard.error());
  if (!done) return criu_failure(checkpoint, "restore", done.error().message());
  if (!done->success) return criu_failure(checkpoint, "restore", done->message);
  if (done->pid <= 0) {
    return Error(Code::kDataLoss, "criu restore says that it is done, and names no process");
  }
  state_.pid = done->pid;
  state_.start_time = TRY(sys::process_start_time(state_.pid));
  pidfd_ = TRY(sys::open_pidfd(state_.pid));
  return {};
}

Result<> Container::heed_restore(const CriuNotice& notice, int console_socket) {
  if (notice.name == "setup-namespaces") {
    state_.pid = notice.pid;
    TRY(run_hooks(config_.hooks.prestart, "prestart",
                  state_json(ContainerStatus::kCreated).dump()));
    return run_hooks(config_.hooks.create_runtime, "createRuntime",
                     state_json(ContainerStatus::kCreating).dump());
  }
  if (notice.name != "orphan-pts-master") return {};
  if (!notice.fd || console_socket < 0) {
    return Error(Code::kInvalidArgument,
                 "cannot restore a terminal without a console socket to send it over");
  }
  return sys::send_fd(console_socket, notice.fd.get(), "/dev/ptmx").context("console socket");
}

}  // namespace skiff::runtime
