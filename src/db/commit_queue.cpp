#include "db/commit_queue.h"

namespace skiff {

Result<> CommitQueue::submit(Job& job) {
  std::unique_lock lock(mutex_);
  waiting_.push_back(&job);
  changed_.wait(lock, [&] { return job.done || !committing_; });
  if (job.done) return job.committed;
  committing_ = true;
  const std::vector<Job*> jobs = std::exchange(waiting_, {});
  lock.unlock();
  {
    const Finish finish{*this, jobs};  // also where the work throws
    commit_all(jobs);
  }
  return job.committed;
}

CommitQueue::Finish::~Finish() {
  {
    std::lock_guard lock(queue.mutex_);
    queue.committing_ = false;
    for (Job* each : jobs) each->done = true;
  }
  queue.changed_.notify_all();
}

static Result<> together(Database& db, const std::function<Result<>()>& work) {
  Transaction tx = TRY(db.begin());
  TRY(work());
  return tx.commit();
}

void CommitQueue::commit_all(const std::vector<Job*>& jobs) {
  use_([&](Database& db) {
    if (jobs.size() == 1) {
      jobs.front()->run(db, db.begin());
      jobs.front()->committed = {};
      return;
    }
    const Result<> committed = together(db, [&]() -> Result<> {
      for (Job* each : jobs) {
        each->run(db, db.savepoint());
        // SQLite has taken all back by itself: the disk is full.
        if (!db.in_transaction()) return Error(Code::kResourceExhausted, "a commit was taken back");
      }
      return {};
    });
    for (Job* each : jobs) each->committed = committed;
  });
}

}  // namespace skiff
