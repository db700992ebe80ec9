// AccessLog: one line of JSON for each request, into a file or to standard output.
//
//   auto log = TRY(AccessLog::open("/var/log/skiff/access.log"));
//   options.observers.push_back(log.get());
//   log->reopen();                                  // logrotate has moved the file
//
// Lines are gathered in memory and written by a thread of its own, so that no request waits for a
// disk, or for who reads the standard output: where that is too slow, lines are lost, and counted.
// A line has no secret: no header but User-Agent, and no query, where tokens may stand.
// docs/registry.md lists its fields.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "base/file.h"
#include "base/unique_fd.h"
#include "registry/observer.h"

namespace skiff::registry {

class AccessLog : public Observer {
 public:
  // "-": standard output.
  static Result<std::unique_ptr<AccessLog>> open(const Path& file);
  // Writes what is there, unless nobody takes it.
  ~AccessLog() override;

  void answered(const RequestRecord& record) override;
  // The file's name may be another file's now: opens it again, soon.
  void reopen();
  // Lines that could not be written.
  uint64_t lost() const { return lost_; }

 private:
  AccessLog(Path file, UniqueFd fd);
  void run(const std::stop_token& stop);
  void open_again();
  bool write(std::string_view text, const std::stop_token& stop);
  void lose(std::string_view text, const std::string& why);

  const Path file_;
  std::atomic<uint64_t> lost_ = 0;
  std::mutex mutex_;  // guards the next three
  std::condition_variable_any wake_;
  std::string pending_;
  bool reopen_wanted_ = false;
  UniqueFd fd_;  // these are the thread's
  bool is_regular_ = false;
  bool torn_ = false;  // a line was begun and not ended
  TimePoint complained_;
  std::jthread thread_;  // last: it uses the others
};

// The line, with its end.
std::string access_line(const RequestRecord& record, TimePoint now);

}  // namespace skiff::registry
