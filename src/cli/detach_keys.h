// DetachKeys: finds the keys that leave an attached container ("ctrl-p,ctrl-q") in what the
// terminal sends. Keys that begin the sequence are held back until it is clear what they are.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace skiff::cli {

class DetachKeys {
 public:
  DetachKeys() = default;  // ctrl-p,ctrl-q
  // "a", "ctrl-x", separated by ','; "" is the default.
  static Result<DetachKeys> parse(std::string_view text);

  // What of `bytes`, and of what was held back, is the program's.
  std::string feed(std::string_view bytes);
  bool complete() const { return complete_; }

 private:
  std::string sequence_ = "\x10\x11";
  std::string held_;
  bool complete_ = false;
};

}  // namespace skiff::cli
