// AuditWriter: rows of the audit log (audit_log.h) that no change brings with it: who logged in,
// who failed to, what was denied. Written by a thread of its own, so that nobody waits for it; a
// kill loses what was noted within moments. That thread chains what was appended, too, each five
// seconds and at the end.
//
//   audit.note({.at = now, .actor = "ann", .address = "192.0.2.7", .action = "log in"});
//
// Bounded: of rows that differ in nothing but their time and detail one is written a minute, of
// what was done one an hour; and no more than 300 a minute in all. What was left out is counted
// in the detail of a later row. Nothing is written where registry.db is not the file at its path
// any more (db/file_watch.h): what was noted is lost then, which the log says. Thread-safe.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "base/file.h"
#include "base/recurring_error.h"
#include "db/file_watch.h"
#include "registry/audit_log.h"

namespace skiff::registry {

class AuditWriter {
 public:
  static Result<std::unique_ptr<AuditWriter>> open(const Path& root, const Clock& clock);
  ~AuditWriter();

  void note(AuditEntry entry);
  // Somebody logged in, or could not; nothing where it is the registry that failed.
  template <typename T>
  void note_login(const Actor& actor, const Result<T>& outcome) {
    note_login(actor, outcome ? nullptr : &outcome.error());
  }
  void note_denied(const Actor& actor, std::string action, std::string target,
                   const std::string& why);
  // One that must be there: written when this returns, and never left out. For changes that are
  // made elsewhere than in registry.db.
  Result<> record(const AuditEntry& entry);
  // Until all is written that was noted before.
  void flush();

 private:
  struct Seen {
    TimePoint until;  // not again before
    int64_t left_out = 0;
  };
  AuditWriter(Database db, FileWatch files, const Clock& clock)
      : db_(std::move(db)), files_(std::move(files)), clock_(clock) {}
  void note_login(const Actor& actor, const Error* error);
  bool is_wanted(AuditEntry& entry);  // under mutex_
  void run(const std::stop_token& stop);
  void work_off(const std::deque<AuditEntry>& entries);
  Result<> write(const std::deque<AuditEntry>& entries);
  Result<> chain();

  std::mutex writing_mutex_;  // guards the next
  Database db_;
  const FileWatch files_;  // of db_, where it is a file
  const Clock& clock_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable_any changed_;
  std::map<std::string, Seen> seen_;
  TimePoint minute_;
  int64_t in_minute_ = 0;
  int64_t left_out_ = 0;  // since the last row, by the limit of a minute
  std::deque<AuditEntry> queue_;
  bool writing_ = false;
  RecurringError failing_;  // the thread's, as is the next
  size_t lost_ = 0;         // rows, since it has failed
  std::jthread thread_;     // last: it uses the others
};

}  // namespace skiff::registry
