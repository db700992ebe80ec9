#include "images/push.h"

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

#include "base/strings.h"
#include "images/holding.h"
#include "images/linked_cancel.h"
#include "images/pack.h"
#include "images/progress.h"

namespace skiff::images {

namespace {

// Docker's default.
constexpr size_t kUploads = 5;

class Push {
 public:
  Push(Parts& parts, const oci::Reference& name, const PushOptions& options,
       const ProgressSink& progress, const CancelToken& cancel)
      : parts_(parts),
        name_(options.by_digest ? name : name.with_default_tag()),
        options_(options),
        progress_(progress),
        cancel_(cancel),
        client_(options.client) {}

  Result<PushResult> run() {
    if (name_.digest()) {
      return Error(Code::kInvalidArgument, "cannot push a digest reference");
    }
    oci::Descriptor target = TRY(find_target());
    progress_.say("", cat("The push refers to repository [", name_.repository(), "]"));
    if (!options_.as_it_is) target = TRY(pack_target(parts_, target, *lease_, progress_, cancel_));
    const oci::Descriptor root = TRY(choose_root(target));
    TRY(plan(root));
    TRY(push_blobs());
    TRY(push_manifests(root));
    TRY(remember(target, root));
    progress_.say("", cat(options_.by_digest ? root.digest.str() : name_.tag(),
                          ": digest: ", root.digest.str(), " size: ", root.size));
    return PushResult{root.digest, root.size};
  }

 private:
  struct Blob {
    oci::Descriptor descriptor;
    bool is_layer = false;  // else a config, which Docker does not show
  };

  // What nobody removes while it is pushed.
  Result<oci::Descriptor> find_target() {
    lease_ = TRY(Holding::make(parts_));
    if (options_.target) return *options_.target;
    while (const auto row = TRY(parts_.catalog.find(name_))) {
      if (TRY(lease_->hold_target(row->target))) return row->target;
    }
    return Error(Code::kNotFound, cat("An image does not exist locally with the tag: ",
                                      name_.familiar_repository()));
  }

  // The whole target, or the manifest of one platform; see PushOptions.
  Result<oci::Descriptor> choose_root(const oci::Descriptor& target) {
    const std::vector<DocumentPtr> present = TRY(parts_.reader.present(target));
    const std::string shown = name_.familiar();
    if (options_.platform) {
      const DocumentPtr match = best_match(present, *options_.platform);
      if (match) return match->descriptor;
      if (oci::is_index_type(target.media_type) || present.empty()) {
        return lacking_platform(shown, *options_.platform);
      }
      return wrong_platform(shown, *options_.platform, present.front()->config.platform);
    }
    if (TRY(parts_.reader.complete(target))) return target;
    if (present.size() == 1) {
      progress_.say("",
                    "Not all multiplatform-content is present and only the available "
                    "single-platform image was pushed");
      return present.front()->descriptor;
    }
    std::vector<std::string> here;
    for (const DocumentPtr& image : present) {
      here.push_back(image->config.platform.normalized().str());
    }
    return Error(Code::kFailedPrecondition,
                 cat("cannot push ", shown, " whole: not all of its platforms are present (only ",
                     here.empty() ? "none" : join(here, ", "),
                     "); pull the others or push one of them with --platform"));
  }

  Result<> plan(const oci::Descriptor& root) {
    std::set<oci::Digest> seen;
    const auto add = [&](const oci::Descriptor& part) -> Result<> {
      if (!seen.insert(part.digest).second) return {};
      TRY(parts_.store.verify(part.digest, {}, cancel_));
      const bool is_document =
          oci::is_manifest_type(part.media_type) || oci::is_index_type(part.media_type);
      if (is_document) {
        manifests_.push_back(part);
      } else if (oci::is_nondistributable_type(part.media_type)) {
        progress_.say(part.digest.short_hex(), "Skipped foreign layer");
      } else {
        const bool is_config =
            part.media_type == oci::kMediaTypeConfig || part.media_type == oci::kDockerConfig;
        blobs_.push_back({.descriptor = part, .is_layer = !is_config});
      }
      return {};
    };
    return parts_.reader.visit(root, add, ImageReader::Order::kChildrenFirst);
  }

  Result<> push_blobs() {
    const LinkedCancel cancel(cancel_);
    size_t layers = 0;
    for (const Blob& blob : blobs_) {
      if (!blob.is_layer) continue;
      progress_.say(blob.descriptor.digest.short_hex(), "Preparing");
      if (++layers > kUploads) progress_.say(blob.descriptor.digest.short_hex(), "Waiting");
    }
    FirstError error;
    std::atomic<size_t> next = 0;
    std::vector<std::thread> workers;
    for (size_t i = 0; i < std::min(kUploads, blobs_.size()); ++i) {
      workers.emplace_back([&] {
        for (size_t n = next++; n < blobs_.size(); n = next++) {
          const auto pushed = push_blob(blobs_[n], cancel.token());
          if (pushed) continue;
          error.set(pushed.error());
          return cancel.cancel();
        }
      });
    }
    for (std::thread& worker : workers) worker.join();
    return error.result();
  }

  Result<> push_blob(const Blob& blob, const CancelToken& cancel) {
    const std::string label = blob.descriptor.digest.short_hex();
    const std::string mount_from = TRY(parts_.catalog.source_of(blob.descriptor.digest, name_));
    const auto report = [&](uint64_t done, uint64_t total) {
      if (blob.is_layer) progress_.bytes(label, "Pushing", done, total);
    };
    const auto outcome =
        client_.push_blob(name_, blob.descriptor, parts_.store, mount_from, report, cancel);
    if (!outcome) {
      // A registry refuses damaged content too, in words that do not tell where it lies.
      if (!cancel.cancelled()) {
        TRY(parts_.store.verify(blob.descriptor.digest, {.always = true}, cancel));
      }
      return outcome.error();
    }
    if (!blob.is_layer) return {};
    switch (*outcome) {
      case remote::PushOutcome::kUploaded:
      case remote::PushOutcome::kLinked:
        progress_.say(label, "Pushed");
        break;
      case remote::PushOutcome::kExists:
        progress_.say(label, "Layer already exists");
        break;
      case remote::PushOutcome::kMounted:
        progress_.say(label, cat("Mounted from ", mount_from));
        break;
    }
    return {};
  }

  // Children before those that name them.
  Result<> push_manifests(const oci::Descriptor& root) {
    for (const oci::Descriptor& manifest : manifests_) {
      const std::string bytes = TRY(content::read_blob(parts_.store, manifest.digest));
      const bool is_root = manifest.digest == root.digest;
      const oci::Reference as =
          is_root && !options_.by_digest ? name_ : name_.with_digest(manifest.digest);
      const oci::Digest stored =
          TRY(client_.push_manifest(as, bytes, manifest.media_type, cancel_));
      if (is_root && stored.algorithm() == root.digest.algorithm() && stored != root.digest) {
        return Error(Code::kDataLoss, cat("pushed ", root.digest.str(), " as ", stored.str()));
      }
    }
    return {};
  }

  // The repository has the blobs now, and the image a digest name.
  Result<> remember(const oci::Descriptor& target, const oci::Descriptor& root) {
    std::vector<oci::Digest> blobs;
    for (const Blob& blob : blobs_) blobs.push_back(blob.descriptor.digest);
    TRY(parts_.catalog.add_sources(blobs, name_));
    return parts_.catalog.add_name(target.digest, TRY(digest_name(name_, root.digest)));
  }

  Parts& parts_;
  const oci::Reference name_;
  const PushOptions& options_;
  ProgressStream progress_;
  const CancelToken& cancel_;
  remote::RegistryClient client_;
  std::unique_ptr<Holding> lease_;
  std::vector<oci::Descriptor> manifests_;
  std::vector<Blob> blobs_;
};

}  // namespace

Result<PushResult> push_image(Parts& parts, const oci::Reference& name, const PushOptions& options,
                              const ProgressSink& progress, const CancelToken& cancel) {
  return Push(parts, name, options, progress, cancel).run();
}

}  // namespace skiff::images
