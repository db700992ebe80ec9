#include "api/build_question.h"

#include "api/progress_stream.h"
#include "base/strings.h"
#include "base/truth.h"
#include "dockerfile/inspection.h"

namespace skiff::api {

namespace {

Error refused(const std::string& text, std::string_view why) {
  return {Code::kInvalidArgument, cat("call ", skiff::quoted(text), ": ", why)};
}

// False where a build is wanted.
Result<bool> read_name(const std::string& text, std::string_view name, AskedQuestion& out) {
  if (name.empty() || name == "build") return false;
  out.lists_questions = name == "subrequests.describe";
  if (out.lists_questions) return true;
  if (name == "check" || name == "lint") {
    out.question = builder::Question::kChecks;
  } else if (name == "outline") {
    out.question = builder::Question::kOutline;
  } else if (name == "targets") {
    out.question = builder::Question::kTargets;
  } else {
    return refused(text, "it is one of build, check, outline, targets and subrequests.describe");
  }
  return true;
}

std::string count_of(size_t findings) {
  if (findings == 1) return "Check complete, 1 warning has been found!";
  return cat("Check complete, ", findings, " warnings have been found!");
}

}  // namespace

Result<std::optional<AskedQuestion>> decode_question(const Call& call) {
  const std::string text = call.arg("call");
  const std::vector<std::string> fields = split(text, ',');
  AskedQuestion out;
  const bool asks = TRY(read_name(text, fields.front(), out));
  for (size_t i = 1; i < fields.size(); ++i) {
    const auto parts = split_once(fields[i], '=');
    const std::string_view key = parts ? parts->first : std::string_view(fields[i]);
    const std::string_view value = parts ? parts->second : std::string_view();
    const auto truth = parse_bool(value);
    if (key == "format" && (value == "json" || value == "text")) {
      out.in_json = value == "json";
    } else if (key == "ignorestatus" && truth) {
      out.ignore_status = *truth;
    } else {
      return refused(text, cat(skiff::quoted(fields[i]),
                               " is none of format=json, format=text and "
                               "ignorestatus=true"));
    }
  }
  return asks ? std::optional(out) : std::optional<AskedQuestion>();
}

Result<> answer(Call& call, const builder::BuildRequest& request, const AskedQuestion& asked) {
  constexpr int kIndent = 2;
  ProgressStream stream(call);
  if (asked.lists_questions) {
    stream.text(asked.in_json ? cat(dockerfile::questions_data().pretty(kIndent), "\n")
                              : dockerfile::show_questions());
    return stream.finish({});
  }
  auto answered = call.context.builder.inspect(request, asked.question, call.writer.client_gone());
  if (!answered) return stream.finish(std::move(answered.error()));
  stream.text(asked.in_json ? cat(answered->data.pretty(kIndent), "\n") : answered->text);
  if (asked.question != builder::Question::kChecks) return stream.finish({});
  const size_t count = answered->findings;
  if (answered->failure) {
    if (!asked.in_json && count > 0) stream.text(cat(count_of(count), "\n\n"));
    return stream.finish(*answered->failure);
  }
  if (count > 0 && !asked.ignore_status) {
    return stream.finish(Error(Code::kFailedPrecondition, count_of(count)), 1);
  }
  if (!asked.in_json) {
    stream.text(count == 0 ? "Check complete, no warnings found.\n" : cat(count_of(count), "\n"));
  }
  return stream.finish({});
}

}  // namespace skiff::api
