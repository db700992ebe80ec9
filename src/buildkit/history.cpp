#include "buildkit/history.h"

#include <algorithm>

#include "base/strings.h"
#include "buildkit/wire_time.h"
#include "control.pb.h"

namespace skiff::buildkit {

namespace {

constexpr const char* kMigrations[] = {R"(
CREATE TABLE builds(
  ref TEXT PRIMARY KEY,
  ended INTEGER NOT NULL,
  pinned INTEGER NOT NULL,
  record BLOB NOT NULL,
  log BLOB NOT NULL);
CREATE INDEX builds_by_time ON builds(ended);
)",
                                       R"(
CREATE TABLE attachments(
  ref TEXT NOT NULL,
  digest TEXT NOT NULL,
  bytes BLOB NOT NULL,
  PRIMARY KEY(ref, digest));
CREATE INDEX attachments_by_digest ON attachments(digest);
CREATE TRIGGER build_has_gone AFTER DELETE ON builds BEGIN
  DELETE FROM attachments WHERE ref = OLD.ref;
END;
)"};

constexpr size_t kMostWaiting = 1000;  // events of a listener's

std::string event_of(wire::BuildHistoryEvent::Type type, const wire::BuildHistoryRecord& record) {
  wire::BuildHistoryEvent event;
  event.set_type(type);
  *event.mutable_record() = record;
  return event.SerializeAsString();
}

constexpr const char* kPredicateType = "in-toto.io/predicate-type";

void describe_blob(const std::string& type, const std::string& digest, uint64_t size,
                   wire::BlobDescriptor& out) {
  out.set_media_type(type);
  out.set_digest(digest);
  out.set_size(static_cast<int64_t>(size));
}

void describe_steps(const BuildSteps& steps, wire::BuildHistoryRecord& out) {
  out.set_num_total_steps(steps.total);
  out.set_num_completed_steps(steps.completed);
  out.set_num_cached_steps(steps.cached);
  out.set_num_warnings(steps.warnings);
}

void describe_outcome(const BuildOutcome& outcome, wire::BuildHistoryRecord& out) {
  out.mutable_exporter_response()->insert(outcome.reply.begin(), outcome.reply.end());
  if (!outcome.failure) return;
  const Error& error = outcome.failure->error;
  const bool cancelled = error.code() == Code::kCancelled;
  out.mutable_error()->set_code(static_cast<int>(error.code()) + 1);
  // By these words clients know one that was given up.
  out.mutable_error()->set_message(cancelled ? cat("context canceled: ", error.message())
                                             : error.message());
}

}  // namespace

std::optional<std::string> HistoryListener::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return stopped_ || !events_.empty(); });
  if (stopped_) return std::nullopt;
  std::string out = std::move(events_.front());
  events_.pop_front();
  return out;
}

void HistoryListener::stop() {
  const std::scoped_lock lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

void HistoryListener::take(const std::string& ref, bool active, const std::string& event) {
  if ((!query_.ref.empty() && query_.ref != ref) || (query_.active_only && !active)) return;
  const std::scoped_lock lock(mutex_);
  if (events_.size() == kMostWaiting) events_.pop_front();
  events_.push_back(event);
  changed_.notify_all();
}

Result<std::unique_ptr<History>> History::open(const Path& file, const Clock& clock,
                                               Limits limits) {
  Database db = TRY(Database::open(file, kMigrations));
  // Nobody builds upon it: it is not worth waiting for the disk.
  TRY(db.execute("PRAGMA synchronous=NORMAL"));
  return std::unique_ptr<History>(new History(std::move(db), clock, limits));
}

void History::begin(const std::shared_ptr<Build>& build, const std::string& frontend,
                    const std::map<std::string, std::string>& options,
                    const std::vector<ServiceSpec>& exporters) {
  wire::BuildHistoryRecord record;
  record.set_ref(build->ref());
  record.set_frontend(frontend);
  const auto kept = recorded_options(options);
  record.mutable_frontend_attrs()->insert(kept.begin(), kept.end());
  for (const ServiceSpec& exporter : exporters) record.add_exporters()->set_type(exporter.type);
  set_time(record.mutable_created_at(), clock_.now());
  const std::scoped_lock lock(mutex_);
  // One that was given up meanwhile: nobody ends it any more.
  if (build->ended().cancelled()) return;
  const auto [active, is_new] =
      active_.try_emplace(build->ref(), Active{record.SerializeAsString(), build});
  if (is_new) publish(build->ref(), true, started(active->second));
}

std::string History::started(const Active& active) {
  wire::BuildHistoryRecord record;
  record.ParseFromString(active.record);
  describe_steps(active.build->progress().steps(), record);
  return event_of(wire::BuildHistoryEvent::STARTED, record);
}

Result<> History::end(Build& build) {
  const std::scoped_lock lock(mutex_);
  const auto active = active_.find(build.ref());
  if (active == active_.end()) return {};
  wire::BuildHistoryRecord record;
  record.ParseFromString(active->second.record);
  active_.erase(active);
  const TimePoint now = clock_.now();
  set_time(record.mutable_completed_at(), now);
  describe_steps(build.progress().steps(), record);
  const BuildOutcome outcome = build.outcome();
  describe_outcome(outcome, record);
  wire::BuildHistoryRecord attached = record;
  const Result<> kept = keep(build, outcome, now, attached);
  // That it is over is told whether it could be written down or not.
  publish(build.ref(), false,
          event_of(wire::BuildHistoryEvent::COMPLETE, kept ? attached : record));
  if (!kept) return kept.error();
  return forget_old();
}

Result<> History::keep(Build& build, const BuildOutcome& outcome, TimePoint ended,
                       wire::BuildHistoryRecord& record) {
  Transaction all = TRY(db_.begin());
  TRY(attach(build.ref(), outcome, record));
  wire::BuildHistoryLog log;
  for (std::string& message : build.progress().told()) log.add_messages(std::move(message));
  {
    Statement s = TRY(db_.prepare("INSERT OR REPLACE INTO builds VALUES (?, ?, 0, ?, ?)",
                                  build.ref(), unix_nanos(ended), nullptr, nullptr));
    TRY(s.bind_blob(3, record.SerializeAsString()));
    TRY(s.bind_blob(4, log.SerializeAsString()));
    TRY(s.step());
  }
  return all.commit();
}

// As BuildKit has it: of one platform with the build, of several with each of them. What became an
// image is told once, since clients go through an index themselves.
Result<> History::attach(const std::string& ref, const BuildOutcome& outcome,
                         wire::BuildHistoryRecord& record) {
  const bool several = outcome.provenance.size() > 1;
  const auto place = [&](const std::string& platform) {
    return several ? &(*record.mutable_results())[platform] : record.mutable_result();
  };
  for (const builder::BuildProvenance& one : outcome.provenance) {
    const std::string digest = oci::Digest::of(one.predicate).str();
    wire::BlobDescriptor* blob = place(one.platform)->add_attestations();
    describe_blob("application/vnd.in-toto+json", digest, one.predicate.size(), *blob);
    (*blob->mutable_annotations())[kPredicateType] = "https://slsa.dev/provenance/v0.2";
    Statement s = TRY(
        db_.prepare("INSERT OR REPLACE INTO attachments VALUES (?, ?, ?)", ref, digest, nullptr));
    TRY(s.bind_blob(3, one.predicate));
    TRY(s.step());
  }
  if (!outcome.image || outcome.provenance.empty()) return {};
  const oci::Descriptor& image = *outcome.image;
  auto& results = *place(outcome.provenance[0].platform)->mutable_results();
  describe_blob(image.media_type, image.digest.str(), image.size, results[0]);
  return {};
}

Result<std::optional<std::string>> History::attachment(const std::string& digest) {
  const std::scoped_lock lock(mutex_);
  Statement s = TRY(db_.prepare("SELECT bytes FROM attachments WHERE digest = ? LIMIT 1", digest));
  if (!TRY(s.step())) return std::optional<std::string>();
  return std::optional(s.text(0));
}

Result<> History::forget_old() {
  const TimePoint oldest = clock_.now() - limits_.age;
  TRY(
      db_.run("DELETE FROM builds WHERE pinned = 0 AND (ended < ? OR ref IN "
              "(SELECT ref FROM builds WHERE pinned = 0 ORDER BY ended DESC LIMIT -1 OFFSET ?))",
              unix_nanos(oldest), limits_.builds));
  return {};
}

Result<std::vector<std::string>> History::events(const HistoryQuery& query) {
  const std::scoped_lock lock(mutex_);
  std::vector<std::string> out;
  TRY(forget_old());
  const int64_t limit = query.limit == 0 ? -1 : static_cast<int64_t>(query.limit);
  Statement s = TRY(db_.prepare(
      "SELECT record, pinned FROM builds WHERE ?1 = '' OR ref = ?1 ORDER BY ended DESC LIMIT ?2",
      query.ref, limit));
  while (!query.active_only && TRY(s.step())) {
    wire::BuildHistoryRecord record;
    if (!record.ParseFromString(s.text(0))) continue;
    record.set_pinned(s.integer(1) != 0);
    out.push_back(event_of(wire::BuildHistoryEvent::COMPLETE, record));
  }
  for (const auto& [ref, active] : active_) {
    if (query.ref.empty() || query.ref == ref) out.push_back(started(active));
  }
  return out;
}

std::shared_ptr<HistoryListener> History::listen(HistoryQuery query) {
  auto listener = std::make_shared<HistoryListener>(std::move(query));
  const std::scoped_lock lock(mutex_);
  std::erase_if(listeners_, [](const auto& one) { return one.expired(); });
  listeners_.push_back(listener);
  return listener;
}

void History::publish(const std::string& ref, bool active, const std::string& event) {
  for (const auto& one : listeners_) {
    if (const auto listener = one.lock()) listener->take(ref, active, event);
  }
}

Result<std::optional<std::vector<std::string>>> History::log(const std::string& ref) {
  const std::scoped_lock lock(mutex_);
  std::optional<std::vector<std::string>> out;
  Statement s = TRY(db_.prepare("SELECT log FROM builds WHERE ref = ?", ref));
  if (!TRY(s.step())) return out;
  wire::BuildHistoryLog log;
  if (!log.ParseFromString(s.text(0))) return Error(Code::kDataLoss, cat("log of build ", ref));
  out.emplace(log.messages().begin(), log.messages().end());
  return out;
}

Result<> History::remove(const std::string& ref) {
  const std::scoped_lock lock(mutex_);
  if (active_.contains(ref)) {
    return Error(Code::kFailedPrecondition, cat("build ", ref, " is at work"));
  }
  if (TRY(db_.run("DELETE FROM builds WHERE ref = ?", ref)) == 0) {
    return Error(Code::kNotFound, cat("no build ", quoted(ref), " is known"));
  }
  wire::BuildHistoryRecord record;
  record.set_ref(ref);
  publish(ref, false, event_of(wire::BuildHistoryEvent::DELETED, record));
  return {};
}

Result<> History::pin(const std::string& ref, bool pinned) {
  const std::scoped_lock lock(mutex_);
  if (TRY(db_.run("UPDATE builds SET pinned = ? WHERE ref = ?", pinned ? 1 : 0, ref)) > 0)
    return {};
  return Error(Code::kNotFound, cat("no build ", quoted(ref), " is known"));
}

}  // namespace skiff::buildkit
