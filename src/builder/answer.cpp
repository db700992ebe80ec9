#include "builder/answer.h"

#include "builder/offline_plan.h"
#include "builder/platform_build.h"
#include "dockerfile/inspection.h"
#include "dockerfile/source_text.h"
#include "dockerfile/static_checks.h"
#include "dockerfile/syntax.h"

namespace skiff::builder {

Result<> check_syntax(const BuildRequest& request, const std::string& text) {
  const auto given = request.build_args.find("BUILDKIT_SYNTAX");
  if (given != request.build_args.end() && given->second) return check_frontend(*given->second);
  const dockerfile::Syntax syntax = dockerfile::detect_syntax(text);
  Result<> known = check_frontend(syntax.value);
  if (known || syntax.line == 0) return known;
  const auto source = dockerfile::SourceText::make(request.name_of_dockerfile(), text);
  return source ? source->at({syntax.line, syntax.line}, known.error()) : known;
}

Result<CheckConfig> check_config(const BuildRequest& request, const Dockerfile& file) {
  const auto given = request.build_args.find("BUILDKIT_DOCKERFILE_CHECK");
  const bool is_given = given != request.build_args.end() && given->second;
  return CheckConfig::parse(is_given ? *given->second : file.check);
}

Result<Answer> answer_to(images::ImageStore& images, const BuildRequest& request, Context& context,
                         Question question) {
  TRY(check_syntax(request, context.dockerfile()));
  const Dockerfile file = TRY(parse_dockerfile(request.name_of_dockerfile(), context.dockerfile()));
  if (question == Question::kTargets) {
    return Answer{.text = show_targets(file), .data = targets_data(file)};
  }
  Checks checks(TRY(check_config(request, file)));
  PlanRequest wanted = plan_request(request, platforms_of(request).front());
  wanted.all_stages = question == Question::kChecks;
  wanted.checks = &checks;
  wanted.ignore = &context.tree().ignore();
  const Plan plan = TRY(plan_offline(images, file, wanted)).plan;
  if (question == Question::kOutline) {
    return Answer{.text = show_outline(file, plan), .data = outline_data(file, plan)};
  }
  check_text(file, checks);
  const auto findings = checks.findings();
  return Answer{.text = show_findings(file, findings),
                .data = findings_data(file, findings),
                .findings = findings.size()};
}

}  // namespace skiff::builder
