#include "access/mark.h"

#include <filesystem>

#include "access/store.h"
#include "base/strings.h"

namespace skiff::access {

namespace {

constexpr mode_t kMode = 0644;  // for people to read
constexpr std::string_view kText =
    "This registry has accounts, in access.db. Where that is missing it does not start, since it\n"
    "would let anybody do anything: restore access.db from a backup, or make a first account\n"
    "anew. Remove this file, too, where anybody is meant to do anything.\n";

// What cannot be looked at counts as there.
bool is_marked(const Path& root) {
  std::error_code error;
  return std::filesystem::exists(root / kMarkName, error) || error;
}

}  // namespace

Result<> make_mark(const Path& root) {
  if (is_marked(root)) return {};
  return write_file_durably(root / kMarkName, kText, kMode);
}

Result<> check_not_lost(const Path& root) {
  if (!is_marked(root)) return {};
  return Error(Code::kFailedPrecondition,
               cat((root / kDatabaseName).native(),
                   " is missing, and this registry has accounts: restore the file from a backup, "
                   "or begin anew with 'skiff-registry user add NAME --role own --root ",
                   root.native(), "'; where anybody is meant to do anything remove ",
                   (root / kMarkName).native()));
}

}  // namespace skiff::access
