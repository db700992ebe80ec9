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
  // What brings the content of that digest back, in words that a user knows it by: "pull or load
  // web:1 again".
  std::function<std::string(const std::string& digest)> bring_back;
};

inline std::string how_back(const CheckOptions& options, const std::string& digest) {
  return options.bring_back ? options.bring_back(digest) : "pull, load or push what has it again";
}

// What every check advises for a thing that `repair` would mend.
inline constexpr const char* kRepairRemedy = "run skiff system check --repair";

}  // namespace skiff
