#include "dockerfile/static_checks.h"

#include <algorithm>
#include <map>

#include "base/strings.h"
#include "dockerfile/variables.h"
#include "oci/platform.h"
#include "oci/reference.h"

namespace skiff::dockerfile {

namespace {

bool is_lower(std::string_view word) { return word == to_lower(word); }
bool is_upper(std::string_view word) { return word == to_upper(word); }

// Whether one of `words` stands in the name between underscores.
bool has_word(const std::string& name, const std::vector<std::string_view>& words) {
  const std::string lower = cat("_", to_lower(name), "_");
  return std::ranges::any_of(words, [&](std::string_view word) {
    return lower.find(cat("_", word, "_")) != std::string::npos;
  });
}

bool looks_secret(const std::string& name) {
  return has_word(name, {"apikey", "auth", "credential", "credentials", "key", "password", "pword",
                         "passwd", "secret", "token"}) &&
         !has_word(name, {"public", "file", "version"});
}

class TextChecks {
 public:
  TextChecks(const Dockerfile& file, Checks& checks) : file_(file), checks_(checks) {}

  void run() {
    for (const LexicalWarning& warning : file_.warnings) {
      checks_.report(Rule::kNoEmptyContinuation, {warning.line, warning.line}, warning.text);
    }
    count_cases();
    for (const Instruction& arg : file_.global_args) {
      const auto& names = std::get<ArgInstruction>(arg.body).args;
      check_description("ARG", names_of(names), arg.comments, arg.span);
    }
    for (const Stage& stage : file_.stages) check_stage(stage);
  }

 private:
  static std::vector<std::string> names_of(const auto& pairs) {
    std::vector<std::string> out;
    for (const auto& [name, value] : pairs) out.push_back(name);
    return out;
  }

  void count_cases() {
    int lower = 0;
    int upper = 0;
    const auto count = [&](const std::string& word) {
      lower += is_lower(word) ? 1 : 0;
      upper += is_upper(word) ? 1 : 0;
    };
    for (const Stage& stage : file_.stages) {
      count(stage.keyword);
      for (const Instruction& instruction : stage.instructions) count(instruction.keyword);
    }
    mostly_lower_ = lower > upper;
  }

  void check_case(const std::string& word, LineSpan span,
                  const std::vector<std::string>& comments) {
    if (mostly_lower_ ? is_lower(word) : is_upper(word)) return;
    checks_.report(Rule::kConsistentInstructionCasing, span,
                   cat("Command '", word, "' should match the case of the command majority (",
                       mostly_lower_ ? "lowercase" : "uppercase", ")"),
                   comments);
  }

  void check_stage(const Stage& stage) {
    check_case(stage.keyword, stage.span, stage.comments);
    check_from(stage);
    std::map<std::string, const Instruction*> once;
    for (const Instruction& instruction : stage.instructions) {
      check_case(instruction.keyword, instruction.span, instruction.comments);
      check_instruction(instruction);
      const std::string keyword = to_upper(instruction.keyword);
      if (keyword != "CMD" && keyword != "ENTRYPOINT" && keyword != "HEALTHCHECK") continue;
      if (const Instruction* before = std::exchange(once[keyword], &instruction)) {
        checks_.report(Rule::kMultipleInstructionsDisallowed, before->span,
                       cat("Multiple ", keyword,
                           " instructions should not be used in the same stage because only the "
                           "last one will be used"),
                       instruction.comments);
      }
    }
  }

  void check_from(const Stage& stage) {
    const FromInstruction& from = stage.from;
    const auto report = [&](Rule rule, std::string message) {
      checks_.report(rule, stage.span, std::move(message), stage.comments);
    };
    if (!from.name.empty()) {
      if (from.written_name != from.name) {
        report(Rule::kStageNameCasing,
               cat("Stage name '", from.written_name, "' should be lowercase"));
      }
      const bool differs = is_upper(stage.keyword)   ? !is_upper(from.as_word)
                           : is_lower(stage.keyword) ? !is_lower(from.as_word)
                                                     : false;
      if (differs) {
        report(Rule::kFromAsCasing,
               cat("'", from.as_word, "' and '", stage.keyword, "' keywords' casing do not match"));
      }
      if (from.name == "context" || from.name == "scratch") {
        report(Rule::kReservedStageName,
               cat("Stage name should not use the same name as reserved stage ",
                   skiff::quoted(from.name)));
      }
      if (!names_.insert(from.name).second) {
        report(Rule::kDuplicateStageName, cat("Duplicate stage name ", skiff::quoted(from.name),
                                              ", stage names should be unique"));
      }
      check_description("FROM", {from.written_name}, stage.comments, stage.span);
    }
    check_platform(stage, report);
    if (!names_valid_image(from.image)) {
      report(Rule::kInvalidDefaultArgInFrom, cat("Default value for ARG ", from.image,
                                                 " results in empty or invalid base image name"));
    }
  }

  void check_platform(const Stage& stage, const auto& report) {
    const std::string& platform = stage.from.platform;
    if (platform == "$TARGETPLATFORM" || platform == "${TARGETPLATFORM}") {
      report(Rule::kRedundantTargetPlatform,
             cat("Setting platform to predefined ", platform,
                 " in FROM is redundant as this is the default behavior"));
    }
    if (platform.empty() || platform.find('$') != std::string::npos) return;
    const auto parsed = oci::Platform::parse(platform);
    const std::string& name = stage.from.name;
    const bool told = !parsed || name.find(parsed->os) != std::string::npos ||
                      name.find(parsed->architecture) != std::string::npos;
    if (told) return;
    report(Rule::kFromPlatformFlagConstDisallowed,
           cat("FROM --platform flag should not use constant value ", skiff::quoted(platform)));
  }

  // With the defaults of the arguments alone.
  bool names_valid_image(const std::string& image) {
    if (image.find('$') == std::string::npos) return true;
    std::map<std::string, std::string> values;
    for (const char* of : {"TARGET", "BUILD"}) {
      for (const char* part : {"PLATFORM", "OS", "OSVERSION", "ARCH", "VARIANT"}) {
        values[cat(of, part)] = "linux";
      }
    }
    const Expander expander(file_.escape, [&](const std::string& name) {
      const auto found = values.find(name);
      return found == values.end() ? std::nullopt : std::optional(found->second);
    });
    for (const Instruction& instruction : file_.global_args) {
      for (const auto& [name, fallback] : std::get<ArgInstruction>(instruction.body).args) {
        auto value = fallback ? expander.word(*fallback) : Result<std::string>(std::string());
        if (value && fallback) values[name] = *value;
      }
    }
    auto expanded = expander.word(image);
    return !expanded || *expanded == "scratch" || oci::Reference::parse(*expanded);
  }

  void check_instruction(const Instruction& instruction) {
    const auto report = [&](Rule rule, std::string message) {
      checks_.report(rule, instruction.span, std::move(message), instruction.comments);
    };
    const auto check_names = [&](std::string_view kind, const auto& pairs) {
      for (const auto& [name, value] : pairs) {
        if (!looks_secret(name)) continue;
        report(Rule::kSecretsUsedInArgOrEnv,
               cat("Do not use ARG or ENV instructions for sensitive data (", kind, " ",
                   skiff::quoted(name), ")"));
      }
    };
    const auto check_form = [&](bool legacy) {
      if (!legacy) return;
      report(Rule::kLegacyKeyValueFormat,
             cat("\"", instruction.keyword, " key=value\" should be used instead of legacy \"",
                 instruction.keyword, " key value\" format"));
    };
    if (const auto* arg = std::get_if<ArgInstruction>(&instruction.body)) {
      check_names("ARG", arg->args);
      check_description("ARG", names_of(arg->args), instruction.comments, instruction.span);
    } else if (const auto* env = std::get_if<EnvInstruction>(&instruction.body)) {
      check_names("ENV", env->pairs);
      check_form(env->legacy);
    } else if (const auto* label = std::get_if<LabelInstruction>(&instruction.body)) {
      check_form(label->legacy);
    } else if (std::holds_alternative<MaintainerInstruction>(instruction.body)) {
      report(Rule::kMaintainerDeprecated,
             "Maintainer instruction is deprecated in favor of using label");
    }
  }

  void check_description(std::string_view kind, const std::vector<std::string>& names,
                         const std::vector<std::string>& comments, LineSpan span) {
    if (comments.empty() || comments.back().empty()) return;
    if (comments.back().starts_with("check=")) return;
    for (const std::string& name : names) {
      for (const std::string& comment : comments) {
        if (comment.starts_with(cat(name, " "))) return;
      }
    }
    checks_.report(Rule::kInvalidDefinitionDescription, span,
                   cat("Comment for ", kind, " should follow the format: `# ", names.front(),
                       " <description>`"),
                   comments);
  }

  const Dockerfile& file_;
  Checks& checks_;
  bool mostly_lower_ = false;
  std::set<std::string> names_;
};

}  // namespace

void check_text(const Dockerfile& file, Checks& checks) { TextChecks(file, checks).run(); }

}  // namespace skiff::dockerfile
