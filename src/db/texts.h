// What a query of one column says.
#pragma once

#include <string>
#include <vector>

#include "db/database.h"

namespace skiff {

// The first column of each row that is left.
inline Result<std::vector<std::string>> texts(Statement rows) {
  std::vector<std::string> out;
  while (TRY(rows.step())) out.push_back(rows.text(0));
  return out;
}

}  // namespace skiff
