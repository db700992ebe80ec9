// Tar archives on their way out, entry by entry.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "codec/tar.h"

namespace skiff::builder {

struct TarChanges {
  std::string directory = {};            // everything moves below it; "" for the top
  std::optional<TimePoint> newest = {};  // later times become this one
  std::optional<TimePoint> every = {};   // all times become this one
  // Those that are there already are left out, and those that come are added.
  std::set<std::string>* directories = nullptr;
};
// All entries of `from` follow those that `to` has already.
Result<> copy_tar(Source& from, const TarChanges& changes, TarWriter& to);

}  // namespace skiff::builder
