#include "registry/audit_writer.h"

#include <utility>

#include "base/log.h"
#include "base/strings.h"
#include "codec/json.h"
#include "db/attempts.h"
#include "registry/mark.h"
#include "registry/schema.h"

namespace skiff::registry {

namespace {

constexpr std::chrono::seconds kChainEvery{5};
constexpr std::chrono::minutes kUsualPause{1};
constexpr std::chrono::hours kPauseOfDone{1};
constexpr int64_t kMostInAMinute = 300;
constexpr size_t kMostSeen = 4096;

std::string key_of(const AuditEntry& e) {
  return join({e.actor, e.address, e.action, e.target, e.outcome}, "\n");
}

void count_in(AuditEntry& entry, std::string_view name, int64_t count) {
  if (count == 0) return;
  json::Value detail = json::parse(entry.detail).value_or(json::object());
  detail.set(name, count);
  entry.detail = detail.dump();
}

}  // namespace

Result<std::unique_ptr<AuditWriter>> AuditWriter::open(const Path& root, const Clock& clock) {
  Database db = TRY(open_registry_database(root, DatabaseServer::Use::kSoon));
  std::unique_ptr<AuditWriter> writer(
      new AuditWriter(std::move(db), FileWatch(root / kDatabaseName), clock));
  writer->thread_ = std::jthread([w = writer.get()](const std::stop_token& stop) { w->run(stop); });
  return writer;
}

AuditWriter::~AuditWriter() {
  flush();
  thread_.request_stop();
  thread_.join();
  work_off({});
  if (lost_ > 0) log_error(cat("audit log: ", lost_, " rows were lost"));
}

bool AuditWriter::is_wanted(AuditEntry& entry) {
  const TimePoint now = clock_.now();
  if (seen_.size() >= kMostSeen)
    std::erase_if(seen_, [&](auto& s) { return s.second.until <= now; });
  if (seen_.size() >= kMostSeen) seen_.clear();
  Seen& seen = seen_[key_of(entry)];
  if (seen.until > now) {
    ++seen.left_out;
    return false;
  }
  if (minute_ + std::chrono::minutes(1) <= now) {
    minute_ = now;
    in_minute_ = 0;
  }
  if (in_minute_ >= kMostInAMinute) {
    ++left_out_;
    return false;
  }
  ++in_minute_;
  count_in(entry, "repeated", std::exchange(seen.left_out, 0));
  count_in(entry, "others_left_out", std::exchange(left_out_, 0));
  seen.until = now + (entry.outcome == "done" ? kPauseOfDone : kUsualPause);
  return true;
}

void AuditWriter::note(AuditEntry entry) {
  std::lock_guard lock(mutex_);
  if (!is_wanted(entry)) return;
  queue_.push_back(std::move(entry));
  changed_.notify_all();
}

void AuditWriter::note_login(const Actor& actor, const Error* error) {
  AuditEntry entry = audit_entry(clock_.now(), actor, "log in", "");
  if (error != nullptr) {
    const bool blocked = error->code() == Code::kResourceExhausted;
    if (!blocked && error->code() != Code::kUnauthenticated) return;
    entry.outcome = blocked ? "blocked" : "failed";
  }
  note(std::move(entry));
}

void AuditWriter::note_denied(const Actor& actor, std::string action, std::string target,
                              const std::string& why) {
  AuditEntry entry = audit_entry(clock_.now(), actor, std::move(action), std::move(target));
  entry.outcome = "denied";
  json::Value detail = json::parse(entry.detail).value_or(json::object());
  if (!why.empty()) detail.set("why", why);
  entry.detail = detail.dump();
  note(std::move(entry));
}

void AuditWriter::flush() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return queue_.empty() && !writing_; });
}

void AuditWriter::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    changed_.wait_for(lock, stop, kChainEvery, [&] { return !queue_.empty(); });
    const std::deque<AuditEntry> entries = std::exchange(queue_, {});
    writing_ = true;
    lock.unlock();
    work_off(entries);
    lock.lock();
    writing_ = false;
    changed_.notify_all();
  }
}

// Tried each five seconds: what fails is told when it begins, and what it cost when it is over.
void AuditWriter::work_off(const std::deque<AuditEntry>& entries) {
  Result<> done = write(entries);
  if (!done) lost_ += entries.size();
  if (done) done = chain().context("what was written is not chained");
  if (failing_.is_news(done)) log_error(cat("audit log: ", done.error().message()));
  if (!done || lost_ == 0) return;
  log_error(cat("audit log: ", std::exchange(lost_, 0), " rows were lost"));
}

// What all servers and commands appended since: whoever comes first.
Result<> AuditWriter::chain() {
  std::lock_guard lock(writing_mutex_);
  TRY(files_.check());
  return chain_audit(db_);
}

Result<> AuditWriter::record(const AuditEntry& entry) { return write({entry}); }

Result<> AuditWriter::write(const std::deque<AuditEntry>& entries) {
  std::lock_guard lock(writing_mutex_);
  TRY(files_.check());
  if (entries.empty()) return {};
  return with_attempts(db_, [&](Transaction& tx) -> Result<> {
    for (const AuditEntry& entry : entries) TRY(append_audit(db_, entry));
    return tx.commit();
  });
}

}  // namespace skiff::registry
