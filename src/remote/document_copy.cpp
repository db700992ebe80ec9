#include "remote/document_copy.h"

#include "base/strings.h"

namespace skiff::remote {

namespace {

constexpr size_t kMostConfig = size_t{4} << 20U;

// A config comes into memory.
class ConfigReceiver : public BlobReceiver {
 public:
  Result<> expect(uint64_t size) override {
    if (size <= kMostConfig) return {};
    return Error(Code::kResourceExhausted, cat("a config of ", size, " bytes"));
  }
  uint64_t offset() const override { return text_.size(); }
  Result<> reset() override {
    text_.clear();
    return {};
  }
  Result<> write(std::string_view bytes) override {
    if (text_.size() + bytes.size() > kMostConfig) return expect(text_.size() + bytes.size());
    text_.append(bytes);
    return {};
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// What a document of either kind names.
struct Parts {
  std::vector<oci::Descriptor> documents;
  std::vector<oci::Descriptor> blobs;
};
Result<Parts> parts_of(std::string_view bytes, const std::string& media_type) {
  Parts out;
  if (oci::is_index_type(media_type)) {
    out.documents = TRY(oci::Index::parse(bytes, media_type)).manifests;
    return out;
  }
  oci::Manifest manifest = TRY(oci::Manifest::parse(bytes, media_type));
  out.blobs = std::move(manifest.layers);
  out.blobs.push_back(std::move(manifest.config));
  std::erase_if(out.blobs, [](const oci::Descriptor& blob) {
    return oci::is_nondistributable_type(blob.media_type);
  });
  return out;
}

}  // namespace

Result<Described> fetch_described(RegistryClient& client, const oci::Reference& name,
                                  const CancelToken& cancel) {
  FetchedManifest document = TRY(client.fetch_manifest(name, cancel));
  Described out{.document = std::move(document), .descriptor = {}, .config = {}};
  out.descriptor.media_type = out.document.media_type;
  out.descriptor.digest = out.document.digest;
  out.descriptor.size = out.document.bytes.size();
  if (oci::is_index_type(out.document.media_type)) return out;
  const auto manifest = TRY(oci::Manifest::parse(out.document.bytes, out.document.media_type));
  out.descriptor.artifact_type = manifest.artifact_type;
  const bool is_image = manifest.config.media_type == oci::kMediaTypeConfig ||
                        manifest.config.media_type == oci::kDockerConfig;
  if (!is_image) return out;
  ConfigReceiver config;
  TRY_CONTEXT(client.receive_blob(name, manifest.config.digest, config, cancel), "its config");
  if (oci::Digest::of(config.text(), manifest.config.digest.algorithm()) !=
      manifest.config.digest) {
    return Error(Code::kDataLoss, cat("config ", manifest.config.digest.str(), " of ",
                                      name.familiar(), ": the registry sent other bytes"));
  }
  if (auto parsed = json::parse(config.text())) {
    out.descriptor.platform = oci::Platform::from_json(*parsed);
    out.config = config.text();
  }
  return out;
}

Result<oci::Digest> DocumentCopy::place(std::string_view bytes, const std::string& media_type,
                                        const oci::Reference& to,
                                        const std::map<std::string, oci::Reference>& from) {
  const Parts parts = TRY(parts_of(bytes, media_type));
  for (const oci::Descriptor& part : parts.documents) {
    const auto source = from.find(part.digest.str());
    TRY(copy_document(part, to, source == from.end() ? to : source->second));
  }
  const auto own = from.find(oci::Digest::of(bytes).str());
  for (const oci::Descriptor& blob : parts.blobs) {
    TRY(copy_blob(blob, to, own == from.end() ? to : own->second));
  }
  return clients_(to.domain()).push_manifest(to, bytes, media_type, cancel_);
}

Result<> DocumentCopy::copy_document(const oci::Descriptor& part, const oci::Reference& to,
                                     const oci::Reference& from) {
  if (!seen_.insert(part.digest.str()).second) return {};
  const oci::Reference target = to.with_digest(part.digest);
  RegistryClient& client = clients_(to.domain());
  if (auto there = client.resolve(target, cancel_)) return {};
  TRY(cancel_.check());
  const FetchedManifest document =
      TRY(clients_(from.domain()).fetch_manifest(from.with_digest(part.digest), cancel_));
  const Parts parts = TRY(parts_of(document.bytes, document.media_type));
  for (const oci::Descriptor& each : parts.documents) TRY(copy_document(each, to, from));
  for (const oci::Descriptor& blob : parts.blobs) TRY(copy_blob(blob, to, from));
  TRY(client.push_manifest(target, document.bytes, document.media_type, cancel_));
  return {};
}

Result<> DocumentCopy::copy_blob(const oci::Descriptor& blob, const oci::Reference& to,
                                 const oci::Reference& from) {
  if (to.repository() == from.repository()) return {};
  RegistryClient& client = clients_(to.domain());
  const bool near = to.domain() == from.domain();
  if (near && TRY(client.mount_blob(to, blob.digest, from.path(), cancel_))) return {};
  TRY(lease_.hold(blob.digest));
  if (!store_.info(blob.digest)) {
    auto ingest = TRY(store_.ingest("", blob.digest.algorithm()));
    TRY(clients_(from.domain()).fetch_blob(from, blob, *ingest, {}, cancel_));
    TRY(store_.commit(*ingest, blob.digest, &lease_));
  }
  TRY(client.push_blob(to, blob, store_, "", {}, cancel_));
  return {};
}

}  // namespace skiff::remote
