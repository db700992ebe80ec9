// Images between registries and their repositories, without an image store: what `imagetools
// create` and `manifest push` do.
//
//   DocumentCopy copy(clients, store, *lease, cancel);
//   TRY(copy.place(index_bytes, media_type, to, {{"sha256:ab..", from}}));
//
// What an index names is copied from the repository that has it: by a mount where both are the same
// registry's, else through the content store, which keeps the bytes as long as the lease does.
#pragma once

#include <functional>
#include <map>
#include <set>

#include "remote/registry_client.h"

namespace skiff::remote {

// The client for a registry host.
using ClientOf = std::function<RegistryClient&(const std::string& host)>;

// A manifest or index as a registry has it.
struct Described {
  FetchedManifest document;
  oci::Descriptor descriptor;  // of an image with the platform that its config says
  std::string config;          // of an image; "" for an index, and where the config is no JSON
};
Result<Described> fetch_described(RegistryClient& client, const oci::Reference& name,
                                  const CancelToken& cancel);

class DocumentCopy {
 public:
  DocumentCopy(ClientOf clients, content::ContentStore& store, content::Lease& lease,
               const CancelToken& cancel)
      : clients_(std::move(clients)), store_(store), lease_(lease), cancel_(cancel) {}

  // Makes `bytes`, a manifest or an index, the document `to` (a tag, or its digest), after all that
  // it leads to. `from` says by digest in which repository a part is that `to` may not have.
  Result<oci::Digest> place(std::string_view bytes, const std::string& media_type,
                            const oci::Reference& to,
                            const std::map<std::string, oci::Reference>& from);

 private:
  Result<> copy_document(const oci::Descriptor& part, const oci::Reference& to,
                         const oci::Reference& from);
  Result<> copy_blob(const oci::Descriptor& blob, const oci::Reference& to,
                     const oci::Reference& from);

  ClientOf clients_;
  content::ContentStore& store_;
  content::Lease& lease_;
  CancelToken cancel_;
  std::set<std::string> seen_;  // an index may name one manifest many times over
};

}  // namespace skiff::remote
