// Record: a container as engine.db keeps it: one JSON document.
#pragma once

#include <string>

#include "codec/json.h"
#include "engine/container_info.h"

namespace skiff::engine {

struct Record {
  ContainerInfo info;
  std::string snapshot;           // key of its active snapshot
  std::string image_platform;     // "linux/arm64"
  bool manually_stopped = false;  // by stop or kill: unless-stopped then stays down

  json::Value to_json() const;
  static Result<Record> from_json(const json::Value& v);
};

}  // namespace skiff::engine
