#include "runtime/monitor_exec.h"

#include <algorithm>
#include <csignal>

#include "base/strings.h"
#include "runtime/container_spec.h"
#include "runtime/monitor_protocol.h"
#include "runtime/security_labels.h"

namespace skiff::runtime {

namespace {

// How many ended sessions keep their codes; those nobody has been told of are kept longer.
constexpr size_t kKeptEnded = 256;
constexpr size_t kKeptUntold = 4096;

Error no_such(const std::string& id) {
  return {Code::kNotFound, cat("No such exec instance: ", id)};
}

// As a container of that user has them: others than root have none after execve, and the
// inheritable set stays empty.
sys::CapabilitySets capabilities_for(const OciProcess& own, uint32_t uid, bool privileged) {
  sys::CapabilitySets sets;
  sets.bounding = privileged ? sys::known_capabilities() : own.capabilities.bounding;
  if (uid == 0) sets.effective = sets.permitted = sets.bounding;
  return sets;
}

}  // namespace

Result<OciProcess> make_exec_process(const OciConfig& config, const ExecSpec& spec) {
  OciProcess process = config.process.value_or(OciProcess{});
  const OciProcess own = process;
  process.terminal = spec.terminal;
  process.console_height = spec.console_height;
  process.console_width = spec.console_width;
  process.args = spec.args;
  process.env = spec.env;
  if (!spec.working_dir.empty()) process.cwd = spec.working_dir;
  if (!spec.user.empty()) {
    ResolvedUser user = TRY(resolve_user(config.root, spec.user));
    process.uid = user.uid;
    process.gid = user.gid;
    process.additional_gids.assign(user.additional_gids.begin(), user.additional_gids.end());
  }
  if (spec.privileged) process.apparmor_profile = kUnconfined;
  if (spec.privileged || !spec.user.empty()) {
    process.capabilities = capabilities_for(own, process.uid, spec.privileged);
  }
  return process;
}

Result<> ExecSessions::start(Container& container, Request& request) {
  std::string id = request.asked.string("id");
  if (sessions_.contains(id)) {
    return Error(Code::kAlreadyExists, cat("exec session ", id, " exists already"));
  }
  const json::Value* asked = TRY(request.asked.require_object("spec"));
  ExecSpec spec = exec_spec_from(*asked);
  std::unique_ptr<Session> session = TRY(launch(container, id, spec));
  json::Value answer = json::object({{"pid", session->pid}});
  ProcessIo& io = *session->io;
  sessions_[id] = std::move(session);
  if (spec.attach_stdin || spec.attach_stdout || spec.attach_stderr) {
    io.add_client(std::move(request.socket), {.wants_stdin = spec.attach_stdin,
                                              .greeting = answer.dump() + "\n",
                                              .early_input = std::move(request.early_input)});
  } else {
    send_answer(request.socket.get(), answer);
  }
  return {};
}

Result<std::unique_ptr<ExecSessions::Session>> ExecSessions::launch(Container& container,
                                                                    const std::string& id,
                                                                    const ExecSpec& spec) {
  OciProcess process = TRY(make_exec_process(container.config(), spec));
  auto session = std::make_unique<Session>(loop_);
  // A slow client holds up only the process it asked for, so it may do that for ever.
  IoOptions options{.terminal = spec.terminal,
                    .open_stdin = spec.attach_stdin,
                    .want_stdout = spec.attach_stdout,
                    .want_stderr = spec.attach_stderr,
                    .stdin_ends_with_client = true,
                    .overflow_dir = overflow_dir_};
  IoCallbacks callbacks{.on_output = [](OutputStream, std::string_view) {},
                        .on_drained = [this, made = session.get()] { finish(*made); },
                        .on_client_gone = [this] { tidy(); }};
  session->io = std::make_unique<ProcessIo>(loop_, std::move(options), std::move(callbacks));
  TRY(session->io->open());
  sys::Child child = TRY(container.exec(
      process, {.stdio = session->io->stdio(), .console_socket = session->io->console_socket()}));
  session->pid = child.pid;
  session->number = next_number_++;
  session->record = spec.record;
  if (Result<> begun = session->io->begin(); !begun) {
    ::kill(child.pid, SIGKILL);
    return std::move(begun).context(cat("exec session ", id)).error();
  }
  return session;
}

Result<> ExecSessions::resize(const std::string& id, int height, int width) {
  auto found = sessions_.find(id);
  if (found == sessions_.end()) return no_such(id);
  if (!found->second->io) return {};
  return found->second->io->resize(height, width);
}

Result<> ExecSessions::wait(const std::string& id, UniqueFd& socket) {
  auto found = sessions_.find(id);
  if (found == sessions_.end()) return no_such(id);
  Session& session = *found->second;
  if (session.code) {
    session.told |= send_answer(socket.get(), json::object({{"code", *session.code}}));
  } else {
    session.waiting.add(std::move(socket));
  }
  return {};
}

std::vector<std::string> ExecSessions::ids(TimePoint ended_after) const {
  std::vector<std::string> out;
  for (const auto& [id, session] : sessions_) {
    if (!session->code || session->finished > ended_after) out.push_back(id);
  }
  return out;
}

Result<ExecReport> ExecSessions::report(const std::string& id) const {
  auto found = sessions_.find(id);
  if (found == sessions_.end()) return no_such(id);
  const Session& session = *found->second;
  return ExecReport{.id = id,
                    .pid = session.pid,
                    .code = session.code,
                    .finished = session.finished,
                    .told = session.told,
                    .record = session.record};
}

bool ExecSessions::child_ended(int pid, int code) {
  for (const auto& [id, session] : sessions_) {
    if (session->pid != pid || session->ended) continue;
    session->ended = code;
    session->finished = Clock::system().now();
    session->io->process_ended();
    return true;
  }
  return false;
}

bool ExecSessions::has_clients() const {
  return std::any_of(sessions_.begin(), sessions_.end(), [](const auto& entry) {
    return entry.second->io && entry.second->io->has_clients();
  });
}

void ExecSessions::finish(Session& session) {
  session.code = session.ended;
  session.told = session.waiting.answer_all(json::object({{"code", *session.code}}));
  session.io->finish();
  tidy();
}

// Frees what ended sessions no longer need; later, since a session's own code may be running.
void ExecSessions::tidy() {
  if (std::exchange(tidying_, true)) return;
  loop_.call_after(std::chrono::milliseconds(0), [this] {
    tidying_ = false;
    std::vector<std::pair<uint64_t, std::string>> told;
    std::vector<std::pair<uint64_t, std::string>> untold;
    for (auto& [id, session] : sessions_) {
      if (!session->code) continue;
      if (session->io && !session->io->has_clients()) session->io.reset();
      if (session->io) continue;
      (session->told ? told : untold).emplace_back(session->number, id);
    }
    auto forget = [this](auto& ended, size_t kept) {
      std::sort(ended.begin(), ended.end());
      for (size_t i = 0; i + kept < ended.size(); ++i) sessions_.erase(ended[i].second);
    };
    forget(told, kKeptEnded);
    forget(untold, kKeptUntold);
    on_idle_();
  });
}

}  // namespace skiff::runtime
