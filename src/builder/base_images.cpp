#include "builder/base_images.h"

#include <algorithm>

#include "base/strings.h"
#include "builder/oci_layout.h"

namespace skiff::builder {

namespace {

// What registries answer of a name that they do not have: some will not tell that from one that is
// not for everyone. Where one gave no answer nobody knows what it has.
bool is_unknown(const Error& error) {
  return error.code() == Code::kNotFound || error.code() == Code::kUnauthenticated ||
         error.code() == Code::kPermissionDenied;
}

// "docker.io/library/alpine:3@sha256:..." of "alpine:3"; "" of one that was found by its id.
std::string whole_name(const std::string& name, const images::Image& image) {
  const auto parsed = oci::Reference::parse(name);
  if (!parsed) return "";
  const oci::Reference whole = parsed->with_default_tag();
  if (whole.digest()) return whole.str();
  const bool is_by_name = std::ranges::find(image.names, whole) != image.names.end();
  return is_by_name ? whole.with_digest(image.target.digest).str() : "";
}

}  // namespace

Result<images::Image> BaseImages::get(const std::string& name,
                                      const std::optional<oci::Platform>& platform,
                                      const StepId& step) {
  if (const LayoutContext* layout = named_.layout(name)) {
    return import_layout(site_.images, *layout, platform, lease_, cancel_).context(name);
  }
  if (const ResultContext* result = named_.result(name)) {
    return of_result(result->target, platform.value_or(oci::Platform::host())).context(name);
  }
  auto reference = oci::Reference::parse(name);
  if (!request_.pull || !reference) {
    auto found = site_.images.find_held(name, platform, lease_);
    const bool missing = !found && found.error().code() == Code::kNotFound;
    if (missing && !reference) return of_any_platform(name, found.error());
    if (!missing) return found;
  }
  auto pulled = pull(reference->with_default_tag(), platform, step);
  if (pulled || request_.pull || !is_unknown(pulled.error())) return pulled;
  return of_any_platform(name, pulled.error());
}

Result<images::Image> BaseImages::pull(const oci::Reference& name,
                                       const std::optional<oci::Platform>& platform,
                                       const StepId& step) {
  images::PullOptions options{
      .platform = platform, .sole_of_any = true, .lease = &lease_, .client = site_.options.client};
  auto credentials = TRY(request_.credentials_of(name.domain()));
  if (credentials) options.client.credentials = std::move(*credentials);
  return site_.images
      .pull(
          name, options, [&](const images::ProgressEvent& event) { progress_(step, event); },
          cancel_)
      .context(cat("pull ", name.familiar()));
}

// The image where it is here and no index tells of others: its platform is told, not judged.
Result<images::Image> BaseImages::of_any_platform(const std::string& name, const Error& otherwise) {
  auto found = site_.images.find_held(name, std::nullopt, lease_);
  if (found && oci::is_manifest_type(found->target.media_type)) return found;
  return otherwise;
}

Result<images::Image> BaseImages::of_result(oci::Descriptor target, const oci::Platform& platform) {
  while (oci::is_index_type(target.media_type)) {
    const std::string text = TRY(content::read_blob(site_.images.content(), target.digest));
    const auto index = TRY(oci::Index::parse(text, target.media_type));
    const oci::Descriptor* best = index.choose(platform);
    if (best == nullptr) return Error(Code::kNotFound, cat("no image for ", platform.str()));
    target = *best;
  }
  auto found = TRY(site_.images.platforms_of(target));
  if (found.empty()) return Error(Code::kNotFound, "it is gone");
  TRY(lease_.hold_image(found.front()));
  return std::move(found.front());
}

Result<BaseImage> BaseImages::find(const std::string& name,
                                   const std::optional<oci::Platform>& platform,
                                   const StepId& step) {
  images::Image image = TRY(get(name, platform, step));
  BaseImage base{.name = name,
                 .found = whole_name(name, image),
                 .handle = images_.size(),
                 .config = image.config};
  images_.push_back(std::move(image));
  unpacked_.push_back(false);
  return base;
}

const images::Image* BaseImages::with_files(const std::string& snapshot) const {
  const auto found = std::ranges::find(images_, snapshot, &images::Image::snapshot_name);
  return found == images_.end() ? nullptr : &*found;
}

Result<> BaseImages::unpack(size_t handle, const StepId& step) {
  const std::scoped_lock lock(mutex_);
  if (unpacked_[handle]) return {};
  TRY_CONTEXT(site_.images.unpack(
                  images_[handle],
                  [&](const images::ProgressEvent& event) { progress_(step, event); }, cancel_),
              "unpack base image");
  unpacked_[handle] = true;
  return {};
}

}  // namespace skiff::builder
