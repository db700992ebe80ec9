// Backups of a registry's root, made while it serves, and restores of them.
//
//   backup::make(root, "/backup/registry", {});      // again: moves only what is new
//   backup::restore("/backup/registry", new_root, {});
//
// Tables of a database server come into it as files. Blobs of an S3 store do where
// Options::elsewhere is given; then, too, it is as if the root had kept all in files, and is
// restored into a root of whatever kind.
//
// What a backup is on disk: docs/formats/backup.md. Whoever makes one sees to it that nobody takes
// away blobs of the root meanwhile (Registry::hold_removals), or that nobody has it open. Pushes
// and deletions may go on: the backup is what the registry's records were at one moment, with all
// that they name.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "db/root_database.h"
#include "registry/blobs.h"
#include "registry/placed_file.h"

namespace skiff::registry::backup {

struct Options {
  Placing placing = Placing::kLinkOrCopy;
  size_t keep = 1;  // snapshots, with the one that is made
  // Asked when all is in place: an error says that blobs may have been taken away meanwhile.
  std::function<Result<>()> still_held;
  std::function<void(uint64_t blobs, uint64_t of)> progress;
  // The S3 store that has the root's blobs; null: they stay there. Of a restore: where they go.
  Blobs* elsewhere = nullptr;
  // Of a restore: where the tables go, if not into files; nobody has used it.
  std::optional<DatabaseName> database;
};

struct Summary {
  std::string name;  // of the snapshot: "snapshot-000003"
  uint64_t blobs = 0;
  uint64_t bytes = 0;
  uint64_t new_blobs = 0;  // that no snapshot had before, or had as the registry's own files
  uint64_t new_bytes = 0;
  // Blobs in an S3 store, which stay there: the backup has the records of where.
  uint64_t elsewhere = 0;
  // Blobs that are not whole in the registry, and so not in the backup.
  std::vector<std::string> damaged;
};

// `to` is made where it is missing; a directory with anything else in it, also with backups of
// another registry (registry_id.h), is refused with kFailedPrecondition. Where it
// fails, or is killed, the snapshots of before stay, and what is there of the new one is no
// snapshot.
Result<Summary> make(const Path& root, const Path& to, const Options& options);

// The name of the file that says that a restore has not finished.
inline constexpr const char* kRestoring = "restoring";

// Makes `root`, which is missing or empty, what the last snapshot of `from` is, having read every
// byte of it again: kDataLoss names what is not what it was. All or nothing: where it fails nothing
// is left; where it is killed nobody serves the root, and the next restore begins anew.
Result<Summary> restore(const Path& from, const Path& root, const Options& options);

}  // namespace skiff::registry::backup
