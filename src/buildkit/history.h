// History: the builds of BuildKit's clients, those at work and those that are over, with what they
// told on the way (`docker buildx history`). In SQLite (docs/formats/build-history.md), bounded in
// number and age.
//
//   history.begin(build, "dockerfile.v0", options);    // once it is a build, and not a question
//   history.end(*build);                               // it has its outcome
//   auto seen = history.listen({.ref = ""});           // and what happens from now on
//   for (const std::string& event : TRY(history.events({.limit = 50}))) send(event);
//
// Events are serialized BuildHistoryEvents. A crash loses the builds at work, a power cut also
// those of the last seconds. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "buildkit/builds.h"
#include "db/database.h"

namespace skiff::buildkit {

namespace wire {
class BuildHistoryRecord;
}  // namespace wire

struct HistoryQuery {
  std::string ref;  // "": of all builds
  bool active_only = false;
  size_t limit = 0;  // the newest; 0: all
};

// Events from now on, for one reader; too many that wait are dropped, the oldest first.
class HistoryListener {
 public:
  explicit HistoryListener(HistoryQuery query) : query_(std::move(query)) {}
  // nullopt after stop().
  std::optional<std::string> next();
  void stop();

 private:
  friend class History;
  void take(const std::string& ref, bool active, const std::string& event);
  const HistoryQuery query_;
  std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  std::deque<std::string> events_;
  bool stopped_ = false;
};

class History {
 public:
  struct Limits {
    int64_t builds = 100;
    std::chrono::hours age{24 * 14};
  };
  static Result<std::unique_ptr<History>> open(const Path& file, const Clock& clock) {
    return open(file, clock, Limits());
  }
  static Result<std::unique_ptr<History>> open(const Path& file, const Clock& clock, Limits limits);

  // The second time of the same build it does nothing.
  void begin(const std::shared_ptr<Build>& build, const std::string& frontend,
             const std::map<std::string, std::string>& options,
             const std::vector<ServiceSpec>& exporters);
  // Nothing where it was not begun: a question.
  Result<> end(Build& build);

  // Those that are over first, the newest of them first.
  Result<std::vector<std::string>> events(const HistoryQuery& query);
  std::shared_ptr<HistoryListener> listen(HistoryQuery query);
  // What is attached to a build that is over; nullopt: none has it.
  Result<std::optional<std::string>> attachment(const std::string& digest);
  // What a build that is over has told: serialized StatusResponses; nullopt: none is known.
  Result<std::optional<std::vector<std::string>>> log(const std::string& ref);
  // kNotFound; kFailedPrecondition while it is at work.
  Result<> remove(const std::string& ref);
  // One that is pinned stays, whatever its age.
  Result<> pin(const std::string& ref, bool pinned);

 private:
  struct Active {
    std::string record;  // a serialized BuildHistoryRecord
    std::shared_ptr<Build> build;
  };
  History(Database db, const Clock& clock, Limits limits)
      : db_(std::move(db)), clock_(clock), limits_(limits) {}
  static std::string started(const Active& active);
  void publish(const std::string& ref, bool active, const std::string& event);
  Result<> forget_old();
  // The record is complete afterwards.
  Result<> keep(Build& build, const BuildOutcome& outcome, TimePoint ended,
                wire::BuildHistoryRecord& record);
  Result<> attach(const std::string& ref, const BuildOutcome& outcome,
                  wire::BuildHistoryRecord& record);

  std::mutex mutex_;  // of what follows
  Database db_;
  const Clock& clock_;
  Limits limits_;
  std::map<std::string, Active> active_;
  std::vector<std::weak_ptr<HistoryListener>> listeners_;
};

// The options of a frontend that are kept. Values of build arguments only where provenance has them
// (mode=max): else a name alone, but for those with a meaning of their own. Of URLs not who may
// read them.
std::map<std::string, std::string> recorded_options(
    const std::map<std::string, std::string>& options);

}  // namespace skiff::buildkit
