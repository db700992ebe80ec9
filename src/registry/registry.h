// Registry: the server side of the OCI distribution API (v1.1) over one root directory.
//
//   auto registry = TRY(registry::open_registry({.root = "/var/lib/skiff-registry"}));
//   net::HttpServer server(registry->handler(), {});
//
// ROOT/content holds the blobs (content store) where they are not in an S3 store, ROOT/access.db
// who may do what, ROOT/registry.db everything else (docs/formats/registry.md). What is answered
// 201 is durable; a tag is visible only with all that it names. Garbage is collected while the
// registry serves. One process a root.
#pragma once

#include <memory>

#include "base/clock.h"
#include "base/problem.h"
#include "content/blob_tickets.h"
#include "content/scrub.h"
#include "net/http_server.h"
#include "registry/access.h"
#include "registry/extension.h"
#include "registry/import_tree.h"
#include "registry/metadata.h"
#include "registry/observer.h"
#include "registry/removal_gate.h"
#include "registry/s3_blobs.h"
#include "registry/upstreams.h"
#include "registry/webhook_sender.h"

namespace skiff::registry {

// What the programs take for MetadataOptions::undelete: long enough to notice a mistake.
inline constexpr std::chrono::seconds kUsualUndelete{24 * 3600};

struct RegistryOptions {
  Path root;
  // Whom to ask who may do what; null: `htpasswd`.
  std::shared_ptr<Authorizer> access;
  // Its users may do anything. "": the accounts of ROOT/access.db do what they were granted;
  // without that file anybody does anything.
  Path htpasswd;
  // Where clients are sent for tokens: "https://registry.example"; "": where their requests went.
  std::string public_url;
  MetadataOptions metadata;
  bool collect_garbage = true;
  std::chrono::seconds retention_every{24 * 3600};  // how often it runs by itself; 0 for never
  std::chrono::seconds upload_age{24 * 3600};       // uploads untouched for so long are dropped
  uint64_t scrub_rate = 0;  // bytes a second at which blobs are read again; 0 for never
  // Of the process: whose ticket comes with an allowed request shares blobs' files with us.
  content::BlobTickets* tickets = nullptr;
  // Where blobs are, if not in files below the root.
  std::optional<S3Options> s3;
  // Beside the distribution API.
  std::vector<Extension> extensions;
  // Told of each request; must outlive the registry.
  std::vector<Observer*> observers;
  // One line for each request; "-" for standard output, "" for none (access_log.h).
  Path access_log;
  // Whether this process tells webhooks of events, and how.
  bool send_webhooks = true;
  WebhookOptions webhooks;
  // Whether /metrics is answered beside the API, to who asks from this machine.
  bool metrics_here = true;
  // Other registries whose images it fetches; none where it is empty.
  MakeUpstreams upstreams;
};

// What a check looked at.
struct CheckSummary {
  size_t repositories = 0;
  size_t manifests = 0;
  size_t blobs = 0;
  uint64_t bytes = 0;  // of the blobs
};

class Registry {
 public:
  virtual ~Registry() = default;
  // nullptr where RegistryOptions::upstreams is empty; of the registry.
  virtual Upstreams* upstreams() = 0;
  // Must not outlive the registry.
  virtual net::Handler handler() = 0;
  // For net::ServerOptions::quick (quick.h).
  virtual bool is_quick(const net::Request& request) = 0;
  // For net::ServerOptions::on_refused: such requests are observed, too.
  virtual void refused(int status, const std::string& remote) = 0;
  // /metrics, /healthz and /readyz alone, for an address of their own; must not outlive the
  // registry.
  virtual net::Handler vitals() = 0;
  // From now on /readyz says that it is not ready.
  virtual void about_to_stop() = 0;
  // The access log's name may be another file's now.
  virtual void reopen_log() = 0;
  // Reviews all candidates whose time has come, and drops old uploads; runs by itself, too.
  // Returns the number of blobs removed.
  virtual Result<size_t> collect_garbage() = 0;
  // What that would remove now.
  virtual Result<Garbage::Preview> preview_garbage() = 0;
  // While it lives no blob is taken away, whatever is deleted; waits for a removal that is going
  // on.
  virtual RemovalGate::Counted hold_removals() = 0;
  // kUnavailable where registry.db is not the file at its path any more: what is written there now
  // by whom it has open is lost (db/file_watch.h).
  virtual Result<> check_files() = 0;
  // Compares all that is stored with one another, while it serves; see check.h.
  virtual Result<CheckSummary> check(const CheckOptions& options, const ProblemSink& report,
                                     const CancelToken& cancel) = 0;
  // Takes in what another registry has on disk; see import_tree.h. No garbage is collected
  // meanwhile.
  virtual Result<ImportSummary> import_tree(const Path& tree, const ImportOptions& options,
                                            const std::function<void(const std::string&)>& begins,
                                            const ProblemSink& report,
                                            const CancelToken& cancel) = 0;
  // Reads blobs again, as content::scrub() does.
  virtual Result<content::ScrubTotals> scrub(const content::ScrubOptions& options,
                                             const std::function<void(const Error&)>& damaged,
                                             const CancelToken& cancel) = 0;
};

// kFailedPrecondition where the root had a registry.db or accounts, and they are lost.
Result<std::unique_ptr<Registry>> open_registry(const RegistryOptions& options,
                                                const Clock& clock = Clock::system(),
                                                DurableFiles& files = DurableFiles::system());

}  // namespace skiff::registry
