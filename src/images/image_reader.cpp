#include "images/image_reader.h"

#include "base/log.h"
#include "base/strings.h"
#include "images/image_store.h"

namespace skiff::images {

namespace {

constexpr size_t kMaxDocument = size_t{16} << 20U;
// Parsed documents kept before the cache starts again.
constexpr size_t kMaxCached = 4096;

bool is_config_type(const std::string& media_type) {
  return media_type == oci::kMediaTypeConfig || media_type == oci::kDockerConfig;
}

template <typename Map>
void keep(Map& cache, const oci::Digest& digest, const typename Map::mapped_type& value) {
  if (cache.size() >= kMaxCached) cache.clear();
  cache[digest] = value;
}

}  // namespace

std::vector<std::string> layer_snapshots(const oci::ImageConfig& config) {
  std::vector<std::string> names;
  for (size_t count = 1; count <= config.diff_ids.size(); ++count) {
    names.push_back(oci::chain_id(config.diff_ids, count).str());
  }
  return names;
}

std::vector<std::string> Document::snapshots() const { return layer_snapshots(config); }

Result<DocumentPtr> ImageReader::document(const oci::Descriptor& manifest) {
  {
    const std::scoped_lock lock(mutex_);
    auto found = documents_.find(manifest.digest);
    if (found != documents_.end()) return found->second;
  }
  const NodePtr parsed = TRY(node(manifest));
  const std::string what = cat("image ", manifest.digest.str());
  if (!parsed->manifest) return Error(Code::kInvalidArgument, cat(what, ": is an index"));
  if (!is_image(*parsed->manifest)) return not_an_image(*parsed->manifest, what);
  auto out = std::make_shared<Document>();
  out->manifest = *parsed->manifest;
  out->config_bytes =
      TRY_CONTEXT(content::read_blob(store_, out->manifest.config.digest, kMaxDocument), what);
  out->config = TRY_CONTEXT(oci::ImageConfig::parse(out->config_bytes), what);
  TRY_CONTEXT(check_layer_count(out->manifest, out->config), what);
  out->descriptor = out->manifest.descriptor();
  out->descriptor.digest = manifest.digest;
  out->descriptor.platform = out->config.platform.normalized();
  const std::scoped_lock lock(mutex_);
  keep(documents_, manifest.digest, out);
  return out;
}

Result<std::vector<DocumentPtr>> ImageReader::present(const oci::Descriptor& target) {
  uint64_t generation = 0;
  {
    const std::scoped_lock lock(mutex_);
    auto found = present_.find(target.digest);
    if (found != present_.end()) return found->second;
    generation = generation_;
  }
  std::vector<DocumentPtr> out;
  Seen seen;
  TRY(add_present(target, 0, seen, out));
  const std::scoped_lock lock(mutex_);
  if (generation == generation_) keep(present_, target.digest, out);
  return out;
}

Result<> ImageReader::add_present(const oci::Descriptor& target, int depth, Seen& seen,
                                  std::vector<DocumentPtr>& out) {
  if (!seen.insert(target.digest).second) return {};
  const auto unreadable = [&](const Error& error) {
    if (error.code() != Code::kNotFound) log_warn(cat("skipped: ", error.message()));
    return Result<>();
  };
  const Result<NodePtr> parsed = node(target);
  if (!parsed) return unreadable(parsed.error());
  if ((*parsed)->index) {
    if (depth == kMaxIndexDepth) return {};
    for (const oci::Descriptor& child : (*parsed)->index->manifests) {
      if (child.platform && child.platform->os == "unknown") continue;
      TRY(add_present(child, depth + 1, seen, out));
    }
    return {};
  }
  if (!is_image(*(*parsed)->manifest)) return {};
  const Result<DocumentPtr> found = document(target);
  if (!found) return unreadable(found.error());
  if ((*found)->config.platform.os == "unknown" || !TRY(has((*found)->id()))) return {};
  for (const oci::Descriptor& layer : (*found)->manifest.layers) {
    if (!TRY(has(layer.digest))) return {};
  }
  out.push_back(*found);
  return {};
}

Result<ImageReader::ReachPtr> ImageReader::reach_of(const oci::Descriptor& target) {
  {
    const std::scoped_lock lock(mutex_);
    auto found = reaches_.find(target.digest);
    if (found != reaches_.end()) return found->second;
  }
  auto reach = std::make_shared<Reach>();
  bool is_final = true;
  const auto visited = visit(target, [&](const oci::Descriptor& part) -> Result<> {
    if (!TRY(add_reach(part, *reach))) is_final = false;
    return {};
  });
  if (!visited && visited.error().code() != Code::kDataLoss) return visited.error();
  if (!visited) reach->damage = visited.error();
  if (!visited || !is_final) return reach;
  const std::scoped_lock lock(mutex_);
  reaches_[target.digest] = reach;
  return reach;
}

Result<bool> ImageReader::add_reach(const oci::Descriptor& part, Reach& reach) {
  reach.blobs.push_back(part.digest);
  if (is_config_type(part.media_type)) reach.images.push_back(part.digest);
  if (oci::is_index_type(part.media_type)) return has(part.digest);
  if (!oci::is_manifest_type(part.media_type)) return true;
  // Also where its layers are not all here yet: a pull may be resumed.
  const auto found = document(part);
  if (!found) return found.error().code() == Code::kInvalidArgument;  // no image, and never one
  for (std::string& name : (*found)->snapshots()) reach.snapshots.push_back(std::move(name));
  return true;
}

Result<> ImageReader::visit(const oci::Descriptor& target, const Visitor& visitor, Order order) {
  Walk walk{.visitor = visitor, .order = order, .seen = {}};
  return visit(target, walk, 0);
}

Result<> ImageReader::visit(const oci::Descriptor& target, Walk& walk, int depth) {
  if (walk.order == Order::kParentsFirst) TRY(walk.visitor(target));
  TRY(visit_children(target, walk, depth));
  return walk.order == Order::kChildrenFirst ? walk.visitor(target) : Result<>();
}

Result<> ImageReader::visit_children(const oci::Descriptor& target, Walk& walk, int depth) {
  const bool has_children =
      oci::is_manifest_type(target.media_type) || oci::is_index_type(target.media_type);
  if (!has_children || depth > kMaxIndexDepth || !walk.seen.insert(target.digest).second) return {};
  const Result<NodePtr> parsed = node(target);
  if (!parsed && parsed.error().code() == Code::kNotFound) return {};
  if (!parsed) return parsed.error();
  if ((*parsed)->index) {
    for (const oci::Descriptor& child : (*parsed)->index->manifests) {
      TRY(visit(child, walk, depth + 1));
    }
    return {};
  }
  TRY(walk.visitor((*parsed)->manifest->config));
  for (const oci::Descriptor& layer : (*parsed)->manifest->layers) TRY(walk.visitor(layer));
  return {};
}

Result<bool> ImageReader::complete(const oci::Descriptor& target) {
  bool all = true;
  TRY(visit(target, [&](const oci::Descriptor& part) -> Result<> {
    if (all) all = TRY(has(part.digest));
    return {};
  }));
  return all;
}

Result<bool> ImageReader::has(const oci::Digest& blob) {
  const auto info = store_.info(blob);
  if (info) return true;
  if (info.error().code() == Code::kNotFound) return false;
  return info.error();
}

void ImageReader::changed() {
  const std::scoped_lock lock(mutex_);
  present_.clear();
  ++generation_;
}

void ImageReader::forget(const std::set<oci::Digest>& blobs) {
  const std::scoped_lock lock(mutex_);
  for (const oci::Digest& blob : blobs) {
    nodes_.erase(blob);
    documents_.erase(blob);
    reaches_.erase(blob);
  }
  present_.clear();
  ++generation_;
}

void ImageReader::forget_all() {
  const std::scoped_lock lock(mutex_);
  nodes_.clear();
  documents_.clear();
  reaches_.clear();
  present_.clear();
  ++generation_;
}

Result<ImageReader::NodePtr> ImageReader::node(const oci::Descriptor& descriptor) {
  {
    const std::scoped_lock lock(mutex_);
    auto found = nodes_.find(descriptor.digest);
    if (found != nodes_.end()) return found->second;
  }
  const std::string bytes = TRY(content::read_blob(store_, descriptor.digest, kMaxDocument));
  const std::string what = cat("manifest ", descriptor.digest.str());
  auto out = std::make_shared<Node>();
  if (oci::is_index_type(descriptor.media_type)) {
    out->index = TRY_CONTEXT(oci::Index::parse(bytes, descriptor.media_type), what);
  } else {
    out->manifest = TRY_CONTEXT(oci::Manifest::parse(bytes, descriptor.media_type), what);
  }
  const std::scoped_lock lock(mutex_);
  keep(nodes_, descriptor.digest, out);
  return out;
}

bool is_image(const oci::Manifest& manifest) { return is_config_type(manifest.config.media_type); }

Error not_an_image(const oci::Manifest& manifest, std::string_view what) {
  const std::string& type =
      manifest.artifact_type.empty() ? manifest.config.media_type : manifest.artifact_type;
  return Error(Code::kInvalidArgument, cat(what, ": is an artifact of type ", skiff::quoted(type),
                                           ", not a container image"));
}

Result<> check_layer_count(const oci::Manifest& manifest, const oci::ImageConfig& config) {
  if (manifest.layers.size() == config.diff_ids.size()) return {};
  return Error(Code::kInvalidArgument, cat("the manifest has ", manifest.layers.size(),
                                           " layers, the config ", config.diff_ids.size()));
}

DocumentPtr best_match(const std::vector<DocumentPtr>& images, const oci::Platform& wanted) {
  DocumentPtr best;
  std::optional<int> best_rank;
  for (const DocumentPtr& image : images) {
    const auto rank = oci::match_rank(wanted, image->config.platform);
    if (!rank || (best_rank && *best_rank <= *rank)) continue;
    best = image;
    best_rank = rank;
  }
  return best;
}

DocumentPtr default_choice(const std::vector<DocumentPtr>& images) {
  if (DocumentPtr hosts = best_match(images, oci::Platform::host())) return hosts;
  return images.empty() ? nullptr : images.front();
}

}  // namespace skiff::images
