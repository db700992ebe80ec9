// Mirrors as the metadata has them: what to copy between registries, and what became of it. What
// the texts say is the layer upstream's.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace skiff::registry {

struct MirrorRow {
  std::string name;
  std::string settings;  // JSON
  TimePoint next_run;
  std::string state;  // JSON, of the last run and the one under way; "" before the first
};

class Mirrors {
 public:
  virtual ~Mirrors() = default;
  virtual Result<std::vector<MirrorRow>> mirrors() = 0;      // by name
  virtual Result<> add_mirror(const MirrorRow& mirror) = 0;  // kAlreadyExists
  // The settings and the time; false where there is none.
  virtual Result<bool> change_mirror(const MirrorRow& mirror) = 0;
  virtual Result<bool> remove_mirror(const std::string& name) = 0;
  // Both do nothing to one that was removed; the state is written soon.
  virtual Result<> schedule_mirror(const std::string& name, TimePoint next_run) = 0;
  virtual Result<> save_mirror_state(const std::string& name, const std::string& state) = 0;
};

}  // namespace skiff::registry
