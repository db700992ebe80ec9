#include "buildkit/client_content.h"

#include <fcntl.h>

#include <set>
#include <vector>

#include "base/strings.h"
#include "codec/json.h"
#include "oci/manifest.h"
#include "session.pb.h"

namespace skiff::buildkit {

namespace {

constexpr const char* kInfo = "/containerd.services.content.v1.Content/Info";
constexpr const char* kRead = "/containerd.services.content.v1.Content/Read";
constexpr const char* kWrite = "/containerd.services.content.v1.Content/Write";
constexpr uint64_t kMostOfDocument = uint64_t{64} << 20U;
// Of clients' messages, with room to spare.
constexpr size_t kContentPiece = size_t{1} << 20U;

Path path_of(const Path& layout, const oci::Digest& blob) {
  return layout / "blobs" / std::string(blob.algorithm_name()) / blob.hex();
}

// Fetches what of a layout some platforms need.
class LayoutFetch {
 public:
  LayoutFetch(ClientContent content, Path into, content::ContentStore& store,
              images::ImageLease& lease)
      : content_(std::move(content)), into_(std::move(into)), store_(store), lease_(lease) {}

  Result<> fetch(const oci::Digest& named, const std::vector<oci::Platform>& platforms) {
    const std::string text = TRY(document(named));
    const std::string type = TRY(media_type_of(text));
    oci::Descriptor target{.media_type = type, .digest = named};
    target.size = text.size();
    TRY(write_file(into_ / "index.json", oci::Index::make(oci::kMediaTypeIndex, {target}).raw));
    if (!oci::is_index_type(type)) return fetch_manifest(text, type);
    const auto index = TRY(oci::Index::parse(text, type));
    std::set<oci::Digest> seen;
    for (const oci::Platform& platform : platforms) {
      const oci::Descriptor* best = index.choose(platform);
      if (best == nullptr || !seen.insert(best->digest).second) continue;
      const std::string manifest = TRY(document(best->digest));
      TRY(fetch_manifest(manifest, best->media_type));
    }
    return {};
  }

 private:
  static Result<std::string> media_type_of(const std::string& text) {
    const json::Value value = TRY(json::parse(text));
    std::string type = value.string("mediaType");
    if (!type.empty()) return type;
    return std::string(value.find("manifests") != nullptr ? oci::kMediaTypeIndex
                                                          : oci::kMediaTypeManifest);
  }

  Result<Path> place_of(const oci::Digest& blob) const {
    Path path = path_of(into_, blob);
    TRY(make_directories(path.parent_path(), 0700));
    return path;
  }

  Result<std::string> document(const oci::Digest& blob) {
    std::string text = TRY(content_.document(blob));
    const Path path = TRY(place_of(blob));
    TRY(write_file(path, text));
    return text;
  }

  Result<> fetch_manifest(const std::string& text, const std::string& type) {
    const auto manifest = TRY(oci::Manifest::parse(text, type));
    TRY(document(manifest.config.digest));
    for (const oci::Descriptor& layer : manifest.layers) {
      TRY(lease_.hold(layer.digest));
      if (store_.info(layer.digest)) continue;
      const Path path = TRY(place_of(layer.digest));
      const UniqueFd file = TRY(open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0600));
      FdSink sink(file.get());
      TRY(content_.read(layer.digest, sink));
    }
    return {};
  }

  ClientContent content_;
  Path into_;
  content::ContentStore& store_;
  images::ImageLease& lease_;
};

}  // namespace

Result<> ClientContent::check() const {
  if (session_->answers(kRead)) return {};
  return Error(Code::kFailedPrecondition, "the client's session has no layouts");
}

Result<uint64_t> ClientContent::size(const oci::Digest& blob) const {
  TRY(check());
  wire::BlobInfoRequest request;
  request.set_digest(blob.str());
  const std::string bytes =
      TRY(session_->channel().ask(kInfo, request.SerializeAsString(), cancel_, metadata()));
  wire::BlobInfoResponse reply;
  if (!reply.ParseFromString(bytes) || reply.info().size() < 0) {
    return Error(Code::kInvalidArgument, "what the client says of a blob cannot be read");
  }
  return static_cast<uint64_t>(reply.info().size());
}

Result<> ClientContent::read(const oci::Digest& blob, Sink& to) const {
  TRY(check());
  wire::ReadBlobRequest request;
  request.set_digest(blob.str());
  const auto call = session_->channel().call(kRead, metadata(), cancel_);
  TRY(write_message(*call, request));
  TRY(call->finish_writing());
  for (;;) {
    const std::optional<std::string> message = TRY(call->read());
    if (!message) break;
    wire::ReadBlobResponse piece;
    if (!piece.ParseFromString(*message)) {
      return Error(Code::kInvalidArgument, "a piece of the client's blob cannot be read");
    }
    TRY(to.write(piece.data()));
  }
  return call->finish().context(cat("read the client's ", blob.str()));
}

Result<std::string> ClientContent::document(const oci::Digest& blob) const {
  if (TRY(size(blob)) > kMostOfDocument) {
    return Error(Code::kResourceExhausted, cat("the client's ", blob.str(), " is no document"));
  }
  StringSink text;
  TRY(read(blob, text));
  if (oci::Digest::of(text.text(), blob.algorithm()) == blob) return text.take();
  return Error(Code::kDataLoss, cat("the client's ", blob.str(), " is damaged"));
}

Result<bool> ClientContent::write(const oci::Descriptor& blob, Source& from) const {
  if (size(blob.digest)) return false;
  const auto call = session_->channel().call(kWrite, metadata(), cancel_);
  wire::WriteBlobRequest request;
  request.set_ref(cat("skiff-", blob.digest.str()));
  request.set_total(static_cast<int64_t>(blob.size));
  request.set_expected(blob.digest.str());
  const auto send = [&]() -> Result<> {
    const auto sent = write_message(*call, request);
    if (sent && TRY(call->read())) return {};
    TRY(cancel_.check());
    TRY_CONTEXT(call->finish(), cat("write the client's ", blob.digest.str()));
    return Error(Code::kUnavailable, "the client takes no more of a blob");
  };
  std::vector<char> buffer(kContentPiece);
  request.set_action(wire::WriteBlobRequest::WRITE);
  int64_t offset = 0;
  for (;;) {
    const size_t n = TRY(from.read(buffer));
    if (n == 0) break;
    request.set_offset(offset);
    request.set_data(buffer.data(), n);
    TRY(send());
    offset += static_cast<int64_t>(n);
  }
  request.set_action(wire::WriteBlobRequest::COMMIT);
  request.set_offset(offset);
  request.clear_data();
  TRY(send());
  TRY(call->finish_writing());
  while (TRY(call->read())) {
  }
  TRY(call->finish());
  return true;
}

Result<builder::LayoutContext> fetch_layout(const std::shared_ptr<Session>& session,
                                            const std::string& name, const Path& into,
                                            const std::vector<oci::Platform>& platforms,
                                            content::ContentStore& store, images::ImageLease& lease,
                                            const CancelToken& cancel) {
  constexpr std::string_view kScheme = "oci-layout://";
  const auto named = split_once(name, '@');
  if (!named || !name.starts_with(kScheme)) {
    return Error(Code::kInvalidArgument, cat(quoted(name), " has no digest"));
  }
  const std::string_view spec = named->first.substr(kScheme.size());
  const std::string id(spec.substr(0, spec.find(':')));
  const auto digest = TRY(oci::Digest::parse(named->second));
  std::vector<oci::Platform> wanted = platforms;
  wanted.push_back(oci::Platform::host());
  LayoutFetch fetch(ClientContent(session, cat("oci:", id), cancel), into, store, lease);
  TRY(fetch.fetch(digest, wanted));
  return builder::LayoutContext{.layout = {.directory = into}, .reference = digest.str()};
}

}  // namespace skiff::buildkit
