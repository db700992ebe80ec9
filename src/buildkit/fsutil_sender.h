// FsutilSender: the sending end of BuildKit's file transfer (see fsutil_receiver.h): trees of files
// for a client that keeps them in a directory of its own.
#pragma once

#include <span>

#include "base/cancellation.h"
#include "builder/export_output.h"
#include "buildkit/rpc_channel.h"

namespace skiff::buildkit {

// Tells of all files, and sends the contents that the receiver asks for, until it has all. The
// trees are in the order of their names.
Result<> send_trees(RpcClientCall& call, std::span<const builder::ExportedTree> trees,
                    const CancelToken& cancel);

}  // namespace skiff::buildkit
