// Parts: what every operation of the image store works on, and the small steps they share.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include "base/clock.h"
#include "images/begun_pulls.h"
#include "images/catalog.h"
#include "images/garbage.h"
#include "images/image_reader.h"
#include "images/keyed_mutex.h"
#include "images/layer_unpacker.h"
#include "images/progress.h"
#include "images/storage_limit.h"

namespace skiff::images {

// The annotation of an index's entry that is a statement about another: that one's digest.
inline constexpr std::string_view kReferenceDigest = "vnd.docker.reference.digest";

struct Parts {
  content::ContentStore& store;
  snapshot::Snapshotter& snapshots;
  Catalog& catalog;
  ImageReader& reader;
  Garbage& garbage;
  LayerUnpacker& unpacker;
  StorageLimit& limit;
  ExpansionLimit expansion;  // of one layer
  KeyedMutex& transfers;     // one download of a blob from a host
  BegunPulls& begun;
  const Clock& clock;
  Path scratch;  // for files of `load`
};

// The ingest reference of a blob, the same for all who fetch it, so that any can resume.
std::string ingest_reference(const oci::Digest& digest);

// Whether the blob is here and whole, as far as that is told without reading a file that
// nobody touched: what is damaged is to be fetched again.
Result<bool> is_whole(Parts& parts, const oci::Digest& blob, const CancelToken& cancel);

// Stores bytes under the digest that they must have, held by `lease`.
Result<> store_bytes(Parts& parts, std::string_view bytes, const oci::Digest& digest,
                     content::Lease& lease, const CancelToken& cancel);

// Stores what `write` gives, as `expected` or as whatever it is, held by `lease`. A failure
// leaves nothing.
Result<content::BlobInfo> store_written(Parts& parts, const std::function<Result<>(Sink&)>& write,
                                        const std::optional<oci::Digest>& expected,
                                        content::Lease& lease);

// Unpacks those layers of an image that are not yet, saying `status` of each meanwhile. The
// caller keeps blobs and snapshots from collection.
Result<> unpack_layers(Parts& parts, const Document& image, const std::string& status,
                       ProgressStream& progress, const CancelToken& cancel);

// Records a target whose blobs the caller holds (or that is recorded already), with names.
Result<> record_target(Parts& parts, const oci::Descriptor& target,
                       const std::vector<oci::Reference>& names, const std::string& parent = "");

// "docker.io/library/alpine" + digest, as pulls and pushes name what they moved.
Result<oci::Reference> digest_name(const oci::Reference& name, const oci::Digest& digest);

// Docker's words for a platform that an image does not have: of an image of one other
// platform, and of one of several.
Error wrong_platform(const std::string& name, const oci::Platform& wanted,
                     const oci::Platform& actual);
Error lacking_platform(const std::string& name, const oci::Platform& wanted);
// The image of each platform, in their order; an error where there is none of one.
Result<std::vector<DocumentPtr>> of_platforms(const std::vector<DocumentPtr>& present,
                                              std::span<const oci::Platform> platforms,
                                              const std::string& name);

// The errors of several workers: the first that is no mere cancellation.
class FirstError {
 public:
  void set(const Error& error);
  Result<> result() const;

 private:
  mutable std::mutex mutex_;
  std::optional<Error> error_;
};

}  // namespace skiff::images
