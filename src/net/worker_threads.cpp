#include "net/worker_threads.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>

#include "base/heap.h"
#include "base/program_pages.h"

namespace skiff::net {

constexpr auto kIdleLife = std::chrono::seconds(10);

struct WorkerThreads::Shared {
  std::mutex mutex;
  std::condition_variable wake;     // a job came, or the end
  std::condition_variable changed;  // `busy` or `threads` fell
  std::deque<std::function<void()>> jobs;
  size_t idle = 0;  // threads that wait for a job
  size_t busy = 0;  // jobs queued or at work
  size_t threads = 0;
  bool ending = false;

  void work() {
    std::unique_lock lock(mutex);
    for (;;) {
      ++idle;
      wake.wait_for(lock, kIdleLife, [&] { return ending || !jobs.empty(); });
      --idle;
      if (jobs.empty()) {
        if (idle > 0 || busy > 0 || ending) break;
        return_memory(lock);
        if (jobs.empty()) break;
      }
      std::function<void()> job = std::move(jobs.front());
      jobs.pop_front();
      lock.unlock();
      job();
      job = nullptr;
      lock.lock();
      --busy;
      changed.notify_all();
    }
    --threads;
    changed.notify_all();
  }

  // For as long as a thread waits nothing was asked: what the allocator keeps of all that was freed
  // before goes back to the system, and the code that ran. A job may come meanwhile.
  static void return_memory(std::unique_lock<std::mutex>& lock) {
    lock.unlock();
    {
      HeapTrim trim;
      trim.wanted = true;
    }
    release_program_pages();
    lock.lock();
  }
};

WorkerThreads::WorkerThreads() : shared_(std::make_shared<Shared>()) {}

WorkerThreads::~WorkerThreads() {
  std::unique_lock lock(shared_->mutex);
  shared_->ending = true;
  shared_->wake.notify_all();
  shared_->changed.wait(lock, [&] { return shared_->threads == 0; });
}

void WorkerThreads::submit(std::function<void()> job) {
  std::scoped_lock lock(shared_->mutex);
  shared_->jobs.push_back(std::move(job));
  ++shared_->busy;
  if (shared_->idle >= shared_->jobs.size()) {
    shared_->wake.notify_one();
    return;
  }
  // Detached: a thread that outlived its use would otherwise stay to be joined. The
  // destructor waits for all of them by their count, and they keep `shared` alive.
  try {
    std::thread([shared = shared_] { shared->work(); }).detach();
    ++shared_->threads;
  } catch (const std::system_error&) {  // NOLINT(bugprone-empty-catch): nothing is lost.
    // Out of threads: the job waits until one is free, or can be made for the next job.
  }
}

bool WorkerThreads::wait_idle(int timeout_ms) {
  std::unique_lock lock(shared_->mutex);
  auto idle = [&] { return shared_->busy == 0; };
  if (timeout_ms < 0) {
    shared_->changed.wait(lock, idle);
    return true;
  }
  return shared_->changed.wait_for(lock, std::chrono::milliseconds(timeout_ms), idle);
}

}  // namespace skiff::net
