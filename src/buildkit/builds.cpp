#include "buildkit/builds.h"

#include <chrono>

#include "base/strings.h"

namespace skiff::buildkit {

void Build::begin(BuildOrder order) {
  const std::scoped_lock lock(mutex_);
  order_ = std::move(order);
  begun_.notify_all();
}

bool Build::begun() const {
  const std::scoped_lock lock(mutex_);
  return order_.has_value();
}

Result<BuildOrder> Build::order() {
  constexpr auto kPatience = std::chrono::seconds(5);
  std::unique_lock lock(mutex_);
  if (!begun_.wait_for(lock, kPatience, [&] { return order_.has_value(); })) {
    return Error(Code::kNotFound, cat("no build ", quoted(ref_), " is at work"));
  }
  return *order_;
}

void Build::set_outcome(BuildOutcome outcome) {
  const std::scoped_lock lock(mutex_);
  if (!outcome_.failure) outcome_ = std::move(outcome);
}

void Build::keep_result(std::shared_ptr<const KeptResult> result) {
  const std::scoped_lock lock(mutex_);
  result_ = std::move(result);
}

std::shared_ptr<const KeptResult> Build::result() const {
  const std::scoped_lock lock(mutex_);
  return result_;
}

void Build::keep_source(const std::string& name, std::shared_ptr<const FetchedSource> source) {
  const std::scoped_lock lock(mutex_);
  if (!ended_.token().cancelled()) sources_[name] = std::move(source);
}

std::shared_ptr<const FetchedSource> Build::source(const std::string& name) const {
  const std::scoped_lock lock(mutex_);
  const auto found = sources_.find(name);
  return found == sources_.end() ? nullptr : found->second;
}

void Build::end(std::optional<RpcFailure> failure) {
  // To go without the lock.
  std::shared_ptr<const KeptResult> result;
  std::map<std::string, std::shared_ptr<const FetchedSource>> sources;
  {
    const std::scoped_lock lock(mutex_);
    if (failure && !outcome_.failure) outcome_.failure = std::move(failure);
    result.swap(result_);
    sources.swap(sources_);
  }
  ended_.cancel();
}

BuildOutcome Build::outcome() const {
  const std::scoped_lock lock(mutex_);
  return outcome_;
}

std::shared_ptr<Build> Builds::get(const std::string& ref) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(builds_, [](const auto& one) { return one.second.expired(); });
  std::weak_ptr<Build>& known = builds_[ref];
  std::shared_ptr<Build> build = known.lock();
  if (!build) {
    build = std::make_shared<Build>(ref, clock_);
    known = build;
  }
  return build;
}

std::shared_ptr<const KeptResult> Builds::result_of(const std::string& ref) {
  const std::scoped_lock lock(mutex_);
  const auto known = builds_.find(ref);
  const std::shared_ptr<Build> build = known == builds_.end() ? nullptr : known->second.lock();
  return build ? build->result() : nullptr;
}

std::shared_ptr<Build> Builds::get_new(const std::string& ref) {
  {
    const std::scoped_lock lock(mutex_);
    const auto known = builds_.find(ref);
    const std::shared_ptr<Build> before = known == builds_.end() ? nullptr : known->second.lock();
    if (before && before->ended().cancelled()) {
      builds_.erase(known);
      std::erase(ended_, before);
    }
  }
  return get(ref);
}

void Builds::keep(std::shared_ptr<Build> build) {
  constexpr size_t kKept = 8;
  const std::scoped_lock lock(mutex_);
  ended_.push_back(std::move(build));
  if (ended_.size() > kKept) ended_.pop_front();
}

}  // namespace skiff::buildkit
