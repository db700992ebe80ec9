// RegistryClient: the client's side of the OCI distribution API (v1.1), for one repository
// host: authentication (none, basic, token), retries with back-off, resumed downloads.
//
//   RegistryClient client(remote_options);
//   auto m = TRY(client.fetch_manifest(ref));                       // raw bytes, verified digest
//   TRY(client.fetch_blob(ref, descriptor, *ingest, progress));     // continues at
//   ingest->offset() TRY(client.push_blob(ref, descriptor, store, mount_from, progress));
//   TRY(client.push_manifest(ref, manifest_bytes, media_type));
//
// Loopback hosts (localhost, 127.0.0.0/8, ::1) and hosts marked insecure are tried with
// HTTPS, then plain HTTP. Thread-safe.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/cancellation.h"
#include "content/content_store.h"
#include "net/web_client.h"
#include "oci/manifest.h"
#include "oci/reference.h"
#include "remote/near_registry.h"

namespace skiff::remote {

struct Credentials {
  std::string username;
  std::string password;
  std::string identity_token;  // OAuth2 refresh token, instead of a password
  std::string registry_token;  // ready-made bearer token
};

struct ClientOptions {
  Credentials credentials;
  // A token server is asked for an identity token in the password's place: a login.
  bool wants_identity_token = false;
  std::vector<std::string> insecure_hosts;
  Path ca_file;
  std::optional<NearRegistry> near;
  std::string user_agent = "skiff/" SKIFF_VERSION;
  int attempts = 4;                            // of each request, before it fails
  std::chrono::milliseconds retry_delay{250};  // before the second attempt; then doubled
};

struct FetchedManifest {
  std::string bytes;
  std::string media_type;
  oci::Digest digest;
};

// Bytes moved so far of one blob.
using Progress = std::function<void(uint64_t done, uint64_t total)>;
// Bytes from an offset on, at most those of the buffer; 0 at the end.
using ReadAt = std::function<Result<size_t>(uint64_t offset, std::span<char> buffer)>;

// Takes a blob whose size only its registry knows.
class BlobReceiver : public Sink {
 public:
  // Before the first byte: how many there are.
  virtual Result<> expect(uint64_t size) = 0;
  virtual uint64_t offset() const = 0;
  // The registry begins again from the start.
  virtual Result<> reset() = 0;
};

// kLinked: the registry is near and has the very file now.
enum class PushOutcome { kUploaded, kExists, kMounted, kLinked };

// What a tag is to point at when it is written; "" for nothing.
struct Swap {
  std::string before;
};

class RegistryClient {
 public:
  explicit RegistryClient(ClientOptions options);
  ~RegistryClient();

  // HEAD: what a tag points at now. kNotFound for an unknown tag or repository;
  // kUnauthenticated / kPermissionDenied as the registry says.
  Result<oci::Descriptor> resolve(const oci::Reference& ref, const CancelToken& cancel = {});
  Result<FetchedManifest> fetch_manifest(const oci::Reference& ref, const CancelToken& cancel = {});
  // Writes the blob's bytes from ingest.offset() on; the caller commits (and so verifies).
  Result<> fetch_blob(const oci::Reference& ref, const oci::Descriptor& blob,
                      content::Ingest& ingest, const Progress& progress,
                      const CancelToken& cancel = {});
  // The same of a blob known by its digest alone, from receiver.offset() on. What comes is not
  // verified.
  Result<> receive_blob(const oci::Reference& ref, const oci::Digest& blob, BlobReceiver& receiver,
                        const CancelToken& cancel = {});
  // HEAD. kNotFound.
  Result<uint64_t> blob_size(const oci::Reference& ref, const oci::Digest& blob,
                             const CancelToken& cancel = {});
  // Before fetch_blob: true where the registry is near and has linked the blob into `store`. Who
  // keeps it from collection holds it already.
  bool link_blob(const oci::Reference& ref, const oci::Descriptor& blob,
                 content::ContentStore& store, const CancelToken& cancel = {});
  // HEAD first; then a mount from `mount_from` (repository path, may be ""); then upload.
  Result<PushOutcome> push_blob(const oci::Reference& ref, const oci::Descriptor& blob,
                                content::ContentStore& store, const std::string& mount_from,
                                const Progress& progress, const CancelToken& cancel = {});
  // The same of a blob that is in no store here; no mount is tried.
  Result<PushOutcome> push_blob(const oci::Reference& ref, const oci::Descriptor& blob,
                                const ReadAt& read, const CancelToken& cancel = {});
  // Whether the repository has the blob now: it had it, or the registry has taken it from its
  // repository `mount_from`.
  Result<bool> mount_blob(const oci::Reference& ref, const oci::Digest& blob,
                          const std::string& mount_from, const CancelToken& cancel = {});
  // With `swap`, kFailedPrecondition where another manifest has the tag by then; registries that do
  // not look at If-Match write it all the same.
  Result<oci::Digest> push_manifest(const oci::Reference& ref, std::string_view bytes,
                                    std::string_view media_type, const CancelToken& cancel = {},
                                    const std::optional<Swap>& swap = {});
  Result<std::vector<std::string>> tags(const oci::Reference& ref, const CancelToken& cancel = {});
  // What is about the manifest `subject`: of registries without the endpoint, what the tag of that
  // digest lists (OCI distribution-spec, Referrers Tag Schema).
  Result<std::vector<oci::Descriptor>> referrers(const oci::Reference& ref,
                                                 const oci::Digest& subject,
                                                 const CancelToken& cancel = {});
  // The names of all repositories of the host; many registries tell nobody.
  Result<std::vector<std::string>> repositories(const std::string& host,
                                                const CancelToken& cancel = {});
  // Proves the credentials (`login`): GET /v2/ on the host. The identity token to keep in their
  // place, "" where there is none.
  Result<std::string> check_login(const std::string& host);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace skiff::remote
