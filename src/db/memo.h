// Memo: what a database answered, remembered until anybody, in any process, commits to it.
// Thread-safe.
//
//   Memo<std::optional<Link>> links(db.commits());
//   const auto link = TRY(links.get(digest, [&] { return find_link(db, digest); }));
//
// Of what cannot be watched nothing is remembered.
#pragma once

#include <mutex>
#include <string>
#include <unordered_map>

#include "base/result.h"
#include "db/commit_watch.h"

namespace skiff {

template <typename Answer>
class Memo {
 public:
  explicit Memo(CommitWatch watch) : watch_(watch) {}

  // What `ask` answers, a Result<Answer>, or answered to the same question since the last commit.
  template <typename Ask>
  Result<Answer> get(const std::string& question, const Ask& ask) {
    // As of before it is asked: what is committed meanwhile makes the answer one of before.
    const std::optional<CommitMark> mark = watch_.mark();
    if (!mark) return ask();
    if (std::optional<Answer> known = recall(*mark, question)) return *std::move(known);
    Answer answer = TRY(ask());
    keep(*mark, question, answer);
    return answer;
  }

 private:
  // A few hundred bytes each.
  static constexpr size_t kMost = 2048;

  std::optional<Answer> recall(const CommitMark& mark, const std::string& question) {
    std::lock_guard lock(mutex_);
    if (mark != mark_) return std::nullopt;
    const auto found = answers_.find(question);
    return found == answers_.end() ? std::nullopt : std::optional<Answer>(found->second);
  }

  void keep(const CommitMark& mark, const std::string& question, const Answer& answer) {
    std::lock_guard lock(mutex_);
    if (mark != mark_ || answers_.size() >= kMost) answers_.clear();
    mark_ = mark;
    answers_.insert_or_assign(question, answer);
  }

  const CommitWatch watch_;
  std::mutex mutex_;  // guards what follows
  CommitMark mark_{};
  std::unordered_map<std::string, Answer> answers_;
};

}  // namespace skiff
