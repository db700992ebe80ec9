#include "registry/access_log.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "base/log.h"
#include "base/strings.h"

namespace skiff::registry {

namespace {

constexpr size_t kMostPending = size_t{8} << 20U;
// Lines of so long go out together: who writes is woken as often at most.
constexpr std::chrono::milliseconds kGather{50};
constexpr std::chrono::minutes kBetweenComplaints{1};
constexpr int kPollMs = 100;
constexpr int kLastPolls = 20;  // for a reader that takes nothing, when we stop

Result<UniqueFd> open_log(const Path& file) {
  if (file == "-") {
    UniqueFd out(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0));
    if (out) return out;
    return Error::from_errno(errno, "standard output");
  }
  return open_file(file, O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY, 0640);
}

bool is_regular(int fd) {
  struct stat status = {};
  return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

}  // namespace

Result<std::unique_ptr<AccessLog>> AccessLog::open(const Path& file) {
  UniqueFd fd = TRY(open_log(file));
  std::unique_ptr<AccessLog> log(new AccessLog(file, std::move(fd)));
  log->thread_ = std::jthread([log = log.get()](const std::stop_token& stop) { log->run(stop); });
  return log;
}

AccessLog::AccessLog(Path file, UniqueFd fd)
    : file_(std::move(file)), fd_(std::move(fd)), is_regular_(is_regular(fd_.get())) {}

AccessLog::~AccessLog() = default;

void AccessLog::answered(const RequestRecord& record) {
  const std::string line = access_line(record, Clock::system().now());
  bool first = false;
  {
    std::lock_guard lock(mutex_);
    if (pending_.size() + line.size() > kMostPending) {
      lost_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    first = pending_.empty();
    pending_ += line;
  }
  if (first) wake_.notify_one();
}

void AccessLog::reopen() {
  {
    std::lock_guard lock(mutex_);
    reopen_wanted_ = true;
  }
  wake_.notify_one();
}

void AccessLog::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  std::string lines;
  for (;;) {
    wake_.wait(lock, stop, [&] { return !pending_.empty() || reopen_wanted_; });
    if (pending_.empty() && !reopen_wanted_) return;
    if (!reopen_wanted_) wake_.wait_for(lock, stop, kGather, [&] { return reopen_wanted_; });
    lines.clear();
    std::swap(lines, pending_);
    const bool reopen = std::exchange(reopen_wanted_, false);
    lock.unlock();
    if (reopen) open_again();
    write(lines, stop);
    lock.lock();
  }
}

void AccessLog::open_again() {
  Result<UniqueFd> fd = open_log(file_);
  if (!fd) return log_error(cat("the access log in use stays: ", fd.error().message()));
  fd_ = std::move(*fd);
  is_regular_ = is_regular(fd_.get());
  torn_ = false;
}

bool AccessLog::write(std::string_view text, const std::stop_token& stop) {
  std::string ended;
  if (torn_ && !text.empty()) text = ended = cat("\n", text);
  int polls = 0;
  while (!text.empty()) {
    size_t size = text.size();
    if (!is_regular_) {
      // A pipe that is ready takes so many without waiting.
      size = std::min<size_t>(size, PIPE_BUF);
      pollfd ready{.fd = fd_.get(), .events = POLLOUT, .revents = 0};
      if (::poll(&ready, 1, kPollMs) == 0) {
        if (!stop.stop_requested() || ++polls < kLastPolls) continue;
        lose(text, "nobody reads it");
        return false;
      }
    }
    const ssize_t n = ::write(fd_.get(), text.data(), size);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n < 0) {
      lose(text, Error::from_errno(errno, file_.native()).message());
      return false;
    }
    torn_ = text[static_cast<size_t>(n) - 1] != '\n';
    text.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

void AccessLog::lose(std::string_view text, const std::string& why) {
  lost_.fetch_add(static_cast<uint64_t>(std::ranges::count(text, '\n')), std::memory_order_relaxed);
  const TimePoint now = Clock::system().now();
  if (now - complained_ < kBetweenComplaints) return;
  complained_ = now;
  log_warn(cat("lines of the access log are lost: ", why));
}

}  // namespace skiff::registry
