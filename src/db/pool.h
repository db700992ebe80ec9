// Pool: some connections, each handed out to one user at a time. Thread-safe.
//
//   Pool<Database> readers(std::move(connections));
//   Pool<Database>::Lease db = readers.take();      // waits for one
//   Statement row = TRY(db->prepare("SELECT ..."));  // ends before its lease
//
// Who takes one alone has it while nobody else has any, and comes before those who ask later.
#pragma once

#include <condition_variable>
#include <mutex>
#include <vector>

namespace skiff {

template <typename Connection>
class Pool {
 public:
  class Lease {
   public:
    Lease(Pool& pool, Connection* connection, bool alone)
        : pool_(pool), connection_(connection), alone_(alone) {}
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() { pool_.put_back(connection_, alone_); }
    Connection* operator->() const { return connection_; }
    Connection& operator*() const { return *connection_; }

   private:
    Pool& pool_;
    Connection* connection_;
    const bool alone_;
  };

  explicit Pool(std::vector<Connection> connections) : connections_(std::move(connections)) {
    for (Connection& each : connections_) idle_.push_back(&each);
  }

  Lease take() {
    std::unique_lock lock(mutex_);
    freed_.wait(lock, [&] { return !idle_.empty() && !alone_; });
    return {*this, pop(), false};
  }
  Lease take_alone() {
    std::unique_lock lock(mutex_);
    freed_.wait(lock, [&] { return !alone_; });
    alone_ = true;
    freed_.wait(lock, [&] { return idle_.size() == connections_.size(); });
    return {*this, pop(), true};
  }

 private:
  Connection* pop() {
    Connection* connection = idle_.back();
    idle_.pop_back();
    return connection;
  }
  void put_back(Connection* connection, bool alone) {
    bool tell_all = false;
    {
      std::lock_guard lock(mutex_);
      idle_.push_back(connection);
      tell_all = alone_;
      if (alone) alone_ = false;
    }
    if (tell_all) {
      freed_.notify_all();
    } else {
      freed_.notify_one();
    }
  }

  std::vector<Connection> connections_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable freed_;
  std::vector<Connection*> idle_;
  bool alone_ = false;  // somebody is, or waits to be
};

}  // namespace skiff
