// How many grants and rules there may be. Each request or push goes by all of them, and who owns a
// place adds them without asking: so they are counted of a place that somebody has, all that begins
// with one name ("acme", "acme/web"), and of the server itself.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "db/database.h"

namespace skiff::access {

// Each, of one name; closed places are as many as grants.
inline constexpr int64_t kMostGrants = 10'000;
inline constexpr int64_t kMostRules = 500;

// A kind of rows, by the node that each is on.
struct Rows {
  std::string_view table;  // with a column `node`
  std::string_view what;   // as people call them
  int64_t most = 0;
};

// kFailedPrecondition, naming the bound, where one more on `node` would be too many.
Result<> check_room(Database& db, const Rows& rows, const std::string& node);

}  // namespace skiff::access
