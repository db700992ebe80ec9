// containerd.services.content.v1.Content, to be read: what is attached to builds of the past, and
// the blobs of the image store.
#pragma once

#include "buildkit/history.h"
#include "buildkit/rpc_server.h"
#include "content/content_store.h"

namespace skiff::buildkit {

class ContentService {
 public:
  // Both outlive it.
  ContentService(History& history, content::ContentStore& store)
      : history_(history), store_(store) {}

  Result<> info(RpcCall& call);
  Result<> read(RpcCall& call);

 private:
  History& history_;
  content::ContentStore& store_;
};

}  // namespace skiff::buildkit
