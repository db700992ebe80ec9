#include "api/image_json.h"

#include <fnmatch.h>

#include <algorithm>

#include "base/strings.h"
#include "engine/filters.h"

namespace skiff::api {

using images::Image;
using json::Value;

namespace {

void sort_unique(std::vector<std::string>& names) {
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
}

void unite(std::vector<std::string>& names, const std::vector<std::string>& more) {
  names.insert(names.end(), more.begin(), more.end());
  sort_unique(names);
}

void add_names(ImageRow& row, const Image& image) {
  for (const auto& name : image.names) {
    if (name.digest()) {
      row.digests.push_back(cat(name.familiar_repository(), "@", name.digest()->str()));
    }
    if (!name.tag().empty()) {
      row.tags.push_back(cat(name.familiar_repository(), ":", name.tag()));
      row.digests.push_back(cat(name.familiar_repository(), "@", image.target.digest.str()));
    }
  }
  for (auto* list : {&row.tags, &row.digests}) sort_unique(*list);
}

int host_rank(const Image& image) {
  constexpr int kForeign = 1000;
  return oci::match_rank(oci::Platform::host(), image.config.platform).value_or(kForeign);
}

Value labels_json(const oci::RunConfig& config) {
  return config.labels.empty() ? Value() : Value(config.labels);
}

// A name ("repo:tag" or "repo@digest") against "repo" or "repo:tag", which may hold wildcards.
bool name_matches(const std::vector<std::string>& patterns, const std::string& name) {
  std::string repository = name.substr(0, name.find('@'));
  if (repository == name) repository = name.substr(0, name.rfind(':'));
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
    return fnmatch(pattern.c_str(), name.c_str(), 0) == 0 ||
           fnmatch(pattern.c_str(), repository.c_str(), 0) == 0;
  });
}

// Leaves a row only the names that a pattern matches; rows without one go.
void keep_matching_names(std::vector<ImageRow>& rows, const std::vector<std::string>& patterns) {
  auto other = [&](const std::string& name) { return !name_matches(patterns, name); };
  std::erase_if(rows, [&](ImageRow& row) {
    std::erase_if(row.tags, other);
    std::erase_if(row.digests, other);
    return row.tags.empty() && row.digests.empty();
  });
}

}  // namespace

std::vector<ImageRow> image_rows(const std::vector<Image>& images) {
  // Of each target the platform that runs best here.
  std::vector<const Image*> chosen;
  for (const Image& image : images) {
    auto same = std::find_if(chosen.begin(), chosen.end(), [&](const Image* other) {
      return other->target.digest == image.target.digest;
    });
    if (same == chosen.end()) {
      chosen.push_back(&image);
    } else if (host_rank(image) < host_rank(**same)) {
      *same = &image;
    }
  }
  std::vector<ImageRow> rows;
  for (const Image* image : chosen) add_names(rows.emplace_back(ImageRow{*image, {}, {}}), *image);
  return rows;
}

std::vector<ImageRow> one_row_an_id(std::vector<ImageRow> rows) {
  std::vector<ImageRow> out;
  for (ImageRow& row : rows) {
    auto same =
        std::ranges::find(out, row.image.id, [](const ImageRow& other) { return other.image.id; });
    if (same == out.end()) {
      out.push_back(std::move(row));
    } else {
      unite(same->tags, row.tags);
      unite(same->digests, row.digests);
    }
  }
  return out;
}

Value image_list_json(const ImageRow& row, int64_t containers) {
  return json::object({{"Containers", containers},
                       {"Created", unix_seconds(row.image.config.created)},
                       {"Id", row.image.id.str()},
                       {"Labels", labels_json(row.image.config.config)},
                       {"ParentId", row.image.parent},
                       {"RepoDigests", row.digests},
                       {"RepoTags", row.tags},
                       {"SharedSize", -1},
                       {"Size", row.image.size}});
}

Value image_inspect_json(const Image& image, std::string_view driver) {
  ImageRow names{image, {}, {}};
  add_names(names, image);
  json::Array layers;
  for (const auto& diff_id : image.config.diff_ids) layers.emplace_back(diff_id.str());
  const auto& history = image.config.history;
  Value out = json::object({{"Id", image.id.str()},
                            {"RepoTags", names.tags},
                            {"RepoDigests", names.digests},
                            {"Parent", image.parent},
                            {"Comment", history.empty() ? "" : history.back().comment},
                            {"Created", format_rfc3339(image.config.created)},
                            {"DockerVersion", ""},
                            {"Author", image.config.author},
                            {"Architecture", image.config.platform.architecture}});
  if (!image.config.platform.variant.empty()) out.set("Variant", image.config.platform.variant);
  out.set("Os", image.config.platform.os);
  out.set("Size", image.size);
  out.set("GraphDriver", json::object({{"Data", nullptr}, {"Name", driver}}));
  out.set("RootFS", json::object({{"Type", "layers"}, {"Layers", std::move(layers)}}));
  out.set("Metadata", json::object({{"LastTagTime", format_rfc3339(image.tagged)}}));
  out.set("Descriptor", image.target.to_json());
  out.set("Config", image.config.config.to_json());
  return out;
}

namespace {

constexpr std::string_view kReferenceDigest = "vnd.docker.reference.digest";

uint64_t content_size(const images::Image& image) {
  uint64_t size = image.manifest.size + image.manifest_doc.config.size;
  for (const oci::Descriptor& layer : image.manifest_doc.layers) size += layer.size;
  return size;
}

Value manifest_summary(const oci::Descriptor& manifest, const Image* image) {
  const uint64_t content = image == nullptr ? 0 : content_size(*image);
  Value out = json::object({{"ID", manifest.digest.str()},
                            {"Descriptor", manifest.to_json()},
                            {"Available", image != nullptr}});
  const uint64_t unpacked = image == nullptr ? 0 : image->size;
  out.set("Size", json::object({{"Content", content}, {"Total", content + unpacked}}));
  const auto about = manifest.annotations.find(std::string(kReferenceDigest));
  if (about != manifest.annotations.end()) {
    out.set("Kind", "attestation");
    out.set("AttestationData", json::object({{"For", about->second}}));
    return out;
  }
  out.set("Kind", manifest.platform || image != nullptr ? "image" : "unknown");
  const oci::Platform platform =
      image != nullptr ? image->config.platform : manifest.platform.value_or(oci::Platform());
  out.set("ImageData", json::object({{"Platform", platform.to_json()},
                                     {"Size", json::object({{"Unpacked", unpacked}})},
                                     {"Containers", json::array()}}));
  return out;
}

}  // namespace

Result<Value> manifests_json(images::ImageStore& store, const oci::Descriptor& target) {
  const std::vector<Image> here = TRY(store.platforms_of(target));
  std::vector<oci::Descriptor> manifests{target};
  if (oci::is_index_type(target.media_type)) {
    const std::string bytes = TRY(content::read_blob(store.content(), target.digest));
    manifests = TRY(oci::Index::parse(bytes, target.media_type)).manifests;
  }
  json::Array out;
  for (const oci::Descriptor& manifest : manifests) {
    const auto image = std::ranges::find(here, manifest.digest,
                                         [](const Image& each) { return each.manifest.digest; });
    out.push_back(manifest_summary(manifest, image == here.end() ? nullptr : &*image));
  }
  return Value(std::move(out));
}

Result<Value> image_history_json(images::ImageStore& store, const Image& image) {
  json::Array rows;
  size_t layer = 0;
  for (const auto& step : image.config.history) {
    uint64_t size = 0;
    if (!step.empty_layer && layer < image.config.diff_ids.size()) {
      auto chain = oci::chain_id(image.config.diff_ids, ++layer);
      if (auto usage = store.snapshots().usage(chain.str())) size = usage->bytes;
    }
    rows.push_back(json::object({{"Comment", step.comment},
                                 {"Created", unix_seconds(step.created)},
                                 {"CreatedBy", step.created_by},
                                 {"Id", "<missing>"},
                                 {"Size", size},
                                 {"Tags", nullptr}}));
  }
  std::reverse(rows.begin(), rows.end());
  if (!rows.empty()) {
    ImageRow names{image, {}, {}};
    add_names(names, image);
    rows.front().set("Id", image.id.str());
    if (!names.tags.empty()) rows.front().set("Tags", names.tags);
  }
  return Value(std::move(rows));
}

Value removed_json(const std::vector<images::Removed>& removed) {
  json::Array out;
  for (const auto& item : removed) {
    bool untagged = item.kind == images::RemovedKind::kUntagged;
    out.push_back(json::object({{untagged ? "Untagged" : "Deleted", item.what}}));
  }
  return out;
}

Result<std::vector<ImageRow>> filter_images(
    images::ImageStore& store, std::vector<ImageRow> rows,
    const std::map<std::string, std::vector<std::string>>& filters, TimePoint now) {
  TRY(engine::check_filters(filters,
                            {"dangling", "label", "reference", "before", "since", "until"}));
  std::optional<TimePoint> before;
  std::optional<TimePoint> since;
  for (const auto& name : engine::filter_values(filters, "before")) {
    before = TRY(store.find(name)).config.created;
  }
  for (const auto& text : engine::filter_values(filters, "until")) {
    before = TRY(engine::parse_time_argument(text, now));
  }
  for (const auto& name : engine::filter_values(filters, "since")) {
    since = TRY(store.find(name)).config.created;
  }
  bool has_dangling = !engine::filter_values(filters, "dangling").empty();
  bool dangling = TRY(engine::filter_flag(filters, "dangling", false));
  std::erase_if(rows, [&](const ImageRow& row) {
    TimePoint created = row.image.config.created;
    bool keep = (!has_dangling || row.tags.empty() == dangling) && (!before || created < *before) &&
                (!since || created > *since) &&
                engine::labels_match(filters, row.image.config.config.labels);
    return !keep;
  });
  const auto& references = engine::filter_values(filters, "reference");
  if (!references.empty()) keep_matching_names(rows, references);
  return rows;
}

}  // namespace skiff::api
