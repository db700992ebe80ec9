// CommitQueue: transactions of many threads on one SQLite connection, synced together: those that
// come while one commit goes on are the next one. A disk that takes ten milliseconds to sync then
// takes them once for all who wait.
//
//   CommitQueue queue([&](const auto& use) { use(*writers.take()); });
//   return queue.run([&](Database& db, Transaction& tx) -> Result<bool> {
//     ...
//     TRY(tx.commit());
//     return true;
//   });                                      // durable when this returns
//
// Each works as if alone, after those before it; one that does not commit, or fails, leaves
// nothing, and does the others no harm. Where the commit of all fails, each fails. The work may run
// in another of the threads that wait. Thread-safe.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "db/database.h"

namespace skiff {

class CommitQueue {
 public:
  // Calls back with the connection to use, while nobody else does.
  using UseConnection = std::function<void(const std::function<void(Database&)>&)>;
  explicit CommitQueue(UseConnection use) : use_(std::move(use)) {}

  template <typename Work>
  auto run(const Work& work) {
    using Answer = std::invoke_result_t<Work, Database&, Transaction&>;
    std::optional<Answer> answer;
    Job job;
    job.run = [&](Database& db, Result<Transaction> tx) {
      answer.emplace(tx ? work(db, *tx) : Answer(std::move(tx.error())));
    };
    const Result<> committed = submit(job);
    if (!committed) return Answer(committed.error());
    return std::move(*answer);
  }

  // How many wait for the next commit.
  size_t waiting() {
    std::lock_guard lock(mutex_);
    return waiting_.size();
  }

 private:
  struct Job {
    std::function<void(Database&, Result<Transaction>)> run;
    bool done = false;
    Result<> committed = Error(Code::kInternal, "a commit was broken off");
  };
  // Those that wait next may commit, however these ended.
  struct Finish {
    CommitQueue& queue;
    const std::vector<Job*>& jobs;
    ~Finish();
  };

  Result<> submit(Job& job);
  void commit_all(const std::vector<Job*>& jobs);

  const UseConnection use_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::vector<Job*> waiting_;
  bool committing_ = false;
};

}  // namespace skiff
