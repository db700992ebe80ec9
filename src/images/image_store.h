// ImageStore: named images: what the user calls "an image", over content and snapshots.
//
// A *name* (canonical reference string "docker.io/library/alpine:latest") points at a
// target: a manifest, or an index of several platforms. An image *id* is the digest of the
// config of one platform, as Docker shows it. Untagged (dangling) images are targets
// without a name. Names and targets live in SQLite; bytes in the ContentStore; unpacked
// trees in the Snapshotter, named by chainID.
//
// Only what is reachable from a target stays: removing the last name of an image removes
// its blobs and snapshots that no other image or container uses, at once. What broken-off
// pulls left stays until collect_garbage(), so that they can be resumed. Thread-safe.
//
// An index may be here with some of its platforms only: it is the target all the same, and
// what is missing can be pulled into it later. On disk: ROOT/images.db, ROOT/loading/ (the
// scratch space of `load`).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/cancellation.h"
#include "codec/compress.h"
#include "content/content_store.h"
#include "oci/image_config.h"
#include "oci/manifest.h"
#include "oci/platform.h"
#include "oci/reference.h"
#include "remote/registry_client.h"
#include "snapshot/snapshotter.h"

namespace skiff::images {

// One image of one platform.
struct Image {
  oci::Digest id = oci::Digest::of("");  // of the config
  oci::Descriptor target;                // what names point at: an index, or the manifest itself
  oci::Descriptor manifest;
  oci::Manifest manifest_doc;
  oci::ImageConfig config;
  std::string config_bytes;
  std::string parent;                 // id of the image it was built or committed from, or ""
  std::vector<oci::Reference> names;  // tags, and for pulled images name@digest
  uint64_t size = 0;                  // bytes of its unpacked layers
  TimePoint tagged;                   // when last tagged or made

  // The name of its topmost committed snapshot; "" for an image without layers.
  std::string snapshot_name() const;
};

// The names of an image's committed snapshots, lowest first.
std::vector<std::string> layer_snapshots(const oci::ImageConfig& config);

// One line of progress, as the Docker API streams it.
struct ProgressEvent {
  std::string id;      // short layer digest, or ""
  std::string status;  // "Downloading", "Pull complete", ...
  uint64_t current = 0;
  uint64_t total = 0;
  std::string digest = {};  // whole, of a layer that is pulled
};
using ProgressSink = std::function<void(const ProgressEvent&)>;

// What work on images holds: no blob or committed snapshot of it goes, whatever others remove
// meanwhile. When it ends, what was made under it, or removed by others, and nothing needs goes at
// once. Thread-safe.
class ImageLease : public content::Lease {
 public:
  // Present or to come; waits for a collection that runs.
  virtual Result<> hold_snapshots(std::vector<std::string> names) = 0;
  // What an image is made of; false where it was removed since it was found.
  virtual Result<bool> hold_image(const Image& image) = 0;
};

struct PullOptions {
  std::optional<oci::Platform> platform;  // nullopt: the host's
  bool all_platforms = false;             // fetch every platform of an index
  bool sole_of_any = false;               // a manifest that no index leads to is of any platform
  ImageLease* lease = nullptr;            // to hold what was pulled, from its first byte
  remote::ClientOptions client;
};

struct PushOptions {
  // Push only that platform's manifest. Without: the whole index; where parts of it are not
  // here, the manifest of the only platform that is, and with several a refusal.
  std::optional<oci::Platform> platform;
  // What is pushed where no name in the store needs to lead to it; the caller holds it.
  std::optional<oci::Descriptor> target;
  bool by_digest = false;  // no tag is pushed: the name has none
  // Else its plain layers are packed first, unless a registry is known to have them plain, and the
  // names that led to it lead to what is pushed.
  bool as_it_is = false;
  remote::ClientOptions client;
};

struct PushResult {
  oci::Digest digest;
  uint64_t size = 0;  // of the manifest or index
};

// docker-archive: a manifest.json beside the OCI layout's files, for readers that know no other.
enum class ArchiveForm { kOci, kOciAndDocker };

enum class RemovedKind { kUntagged, kDeleted };
struct Removed {
  RemovedKind kind;
  std::string what;
};

// A container that keeps an image from being removed; a bare id is one that does not run.
struct ImageUser {
  ImageUser(std::string id = "", bool is_running = false)  // NOLINT(google-explicit-constructor)
      : container(std::move(id)), running(is_running) {}
  std::string container;  // "" for none
  bool running = false;
};

// A layer made here, ready to become part of an image.
struct NewLayer {
  oci::Descriptor descriptor;  // of the blob in the content store
  oci::Digest diff_id = oci::Digest::of("");
};

// How layers that are made here are kept: they are compressed when they leave.
inline constexpr CompressForm kKeptForm{.compression = Compression::kNone, .level = {}};

// Whether the form of a plain layer that goes to registries is to be made where it is not here.
enum class Pack { kNow, kIfDone };

// How the manifest of an image made here is written.
struct ManifestForm {
  bool in_dockers_words = false;  // else in OCI's
  std::map<std::string, std::string> annotations;
};

// What a check looked at.
struct CheckSummary {
  size_t targets = 0;
  size_t blobs = 0;
  uint64_t bytes = 0;  // of the blobs
  size_t snapshots = 0;
  uint64_t freed = 0;  // bytes that nothing needed, removed by a repair
};

struct StorageUse {
  uint64_t limit = 0;  // 0 for none
  uint64_t used = 0;   // bytes of blobs, also of unfinished ones, and unpacked layers
};

class ImageStore {
 public:
  virtual ~ImageStore() = default;

  // By name ("alpine", "a/b:1", "x@sha256:.."), full id, or unambiguous id prefix. Where the
  // target is an index, `platform` (default: the host's, else the only or first one present)
  // chooses. kNotFound: "No such image: NAME" (with the default tag added, as Docker says).
  virtual Result<Image> find(const std::string& name,
                             const std::optional<oci::Platform>& platform = std::nullopt) = 0;
  virtual Result<std::unique_ptr<ImageLease>> lease() = 0;
  // As find(), and held from then on.
  virtual Result<Image> find_held(const std::string& name,
                                  const std::optional<oci::Platform>& platform,
                                  ImageLease& lease) = 0;
  // Every image: one for each target and platform present, newest first.
  virtual Result<std::vector<Image>> list() = 0;
  // The platforms of the target that are wholly here; it need not be recorded.
  virtual Result<std::vector<Image>> platforms_of(const oci::Descriptor& target) = 0;

  virtual Result<> tag(const Image& image, const oci::Reference& name) = 0;
  // Points `name` (or nothing: a dangling image) at content that is already in the store.
  virtual Result<> put(const oci::Descriptor& target, const std::optional<oci::Reference>& name,
                       const std::string& parent_id = "") = 0;
  // Docker's rmi: by tag untags, and deletes with the last one; by id needs `force` where
  // several repositories name it. What is deleted is a whole target, all its platforms.
  // Conflicts are kFailedPrecondition with Docker's texts, and nothing has changed then: what names
  // or uses it is looked at and removed while nobody else can add to that.
  virtual Result<std::vector<Removed>> remove(
      const std::string& name, bool force, bool prune_parents,
      const std::function<ImageUser(const oci::Digest& id)>& in_use) = 0;
  // Takes the images of these platforms out of the one that is named, which keeps its names and its
  // digest: only the others of its index are here then. All that are here: as remove(). kNotFound
  // for a platform that is not here; conflicts as above, also with another image of the same.
  virtual Result<std::vector<Removed>> remove_platforms(
      const std::string& name, std::span<const oci::Platform> platforms, bool force,
      const std::function<ImageUser(const oci::Digest& id)>& in_use) = 0;
  // The same as remove() for targets that were seen unused, each with its names where there are any
  // (`kToo`), or without a name: none goes that is used, or has been given a name, by the time that
  // all of it goes at once. Other targets of the same image stay.
  enum class Named { kToo, kNot };
  virtual Result<std::vector<Removed>> remove_unused(
      std::span<const oci::Digest> targets, Named named,
      const std::function<ImageUser(const oci::Digest& id)>& in_use) = 0;
  // Whether the image was not removed since it was found: who says beforehand that he uses it, and
  // is seen by `in_use` from then on, keeps it from remove_unused().
  virtual Result<bool> still_has(const Image& image) = 0;

  virtual Result<Image> pull(const oci::Reference& name, const PullOptions& options,
                             const ProgressSink& progress, const CancelToken& cancel) = 0;
  virtual Result<PushResult> push(const oci::Reference& name, const PushOptions& options,
                                  const ProgressSink& progress, const CancelToken& cancel) = 0;

  // The tags that the registry has of a repository.
  virtual Result<std::vector<std::string>> remote_tags(const oci::Reference& repository,
                                                       const remote::ClientOptions& client) = 0;

  // docker-archive and OCI layout in one tar, both readable by docker, podman and skopeo. A
  // repository without a tag stands for all its tags. The archive holds all platforms that are
  // here, or the given ones, which each image has to have; its docker-archive side has one of each
  // image (the host's, else the first).
  virtual Result<> save(const std::vector<std::string>& names, Sink& tar, const CancelToken& cancel,
                        std::span<const oci::Platform> platforms = {}) = 0;
  // One target, which the caller holds and that need not be recorded, under these names.
  virtual Result<> archive(const oci::Descriptor& target, std::span<const oci::Reference> names,
                           ArchiveForm form, Sink& tar, const CancelToken& cancel) = 0;
  // Either form; returns the loaded names (or ids). Bad archives leave nothing behind. Where
  // platforms are given nothing else stays, and each image has to have them.
  virtual Result<std::vector<std::string>> load(Source& tar, const ProgressSink& progress,
                                                const CancelToken& cancel,
                                                std::span<const oci::Platform> platforms = {}) = 0;

  // Puts a layer tar into the content store; the same bytes on every machine.
  virtual Result<NewLayer> add_layer(Source& tar, content::Lease& lease,
                                     const CompressForm& form = kKeptForm) = 0;
  // The same of one that the snapshotter keeps, whose file becomes the blob's.
  virtual Result<NewLayer> add_layer(snapshot::LayerToStore& tar, content::Lease& lease) = 0;
  // A plain layer as it goes to registries: gzip, which is made once. The layer itself where it is
  // compressed, or a registry is known to have it plain.
  virtual Result<oci::Descriptor> pack_layer(const oci::Descriptor& layer, Pack pack,
                                             content::Lease& lease, const CancelToken& cancel) = 0;
  // Writes config and manifest of one platform; the caller puts or indexes the manifest while
  // it holds the lease.
  // Descriptor's platform is set. Layers' descriptors must pair with config.diff_ids.
  virtual Result<oci::Descriptor> write_image(const oci::ImageConfig& config,
                                              const std::vector<oci::Descriptor>& layers,
                                              content::Lease& lease,
                                              const ManifestForm& form = {}) = 0;
  // Makes sure that every layer is unpacked; returns the topmost snapshot's name. kDataLoss where
  // one is known to be damaged: a pull replaces it.
  virtual Result<std::string> unpack(const Image& image, const ProgressSink& progress,
                                     const CancelToken& cancel) = 0;

  // The registry of this process: pulls from it and pushes to it share blobs' files. To be said
  // before the first of them.
  virtual void set_near_registry(remote::NearRegistry near) = 0;

  virtual content::ContentStore& content() = 0;
  virtual snapshot::Snapshotter& snapshots() = 0;

  virtual Result<StorageUse> storage_use() = 0;
  // Bytes that nothing needs: what broken-off pulls have left, whole or in part.
  virtual Result<uint64_t> unneeded() = 0;
  // Room under the storage limit for a layer that is sealed, for as long as this is kept: until
  // its snapshot is there. Empty where there is no limit. For one thread.
  virtual snapshot::Snapshotter::MakeRoom layer_room() = 0;

  // Drops blobs and committed snapshots that nothing names, neither an image, a lease, an
  // active snapshot's parents nor `extra_roots()` (the build cache), and what broken off pulls
  // have fetched; returns bytes freed, as soon as they are.
  virtual Result<uint64_t> collect_garbage() = 0;
  // The same when a daemon starts, for what a crash has left. A pull that began less than a day
  // ago keeps what it has fetched, to be resumed.
  virtual Result<uint64_t> collect_leftovers() = 0;
  // The snapshot and those below it, as far as nothing needs them: when a container goes that was
  // the last to use an image which was removed before.
  virtual Result<> collect_layers(const std::string& snapshot) = 0;
  // Compares all that is stored with one another; see check.h.
  virtual Result<CheckSummary> check(const CheckOptions& options, const ProblemSink& report,
                                     const CancelToken& cancel) = 0;
  // Reads blobs and layers again, as content::scrub() does.
  virtual Result<content::ScrubTotals> scrub(const content::ScrubOptions& options,
                                             const std::function<void(const Error&)>& damaged,
                                             const CancelToken& cancel) = 0;
  // More committed snapshot names and blobs to keep. The callback is asked while a collection
  // runs: what is not told then must be held by a lease.
  struct Roots {
    std::vector<std::string> snapshots;
    std::vector<oci::Digest> blobs;
  };
  virtual void set_extra_roots(std::function<Result<Roots>()> roots) = 0;
};

// What goes beyond a limit is refused (kResourceExhausted), before it is written as far as its
// size is known.
struct StoreLimits {
  uint64_t bytes = 0;    // of blobs and unpacked layers together; 0 for no limit
  ExpansionLimit layer;  // what one layer may expand to
};
Result<std::unique_ptr<ImageStore>> open_image_store(
    const Path& root, std::unique_ptr<content::ContentStore> content,
    std::unique_ptr<snapshot::Snapshotter> snapshots, const Clock& clock = Clock::system(),
    const StoreLimits& limits = {});

}  // namespace skiff::images
