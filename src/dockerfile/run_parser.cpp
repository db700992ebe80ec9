// RUN.
#include "base/strings.h"
#include "dockerfile/instruction_flags.h"
#include "dockerfile/instruction_parser.h"
#include "dockerfile/run_mount.h"

namespace skiff::dockerfile {

Result<InstructionBody> parse_run(const RawInstruction& raw, char) {
  InstructionFlags flags = TRY(InstructionFlags::read(raw));
  RunInstruction out;
  out.network = TRY(flags.text("network"));
  out.security = TRY(flags.text("security"));
  out.mounts = TRY(flags.all("mount"));
  TRY(flags.refuse("device"));
  TRY(flags.finish());
  if (!out.network.empty() && out.network != "default" && out.network != "none" &&
      out.network != "host") {
    return invalid_instruction(cat("unsupported network mode: ", quoted(out.network),
                                   did_you_mean(out.network, {"default", "none", "host"})));
  }
  if (!out.security.empty() && out.security != "sandbox" && out.security != "insecure") {
    return invalid_instruction(cat("unsupported security mode: ", quoted(out.security),
                                   did_you_mean(out.security, {"sandbox", "insecure"})));
  }
  for (const std::string& mount : out.mounts) TRY(from_of_mount(mount));
  out.command = TRY(parse_command(raw.arguments));
  if (out.command.words.empty() && !out.command.shell)
    return invalid_instruction("RUN requires at least one argument");
  out.heredocs = raw.heredocs;
  out.heredoc_text = raw.heredoc_text;
  return out;
}

}  // namespace skiff::dockerfile
