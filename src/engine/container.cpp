#include "engine/container.h"

#include <algorithm>

#include "base/strings.h"

namespace skiff::engine {

Container::Container(Record record, ContainerPaths where)
    : id(record.info.id), paths(std::move(where)), record_(std::move(record)) {}

Container::OperationLock Container::operate() {
  OperationLock lock(operation_);
  prepared.reset();
  return lock;
}

Container::OperationLock Container::operate_start() { return OperationLock(operation_); }

Container::OperationLock Container::try_operate_start() { return {operation_, std::try_to_lock}; }

ContainerInfo Container::info() const {
  ContainerInfo out;
  {
    std::lock_guard lock(mutex_);
    out = record_.info;
  }
  const bool local = out.host_config.log_driver == "local";
  out.log_path = local ? paths.local_log() : paths.json_log(id);
  out.hostname_path = paths.hostname();
  out.hosts_path = paths.hosts();
  out.resolv_conf_path = paths.resolv_conf();
  return out;
}

Record Container::record() const {
  std::lock_guard lock(mutex_);
  return record_;
}

State Container::state() const {
  std::lock_guard lock(mutex_);
  return record_.info.state;
}

std::string Container::name() const {
  std::lock_guard lock(mutex_);
  return record_.info.name;
}

Monitor Container::monitor() const {
  std::lock_guard lock(mutex_);
  return monitor_;
}

std::vector<std::shared_ptr<AttachPoint>> Container::set_monitor(Monitor monitor) {
  std::lock_guard lock(mutex_);
  monitor_ = std::move(monitor);
  return std::exchange(attach_points_, {});
}

Monitor Container::take_monitor() {
  std::lock_guard lock(mutex_);
  return std::exchange(monitor_, nullptr);
}

Monitor Container::monitor_or_register(const std::shared_ptr<AttachPoint>& point) {
  std::lock_guard lock(mutex_);
  if (monitor_ == nullptr) attach_points_.push_back(point);
  return monitor_;
}

void Container::unregister(const std::shared_ptr<AttachPoint>& point) {
  std::lock_guard lock(mutex_);
  std::erase(attach_points_, point);
}

bool Container::has_attach_points() const {
  std::lock_guard lock(mutex_);
  return !attach_points_.empty();
}

std::shared_ptr<WaitSlot> Container::add_waiter(WaitCondition condition) {
  auto slot = std::make_shared<WaitSlot>(condition);
  std::lock_guard lock(mutex_);
  const State& state = record_.info.state;
  if (condition == WaitCondition::kNotRunning && !state.running()) {
    slot->complete(WaitResult{state.exit_code, state.error});
  } else {
    waiters_.push_back(slot);
  }
  return slot;
}

void Container::forget_waiter(const std::shared_ptr<WaitSlot>& slot) {
  std::lock_guard lock(mutex_);
  std::erase(waiters_, slot);
}

void Container::complete_waiters(const std::function<bool(WaitCondition)>& which) {
  std::lock_guard lock(mutex_);
  const State& state = record_.info.state;
  std::erase_if(waiters_, [&](const std::shared_ptr<WaitSlot>& slot) {
    if (!which(slot->condition())) return false;
    slot->complete(WaitResult{state.exit_code, state.error});
    return true;
  });
}

void Container::notify_exit() {
  complete_waiters([](WaitCondition c) { return c != WaitCondition::kRemoved; });
  std::vector<std::shared_ptr<AttachPoint>> points;
  {
    std::lock_guard lock(mutex_);
    points.swap(attach_points_);
  }
  for (const auto& point : points) point->close();
}

void Container::notify_removed() {
  notify_exit();
  complete_waiters([](WaitCondition) { return true; });
}

void Container::fail_waiters(const Error& error) {
  std::lock_guard lock(mutex_);
  for (const auto& slot : waiters_) slot->complete(error);
  waiters_.clear();
  for (const auto& point : attach_points_) point->close();
  attach_points_.clear();
}

void Container::add_exec(const std::string& exec_id) {
  std::lock_guard lock(mutex_);
  record_.info.exec_ids.push_back(exec_id);
}

void Container::remove_exec(const std::string& exec_id) {
  std::lock_guard lock(mutex_);
  std::erase(record_.info.exec_ids, exec_id);
}

Result<> ContainerTable::reserve_name(const std::string& name, const std::string& id) {
  std::lock_guard lock(mutex_);
  auto [entry, inserted] = names_.emplace(name, id);
  if (inserted) return {};
  return Error(Code::kAlreadyExists,
               cat("Conflict. The container name \"/", name, "\" is already in use by container \"",
                   entry->second,
                   "\". You have to remove (or rename) that container to be able to reuse that "
                   "name."));
}

void ContainerTable::release_name(const std::string& name, const std::string& id) {
  std::lock_guard lock(mutex_);
  auto entry = names_.find(name);
  if (entry != names_.end() && entry->second == id) names_.erase(entry);
}

bool ContainerTable::knows(const std::string& id) const {
  std::lock_guard lock(mutex_);
  return by_id_.contains(id) ||
         std::ranges::any_of(names_, [&](const auto& entry) { return entry.second == id; });
}

void ContainerTable::add(std::shared_ptr<Container> container) {
  std::lock_guard lock(mutex_);
  by_id_[container->id] = std::move(container);
}

void ContainerTable::erase(const std::string& id) {
  std::lock_guard lock(mutex_);
  by_id_.erase(id);
  std::erase_if(names_, [&](const auto& entry) { return entry.second == id; });
}

Result<std::shared_ptr<Container>> ContainerTable::find(const std::string& reference) const {
  std::lock_guard lock(mutex_);
  auto exact = by_id_.find(reference);
  if (exact != by_id_.end()) return exact->second;
  auto named = names_.find(reference.starts_with('/') ? reference.substr(1) : reference);
  if (named != names_.end()) {
    exact = by_id_.find(named->second);
    if (exact != by_id_.end()) return exact->second;
  }
  auto first = reference.empty() ? by_id_.end() : by_id_.lower_bound(reference);
  if (first == by_id_.end() || !first->first.starts_with(reference)) {
    return Error(Code::kNotFound, cat("No such container: ", reference));
  }
  auto second = std::next(first);
  if (second != by_id_.end() && second->first.starts_with(reference)) {
    return Error(Code::kInvalidArgument,
                 cat("multiple IDs found with provided prefix: ", reference));
  }
  return first->second;
}

std::vector<std::shared_ptr<Container>> ContainerTable::all() const {
  std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Container>> out;
  out.reserve(by_id_.size());
  for (const auto& [id, container] : by_id_) out.push_back(container);
  return out;
}

}  // namespace skiff::engine
