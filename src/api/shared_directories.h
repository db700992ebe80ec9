// SharedDirectories: directories that clients on this machine have handed over as descriptors, to
// be built from without being sent (decision 025).
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace skiff::api {

// Thread-safe.
class SharedDirectories {
 public:
  // The name under which it is asked for: nobody can guess it.
  std::string add(UniqueFd directory);
  // kNotFound. Whoever has it keeps it open.
  Result<std::shared_ptr<const UniqueFd>> find(const std::string& name) const;
  void remove(const std::string& name);

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const UniqueFd>> directories_;
};

}  // namespace skiff::api
