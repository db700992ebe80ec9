#include "registry/database_file.h"

#include "base/strings.h"

namespace skiff::registry {

namespace {

constexpr const char* kName = "database";

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
  if (TRY(database_of(root)) == name) return {};
  std::error_code error;
  if (std::filesystem::exists(root / "registry.db", error)) {
    return Error(Code::kFailedPrecondition,
                 cat(root.native(), " has tables of its own in registry.db, which ", name.url,
                     " does not have: choose another root"));
  }
  return write_file_durably(root / kName, cat(name.url, "\n", name.password_file.native(), "\n"));
}

Result<> expect_own_tables(const Path& root) {
  const std::optional<DatabaseName> elsewhere = TRY(database_of(root));
  if (!elsewhere) return {};
  return Error(Code::kFailedPrecondition,
               cat("the tables of ", root.native(), " are on ", elsewhere->url,
                   ": this works with its server running, or with 'skiff-registry'"));
}

}  // namespace skiff::registry
