// What doctor found out about one thing that a daemon needs, or can use.
#pragma once

#include <string>
#include <vector>

namespace skiff::doctor {

enum class State {
  kOk,
  kMissing,  // a daemon of this user does not work without it
  kLacking,  // it works, but not all of it
};

struct Finding {
  std::string name;  // "user namespaces"
  State state = State::kOk;
  std::string detail;   // what was found, or what does not work
  std::string command;  // that supplies it; "" where there is none
};

using Findings = std::vector<Finding>;

inline Finding ok(std::string name, std::string detail) {
  return {std::move(name), State::kOk, std::move(detail), ""};
}
inline Finding missing(std::string name, std::string detail, std::string command) {
  return {std::move(name), State::kMissing, std::move(detail), std::move(command)};
}
inline Finding lacking(std::string name, std::string detail, std::string command) {
  return {std::move(name), State::kLacking, std::move(detail), std::move(command)};
}

}  // namespace skiff::doctor
