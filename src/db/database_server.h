// DatabaseServer: where a database server is, for whoever opens connections to it (postgres.h).
//
//   Database db = TRY(server.connect("registry", DatabaseServer::Use::kDurable, migrations));
//
// Thread-safe.
#pragma once

#include <span>
#include <string>

#include "db/database.h"

namespace skiff {

class DatabaseServer {
 public:
  enum class Use {
    kDurable,  // a committed transaction survives a power cut
    kSoon,     // within moments
    kRead,     // statements that change nothing, each at a moment of its own
    // Durable, and each change is counted (Database::change_count): of those that write at once one
    // waits for the other, and none is refused. Reads are of the moment of their statement.
    kCounted,
  };
  virtual ~DatabaseServer() = default;
  // All tables are in the schema of that name, which several programs may use at once. Applies
  // the migrations as Database::open does; where there are none it connects with its first
  // statement.
  virtual Result<Database> connect(const std::string& schema, Use use,
                                   std::span<const char* const> migrations) const = 0;
  // Whether anybody has connected to that schema.
  virtual Result<bool> has(const std::string& schema) const = 0;
  // For people: without a password.
  virtual std::string description() const = 0;
};

}  // namespace skiff
