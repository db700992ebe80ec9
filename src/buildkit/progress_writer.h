// ProgressWriter: a build's progress in the words of BuildKit: vertices, each with a name, a start
// and an end, and with lines and counters of its own.
//
//   const std::string vertex = writer.start("[internal] load build context");
//   writer.count(vertex, "transferring context:", bytes, false);
//   writer.finish(vertex, {});
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "buildkit/progress_feed.h"

namespace skiff::buildkit {

namespace wire {
class StatusResponse;
}  // namespace wire

// A warning with its place in the Dockerfile.
struct PlacedWarning {
  std::string text;
  std::string detail;
  std::string url;
  std::string file_name;
  std::string file_text;
  int line = 0;  // 0: none
};

// How far a build is, in vertices.
struct BuildSteps {
  int total = 0;
  int completed = 0;
  int cached = 0;  // of those completed
  int warnings = 0;
};

// Thread-safe.
class ProgressWriter {
 public:
  // `build` makes the vertices' names on the wire differ from those of other builds.
  ProgressWriter(ProgressFeed& feed, std::string build, const Clock& clock)
      : feed_(feed), build_(std::move(build)), clock_(clock) {}

  // Warnings are output of their vertices, too: for clients that know no others. Before the first.
  void log_warnings() { logs_warnings_ = true; }
  // A vertex that is at work from now on. What is kept of it has the name `recorded`, where that is
  // another.
  std::string start(const std::string& name) { return start(name, name); }
  std::string start(const std::string& name, const std::string& recorded);
  // One that is at work is called so from now on.
  void rename(const std::string& vertex, const std::string& name, const std::string& recorded);
  void finish(const std::string& vertex, std::string_view error);
  // It was in the cache: it is over.
  void finish_cached(const std::string& vertex);
  void log(const std::string& vertex, std::string_view text);
  // How far something is: "transferring context:", "sha256:..."; `total` 0 is unknown.
  void count(const std::string& vertex, const std::string& what, int64_t current, int64_t total,
             bool done);
  void warn(const std::string& vertex, const PlacedWarning& warning);

  BuildSteps steps();
  // All that was told so far, serialized StatusResponses: of very much the last.
  std::vector<std::string> told();

 private:
  using Kind = ProgressFeed::Kind;
  struct Running {
    std::string name;
    std::string recorded;
    TimePoint started;
  };
  void end(const std::string& vertex, std::string_view error, bool cached);
  void push(const std::string& vertex, const std::string& message, Kind kind);
  void push(const std::string& vertex, std::string message, std::string recorded, Kind kind);
  void push_vertex(wire::StatusResponse& message, const Running& vertex);
  static std::string gap_at(const std::string& vertex, std::string_view text);
  // Of what is kept for later.
  static constexpr size_t kMostTold = size_t{1} << 20U;

  ProgressFeed& feed_;
  const std::string build_;
  const Clock& clock_;
  bool logs_warnings_ = false;
  std::atomic<bool> gap_told_ = false;
  std::mutex mutex_;  // of what follows
  int64_t number_ = 0;
  BuildSteps steps_;
  MessageQueue told_{kMostTold};
  bool told_gap_ = false;
  std::map<std::string, Running> running_;
  std::map<std::pair<std::string, std::string>, TimePoint> counters_;  // when each began
};

}  // namespace skiff::buildkit
