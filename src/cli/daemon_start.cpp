#include "cli/daemon_start.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/default_places.h"
#include "base/strings.h"
#include "net/stream.h"
#include "sys/process.h"

namespace skiff::cli {

namespace {

constexpr int kTries = 2'000;
constexpr int kPauseMs = 5;
constexpr off_t kMostTold = 4'096;

Path program_beside(const char* name) {
  std::error_code ec;
  return std::filesystem::read_symlink("/proc/self/exe", ec).parent_path() / name;
}

// Of two daemons that are started at once one ends, for the other has the root.
bool has_daemon(const Path& root) {
  const auto lock = open_file(root / "lock", O_RDONLY | O_CLOEXEC);
  return lock && ::flock(lock->get(), LOCK_SH | LOCK_NB) != 0;
}

// Of what was written to the log behind `before`.
std::string last_line(int log, off_t before) {
  const off_t end = ::lseek(log, 0, SEEK_END);
  const off_t size = std::clamp<off_t>(end - before, 0, kMostTold);
  std::string text(static_cast<size_t>(size), '\0');
  const ssize_t n = ::pread(log, text.data(), text.size(), end - size);
  text.resize(static_cast<size_t>(std::max<ssize_t>(n, 0)));
  std::string_view line = trim(text);
  if (const size_t at = line.rfind('\n'); at != std::string_view::npos) line.remove_prefix(at + 1);
  constexpr std::string_view kProgram = "skiffd: ";
  if (line.starts_with(kProgram)) line.remove_prefix(kProgram.size());
  return std::string(line);
}

}  // namespace

Result<> start_daemon(const Path& socket) {
  const Path program = program_beside("skiffd");
  const Path log = socket.parent_path() / "skiffd.log";
  const Path root = TRY(default_places()).root;
  TRY(make_directories(socket.parent_path(), 0711));
  const UniqueFd out = TRY(open_file(log, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  const off_t before = ::lseek(out.get(), 0, SEEK_END);
  sys::Process daemon = TRY(sys::Process::spawn(
      {.args = {program.native()}, .fds = {{out.get(), 1}, {out.get(), 2}}, .new_session = true}));
  pollfd end{.fd = daemon.pidfd(), .events = POLLIN, .revents = 0};
  for (int tries = 0; tries < kTries; ++tries) {
    const bool ended = ::poll(&end, 1, kPauseMs) > 0;
    const bool waits_for_another = ended && has_daemon(root);
    if (net::connect_unix(socket)) {
      daemon.detach();
      return {};
    }
    if (waits_for_another) {
      ::poll(nullptr, 0, kPauseMs);
    } else if (ended) {
      const int code = TRY(daemon.wait());
      const std::string line = last_line(out.get(), before);
      return Error(Code::kUnavailable, cat("skiffd was started and ended: ",
                                           line.empty() ? cat("exit code ", code) : line,
                                           " (its log is ", log.native(), ")"));
    }
  }
  daemon.detach();
  return Error(Code::kUnavailable,
               cat("skiffd was started and does not answer: see ", log.native()));
}

}  // namespace skiff::cli
