// All rows of a database server's schema in a SQLite file of the same migrations, and back.
#pragma once

#include "db/database.h"

namespace skiff {

// The file's rows become what the server's are at one moment. What is at work beside it there is
// neither refused nor held up by it.
Result<> copy_from_server(Database& server, Database& file);
// The server's rows become the file's. For a schema that nobody uses.
Result<> copy_to_server(Database& file, Database& server);

}  // namespace skiff
