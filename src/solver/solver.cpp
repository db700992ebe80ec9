#include "solver/solver.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "base/strings.h"
#include "images/linked_cancel.h"
#include "images/parts.h"
#include "solver/cache.h"
#include "solver/portable_records.h"

namespace skiff::solver {

namespace {

// Steps of one solve that run at the same time: they mostly wait for processes and disks.
constexpr size_t kMaxThreads = 8;

KeyParts with_inputs(const Step& step, const std::vector<StepResult>& inputs, size_t count) {
  KeyParts parts;
  for (size_t i = 0; i < std::min(count, inputs.size()); ++i) {
    parts.push_back({PartKind::kInput, step.input_label(i), inputs[i].id});
  }
  KeyParts definition = step.definition();
  parts.insert(parts.end(), std::make_move_iterator(definition.begin()),
               std::make_move_iterator(definition.end()));
  return parts;
}

// "" where nothing stands for the step's content.
Result<std::string> key_of_stand_in(Step& step, const std::vector<StepResult>& inputs,
                                    const CancelToken& cancel) {
  if (step.keyed_by() != KeyedBy::kContent) return std::string();
  KeyParts own = TRY(step.stand_in(cancel));
  if (own.empty()) return std::string();
  KeyParts parts = with_inputs(step, inputs, 1);
  parts.insert(parts.end(), std::make_move_iterator(own.begin()),
               std::make_move_iterator(own.end()));
  return key_of(parts);
}

}  // namespace

std::optional<std::string> KnownKeys::find(const std::string& stand_in) {
  const std::scoped_lock lock(mutex_);
  const auto found = keys_.find(stand_in);
  if (found == keys_.end()) return std::nullopt;
  return found->second;
}

void KnownKeys::put(const std::string& stand_in, const std::string& key) {
  constexpr size_t kMost = 4096;
  if (stand_in.empty()) return;
  const std::scoped_lock lock(mutex_);
  if (keys_.size() >= kMost) keys_.clear();
  keys_[stand_in] = key;
}

// One solve: hands vertices whose inputs are there to a few threads.
class Solver::Run {
 public:
  Run(Solver& solver, const Graph& graph, const SolveOptions& options, const CancelToken& cancel)
      : solver_(solver), graph_(graph), options_(options), cancel_(cancel) {
    results_.resize(graph.size());
    missing_.resize(graph.size());
    users_.resize(graph.size());
    for (size_t i = 0; i < graph.size(); ++i) {
      missing_[i] = graph[i].inputs.size();
      for (size_t input : graph[i].inputs) users_[input].push_back(i);
      if (missing_[i] == 0) ready_.push_back(i);
    }
    left_ = graph.size();
  }

  Result<std::vector<StepResult>> run() {
    {
      std::vector<std::jthread> threads;
      size_t count = std::min(kMaxThreads, graph_.size());
      for (size_t i = 1; i < count; ++i) threads.emplace_back([this] { work(); });
      work();
    }
    TRY(error_.result());
    std::vector<StepResult> out;
    for (auto& result : results_) out.push_back(std::move(*result));
    return out;
  }

 private:
  void work() {
    while (auto index = next()) {
      std::vector<StepResult> inputs = inputs_of(*index);
      Step& step = *graph_[*index].step;
      auto result = solver_.evaluate(step, inputs, options_, cancel_.token());
      finish(*index, std::move(result));
    }
  }

  std::optional<size_t> next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return failed_ || left_ == 0 || !ready_.empty(); });
    if (failed_ || ready_.empty()) return std::nullopt;
    size_t index = ready_.front();
    ready_.pop_front();
    return index;
  }

  std::vector<StepResult> inputs_of(size_t index) {
    const std::scoped_lock lock(mutex_);
    std::vector<StepResult> inputs;
    for (size_t input : graph_[index].inputs) inputs.push_back(*results_[input]);
    return inputs;
  }

  void finish(size_t index, Result<StepResult> result) {
    {
      const std::scoped_lock lock(mutex_);
      if (result) {
        results_[index] = std::move(*result);
        for (size_t user : users_[index]) {
          if (--missing_[user] == 0) ready_.push_back(user);
        }
        --left_;
      } else {
        error_.set(result.error());
        failed_ = true;
      }
    }
    if (!result) cancel_.cancel();
    changed_.notify_all();
  }

  Solver& solver_;
  const Graph& graph_;
  const SolveOptions& options_;
  images::LinkedCancel cancel_;
  images::FirstError error_;
  std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  std::vector<std::optional<StepResult>> results_;
  std::vector<size_t> missing_;             // inputs without a result
  std::vector<std::vector<size_t>> users_;  // vertices that it is an input of
  std::deque<size_t> ready_;
  size_t left_ = 0;
  bool failed_ = false;
};

Result<std::vector<StepResult>> Solver::solve(const Graph& graph, const SolveOptions& options,
                                              const CancelToken& cancel) {
  return Run(*this, graph, options, cancel).run();
}

Result<StepResult> Solver::evaluate(Step& step, const std::vector<StepResult>& inputs,
                                    const SolveOptions& options, const CancelToken& cancel) {
  TRY(cancel.check());
  auto started = std::chrono::steady_clock::now();
  step.on_started();
  auto result = step.keyed_by() == KeyedBy::kNothing
                    ? step.execute(inputs, cancel)
                    : evaluate_cached(step, inputs, options, cancel);
  if (result) {
    step.on_done(*result, std::chrono::steady_clock::now() - started);
  } else {
    // What is cancelled may fail by that, whatever it says.
    const auto in_time = cancel.check();
    step.on_failed(in_time ? result.error() : in_time.error());
  }
  return result;
}

Result<StepResult> Solver::evaluate_cached(Step& step, const std::vector<StepResult>& inputs,
                                           const SolveOptions& options, const CancelToken& cancel) {
  CacheHold& hold = *options.hold;
  const std::string refusal = step.refuses_cache();
  auto look_up = [&](const std::string& key) -> Result<std::optional<StepResult>> {
    if (!refusal.empty()) return std::nullopt;
    auto hit = TRY(cache_.find(key, hold));
    if (hit) step.on_cached();
    return hit;
  };
  std::vector<std::string> keys;
  KeyParts parts;
  if (step.keyed_by() != KeyedBy::kContent) {
    parts = with_inputs(step, inputs, inputs.size());
    keys.push_back(key_of(parts));
    if (auto hit = TRY(look_up(keys[0]))) return *hit;
  }
  const std::string stand_in = refusal.empty() ? TRY(key_of_stand_in(step, inputs, cancel)) : "";
  if (const auto known = known_keys_.find(stand_in)) {
    if (auto hit = TRY(look_up(*known))) return *hit;
  }
  if (step.keyed_by() != KeyedBy::kDefinition) {
    KeyParts content = TRY(step.content(inputs, cancel));
    parts = with_inputs(step, inputs, 1);
    parts.insert(parts.end(), std::make_move_iterator(content.begin()),
                 std::make_move_iterator(content.end()));
    keys.push_back(key_of(parts));
    known_keys_.put(stand_in, keys.back());
    if (auto hit = TRY(look_up(keys.back()))) {
      if (keys.size() > 1) TRY(cache_.add_key(keys[0], keys[1]));
      return *hit;
    }
  }
  auto running = TRY(running_.lock(keys.back(), cancel));
  if (auto hit = TRY(look_up(keys.back()))) return *hit;
  const std::string parent = inputs.empty() ? "" : inputs[0].id;
  if (refusal.empty()) {
    if (auto taken = TRY(take_over(step, parent, keys, parts, options, cancel))) return *taken;
    step.on_missed(TRY(cache_.explain_miss(step.identity(), keys, parts, options.imported)));
  } else {
    step.on_missed({.reason = refusal, .differences = {refusal}});
  }
  StepResult result = TRY(execute(step, inputs, options, cancel));
  NewRecord record{.keys = std::move(keys),
                   .parent = parent,
                   .identity = step.identity(),
                   .parts = std::move(parts),
                   .result = result};
  TRY(cache_.put(record, hold));
  if (result.layer) result.layer->room.reset();
  return result;
}

Result<std::optional<StepResult>> Solver::take_over(Step& step, const std::string& parent,
                                                    const std::vector<std::string>& keys,
                                                    const KeyParts& parts,
                                                    const SolveOptions& options,
                                                    const CancelToken& cancel) {
  if (options.imported == nullptr) return std::nullopt;
  for (const std::string& key : keys) {
    const NewRecord* found = options.imported->find(key);
    // What comes from elsewhere is believed for the step it was asked for, and for nothing else:
    // its own other keys, and what it claims to stand on, would be records of other builds.
    // What does not tell how its step reads has it from here.
    if (found == nullptr || found->parent != parent) continue;
    if (found->result.layer) TRY(step.unpack_ground());
    auto record = options.imported->fetch(*found, cancel);
    TRY(cancel.check());
    if (!record) {
      // The step can still be executed.
      log_warn(cat("build cache of elsewhere: ", record.error().message()));
      continue;
    }
    record->keys = keys;
    if (record->parts.empty()) {
      record->identity = step.identity();
      record->parts = parts;
    }
    TRY(cache_.put(*record, *options.hold));
    step.on_cached();
    if (record->result.layer) record->result.layer->room.reset();
    return std::move(record->result);
  }
  return std::nullopt;
}

Result<StepResult> Solver::execute(Step& step, const std::vector<StepResult>& inputs,
                                   const SolveOptions& options, const CancelToken& cancel) {
  const TimePoint began = clock_.now();
  StepResult result = TRY(step.execute(inputs, cancel));
  result.began = began;
  if (!result.layer || !step.refuses_cache().empty()) return result;
  const std::string parent = inputs.empty() ? "" : inputs[0].id;
  for (const std::string& id : TRY(cache_.similar(parent, step.identity(), result))) {
    CacheHold compared(cache_, options.hold->lease_);
    auto earlier = TRY(cache_.look_at(id, compared));
    // What cannot be compared is not the same; the step has its own result.
    const auto same = earlier ? step.is_same(result, *earlier, cancel) : Result<bool>(false);
    TRY(cancel.check());
    if (!same || !*same) continue;
    if (auto found = TRY(cache_.find(id, *options.hold))) return *found;
  }
  return result;
}

}  // namespace skiff::solver
