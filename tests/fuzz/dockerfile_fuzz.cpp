// Any bytes as a Dockerfile: instructions or an error, whose places lie within the file; each text
// that may hold variables, expanded; and the plan of a build, of images that are made up.
#include <algorithm>
#include <cstdlib>

#include "dockerfile/instructions.h"
#include "dockerfile/plan.h"
#include "dockerfile/stage_sources.h"
#include "dockerfile/syntax.h"
#include "dockerfile/variables.h"

namespace {

using namespace skiff::dockerfile;

void check_span(LineSpan span, size_t lines) {
  if (span.first < 1 || span.last < span.first || static_cast<size_t>(span.last) > lines) {
    std::abort();
  }
}

void expand(const Expander& expander, std::string_view text) {
  // A pattern may take quadratic time; long lines would only make the fuzzer slow.
  text = text.substr(0, 512);
  (void)expander.word(text);
  (void)expander.words(text);
  (void)expander.body(text);
}

void plan(const Dockerfile& file) {
  PlanRequest request{.all_stages = true};
  request.build_platform = request.target_platform = skiff::oci::Platform::host();
  (void)global_argument(file, request, "SOURCE_DATE_EPOCH");
  if (stages_shown(file) < file.stages.size()) std::abort();
  const auto made_up = [](const std::string& name, const auto&,
                          const BaseUse&) -> skiff::Result<BaseImage> {
    BaseImage base{.name = name};
    if (name.size() % 2 == 0) base.config.config.on_build = {"COPY --from=0 a /", "RUN true"};
    return base;
  };
  const auto made = make_plan(file, request, made_up);
  if (made && made->stages.empty()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const char* data, size_t size) {
  (void)detect_syntax({data, size});
  auto file = parse_dockerfile("Dockerfile", {data, size});
  if (!file) return 0;
  if (file->stages.empty()) std::abort();
  plan(*file);
  const size_t lines = file->source->lines().size();
  const Expander expander(file->escape, [](const std::string& name) {
    return name.size() % 2 == 0 ? std::nullopt : std::optional<std::string>(name + " value");
  });
  for (const Stage& stage : file->stages) {
    check_span(stage.span, lines);
    for (const Instruction& instruction : stage.instructions) {
      check_span(instruction.span, lines);
      expand(expander, instruction.text);
      if (const auto* trigger = std::get_if<OnBuildInstruction>(&instruction.body)) {
        (void)parse_trigger("image", trigger->trigger);
      }
    }
  }
  return 0;
}
