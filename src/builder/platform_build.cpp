#include "builder/platform_build.h"

#include <algorithm>

#include "base/strings.h"
#include "builder/steps.h"
#include "codec/hash.h"
#include "sys/binfmt.h"

namespace skiff::builder {

namespace {

// The graph of a plan, and where in it each stage lies.
struct PlannedGraph {
  Graph graph;
  std::vector<std::vector<size_t>> vertices;  // of each stage's steps
};

std::string label_of(const PlannedStep& step) {
  const auto* from = std::get_if<PlannedFrom>(&step.what);
  if (from != nullptr && !from->context.empty()) return cat("build context ", from->context);
  if (from == nullptr || from->stage) return cat("result of ", step.text);
  return cat("base image ", from->image ? from->image->name : "scratch");
}

// Makes the vertices of a plan, stage after stage.
class GraphMaker {
 public:
  explicit GraphMaker(StepSite& site) : site_(site) {}

  PlannedGraph make() {
    for (const PlannedStage& stage : site_.plan.stages) {
      out_.vertices.emplace_back();
      for (size_t i = 0; i < stage.steps.size(); ++i) add(stage, i);
    }
    return std::move(out_);
  }

 private:
  size_t push(std::unique_ptr<Step> step, std::vector<size_t> inputs) {
    out_.graph.push_back({std::move(step), std::move(inputs)});
    return out_.graph.size() - 1;
  }

  // Where files come from that are neither the stage's nor the context's.
  std::vector<size_t> sources_of(const PlannedStep& step) {
    std::vector<size_t> inputs;
    if (const auto* from = std::get_if<PlannedFrom>(&step.what); from && from->stage) {
      inputs.push_back(out_.vertices[*from->stage].back());
    }
    if (const auto* copy = std::get_if<PlannedCopy>(&step.what)) {
      if (copy->from_stage) inputs.push_back(out_.vertices[*copy->from_stage].back());
      if (copy->from_image) inputs.push_back(push(make_image_step(site_, *copy->from_image), {}));
      if (copy->from_scratch) inputs.push_back(push(make_empty_step(), {}));
    }
    if (const auto* run = std::get_if<PlannedRun>(&step.what)) {
      for (const PlannedMount& mount : run->mounts) {
        if (mount.from_stage) inputs.push_back(out_.vertices[*mount.from_stage].back());
        if (mount.from_image) inputs.push_back(push(make_image_step(site_, *mount.from_image), {}));
      }
    }
    return inputs;
  }

  void add(const PlannedStage& stage, size_t i) {
    const PlannedStep& step = stage.steps[i];
    std::vector<size_t>& vertices = out_.vertices.back();
    StepPlace place{.stage = &stage, .step = &step};
    place.last_of_number = i + 1 == stage.steps.size() || stage.steps[i + 1].trigger == 0;
    std::vector<size_t> inputs = sources_of(step);
    const auto* copy = std::get_if<PlannedCopy>(&step.what);
    if (copy != nullptr && copy->link) {
      place.last = false;
      inputs.insert(inputs.begin(), push(make_empty_step(), {}));
      const size_t made = push(make_step(site_, place), std::move(inputs));
      place.first = false;
      place.last = true;
      place.below = label_of(stage.steps[i - 1]);
      vertices.push_back(push(make_stack_step(site_, place), {vertices.back(), made}));
      return;
    }
    if (i > 0) {
      inputs.insert(inputs.begin(), vertices.back());
      place.below = label_of(stage.steps[i - 1]);
    }
    vertices.push_back(push(make_step(site_, place), std::move(inputs)));
  }

  StepSite& site_;
  PlannedGraph out_;
};

struct Assembled {
  oci::ImageConfig config;
  std::vector<oci::Descriptor> layers;
  size_t base_layers = 0;
};

// Layers and history of a stage, those of what it stands on first.
void add_stage(const StepSite& site, const PlannedGraph& planned,
               const std::vector<StepResult>& results, size_t index, Assembled& out) {
  const PlannedStage& stage = site.plan.stages[index];
  for (size_t i = 0; i < stage.steps.size(); ++i) {
    const PlannedStep& step = stage.steps[i];
    if (const auto* from = std::get_if<PlannedFrom>(&step.what)) {
      if (from->stage) add_stage(site, planned, results, *from->stage, out);
      if (from->image) {
        const images::Image& image = site.bases.image(from->image->handle);
        out.config = image.config;
        out.layers = image.manifest_doc.layers;
        out.base_layers = out.layers.size();
      }
    }
    const StepResult& result = results[planned.vertices[index][i]];
    if (result.layer) {
      out.config.diff_ids.push_back(result.layer->diff_id);
      out.layers.push_back(result.layer->blob);
    }
    if (!step.history) continue;
    oci::History entry = *step.history;
    entry.created = result.created;
    entry.empty_layer = !result.layer.has_value();
    out.config.history.push_back(std::move(entry));
    out.config.created = result.created;
  }
}

// Where a platform is asked for, the image is of that: a stage that is built on another one copies
// for it.
oci::Platform platform_of(const oci::Platform& stage, const PlanRequest& asked) {
  if (!asked.platform_given) return stage;
  oci::Platform out = asked.target_platform;
  const bool same = out.os == stage.os && out.architecture == stage.architecture;
  if (same && out.variant.empty()) out.variant = stage.variant;
  if (same && out.os_version.empty()) out.os_version = stage.os_version;
  return out;
}

Assembled assemble(const StepSite& site, const PlanRequest& asked, const PlannedGraph& planned,
                   const std::vector<StepResult>& results) {
  const PlannedStage& target = site.plan.stages.back();
  Assembled out;
  add_stage(site, planned, results, site.plan.stages.size() - 1, out);
  if (out.config.created == TimePoint()) out.config.created = site.site.clock.now();
  out.config.author = target.author;
  out.config.platform = platform_of(target.platform, asked);
  out.config.config = target.steps.back().config;
  for (const auto& [name, value] : site.request.labels) out.config.config.labels[name] = value;
  return out;
}

// Of each foreign platform, by its first RUN.
void warn_of_emulation(BuildSite& build, const Plan& plan) {
  for (const PlannedStage& stage : plan.stages) {
    for (const PlannedStep& step : stage.steps) {
      const bool runs = std::holds_alternative<PlannedRun>(step.what);
      if (!runs || sys::runs_natively(stage.platform.architecture)) continue;
      const std::string platform = stage.platform.str();
      if (!build.emulated.first(platform)) continue;
      build.events.send(
          BuildWarning{cat("RUN of ", platform, " is emulated, and takes some ten times as long; ",
                           "a stage FROM --platform=$BUILDPLATFORM is not"),
                       step.span.first});
    }
  }
}

std::vector<Material> materials_of(const Plan& plan, const BaseImages& bases) {
  std::vector<Material> out;
  const auto add = [&](const std::optional<BaseImage>& base) {
    if (!base) return;
    const images::Image& image = bases.image(base->handle);
    const Material made{base->name, image.config.platform, image.target.digest};
    const auto same = [&](const Material& other) {
      return other.name == made.name && other.digest == made.digest;
    };
    if (std::ranges::none_of(out, same)) out.push_back(made);
  };
  for (const PlannedStage& stage : plan.stages) {
    for (const PlannedStep& step : stage.steps) {
      if (const auto* from = std::get_if<PlannedFrom>(&step.what)) add(from->image);
      if (const auto* copy = std::get_if<PlannedCopy>(&step.what)) add(copy->from_image);
      const auto* run = std::get_if<PlannedRun>(&step.what);
      if (run == nullptr) continue;
      for (const PlannedMount& mount : run->mounts) add(mount.from_image);
    }
  }
  return out;
}

std::set<std::string> cache_mounts_of(const Plan& plan) {
  std::set<std::string> out;
  for (const PlannedStage& stage : plan.stages) {
    for (const PlannedStep& step : stage.steps) {
      const auto* run = std::get_if<PlannedRun>(&step.what);
      if (run == nullptr) continue;
      for (const PlannedMount& mount : run->mounts) {
        if (mount.kind == MountKind::kCache) out.insert(mount.id);
      }
    }
  }
  return out;
}

// The repository of the first tag; else the Dockerfile's name and, where that is known, which
// context it is of.
std::string project_of(const BuildRequest& request) {
  constexpr size_t kDigits = 16;
  if (!request.tags.empty()) return request.tags.front().repository();
  const std::string& name = request.name_of_dockerfile();
  std::string of = request.context_url;
  if (of.empty() && request.origin) of = request.origin->repository;
  if (of.empty()) of = request.context_name;
  return of.empty() ? name : cat(name, "@", sha256_hex(of).substr(0, kDigits));
}

// The FROM of a stage before it is planned.
StepStarted expected_from(const BuildSite& build, size_t number, const oci::Platform& platform) {
  const dockerfile::Stage& stage = build.file.stages[number];
  const auto is_shown = [](const dockerfile::Instruction& one) {
    return std::holds_alternative<dockerfile::RunInstruction>(one.body) ||
           std::holds_alternative<dockerfile::CopyInstruction>(one.body) ||
           std::holds_alternative<dockerfile::WorkdirInstruction>(one.body);
  };
  const auto shown = std::ranges::count_if(stage.instructions, is_shown);
  return {.stage = stage.from.name.empty() ? cat(number) : stage.from.name,
          .text = without_controls(stage.from_text),
          .line = stage.span.first,
          .shown = without_controls(stage.from_text),
          .recorded = without_controls(stage.from_text),
          .shown_platform = platform.normalized().str(),
          .place = 1,
          .places = 1 + static_cast<int>(shown)};
}

// Tells at once of the pull of one base image, where there is one. For one thread at a time.
class PullEvents {
 public:
  PullEvents(SharedSink& events, BasePull told) : events_(events), told_(std::move(told)) {}
  void tell(const images::ProgressEvent& progress) {
    told_.progress = progress;
    events_.send(told_);
    begun_ = true;
  }
  void end(const Result<BaseImage>& found) {
    if (!begun_) return;
    told_.progress = {};
    told_.over = true;
    if (!found) told_.error = found.error().message();
    events_.send(told_);
  }

 private:
  SharedSink& events_;
  BasePull told_;
  bool begun_ = false;
};

}  // namespace

Result<PlatformImage> build_platform(BuildSite& build, const oci::Platform& platform,
                                     const CancelToken& cancel) {
  const std::string name = platform.str();
  StepEvents events(build.events);
  PullEvents* pulling = nullptr;  // while the build is planned
  auto progress = [&](const StepId& step, const images::ProgressEvent& event) {
    if (pulling != nullptr) pulling->tell(event);
    events.send(step, StepProgress{step, event});
  };
  BaseImages bases(build.site, build.request, build.named, build.lease, progress, cancel);
  PlanRequest wanted{.build_args = build.request.build_args,
                     .target = build.request.target,
                     .build_platform = oci::Platform::host(),
                     .target_platform = platform,
                     .platform_given = !build.request.platforms.empty(),
                     .checks = &build.checks,
                     .ignore = &build.context.ignore(),
                     .named_contexts = build.named.names()};
  FindBase find_base = [&](const std::string& image, const std::optional<oci::Platform>& which,
                           const dockerfile::BaseUse& use) {
    BasePull told{.step = {}, .image = without_controls(image), .progress = {}, .error = {}};
    if (use.stage) told.step = expected_from(build, *use.stage, which.value_or(platform));
    told.step.step = {name, use.step};
    PullEvents pull(build.events, std::move(told));
    pulling = &pull;
    auto found = bases.find(image, which, {name, use.step});
    pulling = nullptr;
    pull.end(found);
    return found;
  };
  Plan plan = TRY(make_plan(build.file, wanted, find_base));
  TRY(build.checks.error());
  warn_of_emulation(build, plan);
  KnownLayers layers;
  StepSite site{.site = build.site,
                .request = build.request,
                .source = *build.file.source,
                .context = build.context,
                .named = build.named,
                .plan = plan,
                .bases = bases,
                .events = events,
                .lease = build.lease,
                .platform = name,
                .project = project_of(build.request),
                .taken = build.taken,
                .layers = layers};
  PlannedGraph planned = GraphMaker(site).make();
  auto results = TRY(build.solver.solve(
      planned.graph, {.hold = &build.hold, .imported = &build.imported}, cancel));
  Assembled image = assemble(site, wanted, planned, results);
  return PlatformImage{.config = std::move(image.config),
                       .layers = std::move(image.layers),
                       .base_layers = image.base_layers,
                       .materials = materials_of(plan, bases),
                       .unused_args = plan.unused_args,
                       .cache_mounts = cache_mounts_of(plan)};
}

}  // namespace skiff::builder
