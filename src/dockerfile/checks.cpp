#include "dockerfile/checks.h"

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "dockerfile/instruction_flags.h"

namespace skiff::dockerfile {

namespace {

constexpr std::array<RuleText, kRules> kTexts = {{
    {"StageNameCasing", "stage-name-casing", "Stage names should be lowercase"},
    {"FromAsCasing", "from-as-casing",
     "The 'as' keyword should match the case of the 'from' keyword"},
    {"NoEmptyContinuation", "no-empty-continuation",
     "Empty continuation lines will become errors in a future release"},
    {"ConsistentInstructionCasing", "consistent-instruction-casing",
     "All instructions of a Dockerfile should be written in the same case"},
    {"DuplicateStageName", "duplicate-stage-name", "Stage names should be unique"},
    {"ReservedStageName", "reserved-stage-name",
     "Reserved words should not be used as stage names"},
    {"JSONArgsRecommended", "json-args-recommended",
     "CMD and ENTRYPOINT in JSON form get the signals that are sent to the container"},
    {"MaintainerDeprecated", "maintainer-deprecated",
     "MAINTAINER is deprecated: a label names the author of an image"},
    {"UndefinedArgInFrom", "undefined-arg-in-from", "FROM should use declared arguments"},
    {"WorkdirRelativePath", "workdir-relative-path",
     "A relative WORKDIR changes when the base image does"},
    {"UndefinedVar", "undefined-var", "Variables should be defined before they are used"},
    {"MultipleInstructionsDisallowed", "multiple-instructions-disallowed",
     "Of several such instructions in a stage only the last counts"},
    {"LegacyKeyValueFormat", "legacy-key-value-format",
     "The old form with a blank between name and value should not be used"},
    {"InvalidBaseImagePlatform", "invalid-base-image-platform",
     "The base image is of another platform than the build"},
    {"RedundantTargetPlatform", "redundant-target-platform",
     "The target platform is what FROM takes anyhow"},
    {"SecretsUsedInArgOrEnv", "secrets-used-in-arg-or-env",
     "Secrets should not be arguments or variables: everyone who has the image sees them"},
    {"InvalidDefaultArgInFrom", "invalid-default-arg-in-from",
     "With the defaults of its arguments FROM names no valid image"},
    {"FromPlatformFlagConstDisallowed", "from-platform-flag-const-disallowed",
     "FROM --platform should not be a constant"},
    {"CopyIgnoredFile", "copy-ignored-file", "The .dockerignore file leaves out what is copied",
     true},
    {"InvalidDefinitionDescription", "invalid-definition-description",
     "A comment above a stage or an argument should describe it: `# NAME DESCRIPTION`", true},
    {"ExposeProtoCasing", "expose-proto-casing", "The protocol of EXPOSE should be lowercase"},
    {"ExposeInvalidFormat", "expose-invalid-format",
     "EXPOSE should not name an address or a port of the host"},
}};

std::set<std::string, std::less<>> read_names(std::string_view list) {
  std::set<std::string, std::less<>> out;
  for (const std::string& name : split(list, ',')) {
    if (!trim(name).empty()) out.emplace(trim(name));
  }
  return out;
}

Result<bool> read_bool(std::string_view text) {
  const std::string value = to_lower(trim(text));
  if (value == "true" || value == "1" || value == "t") return true;
  if (value == "false" || value == "0" || value == "f") return false;
  return invalid_instruction(cat("invalid value of check option error: ", skiff::quoted(text)));
}

void read_rules(std::string_view list, bool& all, std::set<std::string, std::less<>>& some) {
  if (trim(list) == "all") {
    all = true;
  } else {
    some.merge(read_names(list));
  }
}

}  // namespace

const RuleText& text_of(Rule rule) { return kTexts[static_cast<size_t>(rule)]; }

CheckPhase phase_of(Rule rule) {
  switch (rule) {
    case Rule::kNoEmptyContinuation:
      return CheckPhase::kLines;
    case Rule::kStageNameCasing:
    case Rule::kFromAsCasing:
    case Rule::kMaintainerDeprecated:
    case Rule::kInvalidDefinitionDescription:
      return CheckPhase::kInstructions;
    case Rule::kConsistentInstructionCasing:
    case Rule::kDuplicateStageName:
    case Rule::kReservedStageName:
    case Rule::kInvalidDefaultArgInFrom:
      return CheckPhase::kStages;
    case Rule::kUndefinedArgInFrom:
    case Rule::kRedundantTargetPlatform:
    case Rule::kFromPlatformFlagConstDisallowed:
      return CheckPhase::kFroms;
    default:
      return CheckPhase::kSteps;
  }
}

Result<CheckConfig> CheckConfig::parse(std::string_view text) {
  CheckConfig out;
  for (const std::string& option : split(text, ';')) {
    if (trim(option).empty()) continue;
    const auto parts = split_once(option, '=');
    const std::string key(trim(parts ? parts->first : std::string_view(option)));
    if (parts && key == "skip") {
      read_rules(parts->second, out.skip_all, out.skip);
    } else if (parts && key == "experimental") {
      read_rules(parts->second, out.experimental_all, out.experimental);
    } else if (parts && key == "error") {
      out.error = TRY(read_bool(parts->second));
    } else {
      return invalid_instruction(cat("invalid check option ", skiff::quoted(key),
                                     did_you_mean(key, {"skip", "error", "experimental"})));
    }
  }
  return out;
}

CheckConfig CheckConfig::with(const std::vector<std::string>& comments) const {
  CheckConfig out = *this;
  for (const std::string& comment : comments) {
    const auto parts = split_once(comment, '=');
    if (!parts || to_lower(trim(parts->first)) != "check") continue;
    auto more = CheckConfig::parse(trim(parts->second));
    if (!more) continue;  // a comment like others
    out.skip_all = out.skip_all || more->skip_all;
    out.experimental_all = out.experimental_all || more->experimental_all;
    out.skip.merge(more->skip);
    out.experimental.merge(more->experimental);
  }
  return out;
}

bool CheckConfig::counts(Rule rule) const {
  const RuleText& text = text_of(rule);
  if (text.experimental) return experimental_all || experimental.contains(text.name);
  return !skip_all && !skip.contains(text.name);
}

void Checks::report(Rule rule, LineSpan span, std::string message,
                    const std::vector<std::string>& comments) {
  if (!config_.with(comments).counts(rule)) return;
  const std::scoped_lock lock(mutex_);
  const bool known = std::ranges::any_of(findings_, [&](const Finding& other) {
    return other.rule == rule && other.message == message && other.span.first == span.first;
  });
  if (!known) findings_.push_back({rule, std::move(message), span});
}

std::vector<Finding> Checks::findings() const {
  std::vector<Finding> out;
  {
    const std::scoped_lock lock(mutex_);
    out = findings_;
  }
  std::ranges::stable_sort(out, {}, [](const Finding& one) { return one.span.first; });
  return out;
}

std::vector<Finding> Checks::findings_before(CheckPhase phase, int line) const {
  std::vector<Finding> out = findings();
  std::erase_if(out, [&](const Finding& one) {
    const CheckPhase own = phase_of(one.rule);
    return own > phase || (own == phase && one.span.first > line);
  });
  return out;
}

Result<> Checks::error() const {
  const std::vector<Finding> found = findings();
  if (!config_.error || found.empty()) return {};
  std::set<std::string_view> names;
  for (const Finding& finding : found) names.insert(text_of(finding.rule).name);
  std::string list;
  for (std::string_view name : names) list += cat(list.empty() ? "" : ", ", name);
  return Error(Code::kFailedPrecondition, cat("lint violation found for rules: ", list));
}

}  // namespace skiff::dockerfile
