#include "images/parts.h"

#include <algorithm>

#include "base/strings.h"

namespace skiff::images {

std::string ingest_reference(const oci::Digest& digest) { return cat("blob-", digest.str()); }

Result<bool> is_whole(Parts& parts, const oci::Digest& blob, const CancelToken& cancel) {
  const auto verified = parts.store.verify(blob, {}, cancel);
  if (verified) return true;
  const Code code = verified.error().code();
  if (code == Code::kNotFound || code == Code::kDataLoss) return false;
  return verified.error();
}

Result<> store_bytes(Parts& parts, std::string_view bytes, const oci::Digest& digest,
                     content::Lease& lease, const CancelToken& cancel) {
  TRY(lease.hold(digest));
  if (TRY(is_whole(parts, digest, cancel))) return {};
  const auto ingest = TRY(parts.store.ingest("", digest.algorithm()));
  TRY(ingest->write(bytes));
  TRY(parts.store.commit(*ingest, digest, &lease));
  return {};
}

Result<content::BlobInfo> store_written(Parts& parts, const std::function<Result<>(Sink&)>& write,
                                        const std::optional<oci::Digest>& expected,
                                        content::Lease& lease) {
  const auto algorithm = expected ? expected->algorithm() : HashAlgorithm::kSha256;
  const auto ingest = TRY(parts.store.ingest("", algorithm));
  RoomSink within_limit(*ingest, parts.limit);
  TRY(write(within_limit));
  return parts.store.commit(*ingest, expected ? *expected : ingest->digest(), &lease);
}

Result<> unpack_layers(Parts& parts, const Document& image, const std::string& status,
                       ProgressStream& progress, const CancelToken& cancel) {
  const std::vector<oci::Descriptor>& layers = image.manifest.layers;
  for (size_t i = 0; i < layers.size(); ++i) {
    const std::string label = layers[i].digest.short_hex();
    const auto report = [&](uint64_t bytes) {
      progress.bytes(label, status, bytes, layers[i].size);
    };
    TRY(parts.unpacker.unpack(image, i, report, cancel));
  }
  return {};
}

Result<> record_target(Parts& parts, const oci::Descriptor& target,
                       const std::vector<oci::Reference>& names, const std::string& parent) {
  const auto lock = parts.garbage.adding_roots();
  if (!TRY(parts.reader.has(target.digest))) {
    return Error(Code::kNotFound, cat("no such content: ", target.digest.str()));
  }
  TRY(parts.catalog.put(target, names, parent, parts.clock.now()));
  parts.reader.changed();
  return {};
}

Result<oci::Reference> digest_name(const oci::Reference& name, const oci::Digest& digest) {
  return oci::Reference::parse(cat(name.repository(), "@", digest.str()));
}

Error wrong_platform(const std::string& name, const oci::Platform& wanted,
                     const oci::Platform& actual) {
  return Error(Code::kNotFound,
               cat("image with reference ", name,
                   " was found but does not match the specified platform: wanted ",
                   wanted.normalized().str(), ", actual: ", actual.normalized().str()));
}

Error lacking_platform(const std::string& name, const oci::Platform& wanted) {
  return Error(Code::kNotFound, cat("image with reference ", name,
                                    " was found but does not provide the specified platform (",
                                    wanted.normalized().str(), ")"));
}

Result<std::vector<DocumentPtr>> of_platforms(const std::vector<DocumentPtr>& present,
                                              std::span<const oci::Platform> platforms,
                                              const std::string& name) {
  std::vector<DocumentPtr> out;
  for (const oci::Platform& platform : platforms) {
    DocumentPtr match = best_match(present, platform);
    if (!match) return lacking_platform(name, platform);
    if (std::ranges::find(out, match) == out.end()) out.push_back(std::move(match));
  }
  return out;
}

void FirstError::set(const Error& error) {
  const std::scoped_lock lock(mutex_);
  const bool better =
      !error_ || (error_->code() == Code::kCancelled && error.code() != Code::kCancelled);
  if (better) error_ = error;
}

Result<> FirstError::result() const {
  const std::scoped_lock lock(mutex_);
  if (error_) return *error_;
  return {};
}

}  // namespace skiff::images
