// BuildProgress: a build's events as vertices of BuildKit.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "builder/builder.h"
#include "buildkit/progress_writer.h"

namespace skiff::buildkit {

// The Dockerfile, to show places in.
struct DockerfileText {
  std::string name;
  std::string text;
  size_t stages = 0;  // what stages_shown() says
};

class BuildProgress {
 public:
  struct Manner {
    bool several_platforms = false;
    bool records_arguments = false;  // values of build arguments are kept with the build
  };
  // `definition` is the vertex that warnings belong to.
  BuildProgress(ProgressWriter& writer, DockerfileText file, std::string definition, Manner manner)
      : writer_(writer),
        file_(std::move(file)),
        definition_(std::move(definition)),
        manner_(manner) {}

  void operator()(const builder::BuildEvent& event);
  // The build is over: what is at work ends with it.
  void end(std::string_view error);

 private:
  struct Step {
    std::string name;
    std::string recorded = {};
    // "": that of the same step of another platform is over, and there is no more to tell of it.
    std::string vertex = {};
    bool cached = false;
    bool pulls = false;  // its base image, before it began
  };
  // A vertex, which equal steps of several platforms have together.
  struct Shared {
    std::string vertex;
    std::set<std::string> platforms;  // whose step it is
    int at_work = 0;
    bool cached = true;
    bool over = false;
  };

  void take(const builder::StepStarted& e);
  void take(const builder::StepCached& e);
  void take(const builder::StepMissed& e);
  void take(const builder::StepOutput& e);
  void take(const builder::StepProgress& e);
  void take(const builder::BasePull& e);
  void take(const builder::StepDone& e);
  void take(const builder::StepFailed& e);
  void take(const builder::BuildWarning& e);
  void take(const builder::CacheMoved& e);
  void take(const builder::ImageBuilt&) {}
  void take(const builder::Exporting& e);
  void start(const builder::StepStarted& e);
  void count(const std::string& vertex, const images::ProgressEvent& progress);
  void count_layer(const std::string& vertex, const images::ProgressEvent& progress);
  std::string name_of(const builder::StepStarted& e, const std::string& shown) const;
  Step named(const builder::StepStarted& e) const;
  void rename(const Step& step, const Step& now);
  Step* find(const builder::StepId& step);
  // The same, with a vertex.
  Step* find_begun(const builder::StepId& id);
  void begin(Step& step, const builder::StepId& id);
  void finish(const Step& step, std::string_view error);

  ProgressWriter& writer_;
  DockerfileText file_;
  std::string definition_;
  Manner manner_;
  std::string pushing_;  // the vertex of what is pushed; "": nothing yet
  std::map<builder::StepId, Step> running_;
  std::map<std::string, Shared> shared_;       // by name: the last of that
  std::map<std::string, std::string> caches_;  // the vertices of those that are moved
  // Of base images that no FROM is of, by platform and name.
  std::map<std::pair<std::string, std::string>, std::string> pulls_;
  std::map<std::pair<std::string, std::string>, int64_t> sizes_;  // of layers, by vertex and digest
};

}  // namespace skiff::buildkit
