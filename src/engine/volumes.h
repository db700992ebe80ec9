// Volumes: named directories that outlive containers (driver "local").
//
// A volume is ROOT/volumes/NAME/_data and a row of engine.db. It is *in use* while any
// container, running or not, mounts it. Anonymous volumes have 64 hex digits as name and
// the label com.docker.volume.anonymous. Thread-safe.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "engine/filters.h"

namespace skiff::engine {

struct Volume {
  std::string name;
  std::string driver = "local";
  Path mountpoint;
  TimePoint created;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> options;
  bool has_labels = false;   // labels were given: {} instead of null in JSON
  bool has_options = false;  // likewise

  bool anonymous() const;
};

struct VolumeUsage {
  uint64_t bytes = 0;
  int references = 0;  // containers that mount it
};

struct VolumeRequest {
  std::string name;    // "" makes an anonymous volume
  std::string driver;  // "" or "local"
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> options;
  bool has_labels = false;
  bool has_options = false;
};

struct PruneResult {
  std::vector<std::string> removed;
  uint64_t bytes = 0;
};

class Volumes {
 public:
  virtual ~Volumes() = default;
  // Idempotent for a name that exists.
  virtual Result<Volume> create(const VolumeRequest& request) = 0;
  // kNotFound: "get NAME: no such volume".
  virtual Result<Volume> find(const std::string& name) = 0;
  // Filters: dangling, driver, label, name. Sorted by name.
  virtual Result<std::vector<Volume>> list(const Filters& filters) = 0;
  // In use: kFailedPrecondition, "remove NAME: volume is in use - [ID, ...]". With `force` a
  // missing volume is success.
  virtual Result<> remove(const std::string& name, bool force) = 0;
  // Unused anonymous volumes; with the filter all=1 every unused one. Filters: label, all.
  virtual Result<PruneResult> prune(const Filters& filters) = 0;
  virtual Result<VolumeUsage> usage(const std::string& name) = 0;
};

}  // namespace skiff::engine
