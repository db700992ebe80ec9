#include "access/room.h"

#include "access/roles.h"
#include "base/strings.h"

namespace skiff::access {

Result<> check_room(Database& db, const Rows& rows, const std::string& node) {
  const std::string first = node.substr(0, node.find('/'));
  Statement row =
      TRY(db.prepare(cat("SELECT count(*) FROM ", rows.table,
                         " WHERE node = ?1 OR substr(node, 1, length(?1) + 1) = ?1 || '/'"),
                     first));
  TRY(row.step());
  if (row.integer(0) < rows.most) return {};
  return Error(Code::kFailedPrecondition,
               cat(node_text(first), first.empty() ? " has " : " and what is below it have ",
                   rows.most, " ", rows.what, ", as many as there may be: remove some first"));
}

}  // namespace skiff::access
