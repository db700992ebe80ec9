// Packing: a layer that was made here is kept plain, and goes to registries as gzip (decision 026).
//
//   const auto packed = TRY(pack_target(parts, target, *lease, progress, cancel));
//   // `packed` is what is pushed, and what the names of `target` lead to from now on
//
// A layer that a registry is known to have as it is stays so, and with it what was pulled.
#pragma once

#include "images/parts.h"

namespace skiff::images {

// The packed form of a layer, made where it is not here and `pack` says so. The layer itself where
// it is compressed already, or a registry has it plain. Bytes are the same on every machine with
// the same compressor; what another one made here is not taken.
Result<oci::Descriptor> pack_layer(Parts& parts, const oci::Descriptor& layer, Pack pack,
                                   content::Lease& lease, const CancelToken& cancel);

// The target with all its layers packed, held by `lease` and in the store; its names lead there.
// The target itself where there is nothing to pack.
Result<oci::Descriptor> pack_target(Parts& parts, const oci::Descriptor& target,
                                    content::Lease& lease, ProgressStream& progress,
                                    const CancelToken& cancel);

}  // namespace skiff::images
