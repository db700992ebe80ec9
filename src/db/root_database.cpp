#include "db/root_database.h"

#include <atomic>

#include "base/strings.h"

namespace skiff {

namespace {

constexpr const char* kName = "database";

std::atomic<DatabaseConnector> connector = nullptr;

}  // namespace

Result<std::optional<DatabaseName>> database_of(const Path& root) {
  const Result<std::string> text = read_file(root / kName);
  if (!text && text.error().code() == Code::kNotFound) return std::optional<DatabaseName>();
  if (!text) return text.error();
  std::vector<std::string> lines = split(*text, '\n');
  lines.resize(2);
  return std::optional(DatabaseName{std::move(lines[0]), std::move(lines[1])});
}

Result<> note_database(const Path& root, const DatabaseName& name) {
  return write_file_durably(root / kName, cat(name.url, "\n", name.password_file.native(), "\n"));
}

void set_database_connector(DatabaseConnector set) { connector = set; }

Result<std::shared_ptr<const DatabaseServer>> reach_database(const DatabaseName& name) {
  if (const DatabaseConnector connect = connector) return connect(name);
  return Error(Code::kFailedPrecondition, cat(name.url, ": only skiff-registry reaches it"));
}

Result<std::shared_ptr<const DatabaseServer>> database_server_of(const Path& root) {
  const std::optional<DatabaseName> name = TRY(database_of(root));
  if (!name) return std::shared_ptr<const DatabaseServer>();
  return reach_database(*name).context(cat("the tables of ", root.native(), " are elsewhere"));
}

}  // namespace skiff
