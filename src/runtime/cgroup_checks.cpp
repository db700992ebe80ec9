#include "runtime/cgroup_checks.h"

#include <algorithm>
#include <string>

#include "base/strings.h"
#include "runtime/cgroup_conversions.h"

namespace skiff::runtime {

namespace {

// The kernel takes shares beyond these for the nearest of them.
constexpr int64_t kLeastShares = 2;
constexpr int64_t kMostShares = 262'144;

Error not_in_version2(const char* field, const char* what) {
  return {Code::kUnimplemented,
          cat("linux.resources.", field, ": version 2 cgroups have no ", what)};
}

Error wrong(const std::string& text) { return {Code::kInvalidArgument, text}; }

Result<> check_known(const json::Value& resources) {
  constexpr std::string_view kKnown[] = {"devices",        "memory",  "cpu",  "pids",   "blockIO",
                                         "hugepageLimits", "network", "rdma", "unified"};
  for (const auto& [key, value] : resources.as_object()) {
    if (std::find(std::begin(kKnown), std::end(kKnown), key) == std::end(kKnown)) {
      return Error(Code::kUnimplemented, cat("linux.resources.", key, " is not supported"));
    }
  }
  return {};
}

Result<> check_memory(const json::Value& memory, bool v2) {
  const int64_t limit = whole_number(memory, "limit").value_or(0);
  const int64_t swap = whole_number(memory, "swap").value_or(0);
  if (v2) {
    TRY_CONTEXT(swap_alone(limit, swap), "linux.resources.memory");
    return {};
  }
  if (swap > 0 && swap < limit) {
    return wrong("linux.resources.memory: memory+swap limit should be >= memory limit");
  }
  const int64_t swappiness = whole_number(memory, "swappiness").value_or(-1);
  if (swappiness >= -1 && swappiness <= 100) return {};
  return wrong(cat("linux.resources.memory: invalid memory swappiness value: ", swappiness,
                   " (valid range is 0-100)"));
}

Result<> check_cpu(const json::Value& cpu, bool v2) {
  const int64_t shares = whole_number(cpu, "shares").value_or(0);
  if (v2) {
    const bool realtime = whole_number(cpu, "realtimePeriod").value_or(0) != 0 ||
                          whole_number(cpu, "realtimeRuntime").value_or(0) != 0;
    return realtime ? not_in_version2("cpu", "realtime limits") : Result<>{};
  }
  if (shares == 0) return {};
  // Beyond 2^63 they read as "no limit".
  if (shares < 0 || shares > kMostShares) {
    return wrong(cat("linux.resources.cpu: the maximum allowed cpu-shares is ", kMostShares));
  }
  if (shares >= kLeastShares) return {};
  return wrong(cat("linux.resources.cpu: the minimum allowed cpu-shares is ", kLeastShares));
}

Result<> check_unified(const std::string& file, bool v2) {
  if (file.find('/') != std::string::npos || !file.find('.')) {
    return wrong(cat("linux.resources.unified: ", quoted(file), " is no cgroup file"));
  }
  if (v2) return {};
  return Error(Code::kUnimplemented,
               "invalid configuration: linux.resources.unified: the host does not use version 2 "
               "cgroups alone");
}

Result<> check_version2(const json::Value& resources) {
  const json::Value* io = resources.find("blockIO");
  if (io != nullptr && whole_number(*io, "leafWeight").value_or(0) != 0) {
    return not_in_version2("blockIO.leafWeight", "such weights");
  }
  const json::Value* network = resources.find("network");
  if (network == nullptr) return {};
  const bool classified = whole_number(*network, "classID").value_or(0) != 0;
  if (!classified && network->array("priorities").empty()) return {};
  return not_in_version2("network", "network controllers");
}

}  // namespace

Result<> check_limits(const json::Value& resources, bool v2) {
  TRY(check_known(resources));
  if (const json::Value* memory = resources.find("memory")) TRY(check_memory(*memory, v2));
  if (const json::Value* cpu = resources.find("cpu")) TRY(check_cpu(*cpu, v2));
  for (const json::Value& entry : resources.array("hugepageLimits")) {
    if (!entry.string("pageSize").empty() && whole_number(entry, "limit")) continue;
    return wrong("linux.resources.hugepageLimits: pageSize and limit are needed");
  }
  for (const auto& [file, value] : resources.object("unified")) TRY(check_unified(file, v2));
  return v2 ? check_version2(resources) : Result<>{};
}

}  // namespace skiff::runtime
