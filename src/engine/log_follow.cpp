#include "engine/log_follow.h"

#include <poll.h>
#include <sys/inotify.h>

#include <algorithm>
#include <array>

#include "base/scope_exit.h"
#include "base/strings.h"
#include "engine/journal_reader.h"
#include "engine/log_attributes.h"
#include "engine/log_drivers.h"
#include "engine/log_reader.h"

namespace skiff::engine {

namespace {

// Without inotify (its instances are limited) the log is looked at this often.
constexpr int kPollMs = 100;
constexpr int kLongestWaitMs = 60'000;
constexpr const char* kJournal = "journald";

bool is_wanted(const LogEntry& entry, const LogOptions& options) {
  if (options.since && entry.time < *options.since) return false;
  return entry.stream == StreamKind::kStdout ? options.want_stdout : options.want_stderr;
}

// Tells when something in the log's directory changed.
class LogWatch {
 public:
  explicit LogWatch(const Path& directory) : fd_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
    if (fd_ && ::inotify_add_watch(fd_.get(), directory.c_str(),
                                   IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0) {
      fd_.reset();
    }
  }
  int fd() const { return fd_.get(); }
  void clear() const {
    std::array<char, 4096> events{};
    while (fd_ && ::read(fd_.get(), events.data(), events.size()) > 0) {
    }
  }

 private:
  UniqueFd fd_;
};

class LogSession {
 public:
  LogSession(Core& core, const ContainerInfo& info, const LogOptions& options,
             const LogConsumer& consume)
      : core_(core),
        options_(options),
        consume_(consume),
        attributes_(log_attributes(info)),
        reader_(info.log_path, log_format(info)) {}

  Result<> open() {
    TRY(reader_.open());
    if (options_.tail) TRY(reader_.seek_tail(*options_.tail));
    return {};
  }

  // All that is there now; false once an entry is later than `until`.
  Result<bool> drain(const CancelToken& cancel) {
    for (;;) {
      while (auto entry = TRY(reader_.next())) {
        TRY(cancel.check());
        if (options_.until && entry->time > *options_.until) return false;
        if (!is_wanted(*entry, options_)) continue;
        entry->attributes = attributes_;
        TRY(consume_(*entry));
      }
      uint64_t before = reader_.parts();
      TRY(reader_.refresh());
      if (reader_.parts() == before) return true;
    }
  }

  // Until the container has ended and all is read.
  Result<> follow(const WaitSlot& ended, const LogWatch& watch, const CancelToken& cancel) {
    for (bool over = false;;) {
      // Asked before the reading: what was written before the end is then read after it.
      bool last = over;
      if (!TRY(drain(cancel)) || last) return {};
      TRY(cancel.check());
      if (options_.until && core_.clock.now() > *options_.until) return {};
      std::array<pollfd, 4> fds{{{watch.fd(), POLLIN, 0},
                                 {ended.fd(), POLLIN, 0},
                                 {cancel.fd(), POLLIN, 0},
                                 {core_.shutdown.token().fd(), POLLIN, 0}}};
      ::poll(fds.data(), fds.size(), wait_ms(watch));
      watch.clear();
      over = fds[1].revents != 0 || fds[3].revents != 0;
    }
  }

 private:
  int wait_ms(const LogWatch& watch) const {
    int longest = watch.fd() < 0 ? kPollMs : kLongestWaitMs;
    if (!options_.until) return longest;
    auto left = std::chrono::ceil<std::chrono::milliseconds>(*options_.until - core_.clock.now());
    return static_cast<int>(std::clamp<int64_t>(left.count() + 1, 0, longest));
  }

  Core& core_;
  const LogOptions& options_;
  const LogConsumer& consume_;
  std::map<std::string, std::string> attributes_;
  LogReader reader_;
};

Result<> journal_logs(Core& core, const ContainerInfo& info, const LogOptions& options,
                      const WaitSlot* ended, const LogConsumer& consume,
                      const CancelToken& cancel) {
  const std::map<std::string, std::string> attributes = log_attributes(info);
  auto take = [&](LogEntry entry) -> Result<bool> {
    if (options.until && entry.time > *options.until) return false;
    if (!is_wanted(entry, options)) return true;
    entry.attributes = attributes;
    TRY(consume(entry));
    return true;
  };
  return read_journal(core, info, options, ended, take, cancel);
}

}  // namespace

Result<> read_logs(Core& core, Container& container, const LogOptions& options,
                   const LogConsumer& consume, const CancelToken& cancel) {
  ContainerInfo info = container.info();
  TRY(check_has_logs(info.host_config.log_driver));
  // Registered before it is asked whether the container runs: its end is not missed.
  auto ended = container.add_waiter(WaitCondition::kNextExit);
  ScopeExit forget([&] { container.forget_waiter(ended); });
  bool follow = options.follow && container.monitor() != nullptr;
  if (info.host_config.log_driver == kJournal) {
    return journal_logs(core, info, options, follow ? ended.get() : nullptr, consume, cancel);
  }
  LogWatch watch(container.paths.directory);
  LogSession session(core, info, options, consume);
  TRY(session.open());
  if (follow) return session.follow(*ended, watch, cancel);
  TRY(session.drain(cancel));
  return {};
}

runtime::LogFormat log_format(const ContainerInfo& info) {
  return info.host_config.log_driver == "local" ? runtime::LogFormat::kLocal
                                                : runtime::LogFormat::kJsonFile;
}

Result<> check_log_readable(const ContainerInfo& info) {
  if (info.host_config.log_driver != kJournal) return check_has_logs(info.host_config.log_driver);
  return Error(Code::kUnimplemented, cat("configured logging driver does not support reading: see "
                                         "journalctl CONTAINER_ID_FULL=",
                                         info.id));
}

}  // namespace skiff::engine
