// Checks: what is allowed in a Dockerfile and still better not done: the rules of Docker's
// reference, "Build checks", which of them count, and what was found.
//
//   Checks checks(TRY(CheckConfig::parse("skip=JSONArgsRecommended;error=true")));
//   checks.report(Rule::kUndefinedVar, span, "Usage of undefined variable '$X'", comments);
//   checks.error()      an Error where warnings are errors and there are some
#pragma once

#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "dockerfile/source_text.h"

namespace skiff::dockerfile {

enum class Rule {
  kStageNameCasing,
  kFromAsCasing,
  kNoEmptyContinuation,
  kConsistentInstructionCasing,
  kDuplicateStageName,
  kReservedStageName,
  kJsonArgsRecommended,
  kMaintainerDeprecated,
  kUndefinedArgInFrom,
  kWorkdirRelativePath,
  kUndefinedVar,
  kMultipleInstructionsDisallowed,
  kLegacyKeyValueFormat,
  kInvalidBaseImagePlatform,
  kRedundantTargetPlatform,
  kSecretsUsedInArgOrEnv,
  kInvalidDefaultArgInFrom,
  kFromPlatformFlagConstDisallowed,
  kCopyIgnoredFile,
  kInvalidDefinitionDescription,
  kExposeProtoCasing,
  kExposeInvalidFormat,
};
inline constexpr size_t kRules = 22;

struct RuleText {
  std::string_view name;
  std::string_view page;  // of Docker's documentation: "stage-name-casing"
  std::string_view description;
  bool experimental = false;  // counts only where it is asked for
};
const RuleText& text_of(Rule rule);

// "skip=A,B;error=true;experimental=all", of "# check=" and of BUILDKIT_DOCKERFILE_CHECK.
struct CheckConfig {
  bool skip_all = false;
  bool experimental_all = false;
  bool error = false;
  std::set<std::string, std::less<>> skip;
  std::set<std::string, std::less<>> experimental;

  static Result<CheckConfig> parse(std::string_view text);
  // Of "# check=" among the comments right above an instruction: it adds to this one.
  CheckConfig with(const std::vector<std::string>& comments) const;
  bool counts(Rule rule) const;
};

struct Finding {
  Rule rule = Rule::kStageNameCasing;
  std::string message;
  LineSpan span;
};

// How far BuildKit's frontend comes with a file: all lines, each instruction by itself, the stages
// as a whole, each FROM, and at last each step. What it finds before an error it tells with that.
enum class CheckPhase { kLines, kInstructions, kStages, kFroms, kSteps };
CheckPhase phase_of(Rule rule);

// Thread-safe.
class Checks {
 public:
  explicit Checks(CheckConfig config) : config_(std::move(config)) {}

  // `comments` are those right above the instruction.
  void report(Rule rule, LineSpan span, std::string message,
              const std::vector<std::string>& comments = {});
  // In the order of their lines; each once.
  std::vector<Finding> findings() const;
  // Those that are found before an error in `phase` that is in `line`.
  std::vector<Finding> findings_before(CheckPhase phase, int line) const;
  // kFailedPrecondition where findings are errors and there are some.
  Result<> error() const;

 private:
  const CheckConfig config_;
  mutable std::mutex mutex_;  // of what follows
  std::vector<Finding> findings_;
};

}  // namespace skiff::dockerfile
