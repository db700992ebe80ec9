// LabelPool: which SELinux labels the containers have; a level of their own each, unless an option
// names one. All is empty where SELinux is off, and where its policy knows no containers.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/selinux_contexts.h"

namespace skiff::engine {

struct SelinuxOptions {
  bool enabled = false;  // the kernel's SELinux is on, and containers are to have labels
  runtime::SelinuxPlaces places = {};
};

// Thread-safe.
class LabelPool {
 public:
  using Labels = runtime::SelinuxLabels;

  explicit LabelPool(const SelinuxOptions& options);

  bool is_on() const { return !policy_.process.empty(); }
  // For a new container, with the values of --security-opt label=.
  Result<Labels> choose(const std::vector<std::string>& options);
  // For one that an earlier daemon made.
  void keep(const Labels& labels);
  // It goes: its level is free when nobody else has it.
  void give_back(const Labels& labels);

 private:
  Result<std::string> free_level() const;

  const Labels policy_;
  std::mutex mutex_;
  std::map<std::string, int> used_;  // levels
};

}  // namespace skiff::engine
