#include "runtime/systemd_properties.h"

#include <algorithm>
#include <optional>

#include "base/strings.h"
#include "runtime/cgroup_conversions.h"
#include "runtime/cpu_quota.h"
#include "sys/dbus_text.h"

namespace skiff::runtime {

namespace {

constexpr uint64_t kInfinity = UINT64_MAX;

// 0 where it is not set, or set to nothing; negative: no limit.
int64_t whole(const json::Value* object, const char* key) {
  const json::Value* value = object == nullptr ? nullptr : object->find(key);
  if (value == nullptr || !value->is_number()) return 0;
  return value->is_int() ? value->as_int() : -1;
}

uint64_t limit(int64_t value) { return value < 0 ? kInfinity : static_cast<uint64_t>(value); }

std::string unified_value(const json::Value& resources, const char* file) {
  const json::Value* value = resources.object("unified").find(file);
  return value == nullptr ? "" : std::string(trim(value->as_string()));
}

// "max" or a number; 0 is a value too.
Result<uint64_t> amount(const std::string& file, std::string_view value) {
  if (value == "max") return kInfinity;
  std::optional<uint64_t> number = parse_uint(value);
  if (number) return *number;
  return Error(Code::kInvalidArgument, cat("unified resource ", quoted(file), ": ", quoted(value),
                                           " is neither a number nor max"));
}

// The property of a file that holds one amount; "" where systemd has none.
std::string_view amount_property(std::string_view file) {
  constexpr std::pair<std::string_view, std::string_view> kProperties[] = {
      {"cpu.weight", "CPUWeight"}, {"memory.high", "MemoryHigh"},
      {"memory.low", "MemoryLow"}, {"memory.max", "MemoryMax"},
      {"memory.min", "MemoryMin"}, {"memory.swap.max", "MemorySwapMax"},
      {"pids.max", "TasksMax"}};
  for (const auto& [name, property] : kProperties) {
    if (name == file) return property;
  }
  return "";
}

// Of letters alone, three at least.
bool is_property_name(std::string_view name) {
  return name.size() >= 3 && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
         });
}

// "RuntimeMaxSec", but not "CPUQuotaPerSecUSec" or "XSec".
bool is_in_seconds(std::string_view name) {
  constexpr std::string_view kSuffix = "Sec";
  if (!name.ends_with(kSuffix) || name.size() == kSuffix.size()) return false;
  const char before = name[name.size() - kSuffix.size() - 1];
  return before >= 'a' && before <= 'z';
}

}  // namespace

bool wants_idle(const json::Value& resources) {
  return whole(resources.find("cpu"), "idle") == 1 || unified_value(resources, "cpu.idle") == "1";
}

void UnitProperties::begin(std::string_view name, std::string_view type) {
  writer_.align(8);
  writer_.string(name);
  writer_.signature(type);
}

void UnitProperties::text(std::string_view name, std::string_view value) {
  begin(name, "s");
  writer_.string(value);
}

void UnitProperties::flag(std::string_view name, bool value) {
  begin(name, "b");
  writer_.boolean(value);
}

void UnitProperties::number(std::string_view name, uint64_t value) {
  begin(name, "t");
  writer_.u64(value);
}

void UnitProperties::process(std::string_view name, pid_t pid) {
  begin(name, "au");
  size_t array = writer_.begin_array(4);
  writer_.u32(static_cast<uint32_t>(pid));
  writer_.end_array(array);
}

void UnitProperties::mask(std::string_view name, const IndexMask& mask) {
  begin(name, "ay");
  size_t array = writer_.begin_array(1);
  for (unsigned long word : mask) {
    for (unsigned shift = 0; shift < 8 * sizeof word; shift += 8) {
      writer_.byte(static_cast<uint8_t>(word >> shift));
    }
  }
  writer_.end_array(array);
}

Result<> UnitProperties::annotated(const std::map<std::string, std::string>& annotations) {
  constexpr std::string_view kPrefix = "org.systemd.property.";
  for (const auto& [key, text] : annotations) {
    if (!key.starts_with(kPrefix)) continue;
    TRY_CONTEXT(annotation(key.substr(kPrefix.size()), text), cat("annotation ", key, "=", text));
  }
  return {};
}

Result<> UnitProperties::annotation(const std::string& name, const std::string& text) {
  if (!is_property_name(name)) {
    return Error(Code::kInvalidArgument, "the name is none of a systemd property");
  }
  sys::DbusText value = TRY(sys::DbusText::parse(text));
  if (is_in_seconds(name)) {
    constexpr uint64_t kMicroseconds = 1'000'000;
    const uint64_t microseconds = TRY(value.scaled(kMicroseconds));
    number(cat(name.substr(0, name.size() - 3), "USec"), microseconds);
    return {};
  }
  begin(name, value.type());
  return value.write(writer_);
}

Result<> UnitProperties::limits(const json::Value& resources, const UnitTarget& target) {
  TRY(memory(resources.find("memory"), target));
  TRY(cpu(resources.find("cpu"), target));
  int64_t processes = whole(resources.find("pids"), "limit");
  if (processes != 0) number("TasksMax", limit(processes));
  return target.v2 ? unified(resources, target) : Result<>{};
}

Result<> UnitProperties::memory(const json::Value* memory, const UnitTarget& target) {
  int64_t most = whole(memory, "limit");
  if (most != 0) number(target.v2 ? "MemoryMax" : "MemoryLimit", limit(most));
  if (!target.v2) return {};
  int64_t reservation = whole(memory, "reservation");
  if (reservation != 0) number("MemoryLow", limit(reservation));
  std::optional<int64_t> swap =
      TRY_CONTEXT(swap_alone(most, whole(memory, "swap")), "linux.resources.memory");
  if (swap) number("MemorySwapMax", limit(*swap));
  return {};
}

Result<> UnitProperties::cpu(const json::Value* cpu, const UnitTarget& target) {
  int64_t shares = whole(cpu, "shares");
  const bool idle = target.v2 && target.has_idle && whole(cpu, "idle") == 1;
  if (shares > 0 && !target.v2) number("CPUShares", limit(shares));
  if (idle) number("CPUWeight", 0);
  if (shares > 0 && target.v2 && !idle) number("CPUWeight", cpu_weight(shares));
  quota(whole(cpu, "quota"), whole(cpu, "period"));
  if (!target.v2 || cpu == nullptr) return {};
  std::string cpus = cpu->string("cpus");
  std::string nodes = cpu->string("mems");
  if (!cpus.empty()) mask("AllowedCPUs", TRY(parse_index_list(cpus, "cpu.cpus")));
  if (!nodes.empty()) mask("AllowedMemoryNodes", TRY(parse_index_list(nodes, "cpu.mems")));
  return {};
}

void UnitProperties::quota(int64_t quota, int64_t period) {
  if (period > 0) number("CPUQuotaPeriodUSec", limit(period));
  if (quota > 0) {
    number("CPUQuotaPerSecUSec", limit(cpu_time_per_second(quota, period)));
  } else if (quota < 0 || period > 0) {
    number("CPUQuotaPerSecUSec", kInfinity);
  }
}

Result<> UnitProperties::unified(const json::Value& resources, const UnitTarget& target) {
  const bool idle = target.has_idle && unified_value(resources, "cpu.idle") == "1";
  if (idle) number("CPUWeight", 0);
  for (const auto& [file, value] : resources.object("unified")) {
    if (file == "cpu.weight" && idle) continue;
    TRY(unified_file(file, std::string(trim(value.as_string()))));
  }
  return {};
}

Result<> UnitProperties::unified_file(const std::string& file, const std::string& value) {
  if (std::string_view property = amount_property(file); !property.empty()) {
    number(property, TRY(amount(file, value)));
  } else if (file == "cpuset.cpus" || file == "cpuset.mems") {
    mask(file == "cpuset.cpus" ? "AllowedCPUs" : "AllowedMemoryNodes",
         TRY(parse_index_list(value, file)));
  } else if (file == "cpu.max") {
    auto parts = split_once(value, ' ');
    const uint64_t most = TRY(amount(file, parts ? parts->first : value));
    const uint64_t period = parts ? TRY(amount(file, trim(parts->second))) : 0;
    quota(most == kInfinity ? -1 : static_cast<int64_t>(most), static_cast<int64_t>(period));
  }
  return {};
}

}  // namespace skiff::runtime
