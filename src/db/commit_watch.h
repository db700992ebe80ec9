// CommitWatch: whether anybody, in any process, has committed to a SQLite file since, told without
// a lock and without a system call.
//
//   const CommitWatch watch = db.commits();
//   const auto mark = watch.mark();              // before the question
//   ... what the database answers now ...
//   if (mark && watch.mark() == mark) ...        // it would answer the same
//
// It reads the header of the file's wal-index (sqlite.org/walformat.html, 2.1): memory that all who
// have the file open share, and by which SQLite's own readers find what is committed. A commit is
// there for a new transaction from the moment when the header differs, so no change is seen later
// this way than by asking. What a checkpoint or a recovery changes there is an alarm without a
// fire.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

struct sqlite3;

namespace skiff {

// A header as it was at one moment.
using CommitMark = std::array<uint32_t, 12>;

// A value; thread-safe. Good as long as the connection that it is of.
class CommitWatch {
 public:
  CommitWatch() = default;  // of what cannot be watched: it has no marks
  // Of a connection in WAL mode that has read its file.
  explicit CommitWatch(sqlite3* db);

  // nullopt while somebody commits.
  std::optional<CommitMark> mark() const;

 private:
  const volatile uint32_t* headers_ = nullptr;  // two copies, one behind the other
};

}  // namespace skiff
