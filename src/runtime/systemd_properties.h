// What systemd is told of a scope: properties of systemd.scope(5) and systemd.resource-control(5).
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <string_view>

#include "codec/json.h"
#include "runtime/oci_scheduling.h"
#include "sys/dbus_message.h"

namespace skiff::runtime {

// What the properties are for.
struct UnitTarget {
  bool v2 = false;
  bool has_idle = false;  // CPUWeight=0: systemd 252
};

// Whether the resources ask for cpu.idle: what UnitTarget::has_idle is looked up for.
bool wants_idle(const json::Value& resources);

// The entries of an a(sv).
class UnitProperties {
 public:
  explicit UnitProperties(sys::DbusWriter& writer) : writer_(writer) {}

  void text(std::string_view name, std::string_view value);
  void flag(std::string_view name, bool value);
  void number(std::string_view name, uint64_t value);
  void process(std::string_view name, pid_t pid);
  void mask(std::string_view name, const IndexMask& mask);
  // Those that the annotations org.systemd.property.NAME give, values as sys::DbusText reads them;
  // one in seconds, NAMESec, is told as NAMEUSec.
  Result<> annotated(const std::map<std::string, std::string>& annotations);
  // Those of linux.resources for which systemd has a word; the others only the cgroup has.
  Result<> limits(const json::Value& resources, const UnitTarget& target);

 private:
  void begin(std::string_view name, std::string_view type);
  Result<> annotation(const std::string& name, const std::string& text);
  Result<> memory(const json::Value* memory, const UnitTarget& target);
  Result<> cpu(const json::Value* cpu, const UnitTarget& target);
  void quota(int64_t quota, int64_t period);
  Result<> unified(const json::Value& resources, const UnitTarget& target);
  Result<> unified_file(const std::string& file, const std::string& value);
  sys::DbusWriter& writer_;
};

}  // namespace skiff::runtime
