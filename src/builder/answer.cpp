#include "builder/answer.h"

#include <algorithm>
#include <climits>

#include "builder/named_sources.h"
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
  constexpr const char* kArgument = "BUILDKIT_DOCKERFILE_CHECK";
  const auto given = request.build_args.find(kArgument);
  if (given != request.build_args.end() && given->second) {
    return CheckConfig::parse(*given->second).context(kArgument);
  }
  auto config = CheckConfig::parse(file.check);
  if (!config) return file.source->at({file.check_line, file.check_line}, config.error());
  return config;
}

namespace {

// Of an error without a place in the file; all that is told before it stands above.
constexpr int kBehindAll = INT_MAX;

// Beside a plan that there is not.
std::vector<Finding> findings_before(const Error& failure, const Dockerfile& file,
                                     const Checks& checks) {
  const auto placed = take_apart(failure.message(), file.source->name());
  if (!placed) return checks.findings_before(CheckPhase::kFroms, kBehindAll);
  const bool is_from = std::ranges::any_of(file.stages, [&](const dockerfile::Stage& stage) {
    return stage.span.first == placed->line;
  });
  return checks.findings_before(is_from ? CheckPhase::kFroms : CheckPhase::kSteps, placed->line);
}

Answer answer_of(const Dockerfile& file, const std::vector<Finding>& findings,
                 std::optional<Error> failure) {
  return {.text = show_findings(file, findings),
          .data = findings_data(file, findings, failure),
          .findings = findings.size(),
          .failure = std::move(failure)};
}

Result<Answer> check(images::ImageStore& images, const BuildRequest& request, Context& context) {
  PartialDockerfile parsed = TRY(parse_partly(request.name_of_dockerfile(), context.dockerfile()));
  if (parsed.failure) {
    const auto findings = TRY(findings_before_failure(request, parsed));
    return answer_of(parsed.file, findings, std::move(parsed.failure));
  }
  Checks checks(TRY(check_config(request, parsed.file)));
  PlanRequest wanted = plan_request(request, platforms_of(request).front());
  wanted.all_stages = true;
  wanted.checks = &checks;
  wanted.named_contexts = TRY(NamedSources::names_of(request));
  wanted.ignore = &context.tree().ignore();
  const auto planned = plan_offline(images, parsed.file, wanted);
  check_text(parsed.file, checks);
  if (planned) return answer_of(parsed.file, checks.findings(), std::nullopt);
  const auto findings = findings_before(planned.error(), parsed.file, checks);
  return answer_of(parsed.file, findings, planned.error());
}

}  // namespace

Result<std::vector<Finding>> findings_before_failure(const BuildRequest& request,
                                                     const PartialDockerfile& parsed) {
  Checks checks(TRY(check_config(request, parsed.file)));
  check_text(parsed.file, checks);
  const auto placed = take_apart(parsed.failure->message(), parsed.file.source->name());
  return checks.findings_before(CheckPhase::kInstructions, placed ? placed->line : kBehindAll);
}

Result<Answer> answer_to(images::ImageStore& images, const BuildRequest& request, Context& context,
                         Question question) {
  TRY(check_syntax(request, context.dockerfile()));
  if (question == Question::kChecks) return check(images, request, context);
  const Dockerfile file = TRY(parse_dockerfile(request.name_of_dockerfile(), context.dockerfile()));
  if (question == Question::kTargets) {
    return Answer{.text = show_targets(file), .data = targets_data(file)};
  }
  PlanRequest wanted = plan_request(request, platforms_of(request).front());
  wanted.named_contexts = TRY(NamedSources::names_of(request));
  const Plan plan = TRY(plan_offline(images, file, wanted)).plan;
  return Answer{.text = show_outline(file, plan), .data = outline_data(file, plan)};
}

}  // namespace skiff::builder
