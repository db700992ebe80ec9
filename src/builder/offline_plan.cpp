#include "builder/offline_plan.h"

#include <algorithm>

#include "base/strings.h"
#include "builder/named_sources.h"
#include "dockerfile/config_words.h"
#include "dockerfile/remote_source.h"

namespace skiff::builder {

namespace {

// False where that is the whole context, or cannot be said by one pattern.
bool add_path(const std::string& source, std::set<std::string>& out) {
  if (source.find("**") != std::string::npos) return false;
  std::string path = clean_path(source).substr(1);
  if (path.empty()) return false;
  out.insert(std::move(path));
  return true;
}

bool add_paths_of(const PlannedCopy& copy, std::set<std::string>& out) {
  if (copy.from_stage || copy.from_image || !copy.from_context.empty()) return true;
  return std::ranges::all_of(copy.sources, [&](const std::string& source) {
    return (copy.add && is_url(source)) || add_path(source, out);
  });
}

bool add_paths_of(const PlannedRun& run, std::set<std::string>& out) {
  return std::ranges::all_of(run.mounts, [&](const PlannedMount& mount) {
    const bool of_context = mount.kind == MountKind::kBind && !mount.from_stage &&
                            !mount.from_image && mount.from_context.empty();
    return !of_context || add_path(mount.source, out);
  });
}

bool add_context_paths(const Plan& plan, std::set<std::string>& out) {
  for (const PlannedStage& stage : plan.stages) {
    for (const PlannedStep& step : stage.steps) {
      const auto* copy = std::get_if<PlannedCopy>(&step.what);
      if (copy != nullptr && !add_paths_of(*copy, out)) return false;
      const auto* run = std::get_if<PlannedRun>(&step.what);
      if (run != nullptr && !add_paths_of(*run, out)) return false;
    }
  }
  return true;
}

}  // namespace

std::vector<oci::Platform> platforms_of(const BuildRequest& request) {
  std::vector<oci::Platform> out;
  for (const oci::Platform& platform : request.platforms) {
    oci::Platform normal = platform.normalized();
    if (std::ranges::find(out, normal) == out.end()) out.push_back(std::move(normal));
  }
  if (out.empty()) out.push_back(oci::Platform::host());
  return out;
}

PlanRequest plan_request(const BuildRequest& request, const oci::Platform& platform) {
  return {.build_args = request.build_args,
          .target = request.target,
          .build_platform = oci::Platform::host(),
          .target_platform = platform,
          .platform_given = !request.platforms.empty()};
}

Result<OfflinePlan> plan_offline(images::ImageStore& images, const Dockerfile& file,
                                 const PlanRequest& wanted) {
  OfflinePlan out;
  const FindBase find_base = [&](const std::string& name,
                                 const std::optional<oci::Platform>& platform,
                                 const dockerfile::BaseUse&) -> Result<BaseImage> {
    BaseImage base{.name = name};
    auto found = images.find(name, platform);
    base.known = found.has_value();
    out.all_known = out.all_known && base.known;
    if (found) base.config = found->config;
    if (!found) base.config.platform = platform.value_or(wanted.target_platform);
    return base;
  };
  out.plan = TRY(make_plan(file, wanted, find_base));
  return out;
}

Result<std::optional<std::vector<std::string>>> context_paths(images::ImageStore& images,
                                                              const BuildRequest& request) {
  const std::optional<std::vector<std::string>> all;
  // Of an image that may be another one by then nobody knows the triggers.
  if (request.pull || !request.dockerfile_text) return all;
  const Dockerfile file = TRY(parse_dockerfile(request.dockerfile, *request.dockerfile_text));
  std::set<std::string> out;
  for (const oci::Platform& platform : platforms_of(request)) {
    PlanRequest wanted = plan_request(request, platform);
    wanted.named_contexts = TRY(NamedSources::names_of(request));
    const OfflinePlan offline = TRY(plan_offline(images, file, wanted));
    if (!offline.all_known || !add_context_paths(offline.plan, out)) return all;
  }
  return std::optional(std::vector<std::string>(out.begin(), out.end()));
}

}  // namespace skiff::builder
