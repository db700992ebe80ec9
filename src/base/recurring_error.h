// RecurringError: of work that is tried again and again, so that its failure is told once and not
// each time.
//
//   RecurringError failing;
//   while (...) {
//     const Result<> done = work();
//     if (failing.is_news(done)) log_warn(done.error().message());
//   }
#pragma once

#include <string>

#include "base/result.h"

namespace skiff {

// Used by one thread.
class RecurringError {
 public:
  // True for an error other than that of the last time; what went well is forgotten about.
  template <typename T>
  bool is_news(const Result<T>& outcome) {
    std::string message = outcome ? "" : outcome.error().message();
    const bool differs = message != told_;
    told_ = std::move(message);
    return differs && !outcome;
  }

 private:
  std::string told_;
};

}  // namespace skiff
