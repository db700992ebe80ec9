#include "dockerfile/inspection.h"

#include <algorithm>
#include <map>
#include <vector>

#include "base/strings.h"
#include "dockerfile/run_mount.h"

namespace skiff::dockerfile {

namespace {

constexpr std::string_view kPages = "https://docs.docker.com/go/dockerfile/rule/";

using Row = std::vector<std::string>;

// Columns as wide as their widest cell, three blanks between them.
std::string show_table(const std::vector<Row>& rows) {
  std::vector<size_t> widths(rows.front().size());
  for (const Row& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const Row& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      constexpr size_t kGap = 3;
      line += row[i];
      line.append(widths[i] + kGap - row[i].size(), ' ');
    }
    out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return out;
}

// Of "# NAME the description" above it.
std::string description_of(const std::string& name, const std::vector<std::string>& comments) {
  for (const std::string& comment : comments) {
    if (comment.starts_with(cat(name, " "))) {
      return std::string(trim(std::string_view(comment).substr(name.size())));
    }
  }
  return "";
}

class Outline {
 public:
  Outline(const Dockerfile& file, const Plan& plan) : file_(file), plan_(plan) {}

  std::string show() {
    for (const Instruction& instruction : file_.global_args) take(instruction);
    for (const PlannedStage& stage : plan_.stages) {
      for (const PlannedStep& step : stage.steps) take(step);
      for (const Instruction& instruction : file_.stages[stage.number].instructions) {
        take(instruction);
      }
    }
    const Stage& target = file_.stages[plan_.stages.back().number];
    std::string out =
        cat("TARGET:      ", target.from.name.empty() ? "default" : target.from.name, "\n");
    const std::string about = description_of(target.from.written_name, target.comments);
    if (!about.empty()) out += cat("DESCRIPTION: ", about, "\n");
    add(out, {"BUILD ARG", "VALUE", "DESCRIPTION"}, args_);
    add(out, {"SECRET", "REQUIRED"}, secrets_);
    add(out, {"SSH", "REQUIRED"}, agents_);
    add(out, {"CACHE"}, caches_);
    return out;
  }

 private:
  static void add(std::string& out, Row head, const std::map<std::string, Row>& rows) {
    if (rows.empty()) return;
    std::vector<Row> table{std::move(head)};
    for (const auto& [name, row] : rows) table.push_back(row);
    out += cat("\n", show_table(table));
  }

  void take(const Instruction& instruction) {
    const auto* arg = std::get_if<ArgInstruction>(&instruction.body);
    if (arg == nullptr) return;
    for (const auto& [name, fallback] : arg->args) {
      Row& row = args_.try_emplace(name, Row{name, "", ""}).first->second;
      if (row[1].empty()) row[1] = fallback.value_or("");
      const std::string about = description_of(name, instruction.comments);
      if (!about.empty()) row[2] = about;
    }
  }

  void take(const PlannedStep& step) {
    if (const auto* config = std::get_if<PlannedConfig>(&step.what)) {
      for (const auto& [name, value] : config->build_args) {
        args_.try_emplace(name, Row{name, value, ""});
      }
    }
    const auto* run = std::get_if<PlannedRun>(&step.what);
    if (run == nullptr) return;
    for (const PlannedMount& mount : run->mounts) {
      const bool agent = mount.kind == MountKind::kSsh;
      if (agent || mount.kind == MountKind::kSecret) {
        Row& row =
            (agent ? agents_ : secrets_).try_emplace(mount.id, Row{mount.id, ""}).first->second;
        if (mount.required) row[1] = "true";
      }
      if (mount.kind == MountKind::kCache) caches_.try_emplace(mount.id, Row{mount.id});
    }
  }

  const Dockerfile& file_;
  const Plan& plan_;
  std::map<std::string, Row> args_;
  std::map<std::string, Row> secrets_;
  std::map<std::string, Row> agents_;
  std::map<std::string, Row> caches_;
};

}  // namespace

std::string show_findings(const Dockerfile& file, const std::vector<Finding>& findings) {
  std::string out;
  for (const Finding& finding : findings) {
    const RuleText& rule = text_of(finding.rule);
    out += cat("WARNING: ", rule.name, " - ", kPages, rule.page, "/\n");
    const Error placed =
        file.source->at(finding.span, Error(Code::kInvalidArgument, finding.message));
    out += cat(placed.message(), "\n\n");
  }
  return out;
}

std::string show_targets(const Dockerfile& file) {
  std::vector<Row> rows{{"TARGET", "DESCRIPTION"}};
  for (const Stage& stage : file.stages) {
    const bool last = &stage == &file.stages.back();
    if (stage.from.name.empty() && !last) continue;
    std::string name = stage.from.name.empty() ? "default" : stage.from.name;
    if (last) name += " (default)";
    rows.push_back({std::move(name), description_of(stage.from.written_name, stage.comments)});
  }
  return show_table(rows);
}

std::string show_outline(const Dockerfile& file, const Plan& plan) {
  return Outline(file, plan).show();
}

}  // namespace skiff::dockerfile
