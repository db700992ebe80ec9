// What a run of a mirror did so far.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "codec/json.h"

namespace skiff::upstream {

struct MirrorReport {
  TimePoint started;
  TimePoint ended;  // zero while it goes on
  std::string at;   // what is being copied
  int64_t repositories = 0;
  int64_t tags = 0;       // that were wanted, and looked at
  int64_t unchanged = 0;  // of these
  int64_t copied = 0;     // of these
  int64_t removed = 0;    // tags that were gone
  int64_t manifests = 0;  // that moved
  int64_t blobs = 0;
  int64_t bytes = 0;  // of these
  int64_t failed = 0;
  std::vector<std::string> failures;  // the first of them

  bool is_over() const { return ended != TimePoint{}; }
  void fail(std::string what);
  json::Value to_json() const;
  static MirrorReport from_json(const json::Value& v);
};

}  // namespace skiff::upstream
