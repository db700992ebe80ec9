// Node: one entry of a file tree, described as and made from a TarEntry. All calls are
// relative to an open directory and never follow a symlink.
#pragma once

#include <sys/stat.h>

#include <string>

#include "base/io.h"
#include "base/unique_fd.h"
#include "codec/tar.h"

namespace skiff::engine {

// What `name` in `parent` is, under the archive name `entry_name`; with its xattrs.
// Sockets are kUnimplemented: no archive can hold them.
Result<TarEntry> describe_node(int parent, const std::string& name, std::string entry_name);
// Opens a regular file for reading; refuses anything else, also when it changed meanwhile.
Result<UniqueFd> open_regular(int parent, const std::string& name);

enum class OnConflict {
  kReplace,           // a non-directory in the way of a directory, or the reverse, is replaced
  kRefuseTypeChange,  // ... is an error (noOverwriteDirNonDir)
};
// Refuses `entry` where what is there, a directory or not, may not make place for it.
Result<> check_conflict(bool is_directory, const TarEntry& entry, OnConflict on_conflict);
// Refuses an owner that no file can have.
Result<> check_owner(const TarEntry& entry);
// Makes `entry` as `name` in `parent` with owner, mode, xattrs and times; what is there is
// replaced, but a directory that meets a directory is kept. Hard links are not made here.
Result<> make_node(int parent, const std::string& name, const TarEntry& entry, Source& body,
                   OnConflict on_conflict);
// Sets owner, mode, xattrs and times of what is there.
Result<> set_attributes(int parent, const std::string& name, const TarEntry& entry);

}  // namespace skiff::engine
