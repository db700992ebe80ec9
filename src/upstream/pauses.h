// Pauses: work that goes by names, and fails again and again, is done ever more seldom.
//
//   Pauses pauses;
//   if (pauses.over("mirror", now)) {
//     const Result<> done = work();
//     pauses.note("mirror", done, now);
//     if (!done) log_warn(done.error().message());
//   }
#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace skiff::upstream {

// Used by one thread.
class Pauses {
 public:
  static constexpr std::chrono::seconds kFirst{10};
  static constexpr std::chrono::minutes kLongest{10};

  bool over(const std::string& name, TimePoint now) const {
    const auto found = pauses_.find(name);
    return found == pauses_.end() || found->second.until <= now;
  }
  // Twice as long with each failure, up to kLongest; none where it went well.
  template <typename T>
  void note(const std::string& name, const Result<T>& done, TimePoint now) {
    if (done) {
      pauses_.erase(name);
      return;
    }
    Pause& pause = pauses_[name];
    pause.length = std::clamp<std::chrono::seconds>(pause.length * 2, kFirst, kLongest);
    pause.until = now + pause.length;
  }

 private:
  struct Pause {
    std::chrono::seconds length{0};
    TimePoint until;
  };
  std::map<std::string, Pause> pauses_;  // of what failed the last time
};

}  // namespace skiff::upstream
