// Extended attributes and times of one entry, by the descriptor of its directory and its name.
#pragma once

#include <sys/stat.h>

#include <map>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace skiff::snapshot {

using Xattrs = std::map<std::string, std::string>;

// Whether an attribute is part of a tree: overlayfs's own are not, as they would redirect lookups,
// nor is the host's SELinux label.
bool is_tree_xattr(std::string_view name);

// All of them that are part of the tree; never follows a symlink.
Result<Xattrs> read_xattrs(int directory, const std::string& name);
// Sets those that are part of the tree. What this file system or type of file cannot have (user.*
// on a symlink, trusted.* in a user namespace) is left out, as Docker does.
Result<> write_xattrs(int directory, const std::string& name, const Xattrs& xattrs);

TimePoint time_of(const timespec& ts);
timespec timespec_of(TimePoint time);

// Gives the directory `to` the owner, mode, times and extended attributes of `from`.
Result<> copy_directory_attributes(int from, int to);

}  // namespace skiff::snapshot
