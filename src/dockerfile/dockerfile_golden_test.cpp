// Parses each tests/golden/dockerfiles/*.dockerfile and compares with its .expect file.
// SKIFF_ACCEPT_GOLDEN=1 writes the files anew.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "base/file.h"
#include "base/strings.h"
#include "dockerfile/instructions.h"

namespace skiff::dockerfile {
namespace {

std::string show(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += cat(" ", skiff::quoted(word));
  return out;
}

std::string show(const Command& command) {
  return cat(command.shell ? "shell" : "exec", show(command.words));
}

std::string show(const std::vector<Heredoc>& heredocs) {
  std::string out;
  for (const Heredoc& h : heredocs)
    out += cat(" <<", h.chomp ? "-" : "", h.expand ? "" : "quoted ", h.name, " ",
               skiff::quoted(h.content));
  return out;
}

std::string show(const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::string out;
  for (const auto& [name, value] : pairs) out += cat(" ", name, "=", skiff::quoted(value));
  return out;
}

std::string flag(std::string_view name, const std::string& value) {
  return value.empty() ? "" : cat(" ", name, "=", value);
}

std::string flag(std::string_view name, const std::optional<bool>& value) {
  return value ? cat(" ", name, "=", *value ? "true" : "false") : "";
}

struct Show {
  std::string operator()(const FromInstruction& i) const {
    return cat("from ", i.image, flag("platform", i.platform), flag("as", i.name));
  }
  std::string operator()(const RunInstruction& i) const {
    return cat("run ", show(i.command), flag("network", i.network), flag("security", i.security),
               i.mounts.empty() ? "" : " mounts", show(i.mounts), show(i.heredocs));
  }
  std::string operator()(const CopyInstruction& i) const {
    return cat(i.add ? "add" : "copy", show(i.sources), " -> ", skiff::quoted(i.destination),
               flag("from", i.from), flag("chown", i.chown), flag("chmod", i.chmod),
               i.link ? " link" : "", i.parents ? " parents" : "",
               i.excludes.empty() ? "" : " excluding", show(i.excludes),
               flag("checksum", i.checksum), flag("keep-git-dir", i.keep_git_dir),
               flag("unpack", i.unpack), show(i.heredocs));
  }
  std::string operator()(const ArgInstruction& i) const {
    std::string out = "arg";
    for (const auto& [name, value] : i.args)
      out += cat(" ", name, value ? cat("=", skiff::quoted(*value)) : "");
    return out;
  }
  std::string operator()(const EnvInstruction& i) const { return cat("env", show(i.pairs)); }
  std::string operator()(const LabelInstruction& i) const { return cat("label", show(i.pairs)); }
  std::string operator()(const WorkdirInstruction& i) const { return cat("workdir ", i.path); }
  std::string operator()(const UserInstruction& i) const { return cat("user ", i.user); }
  std::string operator()(const ExposeInstruction& i) const { return cat("expose", show(i.ports)); }
  std::string operator()(const VolumeInstruction& i) const { return cat("volume", show(i.paths)); }
  std::string operator()(const CmdInstruction& i) const { return cat("cmd ", show(i.command)); }
  std::string operator()(const EntrypointInstruction& i) const {
    return cat("entrypoint ", show(i.command));
  }
  std::string operator()(const StopSignalInstruction& i) const {
    return cat("stopsignal ", i.signal);
  }
  std::string operator()(const ShellInstruction& i) const { return cat("shell", show(i.words)); }
  std::string operator()(const HealthcheckInstruction& i) const {
    return cat("healthcheck ", i.check.to_json().dump());
  }
  std::string operator()(const OnBuildInstruction& i) const {
    return cat("onbuild ", skiff::quoted(i.trigger));
  }
  std::string operator()(const MaintainerInstruction& i) const {
    return cat("maintainer ", i.name);
  }
};

std::string lines_of(LineSpan span) {
  return span.first == span.last ? cat(span.first) : cat(span.first, "-", span.last);
}

std::string dump(const Dockerfile& file) {
  std::string out;
  if (file.escape != '\\') out += cat("escape ", std::string(1, file.escape), "\n");
  if (!file.syntax.empty()) out += cat("syntax ", file.syntax, "\n");
  if (!file.check.empty()) out += cat("check ", file.check, "\n");
  auto add = [&out](const Instruction& i) {
    out += cat(lines_of(i.span), ": ", std::visit(Show{}, i.body), "\n");
  };
  for (const Instruction& arg : file.global_args) add(arg);
  for (const Stage& stage : file.stages) {
    out += cat(lines_of(stage.span), ": ", Show{}(stage.from), "\n");
    for (const Instruction& instruction : stage.instructions) add(instruction);
  }
  for (const LexicalWarning& w : file.warnings) out += cat("warning ", w.line, ": ", w.text, "\n");
  return out;
}

TEST(DockerfileGolden, EachFileParsesAsExpected) {
  bool accept = std::getenv("SKIFF_ACCEPT_GOLDEN") != nullptr;
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("tests/golden/dockerfiles")) {
    if (entry.path().extension() != ".dockerfile") continue;
    SCOPED_TRACE(entry.path().string());
    ++count;
    auto parsed = parse_dockerfile("Dockerfile", read_file(entry.path()).value());
    std::string shown = parsed ? dump(*parsed) : cat("ERROR ", parsed.error().message(), "\n");
    Path expected = Path(entry.path()).replace_extension(".expect");
    if (accept) std::ofstream(expected) << shown;
    EXPECT_EQ(shown, read_file(expected).value_or("(no .expect file)"));
  }
  EXPECT_GE(count, 100);
}

}  // namespace
}  // namespace skiff::dockerfile
