// What systemd is told of a scope: properties of systemd.scope(5) and systemd.resource-control(5).
#pragma once

#include <sys/types.h>

#include <string_view>

#include "codec/json.h"
#include "runtime/oci_scheduling.h"
#include "sys/dbus_message.h"

namespace skiff::runtime {

// The entries of an a(sv).
class UnitProperties {
 public:
  explicit UnitProperties(sys::DbusWriter& writer) : writer_(writer) {}

  void text(std::string_view name, std::string_view value);
  void flag(std::string_view name, bool value);
  void number(std::string_view name, uint64_t value);
  void process(std::string_view name, pid_t pid);
  void mask(std::string_view name, const IndexMask& mask);
  // Those of linux.resources for which systemd has a word; the others only the cgroup has.
  Result<> limits(const json::Value& resources, bool v2);

 private:
  void begin(std::string_view name, std::string_view type);
  void memory(const json::Value* memory, bool v2);
  Result<> cpu(const json::Value* cpu, bool v2);
  sys::DbusWriter& writer_;
};

}  // namespace skiff::runtime
