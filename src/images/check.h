// Check: compares all that the image store has with one another: content with its records,
// snapshots with their directories, and targets with the blobs they lead to.
#pragma once

#include "base/problem.h"
#include "images/parts.h"

namespace skiff::images {

// Tells each problem to `report`, while others work. Repair removes damaged content (see
// ContentStore::check), makes lost layers of ours anew from their snapshots where that gives
// the same bytes, drops the names of images that are no longer whole, and collects garbage,
// but leaves what a pull of a dropped image can still use.
Result<CheckSummary> check_images(Parts& parts, const CheckOptions& options,
                                  const ProblemSink& report, const CancelToken& cancel);

}  // namespace skiff::images
