#include "registry/mark.h"

#include <sys/stat.h>

#include "base/strings.h"
#include "content/layout.h"
#include "db/root_database.h"
#include "db/root_mark.h"

namespace skiff::registry {

namespace {

constexpr RootMark kMark{
    kMarkName,
    "This registry has its repositories and tags in registry.db. Where that is missing it does\n"
    "not start, since it would begin as an empty one: put registry.db back, or restore a backup.\n"
    "Remove this file, and move the directory content away, where it is meant to begin empty.\n"};

// One without a byte has no commit. What cannot be looked at is left to who opens it.
bool is_database(const Path& file) {
  struct stat st{};
  return ::stat(file.c_str(), &st) == 0 ? st.st_size > 0 : errno != ENOENT;
}

bool is_there(const Path& path) {
  struct stat st{};
  return ::stat(path.c_str(), &st) == 0;
}

}  // namespace

Result<> make_mark(const Path& root) { return skiff::make_mark(root, kMark); }

Result<> check_not_lost(const Path& root) {
  if (is_database(root / kDatabaseName)) return {};
  const Path content = root / "content";
  std::vector<std::string> signs;
  if (is_marked(root, kMark)) signs.push_back((root / kMarkName).native());
  if (is_there(content::Layout(content).database())) signs.push_back(content.native());
  if (signs.empty()) return {};
  return Error(
      Code::kFailedPrecondition,
      cat((root / kDatabaseName).native(),
          " is missing, with all that this registry knew of its repositories: put it back, "
          "or restore a backup ('skiff-registry restore BACKUP --root NEW'); to begin as "
          "an empty registry move ",
          join(signs, " and "), " away"));
}

Result<bool> has_registry(const Path& root) {
  if (TRY(database_of(root))) return true;
  TRY(check_not_lost(root));
  return is_there(root / kDatabaseName);
}

}  // namespace skiff::registry
