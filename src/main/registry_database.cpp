#include "main/registry_database.h"

#include "base/strings.h"
#include "db/postgres.h"

namespace skiff {

Result<std::shared_ptr<const DatabaseServer>> database_server(const DatabaseName& name) {
  std::string password;
  if (!name.password_file.empty()) {
    password = TRY_CONTEXT(read_file(name.password_file), "--database-password-file");
    while (password.ends_with('\n') || password.ends_with('\r')) password.pop_back();
    if (password.empty()) {
      return Error(Code::kInvalidArgument,
                   cat("--database-password-file ", name.password_file.native(), ": it is empty"));
    }
  }
  return postgres_server(name.url, password).context("--database");
}

}  // namespace skiff
