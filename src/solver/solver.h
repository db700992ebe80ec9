// Solver: evaluates a graph of content-addressed steps. Knows nothing of containers or
// Dockerfiles: a step is what has a key and can be executed.
//
//   Graph graph = ...;                                  // each vertex behind its inputs
//   auto results = TRY(solver.solve(graph, options, cancel));
//
// A step's key is made of its definition and of the ids of its inputs; for a step that only
// looks into an input, of what it sees there instead. A key that the cache knows is not
// executed. A step whose files are those that an earlier one left on the same ground has the
// earlier one's result, so that what follows is found again. Equal keys of solves that run at the
// same time are executed once: the others wait and find the result. Steps whose inputs are there
// run side by side. The first failure cancels the rest of its solve. Thread-safe.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/cancellation.h"
#include "base/clock.h"
#include "images/keyed_mutex.h"
#include "oci/manifest.h"

namespace skiff::solver {

class Cache;
class CacheHold;
class CacheRoom;
class ImportedRecords;

// How a part of a key reads in an explanation.
enum class PartKind {
  kValue,   // NAME: "old" is now "new"
  kText,    // "old" is now "new"
  kFile,    // NAME changed; the value is "MODE-AND-OWNER CONTENT"
  kOpaque,  // NAME changed
  kInput,   // the same of an input; the name does not count
};
struct KeyPart {
  PartKind kind = PartKind::kValue;
  std::string name;
  std::string value;
  bool operator==(const KeyPart&) const = default;
};
using KeyParts = std::vector<KeyPart>;

// What a step that changes files leaves.
struct Layer {
  oci::Digest diff_id = oci::Digest::of("");
  oci::Descriptor blob;
  std::string snapshot;  // its chainID
  uint64_t size = 0;     // bytes on disk
  // Counts it under the cache's limit until it has a record.
  std::shared_ptr<CacheRoom> room = nullptr;
};

struct StepResult {
  std::string id;              // of the content after the step: equal contents, equal ids
  std::optional<Layer> layer;  // none for a step that changes no files
  TimePoint created;
  TimePoint began;  // when its step was begun, of those that were executed
};

// What tells a step from others where its earlier record is looked for.
struct StepIdentity {
  std::string description;  // "[linux/amd64] RUN make"
  std::string platform;
  std::string place;  // the same for the same step of an edited build
  std::string text;   // the instruction
  // Whether steps of its own build have made files that it stands on.
  bool on_own_files = false;
};

// Why a step's key was not found.
struct Miss {
  std::string reason;                    // the first cause in one line
  std::vector<std::string> differences;  // all that differ, the first cause first; none where
                                         // there is nothing to compare with
};

enum class KeyedBy {
  kNothing,     // is not cached
  kDefinition,  // the definition and the inputs' ids
  kContent,     // the definition, the first input's id, and content()
  kEither,      // both: first the cheap one, then content()
};

class Step {
 public:
  virtual ~Step() = default;
  virtual const StepIdentity& identity() const = 0;
  virtual KeyedBy keyed_by() const = 0;
  virtual KeyParts definition() const = 0;
  // Why it is executed in any case ("--no-cache"); "" where the cache is asked. The result is
  // cached all the same.
  virtual std::string refuses_cache() const { return ""; }
  // What an explanation calls an input: "base image alpine", "result of RUN make".
  virtual std::string input_label(size_t input) const = 0;
  virtual Result<KeyParts> content(const std::vector<StepResult>& inputs,
                                   const CancelToken& cancel) = 0;
  // What is quickly told and, where it is the same in the same process, together with the
  // definition and the first input, means that content() is; none where there is nothing such.
  virtual Result<KeyParts> stand_in(const CancelToken&) { return KeyParts(); }
  virtual Result<StepResult> execute(const std::vector<StepResult>& inputs,
                                     const CancelToken& cancel) = 0;
  // Makes sure that the files of its first input are there.
  virtual Result<> unpack_ground() = 0;
  // Whether its own result and an earlier one on the same first input, both with a layer, may
  // stand for one another.
  virtual Result<bool> is_same(const StepResult& own, const StepResult& earlier,
                               const CancelToken& cancel) = 0;

  // What happens to it, in this order; `on_failed` instead of `on_done`: with kCancelled where the
  // solve was over before.
  virtual void on_started() = 0;
  virtual void on_cached() = 0;
  virtual void on_missed(const Miss& miss) = 0;
  virtual void on_done(const StepResult& result, std::chrono::nanoseconds duration) = 0;
  virtual void on_failed(const Error& error) = 0;
};

struct Vertex {
  std::unique_ptr<Step> step;
  std::vector<size_t> inputs;  // earlier vertices; the first is what the step stands on
};
using Graph = std::vector<Vertex>;

struct SolveOptions {
  // Keeps what this solve uses from being pruned.
  CacheHold* hold = nullptr;
  // What other caches know; a record that is found there becomes one of the own cache.
  const ImportedRecords* imported = nullptr;
};

// Keys of content, by those of what stands for it. Bounded, and forgotten with the process.
class KnownKeys {
 public:
  std::optional<std::string> find(const std::string& stand_in);
  void put(const std::string& stand_in, const std::string& key);

 private:
  std::mutex mutex_;
  std::unordered_map<std::string, std::string> keys_;
};

class Solver {
 public:
  Solver(Cache& cache, const Clock& clock) : cache_(cache), clock_(clock) {}

  // One result a vertex.
  Result<std::vector<StepResult>> solve(const Graph& graph, const SolveOptions& options,
                                        const CancelToken& cancel);

 private:
  class Run;
  Result<StepResult> evaluate(Step& step, const std::vector<StepResult>& inputs,
                              const SolveOptions& options, const CancelToken& cancel);
  Result<StepResult> evaluate_cached(Step& step, const std::vector<StepResult>& inputs,
                                     const SolveOptions& options, const CancelToken& cancel);
  // The record of one of the keys in `options.imported`, as one of the own cache.
  Result<std::optional<StepResult>> take_over(Step& step, const std::string& parent,
                                              const std::vector<std::string>& keys,
                                              const KeyParts& parts, const SolveOptions& options,
                                              const CancelToken& cancel);
  // Executes the step; the result is the earlier one that it is the same as, if there is one.
  Result<StepResult> execute(Step& step, const std::vector<StepResult>& inputs,
                             const SolveOptions& options, const CancelToken& cancel);

  Cache& cache_;
  const Clock& clock_;
  images::KeyedMutex running_;  // by key
  KnownKeys known_keys_;
};

// The key of the parts: 64 hex digits.
std::string key_of(const KeyParts& parts);

}  // namespace skiff::solver
