// PostgreSQL (13 and later) behind Database, over libpq.
//
// Transactions are SERIALIZABLE: as if each ran alone, whatever it reads and writes; one that the
// server cannot order with others is refused and run again (attempts.h). A session that breaks is
// connected again by the next statement outside of a transaction; a transaction that it was in is
// undone, and is run again like a refused one. Where it breaks during COMMIT nobody knows what
// became of it: kUnavailable.
//
// A row that a SELECT gives is in memory, as all rows of the answer are.
#pragma once

#include <memory>
#include <string>

#include "db/database_server.h"

namespace skiff {

// postgresql://USER@HOST:PORT/DATABASE?PARAMETERS, as libpq has it (PostgreSQL, 34.1.1). A password
// in it is refused: everybody sees it in the list of processes. Without `password` libpq looks for
// one: PGPASSWORD, PGPASSFILE, ~/.pgpass. Connects to nothing yet.
Result<std::shared_ptr<const DatabaseServer>> postgres_server(const std::string& url,
                                                              const std::string& password = "");

}  // namespace skiff
