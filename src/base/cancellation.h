// Cancellation: tells work that nobody waits for it any more.
//
// The owner keeps a CancelSource and hands CancelTokens down; anything that can
// block polls `token.fd()` beside its own descriptor, or asks `cancelled()`
// between steps. A default token is never cancelled. Thread-safe.
#pragma once

#include <memory>

#include "base/result.h"

namespace skiff {

class CancelToken {
 public:
  CancelToken() = default;
  bool cancelled() const;
  // Readable once cancelled; -1 for a token that never is.
  int fd() const;
  // An error of kCancelled once cancelled.
  Result<> check() const;

 private:
  friend class CancelSource;
  struct State;
  explicit CancelToken(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

class CancelSource {
 public:
  CancelSource();
  CancelToken token() const { return CancelToken(state_); }
  void cancel() const;

 private:
  std::shared_ptr<CancelToken::State> state_;
};

}  // namespace skiff
