#include "images/pull.h"

#include <algorithm>

#include "base/log.h"
#include "base/strings.h"
#include "images/layer_transfer.h"
#include "images/progress.h"

namespace skiff::images {

namespace {

class Pull {
 public:
  Pull(Parts& parts, const oci::Reference& name, const PullOptions& options,
       const ProgressSink& progress, const CancelToken& cancel)
      : parts_(parts),
        name_(name.with_default_tag()),
        options_(options),
        progress_(progress),
        cancel_(cancel),
        client_(options.client) {}

  Result<Pulled> run() {
    auto pulled = pull();
    own_lease_.reset();
    if (!pulled && is_final(pulled.error())) drop_what_came();
    return pulled;
  }

 private:
  // What does not fit, or is no image, is not to be resumed: what came of it goes.
  static bool is_final(const Error& error) {
    return is_no_room(error) || error.code() == Code::kInvalidArgument;
  }

  Result<Pulled> pull() {
    if (options_.lease == nullptr) own_lease_ = TRY(parts_.store.lease());
    lease_ = own_lease_ ? own_lease_.get() : options_.lease;
    const auto before = TRY(parts_.catalog.find(TRY(short_name())));
    const oci::Descriptor target = TRY(fetch_target());
    came_.blobs.insert(target.digest);
    const bool is_known = before && before->target.digest == target.digest;
    if (!is_known) TRY(begin(target));
    const std::string label = name_.digest() ? name_.digest()->str() : name_.tag();
    progress_.say(label, cat("Pulling from ", name_.path()));
    TRY(fetch_documents(target));
    LayerTransfer layers(parts_, client_, name_, *lease_, progress_, cancel_);
    layers.add_unpacked(chosen_);
    for (const DocumentPtr& image : images_) layers.add_blobs(image->manifest);
    for (const oci::Manifest& other : attachments_) layers.add_blobs(other);
    TRY(layers.run());
    if (options_.lease != nullptr) TRY(options_.lease->hold_snapshots(chosen_->snapshots()));
    TRY(record(target));
    const bool is_new = !is_known || fetched_ || layers.moved_any();
    progress_.say("", cat("Digest: ", target.digest.str()));
    progress_.say(
        "", cat(is_new ? "Status: Downloaded newer image for " : "Status: Image is up to date for ",
                TRY(short_name()).familiar()));
    return Pulled{target, chosen_};
  }

  Result<> begin(const oci::Descriptor& target) {
    begun_.emplace(TRY(parts_.begun.begin(target, parts_.clock.now())));
    return {};
  }

  void drop_what_came() {
    if (begun_) {
      const auto forgotten = begun_->give_up();
      if (!forgotten) log_warn(cat("after a pull that failed: ", forgotten.error().message()));
    }
    const auto add_layers = [&](const oci::Manifest& manifest) {
      for (const oci::Descriptor& layer : manifest.layers) came_.blobs.insert(layer.digest);
    };
    for (const oci::Manifest& manifest : attachments_) add_layers(manifest);
    for (const DocumentPtr& image : images_) {
      add_layers(image->manifest);
      for (std::string& name : image->snapshots()) came_.snapshots.insert(std::move(name));
    }
    const auto swept = parts_.garbage.collect(&came_);
    if (!swept) return log_warn(cat("after a pull that failed: ", swept.error().message()));
    // Of what others pull, or may go on to pull, the parts stay, too.
    for (const oci::Digest& blob : swept->unneeded) {
      [[maybe_unused]] auto ignored = parts_.store.abort(ingest_reference(blob));
    }
  }

  // The name that the image gets: a tag, or the digest alone where one was given.
  Result<oci::Reference> short_name() const {
    if (name_.digest()) return digest_name(name_, *name_.digest());
    return name_;
  }

  // The document that the name points at, into the store.
  Result<oci::Descriptor> fetch_target() {
    if (const auto known = TRY(known_target())) {
      // Only asks: what the name points at may be here already.
      oci::Descriptor remote = TRY(client_.resolve(name_, cancel_));
      TRY(lease_->hold(remote.digest));
      if (TRY(is_whole(parts_, remote.digest, cancel_))) return remote;
    }
    return fetch_manifest(name_);
  }

  Result<std::optional<TargetRow>> known_target() { return parts_.catalog.find(TRY(short_name())); }

  Result<oci::Descriptor> fetch_manifest(const oci::Reference& ref) {
    const remote::FetchedManifest fetched = TRY(client_.fetch_manifest(ref, cancel_));
    TRY(judge(fetched));
    TRY(store_bytes(parts_, fetched.bytes, fetched.digest, *lease_, cancel_));
    fetched_ = true;
    oci::Descriptor out;
    out.media_type = fetched.media_type;
    out.digest = fetched.digest;
    out.size = fetched.bytes.size();
    return out;
  }

  // Before it is stored.
  Result<> judge(const remote::FetchedManifest& fetched) const {
    if (oci::is_manifest_type(fetched.media_type)) {
      TRY_CONTEXT(oci::Manifest::parse(fetched.bytes, fetched.media_type),
                  cat("manifest ", fetched.digest.str()));
    } else {
      TRY_CONTEXT(oci::Index::parse(fetched.bytes, fetched.media_type),
                  cat("index of ", name_.familiar()));
    }
    return {};
  }

  // Manifests and configs of the platforms to pull: images_, attachments_ and chosen_.
  Result<> fetch_documents(const oci::Descriptor& target) {
    if (oci::is_manifest_type(target.media_type)) {
      TRY(add_image(target, oci::Platform{}));
      if (images_.empty()) return not_an_image(attachments_.front(), name_.familiar());
      chosen_ = images_.front();
      const bool judged = options_.platform && !options_.sole_of_any;
      if (judged && !oci::match_rank(*options_.platform, chosen_->config.platform)) {
        return wrong_platform(name_.familiar(), *options_.platform, chosen_->config.platform);
      }
      return {};
    }
    const std::string bytes = TRY(content::read_blob(parts_.store, target.digest));
    const oci::Index index = TRY_CONTEXT(oci::Index::parse(bytes, target.media_type),
                                         cat("index of ", name_.familiar()));
    const oci::Platform wanted = options_.platform.value_or(oci::Platform::host());
    const oci::Descriptor* entry = index.choose(wanted);
    if (entry == nullptr && (!options_.all_platforms || options_.platform)) {
      return Error(Code::kNotFound, cat("no matching manifest for ", wanted.normalized().str(),
                                        " in the manifest list entries"));
    }
    for (const oci::Descriptor& each : index.manifests) {
      if (options_.all_platforms || &each == entry)
        TRY(add_image(each, each.platform.value_or(oci::Platform{})));
    }
    chosen_ = best_match(images_, wanted);
    if (!chosen_ && !images_.empty()) chosen_ = images_.front();
    if (!chosen_) {
      return Error(Code::kInvalidArgument, cat(name_.familiar(), ": no container image in it"));
    }
    return {};
  }

  // What an index says of a platform is only a hint; the config decides.
  Result<> add_image(const oci::Descriptor& manifest, const oci::Platform& hint) {
    TRY(lease_->hold(manifest.digest));
    came_.blobs.insert(manifest.digest);
    if (!TRY(is_whole(parts_, manifest.digest, cancel_))) {
      TRY(fetch_manifest(name_.with_digest(manifest.digest)));
    }
    const std::string bytes = TRY(content::read_blob(parts_.store, manifest.digest));
    oci::Manifest document = TRY_CONTEXT(oci::Manifest::parse(bytes, manifest.media_type),
                                         cat("manifest ", manifest.digest.str()));
    came_.blobs.insert(document.config.digest);
    TRY(fetch_config(document.config));
    if (!is_image(document) || hint.os == "unknown") {
      attachments_.push_back(std::move(document));
      return {};
    }
    images_.push_back(TRY(parts_.reader.document(manifest)));
    return {};
  }

  Result<> fetch_config(const oci::Descriptor& config) {
    constexpr uint64_t kMaxConfig = uint64_t{16} << 20U;
    if (config.size > kMaxConfig) {
      return Error(Code::kResourceExhausted,
                   cat("config ", config.digest.str(), ": ", config.size, " bytes are too many"));
    }
    if (TRY(fetch_blob(parts_, client_, name_, config, *lease_, {}, cancel_))) fetched_ = true;
    return {};
  }

  Result<> record(const oci::Descriptor& target) {
    std::vector<oci::Reference> names = {TRY(digest_name(name_, target.digest))};
    if (!name_.digest()) names.push_back(name_);
    TRY(record_target(parts_, target, names));
    std::vector<oci::Digest> blobs;
    for (const DocumentPtr& image : images_) {
      blobs.push_back(image->id());
      for (const auto& layer : image->manifest.layers) blobs.push_back(layer.digest);
    }
    return parts_.catalog.add_sources(blobs, name_);
  }

  Parts& parts_;
  const oci::Reference name_;
  const PullOptions& options_;
  ProgressStream progress_;
  const CancelToken& cancel_;
  remote::RegistryClient client_;
  std::unique_ptr<content::Lease> own_lease_;
  content::Lease* lease_ = nullptr;
  std::vector<DocumentPtr> images_;
  std::vector<oci::Manifest> attachments_;  // what is no image: attestations
  DocumentPtr chosen_;
  Garbage::Candidates came_;               // what a failure may leave
  std::optional<BegunPulls::Pull> begun_;  // where the target was none of ours before
  bool fetched_ = false;
};

}  // namespace

Result<Pulled> pull_image(Parts& parts, const oci::Reference& name, const PullOptions& options,
                          const ProgressSink& progress, const CancelToken& cancel) {
  return Pull(parts, name, options, progress, cancel).run();
}

}  // namespace skiff::images
