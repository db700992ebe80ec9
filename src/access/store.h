// Store: ROOT/access.db, a database of its own (docs/formats/access.md), readable by its owner
// alone. That the file is there means that the registry asks who comes; it is made by whoever adds
// the first account or grant, and by nobody who only looks.
// Where ROOT/database names a server (db/root_database.h), the tables are there, in the schema
// "access", for all front ends.
//
// One connection: use it from one thread at a time. Any number of processes may have one; a change
// is seen by the others with their next question.
#pragma once

#include <optional>
#include <span>

#include "base/clock.h"
#include "db/root_database.h"

namespace skiff::access {

inline constexpr const char* kDatabaseName = "access.db";

class Store {
 public:
  // Makes ROOT and the database where they are missing.
  static Result<Store> open_or_create(const Path& root, const Clock& clock);
  // nullopt where there is none.
  static Result<std::optional<Store>> open(const Path& root, const Clock& clock);
  // Whether open() finds one there: for who asks often.
  static Result<bool> is_on(const DatabaseServer& server);

  Database& db() { return db_; }
  const Clock& clock() const { return *clock_; }
  TimePoint now() const { return clock_->now(); }
  const Path& root() const { return root_; }
  // Differs from before once another connection has changed anything.
  Result<int64_t> version();

 private:
  Store(Path root, Database db, const Clock& clock)
      : root_(std::move(root)), db_(std::move(db)), clock_(&clock) {}
  static Result<Store> open_on(const DatabaseServer& server, const Path& root, const Clock& clock);
  static Result<Store> open_file(const Path& root, const Clock& clock);

  Path root_;
  Database db_;
  const Clock* clock_;
};

// For who moves the tables elsewhere: those of every Store, and the schema's name on a server.
std::span<const char* const> migrations();
inline constexpr const char* kSchema = "access";

// Sees to it that a database is readable by its owner alone, who is that of its directory where
// root asks. Also while this process has connections to it.
enum class IfMissing { kMake, kFail };
Result<> make_private(const Path& file, IfMissing missing);

// A time as the tables have it: nanoseconds since 1970, 0 for never.
TimePoint time_of(const Statement& row, int column);

}  // namespace skiff::access
