#include "engine/journal_reader.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/strings.h"
#include "engine/journal_export.h"
#include "sys/process.h"

namespace skiff::engine {

namespace {

constexpr size_t kMostWords = 4096;  // of journalctl's complaints

std::string field(const std::map<std::string, std::string>& fields, const std::string& name) {
  auto found = fields.find(name);
  return found == fields.end() ? "" : found->second;
}

std::string seconds_of(TimePoint time) {
  return cat("@", std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count());
}

// journalctl knows "there is none" and "there is nothing in it" apart by its words alone.
bool has_journal() {
  std::error_code none;
  for (const char* place : {"/run/log/journal", "/var/log/journal"}) {
    for (const auto& entry : std::filesystem::directory_iterator(place, none)) {
      if (entry.is_directory(none)) return true;
    }
  }
  return false;
}

class JournalSession {
 public:
  JournalSession(Core& core, const ContainerInfo& info, const LogOptions& options,
                 const std::function<Result<bool>(LogEntry)>& consume, const CancelToken& cancel)
      : core_(core), options_(options), consume_(consume), cancel_(cancel), id_(info.id) {}

  Result<> read() {
    sync();
    return run(first_pass(false), nullptr).status;
  }

  // After the end a second journalctl gives what the first had not given by then.
  Result<> follow(const WaitSlot& ended) {
    const TimePoint begin = core_.clock.now();
    Pass pass = run(first_pass(true), &ended);
    if (!pass.status || pass.over) return std::move(pass.status);
    sync();
    // Without an entry so far, all that is later than the beginning.
    if (cursor_.empty() && options_.tail) later_than_ = begin;
    return run(cursor_.empty() ? command({cat("--since=", seconds_of(begin))})
                               : command({cat("--after-cursor=", cursor_)}),
               nullptr)
        .status;
  }

 private:
  struct Pass {
    Result<> status;
    bool over = false;  // nothing more is wanted
  };

  std::vector<std::string> command(const std::vector<std::string>& more) const {
    std::vector<std::string> words{"journalctl", "--output=export", "--quiet",
                                   "--no-pager", "--all",           cat("CONTAINER_ID_FULL=", id_)};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }

  std::vector<std::string> first_pass(bool follow) const {
    std::vector<std::string> more;
    if (options_.tail) {
      more.push_back(cat("--lines=", *options_.tail));
    } else {
      if (options_.since) more.push_back(cat("--since=", seconds_of(*options_.since)));
      if (follow) more.emplace_back("--lines=all");
    }
    if (follow) more.emplace_back("--follow");
    return command(more);
  }

  // What the monitor has sent may still wait in journald's socket.
  void sync() const { (void)sys::run_captured({.args = {"journalctl", "--sync"}}, {}, cancel_); }

  Pass run(const std::vector<std::string>& words, const WaitSlot* ended) {
    Pass pass;
    pass.status = read_from(words, ended, pass.over);
    return pass;
  }

  Result<> read_from(const std::vector<std::string>& words, const WaitSlot* ended, bool& over) {
    sys::Pipe out = TRY(sys::make_pipe());
    sys::Pipe errors = TRY(sys::make_pipe(O_NONBLOCK));
    auto journalctl = sys::Process::spawn(
        {.args = words, .fds = {{out.write.get(), 1}, {errors.write.get(), 2}}});
    if (!journalctl) {
      return Error(Code::kUnavailable, cat("the journal is read through systemd's journalctl: ",
                                           journalctl.error().message()));
    }
    out.write.reset();
    errors.write.reset();
    JournalExport entries;
    for (;;) {
      if (!TRY(readable(out.read.get(), ended))) return {};
      std::array<char, 65536> buffer;
      const ssize_t count = ::read(out.read.get(), buffer.data(), buffer.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return Error::from_errno(errno, "read from journalctl");
      if (count == 0) break;
      entries.add({buffer.data(), static_cast<size_t>(count)});
      while (auto fields = TRY(entries.next())) {
        over = !TRY(give(*fields));
        if (over) return {};
      }
    }
    return ended_well(*journalctl, errors.read.get());
  }

  Result<bool> give(const std::map<std::string, std::string>& fields) {
    TRY(cancel_.check());
    cursor_ = field(fields, "__CURSOR");
    LogEntry entry = journal_entry(fields);
    if (later_than_ && entry.time < *later_than_) return true;
    return consume_(std::move(entry));
  }

  // False once the container has ended, or the engine goes, or nothing later is wanted.
  Result<bool> readable(int fd, const WaitSlot* ended) {
    for (;;) {
      TRY(cancel_.check());
      std::array<pollfd, 4> fds{{{fd, POLLIN, 0},
                                 {cancel_.fd(), POLLIN, 0},
                                 {core_.shutdown.token().fd(), POLLIN, 0},
                                 {ended == nullptr ? -1 : ended->fd(), POLLIN, 0}}};
      int wait = -1;
      if (ended != nullptr && options_.until) {
        const auto left = *options_.until - core_.clock.now();
        if (left.count() < 0) return false;
        wait = static_cast<int>(std::min<int64_t>(
            std::chrono::ceil<std::chrono::milliseconds>(left).count() + 1, 60'000));
      }
      if (::poll(fds.data(), fds.size(), wait) < 0 && errno != EINTR) {
        return Error::from_errno(errno, "wait for journalctl");
      }
      if (fds[0].revents != 0) return true;
      if (fds[2].revents != 0 || fds[3].revents != 0) return false;
    }
  }

  Result<> ended_well(sys::Process& journalctl, int errors) const {
    const int code = TRY(journalctl.wait(cancel_));
    if (code == 0) return {};
    std::string words(kMostWords, '\0');
    const ssize_t count = ::read(errors, words.data(), words.size());
    words.resize(count < 0 ? 0 : static_cast<size_t>(count));
    return Error(Code::kUnavailable, cat("journalctl ended with ", code, ": ", trim(words)));
  }

  Core& core_;
  const LogOptions& options_;
  const std::function<Result<bool>(LogEntry)>& consume_;
  const CancelToken& cancel_;
  std::string id_;
  std::string cursor_;  // of the last entry
  std::optional<TimePoint> later_than_;
};

}  // namespace

LogEntry journal_entry(const std::map<std::string, std::string>& fields) {
  // syslog's numbers: the monitor gives 3 to what comes on stderr.
  constexpr std::string_view kError = "3";
  LogEntry entry;
  entry.stream = field(fields, "PRIORITY") == kError ? StreamKind::kStderr : StreamKind::kStdout;
  entry.text = field(fields, "MESSAGE");
  if (field(fields, "CONTAINER_PARTIAL_MESSAGE") != "true") entry.text += '\n';
  const auto micros = parse_uint(field(fields, "__REALTIME_TIMESTAMP"));
  entry.time = TimePoint(std::chrono::microseconds(micros.value_or(0)));
  return entry;
}

Result<> read_journal(Core& core, const ContainerInfo& info, const LogOptions& options,
                      const WaitSlot* ended, const std::function<Result<bool>(LogEntry)>& consume,
                      const CancelToken& cancel) {
  if (!has_journal()) {
    return Error(Code::kUnavailable,
                 "there is no journal on this host: neither /run/log/journal nor /var/log/journal");
  }
  JournalSession session(core, info, options, consume, cancel);
  return ended == nullptr ? session.read() : session.follow(*ended);
}

}  // namespace skiff::engine
