// Detach keys: the sequence ("ctrl-p,ctrl-q") by which a user at a terminal leaves a
// container or exec session without ending it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace skiff::engine {

// The bytes that the keys send. "" is the default sequence; kInvalidArgument.
Result<std::string> parse_detach_keys(std::string_view text);

// Looks for the sequence in typed bytes that arrive piece by piece. What may still become the
// sequence is held back until it does or does not.
class DetachFilter {
 public:
  explicit DetachFilter(std::string sequence) : sequence_(std::move(sequence)) {}

  // What of `typed` goes on to the process; nothing does once detached().
  std::string pass(std::string_view typed);
  bool detached() const { return detached_; }

 private:
  std::string sequence_;
  std::string held_;
  bool detached_ = false;
};

}  // namespace skiff::engine
