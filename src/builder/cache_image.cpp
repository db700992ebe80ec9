#include "builder/cache_image.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/strings.h"
#include "base/truth.h"
#include "builder/offline_plan.h"
#include "builder/open_shelf.h"
#include "builder/untar.h"
#include "codec/compress.h"
#include "codec/hash.h"
#include "images/progress.h"
#include "snapshot/diff_source.h"
#include "snapshot/layer_diff.h"
#include "sys/root_dir.h"

namespace skiff::builder {

namespace {

constexpr int kAttempts = 16;

struct CacheImage {
  oci::Manifest manifest;
  PortableCache cache;
};

Result<std::optional<CacheImage>> read_image(CacheShelf& shelf) {
  const auto bytes = TRY(shelf.manifest());
  if (!bytes) return std::optional<CacheImage>();
  CacheImage image{.manifest = TRY(oci::Manifest::parse(*bytes))};
  if (image.manifest.config.media_type != kRecordsType) {
    return Error(Code::kInvalidArgument, "what is there is no build cache of ours");
  }
  image.cache = TRY(decode_cache(TRY(shelf.document(image.manifest.config))));
  return std::optional(std::move(image));
}

// What an image tells of its own steps; nothing is no error.
Result<std::vector<NewRecord>> steps_of(CacheShelf& shelf, const oci::Manifest& image) {
  const std::string text = TRY(shelf.document(image.config));
  const json::Value document = TRY_CONTEXT(json::parse(text), "image config");
  const json::Value* told = document.find(kInlineMember);
  if (told == nullptr) return std::vector<NewRecord>();
  return decode_inline(*told, TRY(oci::ImageConfig::parse(text)).diff_ids, image.layers);
}

Result<std::vector<NewRecord>> steps_of(CacheShelf& shelf, const oci::Index& index,
                                        const std::vector<oci::Platform>& platforms) {
  std::vector<NewRecord> out;
  std::set<oci::Digest> seen;
  for (const oci::Platform& platform : platforms) {
    const oci::Descriptor* image = index.choose(platform);
    if (image == nullptr || !oci::is_manifest_type(image->media_type)) continue;
    if (!seen.insert(image->digest).second) continue;
    const auto manifest = TRY(oci::Manifest::parse(TRY(shelf.document(*image))));
    std::ranges::move(TRY(steps_of(shelf, manifest)), std::back_inserter(out));
  }
  if (!seen.empty()) return out;
  return Error(Code::kInvalidArgument, "there is neither a build cache nor an image in it");
}

// Of a cache image, or of images.
Result<std::optional<PortableCache>> read_cache(CacheShelf& shelf,
                                                const std::vector<oci::Platform>& platforms) {
  const auto bytes = TRY(shelf.manifest());
  if (!bytes) return std::optional<PortableCache>();
  if (oci::is_index_type(oci::sniff_media_type(*bytes))) {
    return std::optional(
        PortableCache{.records = TRY(steps_of(shelf, TRY(oci::Index::parse(*bytes)), platforms))});
  }
  const auto manifest = TRY(oci::Manifest::parse(*bytes));
  const std::string& type = manifest.config.media_type;
  if (type == kRecordsType) {
    return std::optional(TRY(decode_cache(TRY(shelf.document(manifest.config)))));
  }
  if (type == oci::kMediaTypeConfig || type == oci::kDockerConfig) {
    return std::optional(PortableCache{.records = TRY(steps_of(shelf, manifest))});
  }
  return Error(Code::kInvalidArgument, "what is there is no build cache of ours");
}

std::vector<oci::Descriptor> layers_of(const PortableCache& cache) {
  std::vector<oci::Descriptor> out;
  std::set<oci::Digest> seen;
  const auto add = [&](const oci::Descriptor& blob) {
    if (seen.insert(blob.digest).second) out.push_back(blob);
  };
  for (const NewRecord& record : cache.records) {
    if (record.result.layer) add(record.result.layer->blob);
  }
  for (const PortableMount& mount : cache.mounts) add(mount.blob);
  return out;
}

// Gives what it reads, and fails at the end where that was not the layer it was to be.
class LayerSource : public Source {
 public:
  LayerSource(Source& from, const oci::Digest& expected, snapshot::Snapshotter::MakeRoom make_room)
      : from_(from), expected_(expected), make_room_(std::move(make_room)) {}
  Result<size_t> read(std::span<char> buffer) override {
    const size_t n = TRY(from_.read(buffer));
    hasher_.update({buffer.data(), n});
    if (n > 0 && make_room_) TRY(make_room_(n));
    if (n > 0 || oci::Digest::from_hex(HashAlgorithm::kSha256, hasher_.hex()) == expected_) {
      return n;
    }
    return Error(Code::kDataLoss, cat("it is not the layer ", expected_.str()));
  }

 private:
  Source& from_;
  const oci::Digest& expected_;
  snapshot::Snapshotter::MakeRoom make_room_;
  Hasher hasher_;
};

Result<> fetch_blob(Site& site, CacheShelf& shelf, images::ImageLease& lease,
                    const oci::Descriptor& blob) {
  content::ContentStore& store = site.images.content();
  TRY(lease.hold(blob.digest));
  if (const auto there = store.info(blob.digest); there && !there->damaged) return {};
  auto ingest = TRY(store.ingest(""));
  TRY(shelf.fetch(blob, *ingest));
  TRY(store.commit(*ingest, blob.digest, &lease));
  return {};
}

Result<> fetch_layer(Site& site, CacheShelf& shelf, images::ImageLease& lease, NewRecord& record,
                     const CancelToken& cancel) {
  if (!record.result.layer) return {};
  Layer& layer = *record.result.layer;
  TRY(fetch_blob(site, shelf, lease, layer.blob));
  TRY(lease.hold_snapshots({layer.snapshot}));
  snapshot::Snapshotter& snapshots = site.images.snapshots();
  if (!snapshots.stat(layer.snapshot)) {
    layer.room = std::make_shared<CacheRoom>(site.cache);
    const auto blob = TRY(site.images.content().open(layer.blob.digest));
    const auto plain = TRY(open_decompressed(*blob));
    LayerSource tar(*plain, layer.diff_id, room_for(site, *layer.room));
    auto unpacked = snapshots.unpack(layer.snapshot, record.parent, tar, cancel);
    if (!unpacked && unpacked.error().code() != Code::kAlreadyExists) return unpacked;
  }
  layer.size = TRY(snapshots.usage(layer.snapshot)).bytes;
  return {};
}

// One that is here already stays as it is.
Result<> fetch_mount(Site& site, CacheShelf& shelf, images::ImageLease& lease,
                     const PortableMount& mount, const CancelToken& cancel) {
  const auto seed = [&](const Path& directory) -> Result<> {
    TRY(fetch_blob(site, shelf, lease, mount.blob));
    const auto blob = TRY(site.images.content().open(mount.blob.digest));
    const auto plain = TRY(open_decompressed(*blob));
    const sys::RootDir root = TRY(sys::RootDir::open(directory));
    return untar(*plain, root, "", {.keep_owners = true}, cancel);
  };
  TRY_CONTEXT(site.cache_mounts.acquire({.id = mount.id, .seed = seed}, cancel),
              cat("cache mount ", mount.id));
  return {};
}

Result<PortableMount> pack_mount(Site& site, images::ImageLease& lease, const std::string& id,
                                 const CancelToken& cancel) {
  const auto use = TRY(site.cache_mounts.acquire({.id = id}, cancel));
  const Path directory = use.path();
  snapshot::DiffSource tar([&](Sink& to) { return snapshot::write_tree(directory, to); }, cancel);
  return PortableMount{.id = id,
                       .blob = TRY(site.images.add_layer(tar, lease, CompressForm{})).descriptor};
}

std::string blob_of(const NewRecord& record) {
  return record.result.layer ? record.result.layer->blob.digest.str() : "";
}

// What a place has already.
class There {
 public:
  explicit There(const PortableCache& cache) : cache_(cache) {
    for (const NewRecord& record : cache.records) {
      for (const std::string& key : record.keys) by_key_.try_emplace(key, &record);
    }
  }
  // Those with one of the keys of `own`.
  std::vector<const NewRecord*> like(const NewRecord& own) const {
    std::vector<const NewRecord*> out;
    for (const std::string& key : own.keys) {
      const auto found = by_key_.find(key);
      if (found != by_key_.end()) out.push_back(found->second);
    }
    return out;
  }
  // Null where it has none.
  const PortableMount* mount(const std::string& id) const {
    const auto found = std::ranges::find(cache_.mounts, id, &PortableMount::id);
    return found == cache_.mounts.end() ? nullptr : &*found;
  }

 private:
  const PortableCache& cache_;
  std::map<std::string, const NewRecord*> by_key_;
};

// One writer among several: what is there is read, and swaps for what has its own, too, unless
// another one has done so meanwhile. What is there already is not made again.
class Writer {
 public:
  Writer(Site& site, CacheShelf& shelf, const CachePlace& place, const OwnCache& own,
         images::ImageLease& lease, const std::function<void(std::string)>& told,
         const CancelToken& cancel)
      : site_(site), shelf_(shelf), place_(place), lease_(lease), told_(told), cancel_(cancel) {
    records_ = own.records;
    if (place.mounts) mounts_ = own.mounts;
    if (!place.of_result) return;
    std::erase_if(records_, [&](const NewRecord& record) {
      return record.result.layer && !own.layers.contains(record.result.layer->blob.digest);
    });
  }

  // True once what is there has its own.
  Result<bool> attempt() {
    const auto before = TRY(read_image(shelf_));
    const PortableCache cache = before ? before->cache : PortableCache();
    const There there(cache);
    if (before && has_all(there)) return true;
    std::vector<oci::Descriptor> made;
    const PortableCache all = unite(TRY(pack(there, made)), cache);
    const std::string document = encode_cache(all);
    oci::Descriptor config{.media_type = std::string(kRecordsType), .size = document.size()};
    config.digest = TRY(content::write_blob(site_.images.content(), document, &lease_));
    TRY(shelf_.put(config));
    for (const oci::Descriptor& layer : made) {
      TRY(shelf_.put(layer));
      told_(cat("writing layer ", layer.digest.str()));
    }
    const auto manifest = oci::Manifest::make(oci::kMediaTypeManifest, config, layers_of(all));
    const auto put =
        shelf_.put_manifest(manifest, before ? before->manifest.descriptor().digest.str() : "");
    if (!put && put.error().code() != Code::kFailedPrecondition) return put.error();
    return false;
  }

 private:
  // Any form will do, or the one that is asked for by force.
  bool is_fit(const NewRecord& own, const NewRecord& there) const {
    if (!place_.force_compression || !own.result.layer) return true;
    const auto known = site_.conversions.known({own.result.layer->blob, place_.compression});
    return known && known->digest.str() == blob_of(there);
  }

  bool has_all(const There& there) const {
    const auto has_record = [&](const NewRecord& own) {
      return std::ranges::any_of(there.like(own),
                                 [&](const NewRecord* other) { return is_fit(own, *other); });
    };
    const auto has_mount = [&](const std::string& id) { return there.mount(id) != nullptr; };
    return std::ranges::all_of(records_, has_record) && std::ranges::all_of(mounts_, has_mount);
  }

  // Null where it has not the same layer in a form that will do.
  const Layer* same_layer(const There& there, const NewRecord& own) const {
    for (const NewRecord* other : there.like(own)) {
      const auto& layer = other->result.layer;
      if (layer && layer->diff_id == own.result.layer->diff_id && is_fit(own, *other)) {
        return &*layer;
      }
    }
    return nullptr;
  }

  // `made`: what is to be written of it.
  Result<PortableCache> pack(const There& there, std::vector<oci::Descriptor>& made) {
    PortableCache out{.records = records_};
    for (NewRecord& record : out.records) {
      if (!record.result.layer) continue;
      oci::Descriptor& blob = record.result.layer->blob;
      if (const Layer* same = same_layer(there, record)) {
        blob = same->blob;
        continue;
      }
      blob = TRY(site_.conversions.pack({blob, place_.compression}, lease_, cancel_));
      made.push_back(blob);
    }
    for (const std::string& id : mounts_) {
      const PortableMount* other = there.mount(id);
      out.mounts.push_back(other != nullptr ? *other : TRY(packed_mount(id)));
      if (other == nullptr) made.push_back(out.mounts.back().blob);
    }
    return out;
  }

  Result<PortableMount> packed_mount(const std::string& id) {
    const auto known = packed_mounts_.find(id);
    if (known != packed_mounts_.end()) return known->second;
    return packed_mounts_.emplace(id, TRY(pack_mount(site_, lease_, id, cancel_))).first->second;
  }

  Site& site_;
  CacheShelf& shelf_;
  const CachePlace& place_;
  images::ImageLease& lease_;
  const std::function<void(std::string)>& told_;
  const CancelToken& cancel_;
  std::vector<NewRecord> records_;
  std::set<std::string> mounts_;
  std::map<std::string, PortableMount> packed_mounts_;
};

}  // namespace

bool wants_inline_cache(const BuildRequest& request) {
  const auto given = request.build_args.find("BUILDKIT_INLINE_CACHE");
  const bool is_given = given != request.build_args.end() && given->second;
  for (const Output& output : request.outputs) {
    const auto asked = output.attributes.find("inline-cache");
    if (asked != output.attributes.end() && parse_bool(asked->second).value_or(true)) return true;
  }
  return request.inline_cache || (is_given && parse_bool(*given->second).value_or(false));
}

Result<> export_cache(Site& site, const BuildRequest& request, const CachePlace& place,
                      const OwnCache& own, const std::function<void(std::string)>& told,
                      const CancelToken& cancel) {
  const auto write = [&]() -> Result<> {
    const auto lease = TRY(site.images.lease());
    const auto shelf = TRY(open_shelf(site, request, place, cancel));
    Writer writer(site, *shelf, place, own, *lease, told, cancel);
    for (int i = 0; i < kAttempts; ++i) {
      TRY(cancel.check());
      if (TRY(writer.attempt())) return {};
    }
    return Error(Code::kAborted, "others write it all the time");
  };
  return write().context(cat("export build cache to ", text_of(place)));
}

Result<bool> import_cache(Site& site, const BuildRequest& request, const CachePlace& place,
                          images::ImageLease& lease, ImportedRecords& imported,
                          const CancelToken& cancel) {
  const auto read = [&]() -> Result<bool> {
    const auto shelf = TRY(open_shelf(site, request, place, cancel));
    auto cache = TRY(read_cache(*shelf, platforms_of(request)));
    if (!cache) return false;
    if (place.mounts) {
      for (const PortableMount& mount : cache->mounts) {
        TRY(fetch_mount(site, *shelf, lease, mount, cancel));
      }
    }
    imported.add(std::move(cache->records),
                 [&site, &lease, shelf](NewRecord& record, const CancelToken& token) {
                   return fetch_layer(site, *shelf, lease, record, token);
                 });
    return true;
  };
  return read().context(cat("import build cache from ", text_of(place)));
}

}  // namespace skiff::builder
