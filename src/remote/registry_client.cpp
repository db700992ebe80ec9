#include "remote/registry_client.h"

#include "base/strings.h"
#include "codec/json.h"
#include "remote/answers.h"
#include "remote/blob_transfer.h"
#include "remote/lists.h"
#include "remote/transport.h"

namespace skiff::remote {

namespace {

// OCI distribution-spec, Pushing manifests: registries must take manifests of 4 MiB.
constexpr size_t kMaxManifest = size_t{4} << 20U;

constexpr std::string_view kManifestTypes[] = {oci::kMediaTypeIndex, oci::kMediaTypeManifest,
                                               oci::kDockerManifestList, oci::kDockerManifest};

// Docker Hub's names and where its API really is.
std::string api_host(std::string_view domain) {
  std::string host = to_lower(domain);
  if (host == "docker.io" || host == "index.docker.io") return "registry-1.docker.io";
  return host;
}

Repository repository_of(const oci::Reference& ref) {
  return Repository{api_host(ref.domain()), ref.path()};
}

std::string manifest_target(const oci::Reference& ref) {
  const oci::Reference full = ref.with_default_tag();
  const std::string name = full.digest() ? full.digest()->str() : full.tag();
  return cat("/v2/", full.path(), "/manifests/", name);
}

Call manifest_call(const oci::Reference& ref, std::string method, const CancelToken& cancel) {
  Call call;
  call.host = api_host(ref.domain());
  call.target = manifest_target(ref);
  call.scope = repository_of(ref).pull_scope();
  call.request.method = std::move(method);
  call.request.cancel = cancel;
  for (std::string_view type : kManifestTypes)
    call.request.headers.add("Accept", std::string(type));
  return call;
}

std::string access_denied(std::string_view verb, const oci::Reference& ref) {
  return cat(verb, " access denied for ", ref.familiar_repository(),
             ", repository does not exist or may require 'docker login'");
}

// Docker's words for what most often goes wrong. Without a HEAD's body the status must do.
Error manifest_error(const oci::Reference& ref, const net::WebResponse& answer) {
  if (answer.status == 404 && answer_code(answer) != "NAME_UNKNOWN") {
    const std::string cause = answer.body.empty() ? "manifest unknown" : "";
    const std::string what = cat("manifest for ", ref.familiar(), " not found");
    if (!cause.empty()) return Error(Code::kNotFound, cat(what, ": ", cause));
    return answer_error(answer, what);
  }
  if (answer.status == 404) {
    return answer_error(answer, cat("repository ", ref.familiar_repository(), " not found"));
  }
  if (answer.status == 401 || answer.status == 403) {
    return answer_error(answer, access_denied("pull", ref));
  }
  return answer_error(answer, cat("manifest of ", ref.familiar()));
}

// A registry that knows who pushes says itself why it refuses.
Error push_error(const oci::Reference& ref, Error error) {
  if (error.code() != Code::kUnauthenticated) return error;
  return std::move(error).with_context(access_denied("push", ref));
}

std::string media_type_of(const net::WebResponse& answer) {
  const std::string type = answer.headers.get("Content-Type");
  return std::string(trim(std::string_view(type).substr(0, type.find(';'))));
}

Result<> check_manifest_type(const oci::Reference& ref, std::string_view type) {
  if (oci::is_manifest_type(type) || oci::is_index_type(type)) return {};
  return Error(Code::kUnimplemented, cat("manifest of ", ref.familiar(),
                                         ": unsupported media type ", skiff::quoted(type)));
}

// The digest that `bytes` must have: of the reference, else of the answer, else their own.
Result<oci::Digest> verified_digest(const oci::Reference& ref, const net::WebResponse& answer,
                                    std::string_view bytes) {
  std::optional<oci::Digest> promised = ref.digest();
  const std::string header = answer.headers.get("Docker-Content-Digest");
  if (!promised && !header.empty()) {
    promised = TRY_CONTEXT(oci::Digest::parse(header), "Docker-Content-Digest");
  }
  if (!promised) return oci::Digest::of(bytes);
  oci::Digest actual = oci::Digest::of(bytes, promised->algorithm());
  if (actual != *promised) {
    return Error(Code::kDataLoss, cat("manifest of ", ref.familiar(), ": wanted ", promised->str(),
                                      ", got bytes of ", actual.str()));
  }
  return actual;
}

}  // namespace

std::string Repository::blob_target(const oci::Digest& digest) const {
  return cat("/v2/", path, "/blobs/", digest.str());
}

std::string Repository::uploads_target() const { return cat("/v2/", path, "/blobs/uploads/"); }

std::string Repository::pull_scope() const { return cat("repository:", path, ":pull"); }

std::string Repository::push_scope() const { return cat("repository:", path, ":pull,push"); }

struct RegistryClient::Impl {
  explicit Impl(ClientOptions options) : transport(std::move(options)) {}
  Transport transport;
};

RegistryClient::RegistryClient(ClientOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}

RegistryClient::~RegistryClient() = default;

Result<oci::Descriptor> RegistryClient::resolve(const oci::Reference& ref,
                                                const CancelToken& cancel) {
  const net::WebResponse answer = TRY(impl_->transport.send(manifest_call(ref, "HEAD", cancel)));
  if (answer.status != 200 && answer.status != 405) return manifest_error(ref, answer);
  const auto digest = oci::Digest::parse(answer.headers.get("Docker-Content-Digest"));
  const auto size = parse_uint(answer.headers.get("Content-Length"));
  oci::Descriptor found;
  if (answer.status == 405 || !digest || !size) {
    // Registries may leave the headers out; the bytes tell as much.
    const FetchedManifest manifest = TRY(fetch_manifest(ref, cancel));
    found.media_type = manifest.media_type;
    found.digest = manifest.digest;
    found.size = manifest.bytes.size();
    return found;
  }
  found.media_type = media_type_of(answer);
  TRY(check_manifest_type(ref, found.media_type));
  if (ref.digest() && *digest != *ref.digest()) {
    return Error(Code::kDataLoss,
                 cat("manifest of ", ref.familiar(), ": the registry names it ", digest->str()));
  }
  found.digest = *digest;
  found.size = *size;
  return found;
}

Result<FetchedManifest> RegistryClient::fetch_manifest(const oci::Reference& ref,
                                                       const CancelToken& cancel) {
  Call call = manifest_call(ref, "GET", cancel);
  std::string bytes;
  call.rewind = [&] { bytes.clear(); };
  call.request.on_body = [&](std::string_view piece) -> Result<> {
    if (bytes.size() + piece.size() > kMaxManifest) {
      return Error(Code::kResourceExhausted,
                   cat("manifest of ", ref.familiar(), ": larger than ", kMaxManifest, " bytes"));
    }
    bytes.append(piece);
    return {};
  };
  const net::WebResponse answer = TRY(impl_->transport.send(call));
  if (answer.status != 200) return manifest_error(ref, answer);
  oci::Digest digest = TRY(verified_digest(ref, answer, bytes));
  std::string type = media_type_of(answer);
  // Some servers say "application/json" or "text/plain"; the document knows better.
  if (!oci::is_manifest_type(type) && !oci::is_index_type(type)) {
    if (std::string sniffed = oci::sniff_media_type(bytes); !sniffed.empty()) type = sniffed;
  }
  TRY(check_manifest_type(ref, type));
  return FetchedManifest{std::move(bytes), std::move(type), std::move(digest)};
}

Result<> RegistryClient::fetch_blob(const oci::Reference& ref, const oci::Descriptor& blob,
                                    content::Ingest& ingest, const Progress& progress,
                                    const CancelToken& cancel) {
  return download_blob(impl_->transport, repository_of(ref), blob, ingest, progress, cancel);
}

Result<> RegistryClient::receive_blob(const oci::Reference& ref, const oci::Digest& blob,
                                      BlobReceiver& receiver, const CancelToken& cancel) {
  return remote::receive_blob(impl_->transport, repository_of(ref), blob, receiver, cancel);
}

Result<uint64_t> RegistryClient::blob_size(const oci::Reference& ref, const oci::Digest& blob,
                                           const CancelToken& cancel) {
  return remote::blob_size(impl_->transport, repository_of(ref), blob, cancel);
}

bool RegistryClient::link_blob(const oci::Reference& ref, const oci::Descriptor& blob,
                               content::ContentStore& store, const CancelToken& cancel) {
  return remote::link_blob(impl_->transport, repository_of(ref), blob, store, cancel);
}

Result<PushOutcome> RegistryClient::push_blob(const oci::Reference& ref,
                                              const oci::Descriptor& blob,
                                              content::ContentStore& store,
                                              const std::string& mount_from,
                                              const Progress& progress, const CancelToken& cancel) {
  Result<PushOutcome> pushed =
      upload_blob(impl_->transport, repository_of(ref), blob, store, mount_from, progress, cancel);
  if (!pushed) return push_error(ref, std::move(pushed.error()));
  return pushed;
}

Result<PushOutcome> RegistryClient::push_blob(const oci::Reference& ref,
                                              const oci::Descriptor& blob, const ReadAt& read,
                                              const CancelToken& cancel) {
  return upload_blob(impl_->transport, repository_of(ref), blob, read, cancel);
}

Result<bool> RegistryClient::mount_blob(const oci::Reference& ref, const oci::Digest& blob,
                                        const std::string& mount_from, const CancelToken& cancel) {
  return remote::mount_blob(impl_->transport, repository_of(ref), blob, mount_from, cancel);
}

Result<oci::Digest> RegistryClient::push_manifest(const oci::Reference& ref, std::string_view bytes,
                                                  std::string_view media_type,
                                                  const CancelToken& cancel,
                                                  const std::optional<Swap>& swap) {
  const std::string what = cat("push manifest of ", ref.familiar());
  if (bytes.size() > kMaxManifest) {
    return Error(Code::kResourceExhausted, cat(what, ": larger than ", kMaxManifest, " bytes"));
  }
  const auto algorithm = ref.digest() ? ref.digest()->algorithm() : HashAlgorithm::kSha256;
  oci::Digest digest = oci::Digest::of(bytes, algorithm);
  if (ref.digest() && *ref.digest() != digest) {
    return Error(Code::kInvalidArgument, cat(what, ": the bytes are ", digest.str()));
  }
  Call call = manifest_call(ref, "PUT", cancel);
  call.scope = repository_of(ref).push_scope();
  call.request.headers = {};
  call.request.headers.set("Content-Type", std::string(media_type));
  if (swap && swap->before.empty()) call.request.headers.set("If-None-Match", "*");
  if (swap && !swap->before.empty()) {
    call.request.headers.set("If-Match", cat("\"", swap->before, "\""));
  }
  call.request.body = bytes;
  const net::WebResponse answer = TRY_CONTEXT(impl_->transport.send(call), what);
  if (answer.status / 100 != 2) return push_error(ref, answer_error(answer, what));
  const std::string stored = answer.headers.get("Docker-Content-Digest");
  if (!stored.empty() && stored != digest.str()) {
    return Error(Code::kDataLoss,
                 cat(what, ": sent ", digest.str(), ", the registry stored ", stored));
  }
  return digest;
}

Result<std::vector<std::string>> RegistryClient::tags(const oci::Reference& ref,
                                                      const CancelToken& cancel) {
  return list_tags(impl_->transport, repository_of(ref), cancel)
      .context(cat("tags of ", ref.familiar_repository()));
}

Result<std::vector<std::string>> RegistryClient::repositories(const std::string& host,
                                                              const CancelToken& cancel) {
  return list_repositories(impl_->transport, api_host(host), cancel)
      .context(cat("repositories of ", host));
}

Result<std::vector<oci::Descriptor>> RegistryClient::referrers(const oci::Reference& ref,
                                                               const oci::Digest& subject,
                                                               const CancelToken& cancel) {
  auto found = list_referrers(impl_->transport, repository_of(ref), subject, cancel);
  if (found || found.error().code() != Code::kNotFound) {
    return std::move(found).context(cat("referrers of ", ref.familiar()));
  }
  const auto listed = fetch_manifest(ref.with_tag(replace_all(subject.str(), ":", "-")), cancel);
  if (!listed && listed.error().code() == Code::kNotFound) return std::vector<oci::Descriptor>();
  if (!listed) return listed.error();
  return TRY(oci::Index::parse(listed->bytes, listed->media_type)).manifests;
}

Result<std::string> RegistryClient::check_login(const std::string& host) {
  std::string_view name = host;
  for (std::string_view scheme : {"https://", "http://"}) {
    if (name.starts_with(scheme)) name.remove_prefix(scheme.size());
  }
  Call call;
  call.host = api_host(name.substr(0, name.find('/')));
  call.target = "/v2/";
  const net::WebResponse answer = TRY(impl_->transport.send(call));
  if (answer.status == 200) return impl_->transport.identity_token();
  return answer_error(answer, cat("login to ", call.host));
}

}  // namespace skiff::remote
