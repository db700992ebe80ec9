// Flights: what several want at once is done once. Each flight has a thread of its own, so that it
// ends for the others when the one who began it has gone.
//
//   Flights<Landing<int>> flights;
//   auto landing = flights.join("key", std::make_shared<Landing<int>>(),
//                               [](Landing<int>& to, const CancelToken& c) { to.land(count(c)); });
//   int what = TRY(landing->wait(client_gone));
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/cancellation.h"

namespace skiff::upstream {

// How soon one who waits notices that nobody waits for it.
inline constexpr std::chrono::milliseconds kLook{200};

// A result to wait for.
template <typename T>
class Landing {
 public:
  void land(T result) {
    std::lock_guard lock(mutex_);
    result_ = std::move(result);
    landed_.notify_all();
  }
  bool is_over() {
    std::lock_guard lock(mutex_);
    return result_.has_value();
  }
  // kCancelled when `gone` is.
  Result<T> wait(const CancelToken& gone) {
    std::unique_lock lock(mutex_);
    while (!landed_.wait_for(lock, kLook, [&] { return result_.has_value(); })) TRY(gone.check());
    return *result_;
  }
  // The same, but nullopt where it has not landed so long after it was made: who comes later waits
  // for what is left of that.
  Result<std::optional<T>> wait(const CancelToken& gone, std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    for (;;) {
      const auto left = begun_ + limit - std::chrono::steady_clock::now();
      const bool over = left <= kLook;
      const auto look = over ? left : std::chrono::steady_clock::duration(kLook);
      if (landed_.wait_for(lock, look, [&] { return result_.has_value(); })) return result_;
      if (over) return std::optional<T>();
      TRY(gone.check());
    }
  }

 private:
  const std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  std::mutex mutex_;
  std::condition_variable landed_;
  std::optional<T> result_;
};

// Thread-safe. `State` is what those share who wait for the same. The destructor cancels what is
// under way, and waits for it.
template <typename State>
class Flights {
 public:
  using Work = std::function<void(State& state, const CancelToken& cancel)>;

  Flights() = default;
  Flights(const Flights&) = delete;
  Flights& operator=(const Flights&) = delete;
  ~Flights() {
    cancel_.cancel();
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [&] { return under_way_ == 0; });
  }

  // What the flight of that key shares, if one is under way.
  std::shared_ptr<State> find(const std::string& key) {
    std::lock_guard lock(mutex_);
    const auto found = flights_.find(key);
    return found == flights_.end() || found->second->is_over() ? nullptr : found->second;
  }

  // The same; where there is none, one begins that does `work` with `fresh`.
  std::shared_ptr<State> join(const std::string& key, std::shared_ptr<State> fresh, Work work) {
    std::lock_guard lock(mutex_);
    const auto [at, is_new] = flights_.emplace(key, fresh);
    // One that is over tells of before, and may have failed.
    if (!is_new && !at->second->is_over()) return at->second;
    at->second = fresh;
    ++under_way_;
    std::thread([this, key, fresh, work = std::move(work)] {
      work(*fresh, cancel_.token());
      std::lock_guard locked(mutex_);
      if (const auto own = flights_.find(key); own != flights_.end() && own->second == fresh) {
        flights_.erase(own);
      }
      --under_way_;
      ended_.notify_all();  // under the lock: nothing of this is touched after it
    }).detach();
    return fresh;
  }

 private:
  CancelSource cancel_;
  std::mutex mutex_;
  std::condition_variable ended_;
  std::map<std::string, std::shared_ptr<State>> flights_;
  size_t under_way_ = 0;
};

}  // namespace skiff::upstream
