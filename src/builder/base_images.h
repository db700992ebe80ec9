// BaseImages: the images that one platform's stages start from: found here or pulled, kept
// while the build lasts, unpacked when a step first needs their files.
#pragma once

#include <deque>
#include <functional>
#include <mutex>

#include "builder/named_sources.h"
#include "builder/vocabulary.h"
#include "builder/workspace.h"
#include "dockerfile/plan.h"

namespace skiff::builder {

class BaseImages {
 public:
  using Progress = std::function<void(const StepId& step, const images::ProgressEvent&)>;
  BaseImages(Site& site, const BuildRequest& request, NamedSources& named,
             images::ImageLease& lease, Progress progress, CancelToken cancel)
      : site_(site),
        request_(request),
        named_(named),
        lease_(lease),
        progress_(std::move(progress)),
        cancel_(std::move(cancel)) {}

  Result<BaseImage> find(const std::string& name, const std::optional<oci::Platform>& platform,
                         const StepId& step);
  const images::Image& image(size_t handle) const { return images_.at(handle); }
  // The one whose topmost snapshot that is, or null.
  const images::Image* with_files(const std::string& snapshot) const;
  // Makes sure that its files are there.
  Result<> unpack(size_t handle, const StepId& step);

 private:
  Result<images::Image> get(const std::string& name, const std::optional<oci::Platform>& platform,
                            const StepId& step);
  Result<images::Image> pull(const oci::Reference& name,
                             const std::optional<oci::Platform>& platform, const StepId& step);
  Result<images::Image> of_any_platform(const std::string& name, const Error& otherwise);
  Result<images::Image> of_result(oci::Descriptor target, const oci::Platform& platform);

  Site& site_;
  const BuildRequest& request_;
  NamedSources& named_;
  images::ImageLease& lease_;
  Progress progress_;
  CancelToken cancel_;
  std::deque<images::Image> images_;
  std::mutex mutex_;  // of what follows
  std::vector<bool> unpacked_;
};

}  // namespace skiff::builder
