#include "dockerfile/instructions.h"

#include "base/strings.h"
#include "dockerfile/instruction_parser.h"

namespace skiff::dockerfile {

namespace {

// Each may stand on the one before it, and is looked at through that.
constexpr size_t kMostStages = 4096;

Result<Instruction> understand(const SourceText& source, const RawInstruction& raw, char escape) {
  auto body = parse_instruction(raw, escape);
  if (!body) return source.at(raw.span, body.error());
  return Instruction{std::move(*body), raw.text, raw.span, raw.text.substr(0, raw.keyword.size()),
                     raw.comments};
}

Result<> place(Dockerfile& out, Instruction instruction) {
  if (auto* from = std::get_if<FromInstruction>(&instruction.body)) {
    if (out.stages.size() == kMostStages) {
      return out.source->at(instruction.span,
                            Error(Code::kResourceExhausted,
                                  cat("more than ", kMostStages, " stages: these are the most")));
    }
    out.stages.push_back(Stage{std::move(*from),
                               instruction.text,
                               instruction.span,
                               instruction.keyword,
                               instruction.comments,
                               {}});
  } else if (!out.stages.empty()) {
    out.stages.back().instructions.push_back(std::move(instruction));
  } else if (std::holds_alternative<ArgInstruction>(instruction.body)) {
    out.global_args.push_back(std::move(instruction));
  } else {
    return out.source->at(
        instruction.span,
        Error(Code::kInvalidArgument, "no build stage in current context: FROM must come first"));
  }
  return {};
}

Result<> read_into(Dockerfile& out) {
  RawDockerfile raw = TRY(parse_lexical(*out.source));
  out.escape = raw.escape;
  out.syntax = std::move(raw.syntax);
  out.check = std::move(raw.check);
  out.check_line = raw.check_line;
  out.warnings = std::move(raw.warnings);
  for (const RawInstruction& instruction : raw.instructions) {
    Instruction understood = TRY(understand(*out.source, instruction, raw.escape));
    TRY(place(out, std::move(understood)));
  }
  if (!out.stages.empty()) return {};
  return Error(Code::kInvalidArgument,
               cat(out.source->name(), ": no build stage: a FROM is missing"));
}

}  // namespace

Result<PartialDockerfile> parse_partly(const std::string& name, std::string_view text) {
  PartialDockerfile out;
  out.file.source = std::make_shared<SourceText>(TRY(SourceText::make(name, text)));
  if (auto whole = read_into(out.file); !whole) out.failure = std::move(whole.error());
  return out;
}

Result<Dockerfile> parse_dockerfile(const std::string& name, std::string_view text) {
  PartialDockerfile out = TRY(parse_partly(name, text));
  if (out.failure) return *std::move(out.failure);
  return std::move(out.file);
}

Result<Instruction> parse_trigger(const std::string& image, std::string_view text) {
  SourceText source = TRY(SourceText::make(cat("ONBUILD of ", image), text));
  RawDockerfile raw = TRY(parse_lexical(source));
  if (raw.instructions.size() != 1)
    return Error(Code::kInvalidArgument, cat(source.name(), ": not one instruction"));
  Instruction out = TRY(understand(source, raw.instructions[0], raw.escape));
  if (std::holds_alternative<FromInstruction>(out.body) ||
      std::holds_alternative<OnBuildInstruction>(out.body) ||
      std::holds_alternative<MaintainerInstruction>(out.body))
    return Error(Code::kInvalidArgument,
                 cat(source.name(), ": this is not allowed as a trigger: ", out.text));
  return out;
}

}  // namespace skiff::dockerfile
