#include "engine/update.h"

#include "base/strings.h"
#include "engine/cpuset.h"
#include "engine/create.h"
#include "engine/process_life.h"
#include "engine/resource_rules.h"
#include "engine/resource_support.h"
#include "engine/spec.h"

namespace skiff::engine {

namespace {

Result<> check_updatable(const Container& container) {
  Status status = container.state().status;
  if (status != Status::kRemoving && status != Status::kDead) return {};
  return Error(Code::kFailedPrecondition,
               "Container is marked for removal and cannot be \"update\".");
}

Result<> check_cpu_conflicts(const Resources& current, const Resources& wanted) {
  if (current.nano_cpus > 0 && wanted.cpu_quota > 0) {
    return invalid_argument(
        "Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set");
  }
  if (current.nano_cpus > 0 && wanted.cpu_period > 0) {
    return invalid_argument(
        "Conflicting options: CPU Period cannot be updated as NanoCPUs has already been set");
  }
  if (wanted.nano_cpus > 0 && current.cpu_quota > 0) {
    return invalid_argument(
        "Conflicting options: Nano CPUs cannot be updated as CPU Quota has already been set");
  }
  if (wanted.nano_cpus > 0 && current.cpu_period > 0) {
    return invalid_argument(
        "Conflicting options: Nano CPUs cannot be updated as CPU Period has already been set");
  }
  return {};
}

}  // namespace

Result<Resources> merge_resources(const Resources& current, const Resources& wanted) {
  TRY(check_cpu_conflicts(current, wanted));
  if (wanted.memory > 0 && wanted.memory_swap == 0 && current.memory_swap > 0 &&
      wanted.memory > current.memory_swap) {
    return invalid_argument(
        "Memory limit should be smaller than already set memoryswap limit, update the memoryswap "
        "at the same time");
  }
  Resources merged = current;
  for (auto member : {&Resources::memory, &Resources::memory_swap, &Resources::memory_reservation,
                      &Resources::nano_cpus, &Resources::cpu_shares, &Resources::cpu_period,
                      &Resources::cpu_quota}) {
    if (wanted.*member != 0) merged.*member = wanted.*member;
  }
  if (!wanted.cpuset_cpus.empty()) merged.cpuset_cpus = wanted.cpuset_cpus;
  if (!wanted.cpuset_mems.empty()) merged.cpuset_mems = wanted.cpuset_mems;
  if (wanted.pids_limit) merged.pids_limit = wanted.pids_limit;
  TRY(check_resources(merged));
  return merged;
}

Result<> update_container(Core& core, Container& container, const UpdateRequest& request) {
  Resources wanted = TRY(HostConfig::from_json(request.resources)).resources;
  const auto operation = container.operate();
  TRY(check_updatable(container));
  const HostConfig before = container.info().host_config;
  HostConfig after = before;
  after.resources = TRY(merge_resources(before.resources, wanted));
  if (const auto told = TRY(discard_unsupported(core.options, wanted)); !told.empty()) {
    return invalid_argument(cat("Cannot update container ", container.id, ": ", told.front()));
  }
  TRY(check_cpuset(wanted));
  if (request.restart_policy) {
    TRY(check_restart_policy(*request.restart_policy));
    if (before.auto_remove && request.restart_policy->name != "no") {
      return invalid_argument(
          "Restart policy cannot be updated because AutoRemove is enabled for the container");
    }
    after.restart_policy = *request.restart_policy;
  }
  if (Monitor monitor = container.monitor()) {
    json::Value limits = TRY(runtime::make_oci_resources(limits_of(after.resources)));
    TRY_CONTEXT(monitor->update(limits, policy_of(after)),
                cat("Cannot update container ", container.id));
  }
  container.change([&](Record& record) { record.info.host_config = after; });
  TRY(core.save(container));
  core.publish(container, "update");
  return {};
}

}  // namespace skiff::engine
