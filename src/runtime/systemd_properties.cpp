#include "runtime/systemd_properties.h"

#include <algorithm>

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

}  // namespace

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

Result<> UnitProperties::limits(const json::Value& resources, bool v2) {
  memory(resources.find("memory"), v2);
  TRY(cpu(resources.find("cpu"), v2));
  int64_t processes = whole(resources.find("pids"), "limit");
  if (processes != 0) number("TasksMax", limit(processes));
  return {};
}

void UnitProperties::memory(const json::Value* memory, bool v2) {
  int64_t most = whole(memory, "limit");
  if (most != 0) number(v2 ? "MemoryMax" : "MemoryLimit", limit(most));
  if (!v2) return;
  int64_t reservation = whole(memory, "reservation");
  if (reservation != 0) number("MemoryLow", limit(reservation));
  int64_t swap = whole(memory, "swap");
  if (swap < 0) number("MemorySwapMax", kInfinity);
  if (swap > 0 && most > 0) number("MemorySwapMax", limit(std::max<int64_t>(swap - most, 0)));
}

Result<> UnitProperties::cpu(const json::Value* cpu, bool v2) {
  int64_t shares = whole(cpu, "shares");
  if (shares > 0 && !v2) number("CPUShares", limit(shares));
  // 2..262144 onto 1..10000.
  int64_t bounded = std::clamp<int64_t>(shares, 2, 262144);
  if (shares > 0 && v2) number("CPUWeight", limit(1 + (bounded - 2) * 9999 / 262142));
  constexpr int64_t kDefaultPeriod = 100'000;
  constexpr int64_t kPercent = 10'000;  // microseconds of a second: systemd counts in whole ones
  int64_t period = whole(cpu, "period");
  int64_t quota = whole(cpu, "quota");
  if (period > 0) number("CPUQuotaPeriodUSec", limit(period));
  if (quota > 0) {
    int64_t share = quota * 1'000'000 / (period > 0 ? period : kDefaultPeriod);
    number("CPUQuotaPerSecUSec", limit((share + kPercent - 1) / kPercent * kPercent));
  } else if (quota < 0 || period > 0) {
    number("CPUQuotaPerSecUSec", kInfinity);
  }
  if (!v2 || cpu == nullptr) return {};
  std::string cpus = cpu->string("cpus");
  std::string nodes = cpu->string("mems");
  if (!cpus.empty()) mask("AllowedCPUs", TRY(parse_index_list(cpus, "cpu.cpus")));
  if (!nodes.empty()) mask("AllowedMemoryNodes", TRY(parse_index_list(nodes, "cpu.mems")));
  return {};
}

}  // namespace skiff::runtime
