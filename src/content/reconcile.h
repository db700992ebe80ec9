// What a crash leaves, put right when the content store opens.
#pragma once

#include "content/blob_table.h"
#include "content/layout.h"

namespace skiff::content {

// - a row without its file (the file was lost): the row goes, with a warning;
// - a file without its row (commit or removal cut short, or a lost database): verified, and
//   kept where it is what its name says, else removed;
// - an ingest nobody touched for a day: removed.
Result<> reconcile(const Layout& layout, BlobTable& table, DurableFiles& files, const Clock& clock);

}  // namespace skiff::content
