// Blobs on their way: downloads that continue where they broke off, uploads likewise
// (OCI distribution-spec, Pulling blobs, Pushing blobs).
#pragma once

#include "remote/registry_client.h"
#include "remote/transport.h"

namespace skiff::remote {

// The repository that a transfer goes to or comes from.
struct Repository {
  std::string host;
  std::string path;

  std::string blob_target(const oci::Digest& digest) const;
  std::string uploads_target() const;
  std::string pull_scope() const;
  std::string push_scope() const;
};

Result<> download_blob(Transport& transport, const Repository& repository,
                       const oci::Descriptor& blob, content::Ingest& ingest,
                       const Progress& progress, const CancelToken& cancel);

// As RegistryClient::receive_blob.
Result<> receive_blob(Transport& transport, const Repository& repository, const oci::Digest& blob,
                      BlobReceiver& receiver, const CancelToken& cancel);
Result<uint64_t> blob_size(Transport& transport, const Repository& repository,
                           const oci::Digest& blob, const CancelToken& cancel);

// True where the registry is near and the blob is in `store` now, without any bytes sent.
bool link_blob(Transport& transport, const Repository& repository, const oci::Descriptor& blob,
               content::ContentStore& store, const CancelToken& cancel);

// As RegistryClient::mount_blob.
Result<bool> mount_blob(Transport& transport, const Repository& repository, const oci::Digest& blob,
                        const std::string& mount_from, const CancelToken& cancel);

// HEAD, then a mount from `mount_from` unless it is "", or from `store` itself where the registry
// is near; then the bytes.
Result<PushOutcome> upload_blob(Transport& transport, const Repository& repository,
                                const oci::Descriptor& blob, content::ContentStore& store,
                                const std::string& mount_from, const Progress& progress,
                                const CancelToken& cancel);
// HEAD, then the bytes.
Result<PushOutcome> upload_blob(Transport& transport, const Repository& repository,
                                const oci::Descriptor& blob, const ReadAt& read,
                                const CancelToken& cancel);

}  // namespace skiff::remote
