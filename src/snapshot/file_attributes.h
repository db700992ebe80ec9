// Extended attributes and times of one entry, by the descriptor of its directory and its name.
#pragma once

#include <sys/stat.h>

#include <map>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace skiff::snapshot {

using Xattrs = std::map<std::string, std::string>;

// All of them, except overlayfs's own; never follows a symlink.
Result<Xattrs> read_xattrs(int directory, const std::string& name);
// Sets them; overlayfs's own are dropped: they would redirect lookups. What this file system or
// type of file cannot have (user.* on a symlink) is left out, as Docker does.
Result<> write_xattrs(int directory, const std::string& name, const Xattrs& xattrs);

TimePoint time_of(const timespec& ts);
timespec timespec_of(TimePoint time);

// Gives the directory `to` the owner, mode, times and extended attributes of `from`.
Result<> copy_directory_attributes(int from, int to);

}  // namespace skiff::snapshot
