// Plans each tests/golden/plans/*.dockerfile and compares with its .plan file.
// SKIFF_ACCEPT_GOLDEN=1 writes the files anew. Comments at the top say what is asked for:
//   #arg NAME=VALUE   #arg NAME   #target STAGE   #platform linux/arm64   #context NAME [IMAGE]
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "base/file.h"
#include "base/strings.h"
#include "dockerfile/plan.h"

namespace skiff::dockerfile {
namespace {

std::string show_plan(const std::vector<std::string>& words) {
  std::string out = "[";
  for (const std::string& word : words) out += cat(out.size() > 1 ? " " : "", skiff::quoted(word));
  return out + "]";
}

std::string show_plan(const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::string out;
  for (const auto& [name, value] : pairs) out += cat(" ", name, "=", skiff::quoted(value));
  return out;
}

std::string named(std::string_view name, const std::string& value) {
  return value.empty() ? "" : cat(" ", name, "=", value);
}

std::string show_plan(const BaseImage& image) {
  const std::string platform = image.config.platform.str();
  return cat(" from image ", image.name, platform == "linux/amd64" ? "" : cat(" of ", platform));
}

struct ShowPlanned {
  std::string operator()(const PlannedFrom& from) const {
    if (!from.context.empty()) return cat("from context ", from.context);
    if (from.stage) return cat("from stage ", *from.stage);
    return from.image ? cat("from image ", from.image->name) : "from scratch";
  }
  std::string operator()(const PlannedRun& run) const {
    std::string out = cat("run ", show_plan(run.args), " in ", run.working_dir,
                          named("user", run.user), named("network", run.network), "\n    env ",
                          show_plan(run.env), "\n    args", show_plan(run.build_args));
    if (run.insecure) out += " insecure";
    for (const PlannedMount& mount : run.mounts) {
      out += cat("\n    mount ", mount.target, named("id", mount.id), named("source", mount.source),
                 named("env", mount.env), mount.read_only ? " ro" : " rw",
                 mount.from_image ? show_plan(*mount.from_image) : "",
                 mount.from_stage ? cat(" from stage ", *mount.from_stage) : "",
                 named("context", mount.from_context));
    }
    if (!run.hidden_args.empty()) out += cat(" hidden", show_plan(run.hidden_args));
    if (run.script)
      out += cat("\n    script ", run.script->first, " ", skiff::quoted(run.script->second));
    return out;
  }
  std::string operator()(const PlannedCopy& copy) const {
    std::string out =
        cat(copy.add ? "add " : "copy ", show_plan(copy.sources), show_plan(copy.files), " -> ",
            copy.destination, named("chown", copy.chown), named("chmod", copy.chmod));
    if (copy.link) out += " link";
    if (copy.parents) out += " parents";
    if (!copy.excludes.empty()) out += cat(" excluding ", show_plan(copy.excludes));
    out += named("checksum", copy.checksum);
    if (copy.from_stage) out += cat(" from stage ", *copy.from_stage);
    if (copy.from_image) out += show_plan(*copy.from_image);
    if (copy.from_scratch) out += " from scratch";
    if (!copy.from_context.empty()) out += cat(" from context ", copy.from_context);
    return out;
  }
  std::string operator()(const PlannedWorkdir& workdir) const {
    return cat("workdir ", workdir.path, named("user", workdir.user));
  }
  std::string operator()(const PlannedConfig& config) const {
    return cat("config", show_plan(config.build_args));
  }
};

std::string dump_plan(const Plan& plan) {
  std::string out = cat("total ", plan.total, "\n");
  for (const PlannedStage& stage : plan.stages) {
    out += cat("stage ", stage.number, " ", stage.name, " ", stage.platform.str(),
               named("author", stage.author), "\n");
    for (const PlannedStep& step : stage.steps) {
      out += cat("  ", step.number, step.trigger > 0 ? " trigger: " : ": ",
                 std::visit(ShowPlanned{}, step.what), "\n");
      if (step.shown_platform != stage.platform.str())
        out += cat("    for ", step.shown_platform, "\n");
      if (step.shown != step.text) out += cat("    shown ", step.shown, "\n");
      const bool differs = step.recorded != step.text && step.recorded != step.shown;
      if (differs) out += cat("    recorded ", step.recorded, "\n");
      if (!step.history) continue;
      out += cat("    history ", step.history->empty_layer ? "(empty) " : "",
                 step.history->created_by, "\n");
    }
    out += cat("  config ", stage.steps.back().config.to_json().dump(), "\n");
  }
  for (const std::string& name : plan.unused_args) out += cat("unused ", name, "\n");
  return out;
}

Result<BaseImage> find_base(const std::string& name, const std::optional<oci::Platform>& platform,
                            const BaseUse&) {
  BaseImage base{.name = name};
  if (name.starts_with("found")) base.found = cat("docker.io/library/", name, "@sha256:0");
  base.config.platform = platform.value_or(*oci::Platform::parse("linux/amd64"));
  if (name == "missing" || name == "alpin") {
    return Error(Code::kNotFound, cat("No such image: ", name, ":latest"));
  }
  if (name.starts_with("alpine")) {
    base.config.config.env = {"PATH=/bin", "LANG=C"};
    base.config.config.cmd = std::vector<std::string>{"/bin/sh"};
  }
  if (name == "takes-from-built") base.config.config.on_build = {"COPY --from=built /a /a"};
  if (name == "triggers") {
    base.config.config.on_build = {"COPY . /src", "RUN make"};
    base.config.config.working_dir = "/base";
  }
  return base;
}

struct Asked {
  PlanRequest request;
  std::string text;
};

Asked read_asked(const Path& path) {
  Asked asked{.text = read_file(path).value()};
  asked.request.build_platform = *oci::Platform::parse("linux/amd64");
  asked.request.target_platform = asked.request.build_platform;
  for (const std::string& line : split(asked.text, '\n')) {
    if (!line.starts_with("#")) break;
    auto words = split_once(line, ' ');
    if (!words) continue;
    std::string value(words->second);
    if (words->first == "#target") asked.request.target = value;
    if (words->first == "#platform") {
      asked.request.target_platform = *oci::Platform::parse(value);
      asked.request.platform_given = true;
    }
    auto pair = split_once(value, words->first == "#context" ? ' ' : '=');
    if (words->first == "#context") {
      const std::string name = *normal_context_name(pair ? pair->first : value);
      asked.request.named_contexts[name] = pair ? pair->second : "";
    }
    if (words->first != "#arg") continue;
    if (pair) {
      asked.request.build_args[std::string(pair->first)] = std::string(pair->second);
    } else {
      asked.request.build_args[value] = std::nullopt;
    }
  }
  return asked;
}

TEST(PlanGolden, EachFileIsPlannedAsExpected) {
  bool accept = std::getenv("SKIFF_ACCEPT_GOLDEN") != nullptr;
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("tests/golden/plans")) {
    if (entry.path().extension() != ".dockerfile") continue;
    SCOPED_TRACE(entry.path().string());
    ++count;
    Asked asked = read_asked(entry.path());
    auto file = parse_dockerfile("Dockerfile", asked.text);
    ASSERT_TRUE(file) << file.error().message();
    auto plan = make_plan(*file, asked.request, find_base);
    std::string shown = plan ? dump_plan(*plan) : cat("ERROR ", plan.error().message(), "\n");
    Path expected = Path(entry.path()).replace_extension(".plan");
    if (accept) std::ofstream(expected) << shown;
    EXPECT_EQ(shown, read_file(expected).value_or("(no .plan file)"));
  }
  EXPECT_GE(count, 20);
}

}  // namespace
}  // namespace skiff::dockerfile
