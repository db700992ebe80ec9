#include "buildkit/client_caches.h"

#include "base/strings.h"
#include "base/truth.h"
#include "codec/compress_words.h"

namespace skiff::buildkit {

Result<std::optional<std::string>> ClientShelf::manifest() {
  if (!known_) return std::optional<std::string>();
  return std::optional(TRY(content_.document(*known_)));
}

Result<std::string> ClientShelf::document(const oci::Descriptor& blob) {
  return content_.document(blob.digest);
}

Result<> ClientShelf::fetch(const oci::Descriptor& blob, content::Ingest& to) {
  TRY(to.reset());
  return content_.read(blob.digest, to);
}

Result<> ClientShelf::put(const oci::Descriptor& blob) {
  const auto reader = TRY(store_.open(blob.digest));
  TRY(content_.write(blob, *reader));
  return {};
}

// Nobody else writes in a client's name.
Result<> ClientShelf::put_manifest(const oci::Manifest& manifest, const std::string& /*before*/) {
  StringSource text(manifest.raw);
  TRY(content_.write(manifest.descriptor(), text));
  written_ = manifest.descriptor();
  known_ = written_->digest;
  return {};
}

namespace {

struct Client {
  std::shared_ptr<Session> session;
  content::ContentStore& store;
  const CancelToken& cancel;

  std::shared_ptr<ClientShelf> shelf(const std::string& directory,
                                     std::optional<oci::Digest> known) const {
    return std::make_shared<ClientShelf>(ClientContent(session, cat("local:", directory), cancel),
                                         store, std::move(known));
  }
};

Result<std::string> attribute_of(const ServiceSpec& cache, const std::string& name) {
  const auto found = cache.attrs.find(name);
  if (found != cache.attrs.end()) return found->second;
  return Error(Code::kInvalidArgument, cat("a cache of type ", cache.type, " needs a ", name));
}

Result<builder::CachePlace> in_registry(const ServiceSpec& cache) {
  if (cache.type != "registry") {
    return Error(Code::kUnimplemented, cat("caches of type ", quoted(cache.type),
                                           " are not served: type=registry, local and inline are"));
  }
  builder::CachePlace out;
  const std::string ref = TRY(attribute_of(cache, "ref"));
  out.reference = TRY_CONTEXT(oci::Reference::parse(ref), "cache").with_default_tag();
  return out;
}

Result<builder::CachePlace> import_of(const ServiceSpec& cache, const Client& client) {
  if (cache.type != "local") return in_registry(cache);
  const std::string directory = TRY(attribute_of(cache, "src"));
  const auto digest = cache.attrs.find("digest");
  std::optional<oci::Digest> known;
  if (digest != cache.attrs.end()) known = TRY(oci::Digest::parse(digest->second));
  builder::CachePlace out;
  out.shelf = client.shelf(directory, std::move(known));
  return out;
}

// What a client says of an export beside its place.
Result<builder::CachePlace> with_options(builder::CachePlace place, const ServiceSpec& cache) {
  const auto mode = cache.attrs.find("mode");
  if (mode != cache.attrs.end() && mode->second != "min" && mode->second != "max") {
    return Error(Code::kInvalidArgument,
                 cat("cache: invalid mode ", quoted(mode->second), ": the modes are min and max"));
  }
  place.of_result = mode != cache.attrs.end() && mode->second == "min";
  const CompressWords words = TRY_CONTEXT(read_compress_words(cache.attrs), "cache");
  place.compression = words.form;
  place.force_compression = words.force;
  const auto ignore = cache.attrs.find("ignore-error");
  if (ignore == cache.attrs.end()) return place;
  const auto ignored = parse_bool(ignore->second);
  if (!ignored) {
    return Error(Code::kInvalidArgument,
                 cat("cache: invalid ignore-error ", quoted(ignore->second)));
  }
  place.ignore_error = *ignored;
  return place;
}

builder::CachePlace image_named(const std::string& name) {
  builder::CachePlace out;
  out.image = name;
  const auto reference = oci::Reference::parse(name);
  if (reference) out.reference = reference->with_default_tag();
  return out;
}

}  // namespace

Result<std::vector<std::shared_ptr<ClientShelf>>> add_caches(
    const BuildOrder& order, const std::shared_ptr<Session>& session, content::ContentStore& store,
    const CancelToken& cancel, builder::BuildRequest& request) {
  const Client client{session, store, cancel};
  std::vector<std::shared_ptr<ClientShelf>> written;
  for (const ServiceSpec& cache : order.cache_imports) {
    request.cache_from.push_back(TRY(import_of(cache, client)));
  }
  for (const std::string& name : order.cache_images) {
    request.cache_from.push_back(image_named(name));
  }
  for (const ServiceSpec& cache : order.cache_exports) {
    if (cache.type == "inline") {
      request.inline_cache = true;
      continue;
    }
    if (cache.type != "local") {
      request.cache_to.push_back(TRY(with_options(TRY(in_registry(cache)), cache)));
      continue;
    }
    const std::string directory = TRY(attribute_of(cache, "dest"));
    written.push_back(client.shelf(directory, std::nullopt));
    builder::CachePlace place;
    place.shelf = written.back();
    request.cache_to.push_back(TRY(with_options(std::move(place), cache)));
  }
  return written;
}

}  // namespace skiff::buildkit
