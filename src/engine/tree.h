// Trees of files to tar, and from directory to directory: what cp, export and the copy-up of
// volumes are made of. Every step is relative to open directories. The way back: extract.h.
#pragma once

#include <string>
#include <vector>

#include "base/cancellation.h"
#include "codec/tar.h"
#include "engine/id_shift.h"

namespace skiff::engine {

// `name` in `parent` and all below it, as entries `entry_name`, `entry_name/...`. Sockets and
// what vanishes meanwhile are left out; a file that shrinks is padded with zeros. Owners in the
// archive are those inside of `ids`.
Result<> write_tree(int parent, const std::string& name, const std::string& entry_name,
                    TarWriter& tar, const IdShift& ids, const CancelToken& cancel);
// What stands in the directory `directory`, as entries `prefix` + name.
Result<> write_contents(int directory, const std::string& prefix, TarWriter& tar,
                        const IdShift& ids, const CancelToken& cancel);

// Copies what stands in `from` into the directory `to`, with owners, modes, times and xattrs.
Result<> copy_contents(int from, int to, const CancelToken& cancel = {});

// Of what stands in the open directory, sorted: an archive's order does not depend on the file
// system.
Result<std::vector<std::string>> names_in(int directory);

// Refuses to go `depth` levels down, of which each takes descriptors; `where` is for the error.
Result<> check_depth(int depth, const std::string& where);

}  // namespace skiff::engine
