// What clients are told of this builder: its name, its platforms, and what it can do.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "oci/platform.h"

namespace skiff::buildkit {

// The version of BuildKit's protocol that is spoken: clients decide by it what to ask.
inline constexpr const char* kProtocolVersion = "v0.21.0";

struct WorkerFacts {
  std::string id;  // of the instance
  // The machine's own first; asked each time.
  std::function<std::vector<oci::Platform>()> platforms;
  // What clients put for "host-gateway", asked each time: a network that nobody uses may move.
  std::function<std::string()> host_gateway = nullptr;
};

namespace wire {
class WorkerRecord;
class PongResponse;
class Version;
}  // namespace wire

void describe_version(wire::Version& out);
void describe_worker(const WorkerFacts& facts, wire::WorkerRecord& out);
// The answer to LLBBridge.Ping: capabilities, as BuildKit names them.
void describe_capabilities(const WorkerFacts& facts, wire::PongResponse& out);

}  // namespace skiff::buildkit
