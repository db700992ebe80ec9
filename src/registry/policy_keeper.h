// PolicyKeeper: what policy asks for from time to time, in a thread of its own: pulls are written
// down each minute, the head of the audit log is signed each hour where there are accounts
// (audit_log.h), retention runs (retention.h). Several servers on one database take turns. Nothing
// is written where registry.db is not the file at its path any more (db/file_watch.h): pulls are
// kept in memory then, until it is back.
//
//   keeper.pulled("acme/web", "1.0");      // by any thread, at no cost
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "base/file.h"
#include "base/recurring_error.h"
#include "db/file_watch.h"
#include "registry/access.h"
#include "registry/retention.h"

namespace skiff::registry {

class PolicyKeeper {
 public:
  // `retention_every`: 0 for never.
  static Result<std::unique_ptr<PolicyKeeper>> open(const Path& root, MetadataStore& metadata,
                                                    Authorizer& access,
                                                    std::chrono::seconds retention_every,
                                                    const Clock& clock);
  // Writes down what was pulled.
  ~PolicyKeeper();

  // A manifest was pulled, by that tag or digest. What a kill loses is a minute's.
  void pulled(const std::string& repository, const std::string& reference);
  // All that is due now; runs by itself, too.
  Result<> run_due();

 private:
  PolicyKeeper(Path root, Database db, MetadataStore& metadata, Authorizer& access,
               std::chrono::seconds retention_every, const Clock& clock);
  Result<> save_pulls();
  Result<bool> is_turn(const std::string& name, std::chrono::seconds every);
  Result<> seal();
  Result<> expire();
  void run(const std::stop_token& stop);

  const Path root_;
  MetadataStore& metadata_;
  Authorizer& access_;
  const std::chrono::seconds retention_every_;
  const Clock& clock_;
  std::mutex running_;  // guards the next
  Database db_;
  const FileWatch files_;  // of db_, where it is a file
  std::mutex mutex_;       // guards what follows
  std::condition_variable_any wake_;
  std::unordered_map<std::string, TimePoint> pulls_;  // by "NAME REFERENCE"
  bool lost_pulls_ = false;
  RecurringError failing_;  // the thread's
  std::jthread thread_;     // last: it uses the others
};

}  // namespace skiff::registry
