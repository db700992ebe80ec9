// Problem: one thing that the check of a store finds wrong, for people to read.
#pragma once

#include <functional>
#include <string>

namespace skiff {

struct Problem {
  std::string what;    // "blob sha256:ab..: its file is gone"
  std::string where;   // a path, or a file and what of it
  std::string remedy;  // what to do; or, where it is mended, what was done
  bool mended = false;
};
using ProblemSink = std::function<void(const Problem&)>;

struct CheckOptions {
  bool deep = false;    // reads all content, also what nobody touched since it was stored
  bool repair = false;  // mends what can be mended; never touches what is whole
};

// What every check advises for a thing that `repair` would mend.
inline constexpr const char* kRepairRemedy = "run skiff system check --repair";

}  // namespace skiff
