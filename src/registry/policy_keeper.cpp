#include "registry/policy_keeper.h"

#include "access/store.h"
#include "base/log.h"
#include "base/strings.h"
#include "registry/audit_log.h"
#include "registry/mark.h"
#include "registry/schema.h"

namespace skiff::registry {

namespace {

constexpr std::chrono::minutes kPause{1};
constexpr std::chrono::hours kSealEvery{1};
constexpr size_t kMostPulls = 20'000;

}  // namespace

Result<std::unique_ptr<PolicyKeeper>> PolicyKeeper::open(const Path& root, MetadataStore& metadata,
                                                         Authorizer& access,
                                                         std::chrono::seconds retention_every,
                                                         const Clock& clock) {
  Database db = TRY(open_registry_database(root));
  TRY(note_pulls_since(db, clock.now(), false));
  return std::unique_ptr<PolicyKeeper>(
      new PolicyKeeper(root, std::move(db), metadata, access, retention_every, clock));
}

PolicyKeeper::PolicyKeeper(Path root, Database db, MetadataStore& metadata, Authorizer& access,
                           std::chrono::seconds retention_every, const Clock& clock)
    : root_(std::move(root)),
      metadata_(metadata),
      access_(access),
      retention_every_(retention_every),
      clock_(clock),
      db_(std::move(db)),
      files_(root_ / kDatabaseName),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

PolicyKeeper::~PolicyKeeper() {
  thread_.request_stop();
  thread_.join();
  std::lock_guard lock(running_);
  const Result<> saved = save_pulls().context("policies");
  if (failing_.is_news(saved)) log_warn(saved.error().message());
  if (const Result<> used = access_.save_uses(); !used) log_warn(used.error().message());
}

void PolicyKeeper::pulled(const std::string& repository, const std::string& reference) {
  std::string key = cat(repository, " ", reference);
  std::lock_guard lock(mutex_);
  if (pulls_.size() < kMostPulls || pulls_.contains(key)) {
    pulls_[std::move(key)] = clock_.now();
    return;
  }
  lost_pulls_ = true;
  wake_.notify_all();
}

Result<> PolicyKeeper::save_pulls() {
  TRY(files_.check());
  std::vector<Pull> pulls;
  bool lost = false;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [key, at] : pulls_) {
      const auto parts = split_once(key, ' ');
      pulls.push_back({std::string(parts->first), std::string(parts->second), at});
    }
    pulls_.clear();
    lost = std::exchange(lost_pulls_, false);
  }
  if (lost) TRY(note_pulls_since(db_, clock_.now(), true));
  if (pulls.empty()) return {};
  return registry::save_pulls(db_, pulls);
}

Result<bool> PolicyKeeper::is_turn(const std::string& name, std::chrono::seconds every) {
  TRY(files_.check());
  return take_turn(db_, name, every, clock_.now());
}

// Without accounts there is no key.
Result<> PolicyKeeper::seal() {
  if (!TRY(is_turn("seal", kSealEvery))) return {};
  auto store = TRY(access::Store::open(root_, clock_));
  if (!store) return {};
  return seal_audit(db_, TRY(access::current_signing_key(*store)), clock_.now());
}

Result<> PolicyKeeper::expire() {
  if (retention_every_.count() == 0) return {};
  if (!TRY(is_turn("retention", retention_every_))) return {};
  size_t gone = 0;
  TRY(run_retention(
      db_, metadata_, {}, clock_.now(), [&](const std::string& repository, const Verdict& verdict) {
        if (verdict.keep) return;
        ++gone;
        log_debug(
            cat("retention: ", repository, ":", verdict.tag.name, " is deleted: ", verdict.reason));
      }));
  if (gone > 0) log_info(cat("retention deleted ", gone, " tags"));
  return {};
}

Result<> PolicyKeeper::run_due() {
  std::lock_guard lock(running_);
  TRY(save_pulls());
  TRY(access_.save_uses());
  TRY(seal());
  return expire();
}

void PolicyKeeper::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    lock.unlock();
    const Result<> done = run_due().context("policies");
    if (failing_.is_news(done)) log_warn(done.error().message());
    lock.lock();
    wake_.wait_for(lock, stop, kPause, [&] { return lost_pulls_; });
  }
}

}  // namespace skiff::registry
