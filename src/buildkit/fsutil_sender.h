// FsutilSender: the sending end of BuildKit's file transfer (see fsutil_receiver.h): trees of files
// for a client that keeps them in a directory of its own.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/cancellation.h"
#include "base/file.h"
#include "buildkit/rpc_channel.h"

namespace skiff::buildkit {

struct SentTree {
  std::string name;  // of the directory that it becomes; "": it is all there is
  Path root;
};

// Tells of all files, and sends the contents that the receiver asks for, until it has all.
Result<> send_trees(RpcClientCall& call, std::span<const SentTree> trees,
                    const CancelToken& cancel);

}  // namespace skiff::buildkit
