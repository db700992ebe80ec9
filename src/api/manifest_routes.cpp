// Routes of this engine's own, below /skiff: manifests and indexes of registries, for `skiff
// manifest` and `skiff imagetools` (docs/engine-api.md).
#include "api/router.h"
#include "base/strings.h"
#include "codec/base64.h"
#include "remote/document_copy.h"

namespace skiff::api {

namespace {

// A client for each registry that is spoken to.
class Clients {
 public:
  explicit Clients(const Call& call)
      : credentials_(call.all_credentials()), insecure_(call.flag("insecure")) {}
  remote::RegistryClient& of(const std::string& host) {
    auto& client = clients_[host];
    if (client) return *client;
    remote::ClientOptions options;
    options.credentials = credentials_[host];
    if (insecure_) options.insecure_hosts.push_back(host);
    client = std::make_unique<remote::RegistryClient>(options);
    return *client;
  }

 private:
  std::map<std::string, remote::Credentials> credentials_;
  bool insecure_;
  std::map<std::string, std::unique_ptr<remote::RegistryClient>> clients_;
};

Result<oci::Reference> name_argument(const Call& call) {
  return TRY(oci::Reference::parse(call.arg("name"))).with_default_tag();
}

// The in-toto statements among a manifest's layers.
Result<json::Array> statements_of(const Call& call, remote::RegistryClient& client,
                                  const oci::Reference& name,
                                  const remote::FetchedManifest& document) {
  constexpr size_t kMostStatement = size_t{16} << 20U;
  json::Array out;
  if (oci::is_index_type(document.media_type)) return out;
  content::ContentStore& store = call.context.images.content();
  const auto lease = TRY(call.context.images.lease());
  const auto manifest = TRY(oci::Manifest::parse(document.bytes, document.media_type));
  for (const oci::Descriptor& layer : manifest.layers) {
    if (layer.media_type != "application/vnd.in-toto+json") continue;
    if (layer.size > kMostStatement) {
      return Error(Code::kResourceExhausted,
                   cat("statement ", layer.digest.str(), " has ", layer.size, " bytes"));
    }
    const auto ingest = TRY(store.ingest(""));
    TRY(client.fetch_blob(name, layer, *ingest, {}, call.writer.client_gone()));
    TRY(store.commit(*ingest, layer.digest, lease.get()));
    const std::string text = TRY(content::read_blob(store, layer.digest, kMostStatement));
    out.push_back(TRY_CONTEXT(json::parse(text), cat("statement ", layer.digest.str())));
  }
  return out;
}

// {"Descriptor": {...}, "Manifest": base64, "Config": base64}
Result<> get_manifest(Call& call) {
  const oci::Reference name = TRY(name_argument(call));
  Clients clients(call);
  const auto found =
      TRY(remote::fetch_described(clients.of(name.domain()), name, call.writer.client_gone()));
  json::Value answer = json::object({{"Descriptor", found.descriptor.to_json()},
                                     {"Manifest", base64_encode(found.document.bytes)},
                                     {"Config", base64_encode(found.config)}});
  if (call.flag("statements")) {
    answer.set("Statements",
               TRY(statements_of(call, clients.of(name.domain()), name, found.document)));
  }
  return call.reply(200, answer);
}

constexpr json::Field kPushFields[] = {{"MediaType", json::Type::kString},
                                       {"Manifest", json::Type::kString},
                                       {"Sources", json::Type::kObject}};

// {"MediaType": ..., "Manifest": base64, "Sources": {DIGEST: NAME}} -> {"Digest": ...}
Result<> push_manifest(Call& call) {
  const oci::Reference name = TRY(name_argument(call));
  const json::Value body = TRY(call.json_body(kPushFields));
  const std::string bytes = TRY_CONTEXT(base64_decode(body.string("Manifest")), "Manifest");
  std::map<std::string, oci::Reference> from;
  if (const json::Value* sources = body.find("Sources")) {
    for (const auto& [digest, source] : sources->as_object()) {
      from[digest] = TRY(oci::Reference::parse(source.as_string()));
    }
  }
  Clients clients(call);
  const auto lease = TRY(call.context.images.lease());
  remote::DocumentCopy copy([&](const std::string& host) -> auto& { return clients.of(host); },
                            call.context.images.content(), *lease, call.writer.client_gone());
  const oci::Digest digest = TRY(copy.place(bytes, body.string("MediaType"), name, from));
  return call.reply(200, json::object({{"Digest", digest.str()}}));
}

constexpr Route kManifestRoutes[] = {
    {"GET", "/skiff/manifest", get_manifest},
    {"POST", "/skiff/manifest", push_manifest},
};

}  // namespace

std::span<const Route> manifest_routes() { return kManifestRoutes; }

}  // namespace skiff::api
