#include "access/mark.h"

#include "access/store.h"
#include "base/strings.h"
#include "db/root_mark.h"

namespace skiff::access {

namespace {

constexpr RootMark kMark{
    kMarkName,
    "This registry has accounts, in access.db. Where that is missing it does not start, since it\n"
    "would let anybody do anything: restore access.db from a backup, or make a first account\n"
    "anew. Remove this file, too, where anybody is meant to do anything.\n"};

}  // namespace

Result<> make_mark(const Path& root) { return skiff::make_mark(root, kMark); }

Result<> check_not_lost(const Path& root) {
  if (!is_marked(root, kMark)) return {};
  return Error(Code::kFailedPrecondition,
               cat((root / kDatabaseName).native(),
                   " is missing, and this registry has accounts: restore the file from a backup, "
                   "or begin anew with 'skiff-registry user add NAME --role own --root ",
                   root.native(), "'; where anybody is meant to do anything remove ",
                   (root / kMarkName).native()));
}

}  // namespace skiff::access
