#include "registry/elsewhere.h"

#include <filesystem>

#include "access/mark.h"
#include "access/store.h"
#include "base/strings.h"
#include "registry/mark.h"

namespace skiff::registry {

Result<> may_be_elsewhere(const Path& root, const DatabaseName& name) {
  if (TRY(database_of(root)) == name) return {};
  // Also where they are lost.
  for (const auto& [sign, own] : {std::pair(kDatabaseName, kDatabaseName),
                                  {kMarkName, kDatabaseName},
                                  {access::kDatabaseName, access::kDatabaseName},
                                  {access::kMarkName, access::kDatabaseName}}) {
    std::error_code error;
    if (!std::filesystem::exists(root / sign, error)) continue;
    return Error(Code::kFailedPrecondition,
                 cat(root.native(), " has tables of its own in ", own, ", which ", name.url,
                     " does not have: choose another root"));
  }
  return {};
}

Result<> place_elsewhere(const Path& root, const DatabaseName& name) {
  TRY(may_be_elsewhere(root, name));
  if (TRY(database_of(root)) == name) return {};
  return note_database(root, name);
}

}  // namespace skiff::registry
