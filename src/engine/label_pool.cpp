#include "engine/label_pool.h"

#include <cstdint>
#include <cstring>

#include "base/random.h"
#include "base/strings.h"

namespace skiff::engine {

namespace {

using runtime::SelinuxContext;

std::string random_level() {
  constexpr uint32_t kCategories = 1024;  // of every policy that has any
  uint32_t number = 0;
  std::memcpy(&number, random_bytes(sizeof number).data(), sizeof number);
  const uint32_t one = number % kCategories;
  // Another one: between 1 and kCategories - 1 further on.
  const uint32_t other = (one + 1 + number / kCategories % (kCategories - 1)) % kCategories;
  return cat(runtime::kSharedLevel, ":c", std::min(one, other), ",c", std::max(one, other));
}

std::string level_of(const std::string& label) {
  const auto context = SelinuxContext::parse(label);
  return context ? context->level : "";
}

}  // namespace

LabelPool::LabelPool(const SelinuxOptions& options)
    : policy_(options.enabled ? runtime::policy_labels(options.places) : Labels()) {}

Result<std::string> LabelPool::free_level() const {
  // Of half a million levels.
  constexpr int kAttempts = 10'000;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    std::string level = random_level();
    if (level != runtime::kUnconfinedLevel && !used_.contains(level)) return level;
  }
  return Error(Code::kResourceExhausted, "no pair of SELinux categories is free");
}

Result<LabelPool::Labels> LabelPool::choose(const std::vector<std::string>& options) {
  if (policy_.process.empty()) return Labels();
  std::lock_guard lock(mutex_);
  Labels own = policy_;
  SelinuxContext process = TRY(SelinuxContext::parse(own.process));
  if (!process.level.empty()) {
    SelinuxContext mount = TRY(SelinuxContext::parse(own.mount));
    process.level = mount.level = TRY(free_level());
    own = {.process = process.str(), .mount = mount.str()};
  }
  Labels labels = TRY(runtime::apply_label_options(own, options));
  if (!labels.process.empty()) ++used_[level_of(labels.process)];
  return labels;
}

void LabelPool::keep(const Labels& labels) {
  std::lock_guard lock(mutex_);
  if (!labels.process.empty()) ++used_[level_of(labels.process)];
}

void LabelPool::give_back(const Labels& labels) {
  std::lock_guard lock(mutex_);
  const auto found = used_.find(level_of(labels.process));
  if (labels.process.empty() || found == used_.end()) return;
  if (--found->second == 0) used_.erase(found);
}

}  // namespace skiff::engine
