// Builds: what clients have asked for and is not over yet, by the name (ref) that they gave it. The
// calls of one build, Control.Solve, Control.Status and those of LLBBridge, come in any order.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/cancellation.h"
#include "base/clock.h"
#include "builder/builder.h"
#include "buildkit/progress_writer.h"
#include "buildkit/rpc.h"
#include "images/image_store.h"

namespace skiff::buildkit {

class FetchedSource;

// An exporter or a cache that the client asks for.
struct ServiceSpec {
  std::string type;
  std::map<std::string, std::string> attrs;
};

// What Control.Solve says of the build as a whole.
struct BuildOrder {
  std::string session;
  std::vector<ServiceSpec> exporters;
  std::vector<ServiceSpec> cache_exports;
  std::vector<ServiceSpec> cache_imports;
  // Images that may tell of their own steps: those that are here, else those of registries.
  std::vector<std::string> cache_images;
  std::set<std::string> entitlements;
};

// How it ended: what the client is told of the result ("containerimage.digest"), or why not.
struct BuildOutcome {
  std::map<std::string, std::string> reply;
  std::optional<RpcFailure> failure;
  // Of a failure as the builder tells it, with the lines of the Dockerfile in its text.
  std::optional<Error> cause = std::nullopt;
  // For the history: how each platform's image was made, and what became an image.
  std::vector<builder::BuildProvenance> provenance = {};
  std::optional<oci::Descriptor> image = std::nullopt;
};

// What it has made, for builds that go on from there.
struct KeptResult {
  oci::Descriptor target;
  std::unique_ptr<images::ImageLease> lease;
};

// Thread-safe.
class Build {
 public:
  Build(std::string ref, const Clock& clock)
      : ref_(std::move(ref)), progress_(feed_, ref_, clock) {}

  const std::string& ref() const { return ref_; }
  ProgressFeed& feed() { return feed_; }
  ProgressWriter& progress() { return progress_; }
  // Stops the work on it.
  void cancel() const { cancel_.cancel(); }
  CancelToken cancelled() const { return cancel_.token(); }

  void begin(BuildOrder order);
  bool begun() const;
  // Waits a while for begin().
  Result<BuildOrder> order();

  // What a frontend made of it; the last word counts, the first failure before that.
  void set_outcome(BuildOutcome outcome);
  // The client has nothing more to ask of frontends; it may have failed itself.
  void end(std::optional<RpcFailure> failure);
  // There until the client has nothing more to ask.
  void keep_result(std::shared_ptr<const KeptResult> result);
  std::shared_ptr<const KeptResult> result() const;
  // What its client reads, by the names that it was told; null for others.
  void keep_source(const std::string& name, std::shared_ptr<const FetchedSource> source);
  std::shared_ptr<const FetchedSource> source(const std::string& name) const;
  // Readable once it has ended.
  CancelToken ended() const { return ended_.token(); }
  BuildOutcome outcome() const;

 private:
  const std::string ref_;
  ProgressFeed feed_;
  ProgressWriter progress_;
  CancelSource cancel_;
  CancelSource ended_;
  mutable std::mutex mutex_;  // of what follows
  std::condition_variable begun_;
  std::optional<BuildOrder> order_;
  BuildOutcome outcome_;
  std::shared_ptr<const KeptResult> result_;
  std::map<std::string, std::shared_ptr<const FetchedSource>> sources_;
};

// Thread-safe.
class Builds {
 public:
  explicit Builds(const Clock& clock) : clock_(clock) {}

  // The build of that name, made where there is none: stays while somebody has it.
  std::shared_ptr<Build> get(const std::string& ref);
  // Null where there is none, or it has none.
  std::shared_ptr<const KeptResult> result_of(const std::string& ref);
  // As get() for who begins it: one that has ended is of the past.
  std::shared_ptr<Build> get_new(const std::string& ref);
  // One that has ended stays for a while: its client may not have asked yet how it went.
  void keep(std::shared_ptr<Build> build);

 private:
  const Clock& clock_;
  std::mutex mutex_;  // of what follows
  std::map<std::string, std::weak_ptr<Build>> builds_;
  std::deque<std::shared_ptr<Build>> ended_;  // the latest ones
};

}  // namespace skiff::buildkit
