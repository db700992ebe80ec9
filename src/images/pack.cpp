#include "images/pack.h"

#include <set>

#include "base/strings.h"
#include "codec/compress.h"
#include "codec/gzip_identity.h"
#include "codec/hash.h"

namespace skiff::images {

namespace {

// In the words of the layer's kind; "" for one that is not plain.
std::string packed_type(const std::string& plain) {
  if (plain == oci::kMediaTypeLayer) return std::string(oci::kMediaTypeLayerGzip);
  if (plain == oci::kDockerLayerPlain) return std::string(oci::kDockerLayerGzip);
  return "";
}

Result<oci::Descriptor> make_packed(Parts& parts, const oci::Descriptor& layer,
                                    content::Lease& lease, const CancelToken& cancel) {
  TRY(lease.hold(layer.digest));
  const auto plain = TRY(parts.store.open(layer.digest));
  const auto write = [&](Sink& to) -> Result<> {
    CancellableSource source(*plain, cancel);
    Hasher hasher(layer.digest.algorithm());
    HashingSource hashed(source, hasher);
    const auto packed = make_compressing_sink(to, CompressForm{});
    TRY(copy(hashed, *packed));
    TRY(packed->finish());
    // What was damaged on the disk must not get a digest of its own.
    if (hasher.hex() == layer.digest.hex()) return {};
    TRY(parts.store.verify(layer.digest, {.always = true}, cancel));
    return Error(Code::kDataLoss,
                 cat("layer ", layer.digest.str(), " was read wrongly: try again"));
  };
  const content::BlobInfo blob = TRY(store_written(parts, write, std::nullopt, lease));
  TRY(parts.catalog.set_packed_form(
      layer.digest, {.digest = blob.digest, .size = blob.size, .compressor = gzip_identity()}));
  oci::Descriptor out = layer;
  out.media_type = packed_type(layer.media_type);
  out.digest = blob.digest;
  out.size = blob.size;
  return out;
}

Result<std::optional<oci::Descriptor>> find_packed(Parts& parts, const oci::Descriptor& layer,
                                                   content::Lease& lease,
                                                   const CancelToken& cancel) {
  const auto form = TRY(parts.catalog.packed_form(layer.digest));
  // Another one would not make the same of it here, nor this one elsewhere.
  if (!form || form->compressor != gzip_identity()) return std::optional<oci::Descriptor>();
  TRY(lease.hold(form->digest));
  if (!TRY(is_whole(parts, form->digest, cancel))) return std::optional<oci::Descriptor>();
  oci::Descriptor out = layer;
  out.media_type = packed_type(layer.media_type);
  out.digest = form->digest;
  out.size = form->size;
  return std::optional(std::move(out));
}

class TargetPacker {
 public:
  TargetPacker(Parts& parts, content::Lease& lease, ProgressStream& progress,
               const CancelToken& cancel)
      : parts_(parts), lease_(lease), progress_(progress), cancel_(cancel) {}

  Result<oci::Descriptor> pack(const oci::Descriptor& target, int depth = 0) {
    if (depth > kMaxIndexDepth || !TRY(parts_.reader.has(target.digest))) return target;
    if (oci::is_index_type(target.media_type)) return pack_index(target, depth);
    return oci::is_manifest_type(target.media_type) ? pack_manifest(target) : target;
  }

 private:
  Result<oci::Descriptor> pack_manifest(const oci::Descriptor& target) {
    const std::string bytes = TRY(content::read_blob(parts_.store, target.digest));
    const oci::Manifest manifest = TRY(oci::Manifest::parse(bytes, target.media_type));
    if (!is_image(manifest) || !TRY(parts_.reader.complete(target))) return target;
    std::vector<oci::Descriptor> layers;
    for (const oci::Descriptor& layer : manifest.layers) layers.push_back(TRY(pack_one(layer)));
    oci::Manifest packed =
        oci::Manifest::make(manifest.media_type, manifest.config, layers, manifest.annotations);
    const oci::Manifest same = oci::Manifest::make(manifest.media_type, manifest.config,
                                                   manifest.layers, manifest.annotations);
    // Another's, which may say what ours do not.
    if (same.raw != bytes || packed.raw == bytes) return target;
    return store(target, packed.raw);
  }

  Result<oci::Descriptor> pack_one(const oci::Descriptor& layer) {
    const std::string label = layer.digest.short_hex();
    oci::Descriptor packed = TRY(pack_layer(parts_, layer, Pack::kIfDone, lease_, cancel_));
    if (packed.digest != layer.digest || packed_type(layer.media_type).empty() ||
        TRY(parts_.catalog.has_source(layer.digest))) {
      return packed;
    }
    progress_.say(label, "Compressing");
    packed = TRY_CONTEXT(pack_layer(parts_, layer, Pack::kNow, lease_, cancel_),
                         cat("compress layer ", label));
    progress_.say(label, "Compressed");
    return packed;
  }

  Result<oci::Descriptor> pack_index(const oci::Descriptor& target, int depth) {
    const std::string bytes = TRY(content::read_blob(parts_.store, target.digest));
    const oci::Index index = TRY(oci::Index::parse(bytes, target.media_type));
    // Statements name the digest of the manifest that they are about.
    std::set<std::string> attested;
    for (const oci::Descriptor& child : index.manifests) {
      const auto about = child.annotations.find(std::string(kReferenceDigest));
      if (about != child.annotations.end()) attested.insert(about->second);
    }
    json::Value document = TRY(json::parse(bytes));
    json::Array entries = document.array("manifests");
    bool is_same = true;
    for (size_t i = 0; i < index.manifests.size(); ++i) {
      const oci::Descriptor& child = index.manifests[i];
      if (attested.contains(child.digest.str())) continue;
      const oci::Descriptor packed = TRY(pack(child, depth + 1));
      if (packed.digest == child.digest) continue;
      is_same = false;
      entries.at(i).set("digest", packed.digest.str());
      entries.at(i).set("size", packed.size);
    }
    if (is_same) return target;
    document.set("manifests", std::move(entries));
    return store(target, document.dump());
  }

  Result<oci::Descriptor> store(const oci::Descriptor& before, const std::string& bytes) {
    oci::Descriptor out = before;
    out.digest = oci::Digest::of(bytes);
    out.size = bytes.size();
    TRY(store_bytes(parts_, bytes, out.digest, lease_, cancel_));
    return out;
  }

  Parts& parts_;
  content::Lease& lease_;
  ProgressStream& progress_;
  const CancelToken& cancel_;
};

}  // namespace

Result<oci::Descriptor> pack_layer(Parts& parts, const oci::Descriptor& layer, Pack pack,
                                   content::Lease& lease, const CancelToken& cancel) {
  if (packed_type(layer.media_type).empty()) return layer;
  if (TRY(parts.catalog.has_source(layer.digest))) return layer;
  if (auto done = TRY(find_packed(parts, layer, lease, cancel))) return *std::move(done);
  if (pack == Pack::kIfDone) return layer;
  // Two pushes of one layer compress it once.
  const auto turn = TRY(parts.transfers.lock(cat("pack ", layer.digest.str()), cancel));
  if (auto done = TRY(find_packed(parts, layer, lease, cancel))) return *std::move(done);
  return make_packed(parts, layer, lease, cancel);
}

Result<oci::Descriptor> pack_target(Parts& parts, const oci::Descriptor& target,
                                    content::Lease& lease, ProgressStream& progress,
                                    const CancelToken& cancel) {
  oci::Descriptor packed = TRY(TargetPacker(parts, lease, progress, cancel).pack(target));
  if (packed.digest == target.digest) return packed;
  const auto lock = parts.garbage.adding_roots();
  TRY(parts.catalog.replace(target.digest, packed));
  parts.reader.changed();
  return packed;
}

}  // namespace skiff::images
