// What a crash leaves, put right when the content store opens.
#pragma once

#include <functional>

#include "content/blob_table.h"
#include "content/layout.h"

namespace skiff::content {

// - a row without its file (the file was lost): the row goes, with a warning;
// - a file without its row (commit or removal cut short, or a lost database): verified, and
//   kept where it is what its name says, else removed; left where the disk does not give it;
// - an ingest that nobody can continue, or touched for a day: removed.
Result<> reconcile(const Layout& layout, BlobTable& table, DurableFiles& files, const Clock& clock);

// Its steps, which a check takes too. The digest by a file's place in the tree:
// blobs/ALGORITHM/HH/HEX.
Result<oci::Digest> digest_of_path(const Path& file);
// Every file below it, in no order; a directory's are listed before the first of them is visited.
Result<> visit_files(const Path& directory, const std::function<Result<>(const Path&)>& visit);
enum class Stray { kAdopted, kRemoved, kUnreadable };
Result<Stray> adopt_or_remove(const Path& file, BlobTable& table, DurableFiles& files,
                              const Clock& clock);
// An ingest that nobody can continue, or touched for a day; not one that is being written.
bool is_lost(const Path& ingest, TimePoint now);

}  // namespace skiff::content
