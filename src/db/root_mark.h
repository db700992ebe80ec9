// RootMark: a file in a root that says that it has a certain database, so that the loss of that is
// told from there never having been one. Its name alone counts; it is written behind the
// database's first commit, and removed by whoever means to begin without.
#pragma once

#include <string_view>

#include "base/file.h"
#include "base/result.h"

namespace skiff {

struct RootMark {
  const char* name;
  std::string_view text;  // for who finds it
};

// What cannot be looked at counts as there.
bool is_marked(const Path& root, const RootMark& mark);
// Nothing where it is there. What was made in the root before is durable before the mark is.
Result<> make_mark(const Path& root, const RootMark& mark);

}  // namespace skiff
