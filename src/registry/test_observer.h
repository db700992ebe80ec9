// For tests: an Observer that remembers. A client has its answer a moment before the observers are
// told of it, so they are waited for.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>

#include "registry/observer.h"

namespace skiff::registry {

class RememberingObserver : public Observer {
 public:
  // A RequestRecord that outlives its call.
  struct Record {
    std::string id, method, path, endpoint, repository, reference, viewer, address, user_agent,
        error;
    int status = 0;
    uint64_t received = 0;
    uint64_t sent = 0;
    bool broken = false;
    std::chrono::nanoseconds duration{0};
  };

  void began() override {
    std::lock_guard lock(mutex_);
    ++under_way_;
  }
  void answered(const RequestRecord& r) override {
    {
      std::lock_guard lock(mutex_);
      --under_way_;
      records_.push_back({std::string(r.id), std::string(r.method), std::string(r.path),
                          std::string(r.endpoint), std::string(r.repository),
                          std::string(r.reference), r.viewer.name, std::string(r.address),
                          std::string(r.user_agent), std::string(r.error), r.status, r.received,
                          r.sent, r.broken, r.duration});
    }
    told_.notify_all();
  }
  // The first that nobody took yet.
  Record next() {
    std::unique_lock lock(mutex_);
    told_.wait(lock, [&] { return !records_.empty(); });
    Record record = std::move(records_.front());
    records_.pop_front();
    return record;
  }
  int under_way() {
    std::lock_guard lock(mutex_);
    return under_way_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable told_;
  std::deque<Record> records_;
  int under_way_ = 0;
};

}  // namespace skiff::registry
