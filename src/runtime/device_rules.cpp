#include "runtime/device_rules.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <vector>

#include "base/strings.h"
#include "runtime/diagnostics.h"
#include "sys/device_filter.h"
#include "sys/namespaces.h"

namespace skiff::runtime {

namespace {

using sys::DeviceRule;

constexpr uint32_t kUse = sys::kDeviceRead | sys::kDeviceWrite;
constexpr uint32_t kAll = kUse | sys::kDeviceMknod;

// What runc allows every container: all may be made, these may be used.
constexpr DeviceRule kDefaultRules[] = {
    {true, 'c', -1, -1, sys::kDeviceMknod},
    {true, 'b', -1, -1, sys::kDeviceMknod},
    {true, 'c', 1, 3, kAll},     // null
    {true, 'c', 1, 5, kAll},     // zero
    {true, 'c', 1, 7, kAll},     // full
    {true, 'c', 1, 8, kAll},     // random
    {true, 'c', 1, 9, kAll},     // urandom
    {true, 'c', 5, 0, kAll},     // tty
    {true, 'c', 5, 2, kAll},     // ptmx
    {true, 'c', 136, -1, kAll},  // pts
};

Error bad_rule(std::string_view what, std::string_view value) {
  return {Code::kInvalidArgument,
          cat("linux.resources.devices: unknown ", what, " ", quoted(value))};
}

Result<uint32_t> parse_access(const std::string& text) {
  if (text.empty()) return kAll;
  uint32_t access = 0;
  for (const char c : text) {
    if (c != 'r' && c != 'w' && c != 'm') {
      warn(cat("linux.resources.devices: access ", quoted(text), ": '", c, "' is passed over"));
      continue;
    }
    access |= c == 'r' ? sys::kDeviceRead : c == 'w' ? sys::kDeviceWrite : sys::kDeviceMknod;
  }
  // As runc passes single letters over; but a rule of none would be no rule.
  return access == 0 ? Result<uint32_t>(bad_rule("access", text)) : access;
}

Result<DeviceRule> parse_rule(const json::Value& entry) {
  DeviceRule rule;
  rule.allow = entry.boolean("allow");
  std::string type = entry.string("type");
  if (!type.empty()) rule.type = type[0];
  if (type.size() > 1 || std::string_view("abcu").find(rule.type) == std::string_view::npos) {
    return bad_rule("type", type);
  }
  if (rule.type == 'u') rule.type = 'c';
  auto number = [&](const char* key) -> Result<int64_t> {
    const json::Value* value = entry.find(key);
    if (value == nullptr || !value->is_int()) return -1;
    if (value->as_int() > INT32_MAX) return bad_rule(key, cat(value->as_int()));
    return value->as_int();
  };
  rule.major = TRY(number("major"));
  rule.minor = TRY(number("minor"));
  rule.access = TRY(parse_access(entry.string("access")));
  return rule;
}

std::string v1_text(const DeviceRule& rule) {
  if (rule.type == 'a') return "a";
  auto number = [](int64_t n) { return n < 0 ? std::string("*") : cat(n); };
  std::string access;
  if ((rule.access & sys::kDeviceRead) != 0) access += 'r';
  if ((rule.access & sys::kDeviceWrite) != 0) access += 'w';
  if ((rule.access & sys::kDeviceMknod) != 0) access += 'm';
  return cat(rule.type, " ", number(rule.major), ":", number(rule.minor), " ", access);
}

// A line each; the files are opened once for all of the twenty or so.
Result<> apply_v1(const sys::Cgroup& cgroup, const std::vector<DeviceRule>& rules) {
  const Path directory = TRY(cgroup.directory("devices"));
  const UniqueFd allow = TRY(open_file(directory / "devices.allow", O_WRONLY));
  const UniqueFd deny = TRY(open_file(directory / "devices.deny", O_WRONLY));
  for (const DeviceRule& rule : rules) {
    const std::string text = v1_text(rule);
    const int file = rule.allow ? allow.get() : deny.get();
    if (::write(file, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
      return Error::from_errno(errno, cat(rule.allow ? "allow" : "deny", " the device ", text));
    }
  }
  return {};
}

Result<> apply_v2(const sys::Cgroup& cgroup, const std::vector<DeviceRule>& rules) {
  UniqueFd directory =
      TRY(open_file(TRY(cgroup.directory("")), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return sys::attach_device_filter(directory.get(), rules);
}

}  // namespace

Result<> apply_device_rules(const sys::Cgroup& cgroup, const json::Value& resources) {
  const json::Array& entries = resources.array("devices");
  // Who can make no devices needs no rules for them, and may not set any.
  if (entries.empty() || !sys::is_machine_root()) return {};
  std::vector<DeviceRule> rules = {{.allow = false}};  // what no rule speaks of
  for (const json::Value& entry : entries) rules.push_back(TRY(parse_rule(entry)));
  rules.insert(rules.end(), std::begin(kDefaultRules), std::end(kDefaultRules));
  TRY_CONTEXT(cgroup.has("devices") ? apply_v1(cgroup, rules) : apply_v2(cgroup, rules),
              "linux.resources.devices");
  return {};
}

json::Value with_device_rules(json::Value resources) {
  if (!resources.array("devices").empty()) return resources;
  resources.set("devices", json::array({json::object({{"allow", false}})}));
  return resources;
}

}  // namespace skiff::runtime
