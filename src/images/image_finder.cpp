#include "images/image_finder.h"

#include <algorithm>

#include "base/strings.h"

namespace skiff::images {

namespace {

constexpr std::string_view kAlgorithmPrefix = "sha256:";

// Shorter text is no prefix of an id: "FROM a" must not take the one image whose id starts so.
constexpr size_t kShortestPrefix = 4;

// The hex digits of an id or prefix, "" for other text.
std::string_view id_digits(std::string_view text) {
  if (text.starts_with(kAlgorithmPrefix)) text.remove_prefix(kAlgorithmPrefix.size());
  const bool is_hex = std::ranges::all_of(
      text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  return is_hex && text.size() >= kShortestPrefix && text.size() <= 64 ? text : "";
}

Error no_such_image(const std::string& text) {
  std::string shown = text;
  if (const auto name = oci::Reference::parse(text)) shown = name->with_default_tag().familiar();
  return Error(Code::kNotFound, cat("No such image: ", shown));
}

}  // namespace

bool is_id_prefix(const oci::Digest& id, const std::string& text) {
  const std::string_view digits = id_digits(text);
  return !digits.empty() && id.hex().starts_with(digits);
}

Result<Image> ImageFinder::find(const std::string& name,
                                const std::optional<oci::Platform>& platform) {
  const Found found = TRY(look_up(name));
  if (found.by_id) {
    const oci::Platform& actual = found.chosen->config.platform;
    if (platform && !oci::match_rank(*platform, actual)) {
      return wrong_platform(name, *platform, actual);
    }
    return make_image(found.row, *found.chosen);
  }
  if (found.present.empty()) return no_such_image(name);
  if (!platform) return make_image(found.row, *default_choice(found.present));
  if (const DocumentPtr match = best_match(found.present, *platform)) {
    return make_image(found.row, *match);
  }
  const std::string shown = found.name.familiar();
  if (oci::is_index_type(found.row.target.media_type)) return lacking_platform(shown, *platform);
  return wrong_platform(shown, *platform, found.present.front()->config.platform);
}

Result<ImageFinder::Found> ImageFinder::look_up(const std::string& text) {
  const std::string_view digits = id_digits(text);
  if (digits.size() != 64) {
    const auto name = oci::Reference::parse(text);
    if (!name && digits.empty()) return name.error();
    if (name) {
      if (auto found = TRY(by_name(name->with_default_tag()))) return *std::move(found);
    }
  }
  if (!digits.empty()) {
    if (auto found = TRY(by_id(digits))) return *std::move(found);
  }
  return no_such_image(text);
}

Result<std::optional<TargetRow>> ImageFinder::named(const oci::Reference& name) {
  if (!name.digest()) return parts_.catalog.find(name);
  const oci::Reference bare = TRY(digest_name(name, *name.digest()));
  if (auto row = TRY(parts_.catalog.find(bare))) return row;
  for (const oci::Reference& tag : TRY(parts_.catalog.tags_in(name.repository()))) {
    auto row = TRY(parts_.catalog.find(tag));
    if (row && row->target.digest == *name.digest()) return row;
  }
  return std::nullopt;
}

Result<std::optional<ImageFinder::Found>> ImageFinder::by_name(const oci::Reference& name) {
  auto row = TRY(named(name));
  while (row) {
    auto present = TRY(parts_.reader.present(row->target));
    Found found{.row = *row, .present = std::move(present)};
    found.name = name;
    if (!found.present.empty()) return found;
    // Perhaps the name was given to another, and this one removed, between the two.
    row = TRY(named(name));
    if (row && row->target.digest == found.row.target.digest) return found;
  }
  return std::nullopt;
}

Result<std::optional<ImageFinder::Found>> ImageFinder::by_id(std::string_view hex) {
  std::optional<Found> found;
  const auto is_meant = [&](const oci::Digest& id) { return id.hex().starts_with(hex); };
  for (const TargetRow& row : TRY(parts_.catalog.targets())) {
    if (std::ranges::none_of(TRY(parts_.reader.reach_of(row.target))->images, is_meant)) continue;
    std::vector<DocumentPtr> present = TRY(parts_.reader.present(row.target));
    for (const DocumentPtr& document : present) {
      if (!is_meant(document->id())) continue;
      if (found && found->chosen->id() != document->id()) {
        return Error(Code::kInvalidArgument,
                     cat("image id prefix ", hex, " is ambiguous: it matches ",
                         found->chosen->id().short_hex(), " and ", document->id().short_hex()));
      }
      if (found) continue;
      found = Found{.row = row, .present = present, .by_id = true};
      found->chosen = document;
    }
  }
  return found;
}

Result<std::vector<Image>> ImageFinder::list() {
  std::vector<Image> images;
  for (const TargetRow& row : TRY(parts_.catalog.targets())) {
    for (const DocumentPtr& document : TRY(parts_.reader.present(row.target))) {
      images.push_back(TRY(make_image(row, *document)));
    }
  }
  std::ranges::stable_sort(images, std::greater(),
                           [](const Image& image) { return image.config.created; });
  return images;
}

Result<TargetRow> ImageFinder::row_of(const oci::Descriptor& target) {
  for (const TargetRow& known : TRY(parts_.catalog.targets())) {
    if (known.target.digest == target.digest) return known;
  }
  return TargetRow{.target = target, .changed = {}, .parent = ""};
}

Result<Image> ImageFinder::image_of(const oci::Descriptor& target, const Document& document) {
  return make_image(TRY(row_of(target)), document);
}

Result<std::vector<Image>> ImageFinder::platforms_of(const oci::Descriptor& target) {
  const TargetRow row = TRY(row_of(target));
  std::vector<Image> images;
  for (const DocumentPtr& document : TRY(parts_.reader.present(row.target))) {
    images.push_back(TRY(make_image(row, *document)));
  }
  return images;
}

Result<Image> ImageFinder::make_image(const TargetRow& row, const Document& document) {
  Image image;
  image.id = document.id();
  image.target = row.target;
  image.manifest = document.descriptor;
  image.manifest_doc = document.manifest;
  image.config = document.config;
  image.config_bytes = document.config_bytes;
  image.parent = row.parent;
  image.names = TRY(parts_.catalog.names_of(row.target.digest));
  image.size = size_of(document);
  image.tagged = row.changed;
  return image;
}

// What its layers take when unpacked; of one that is not unpacked yet, its compressed size.
uint64_t ImageFinder::size_of(const Document& document) {
  uint64_t total = 0;
  const std::vector<std::string> names = document.snapshots();
  for (size_t i = 0; i < names.size(); ++i) {
    {
      const std::scoped_lock lock(mutex_);
      auto known = snapshot_sizes_.find(names[i]);
      if (known != snapshot_sizes_.end()) {
        total += known->second;
        continue;
      }
    }
    const auto usage = parts_.snapshots.usage(names[i]);
    total += usage ? usage->bytes : document.manifest.layers[i].size;
    const std::scoped_lock lock(mutex_);
    if (usage) snapshot_sizes_[names[i]] = usage->bytes;
  }
  return total;
}

}  // namespace skiff::images
