#include "builder/cache_image.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "base/random.h"
#include "base/strings.h"
#include "builder/cache_shelf.h"
#include "builder/oci_layout.h"
#include "builder/untar.h"
#include "codec/compress.h"
#include "codec/hash.h"
#include "remote/registry_client.h"
#include "snapshot/diff_source.h"
#include "snapshot/layer_diff.h"
#include "sys/root_dir.h"

namespace skiff::builder {

namespace {

constexpr size_t kMostRecords = size_t{64} << 20U;  // bytes of their document
constexpr int kAttempts = 16;

struct CacheImage {
  oci::Manifest manifest;
  PortableCache cache;
};

// A directory with an OCI layout (OCI image-spec, image-layout.md). Who writes has it locked.
class LayoutShelf : public CacheShelf {
 public:
  LayoutShelf(content::ContentStore& store, OciLayout layout, std::string tag)
      : store_(store), layout_(std::move(layout)), tag_(std::move(tag)) {}

  Result<std::optional<std::string>> manifest() override {
    for (const oci::Descriptor& one : TRY(index()).manifests) {
      if (is_ours(one)) return std::optional(TRY(document(one)));
    }
    return std::optional<std::string>();
  }
  Result<std::string> document(const oci::Descriptor& blob) override {
    return layout_.document(blob, kMostRecords);
  }
  Result<> fetch(const oci::Descriptor& blob, content::Ingest& to) override {
    TRY(to.reset());
    return layout_.fetch(blob, to);
  }
  Result<> put(const oci::Descriptor& blob) override {
    const std::string path = OciLayout::path_of(blob.digest);
    if (auto there = root().stat(path); there) return {};
    const auto reader = TRY(store_.open(blob.digest));
    return write(path, *reader);
  }
  Result<> put_manifest(const oci::Manifest& manifest, const std::string& before) override {
    const UniqueFd lock = TRY(root().open_at("/", O_RDONLY | O_DIRECTORY));
    if (::flock(lock.get(), LOCK_EX) != 0) return Error::from_errno(errno, "lock cache directory");
    const auto now = TRY(this->manifest());
    if ((now ? oci::Digest::of(*now).str() : "") != before) {
      return Error(Code::kFailedPrecondition, "somebody else has written it");
    }
    TRY(write_text(OciLayout::path_of(manifest.descriptor().digest), manifest.raw));
    std::vector<oci::Descriptor> all = TRY(index()).manifests;
    std::erase_if(all, [&](const oci::Descriptor& one) { return is_ours(one); });
    all.push_back(manifest.descriptor());
    all.back().annotations[std::string(OciLayout::kRefName)] = tag_;
    TRY(write_text("oci-layout", R"({"imageLayoutVersion":"1.0.0"})"));
    return write_text("index.json", oci::Index::make(oci::kMediaTypeIndex, std::move(all)).raw);
  }

 private:
  const sys::RootDir& root() const { return layout_.root(); }
  bool is_ours(const oci::Descriptor& one) const {
    const auto name = one.annotations.find(std::string(OciLayout::kRefName));
    return name != one.annotations.end() && name->second == tag_;
  }
  Result<oci::Index> index() {
    auto index = layout_.index();
    if (!index && index.error().code() == Code::kNotFound) return oci::Index();
    return index;
  }
  Result<> write_text(const std::string& path, std::string_view text) {
    StringSource source(text);
    return write(path, source);
  }
  // Whole or not at all.
  Result<> write(const std::string& path, Source& from) {
    constexpr size_t kDigits = 12;
    const sys::Place place = TRY(root().make_place(path));
    const sys::Place beside = TRY(root().make_place(cat(path, ".new-", random_hex(kDigits))));
    const UniqueFd out(::openat(beside.parent.get(), beside.name.c_str(),
                                O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (!out) return Error::from_errno(errno, cat("write ", path));
    FdSink sink(out.get());
    auto written = copy(from, sink);
    if (written && ::renameat(beside.parent.get(), beside.name.c_str(), place.parent.get(),
                              place.name.c_str()) == 0) {
      return {};
    }
    const int why = errno;
    ::unlinkat(beside.parent.get(), beside.name.c_str(), 0);
    if (!written) return std::move(written.error()).with_context(path);
    return Error::from_errno(why, cat("rename to ", path));
  }

  content::ContentStore& store_;
  OciLayout layout_;
  std::string tag_;
};

class RegistryShelf : public CacheShelf {
 public:
  RegistryShelf(content::ContentStore& store, remote::ClientOptions options, oci::Reference name,
                CancelToken cancel)
      : store_(store),
        client_(std::move(options)),
        name_(std::move(name)),
        cancel_(std::move(cancel)) {}

  Result<std::optional<std::string>> manifest() override {
    auto found = client_.fetch_manifest(name_, cancel_);
    if (found) return std::optional(std::move(found->bytes));
    if (found.error().code() == Code::kNotFound) return std::optional<std::string>();
    return std::move(found.error());
  }
  Result<std::string> document(const oci::Descriptor& blob) override {
    if (blob.size > kMostRecords)
      return Error(Code::kResourceExhausted, "its records are too many");
    auto ingest = TRY(store_.ingest(""));
    TRY(fetch(blob, *ingest));
    TRY(store_.commit(*ingest, blob.digest));
    return content::read_blob(store_, blob.digest, kMostRecords);
  }
  Result<> fetch(const oci::Descriptor& blob, content::Ingest& to) override {
    return client_.fetch_blob(name_, blob, to, {}, cancel_);
  }
  Result<> put(const oci::Descriptor& blob) override {
    TRY(client_.push_blob(name_, blob, store_, "", {}, cancel_));
    return {};
  }
  Result<> put_manifest(const oci::Manifest& manifest, const std::string& before) override {
    TRY(client_.push_manifest(name_, manifest.raw, manifest.media_type, cancel_,
                              remote::Swap{before}));
    return {};
  }

 private:
  content::ContentStore& store_;
  remote::RegistryClient client_;
  oci::Reference name_;
  CancelToken cancel_;
};

std::string text_of(const CachePlace& place) {
  if (place.shelf) return "the client";
  return place.reference ? place.reference->familiar() : cat("directory, ", place.tag);
}

Result<std::shared_ptr<CacheShelf>> open_shelf(Site& site, const BuildRequest& request,
                                               const CachePlace& place, const CancelToken& cancel) {
  if (place.shelf) return place.shelf;
  content::ContentStore& store = site.images.content();
  if (!place.reference) {
    return std::make_shared<LayoutShelf>(store, TRY(OciLayout::open(place.directory)), place.tag);
  }
  remote::ClientOptions options = site.options.client;
  auto credentials = TRY(request.credentials_of(place.reference->domain()));
  if (credentials) options.credentials = std::move(*credentials);
  return std::make_shared<RegistryShelf>(store, std::move(options),
                                         place.reference->with_default_tag(), cancel);
}

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

bool has_all(const PortableCache& cache, const PortableCache& own) {
  std::set<std::string> keys;
  for (const NewRecord& record : cache.records) {
    keys.insert(record.keys.begin(), record.keys.end());
  }
  const auto has_record = [&](const NewRecord& record) {
    return std::ranges::any_of(record.keys,
                               [&](const std::string& key) { return keys.contains(key); });
  };
  const auto has_mount = [&](const PortableMount& mount) {
    return std::ranges::find(cache.mounts, mount.id, &PortableMount::id) != cache.mounts.end();
  };
  return std::ranges::all_of(own.records, has_record) && std::ranges::all_of(own.mounts, has_mount);
}

// One writer among several: reads what is there, adds its own, and swaps it unless another one has
// done so meanwhile; until what is there has its own. True then.
Result<bool> try_export(Site& site, CacheShelf& shelf, const PortableCache& own) {
  const auto before = TRY(read_image(shelf));
  if (before && has_all(before->cache, own)) return true;
  const PortableCache all = unite(own, before ? before->cache : PortableCache());
  const std::string document = encode_cache(all);
  const auto lease = TRY(site.images.lease());
  oci::Descriptor config{.media_type = std::string(kRecordsType), .size = document.size()};
  config.digest = TRY(content::write_blob(site.images.content(), document, lease.get()));
  TRY(shelf.put(config));
  for (const oci::Descriptor& layer : layers_of(own)) TRY(shelf.put(layer));
  const auto manifest = oci::Manifest::make(oci::kMediaTypeManifest, config, layers_of(all));
  const auto put =
      shelf.put_manifest(manifest, before ? before->manifest.descriptor().digest.str() : "");
  if (!put && put.error().code() != Code::kFailedPrecondition) return put.error();
  return false;
}

}  // namespace

Result<> export_cache(Site& site, const BuildRequest& request, const CachePlace& place,
                      const OwnCache& own, const CancelToken& cancel) {
  const auto write = [&]() -> Result<> {
    const auto lease = TRY(site.images.lease());
    PortableCache cache{.records = own.records};
    for (NewRecord& record : cache.records) {
      if (!record.result.layer) continue;
      oci::Descriptor& blob = record.result.layer->blob;
      blob = TRY(site.images.pack_layer(blob, images::Pack::kNow, *lease, cancel));
    }
    for (const std::string& id : place.mounts ? own.mounts : std::set<std::string>()) {
      cache.mounts.push_back(TRY(pack_mount(site, *lease, id, cancel)));
    }
    const auto shelf = TRY(open_shelf(site, request, place, cancel));
    for (int i = 0; i < kAttempts; ++i) {
      TRY(cancel.check());
      if (TRY(try_export(site, *shelf, cache))) return {};
    }
    return Error(Code::kAborted, "others write it all the time");
  };
  return write().context(cat("export build cache to ", text_of(place)));
}

Result<> import_cache(Site& site, const BuildRequest& request, const CachePlace& place,
                      images::ImageLease& lease, ImportedRecords& imported,
                      const CancelToken& cancel) {
  const auto read = [&]() -> Result<> {
    const auto shelf = TRY(open_shelf(site, request, place, cancel));
    auto image = TRY(read_image(*shelf));
    if (!image) return {};
    if (place.mounts) {
      for (const PortableMount& mount : image->cache.mounts) {
        TRY(fetch_mount(site, *shelf, lease, mount, cancel));
      }
    }
    imported.add(std::move(image->cache.records),
                 [&site, &lease, shelf](NewRecord& record, const CancelToken& token) {
                   return fetch_layer(site, *shelf, lease, record, token);
                 });
    return {};
  };
  return read().context(cat("import build cache from ", text_of(place)));
}

}  // namespace skiff::builder
