// Plan: what a build will do, as data: the instructions bound to variables, stages and base
// images. Pure but for `find_base`; executes nothing.
//
// A worked example:
//   ARG V=1                 -> visible to FROM
//   FROM alpine AS build    -> step 1; the base's ENV, WORKDIR, ... begin the stage's config
//   ARG V                   -> step 2; V is the global's 1, or --build-arg's
//   RUN make $V             -> step 3; V in its environment, the text goes to the shell as it is
//   FROM scratch            -> step 4
//   COPY --from=build /x /  -> step 5; needs the stage "build"
// Stages that the target does not need are left out, and not counted.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "dockerfile/checks.h"
#include "dockerfile/instructions.h"
#include "dockerfile/named_context.h"
#include "dockerfile/run_mount.h"
#include "oci/ignore_patterns.h"
#include "oci/image_config.h"
#include "oci/platform.h"

namespace skiff::dockerfile {

struct PlanRequest {
  std::map<std::string, std::optional<std::string>> build_args;
  std::string target;  // stage name or number; "" is the last
  oci::Platform build_platform;
  oci::Platform target_platform;
  bool platform_given = false;                  // asked for: base images must have it
  bool all_stages = false;                      // also those that the target does not need
  Checks* checks = nullptr;                     // told of what is better not done
  const oci::IgnorePatterns* ignore = nullptr;  // of the context, for the checks
  NamedContexts named_contexts;
};

// An image that a FROM or a COPY --from names.
struct BaseImage {
  std::string name;   // as the Dockerfile has it, expanded
  std::string found;  // its whole name with the digest that it has now; "": no name leads to it
  size_t handle = 0;  // the finder's
  oci::ImageConfig config;
  bool known = true;  // else the config is made up
};
// Who needs a base image: a step, and where that is the FROM of a stage, which one, from 0.
struct BaseUse {
  int step = 0;
  std::optional<size_t> stage = std::nullopt;
};
// `platform` is nullopt where any will do.
using FindBase = std::function<Result<BaseImage>(
    const std::string& name, const std::optional<oci::Platform>& platform, const BaseUse& use)>;

struct PlannedFrom {
  std::optional<BaseImage> image;  // nothing of all: scratch
  std::optional<size_t> stage;     // index in Plan::stages
  std::string context;             // a named one, whose files are a layer
};
// Its target is absolute, "" where there is none, and its id never "".
struct PlannedMount : RunMount {
  std::optional<size_t> from_stage;
  std::optional<BaseImage> from_image;
  std::string from_context;  // a named one
};
struct PlannedRun {
  std::vector<std::string> args;
  std::vector<std::string> env;                                  // of the config, PATH always
  std::vector<std::pair<std::string, std::string>> build_args;   // in scope, and not in `env`
  std::vector<std::pair<std::string, std::string>> hidden_args;  // proxies: not in the key
  std::string working_dir;
  std::string user;
  std::string network;    // of --network
  bool insecure = false;  // of --security
  std::vector<PlannedMount> mounts;
  std::optional<std::pair<std::string, std::string>> script;  // name in /dev/pipes and content
};
struct PlannedCopy {
  bool add = false;
  std::vector<std::string> sources;
  std::vector<std::pair<std::string, std::string>> files;  // heredocs: name and content
  std::string destination;                                 // absolute; "/" at its end: a directory
  std::optional<size_t> from_stage;
  std::optional<BaseImage> from_image;
  std::string from_context;   // a named one
  bool from_scratch = false;  // where nothing is; none of these: the build's context
  std::string chown;
  std::string chmod;
  bool link = false;  // a layer of its own, laid upon what is below
  bool parents = false;
  std::vector<std::string> excludes;
  std::string checksum;
  std::optional<bool> keep_git_dir;
  std::optional<bool> unpack;
};
struct PlannedWorkdir {
  std::string path;  // absolute
  std::string user;  // owns what is created
};
// Changes the config alone.
struct PlannedConfig {
  std::vector<std::pair<std::string, std::string>> build_args;  // that an ARG declares
};

struct PlannedStep {
  std::variant<PlannedFrom, PlannedRun, PlannedCopy, PlannedWorkdir, PlannedConfig> what;
  int number = 0;    // 1 to Plan::total; a trigger has that of its FROM
  int trigger = 0;   // of the base image's ONBUILD, from 1; 0: none of these
  std::string text;  // as written
  // As BuildKit's clients show it: the image of a FROM as it was found, COPY, ADD, WORKDIR and RUN
  // with their variables expanded.
  std::string shown;
  std::string recorded;        // the same with all of that as it is written
  std::string shown_platform;  // the stage's, "linux/amd64->arm64" where it is told of another
  LineSpan span;
  std::optional<oci::History> history;  // its time and that of the step are to be filled in
  oci::RunConfig config;                // after the step
};

struct PlannedStage {
  size_t number = 0;  // in the Dockerfile, from 0
  std::string name;   // or its number
  oci::Platform platform;
  std::vector<PlannedStep> steps;  // the first is PlannedFrom
  std::string author;
};

struct Plan {
  std::vector<PlannedStage> stages;  // those needed, in order; the last is the target
  int total = 0;
  std::vector<std::string> unused_args;  // given, and never declared
};

// The value of an ARG before the first FROM; nullopt where there is none, or it has none.
Result<std::optional<std::string>> global_argument(const Dockerfile& file,
                                                   const PlanRequest& request,
                                                   const std::string& name);

// Errors name their place in the Dockerfile.
Result<Plan> make_plan(const Dockerfile& file, const PlanRequest& request,
                       const FindBase& find_base);

}  // namespace skiff::dockerfile
