// The host's device nodes, as a container's "linux.devices" and the rules that let it use them.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "codec/json.h"

namespace skiff::runtime {

// What `docker run --device` asks for.
struct DeviceGrant {
  std::string source;          // on the host: a node, a link to one, or a directory with some
  std::string target;          // in the container
  std::string access = "rwm";  // read, write, mknod
};

// Of a privileged container: all there are.
json::Array host_devices();

// Those of `grant`, at their places in the container. Fails with Docker's text where there are
// none.
Result<json::Array> granted_devices(const DeviceGrant& grant);
// That `device`, one of the above, may be used: an entry of "linux.resources.devices".
json::Value device_rule(const json::Value& device, const std::string& access);

// "c 1:3 rwm", "a *:* rwm": Docker's form of a rule; kInvalidArgument for others.
Result<json::Value> parse_device_rule(const std::string& text);
// One to three of "rwm", each once.
bool is_device_access(std::string_view text);

}  // namespace skiff::runtime
