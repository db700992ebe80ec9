#include "dockerfile/inspection.h"

#include <algorithm>
#include <map>
#include <vector>

#include "base/strings.h"
#include "codec/base64.h"
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
  Outline(const Dockerfile& file, const Plan& plan) {
    for (const Instruction& instruction : file.global_args) take(instruction);
    for (const PlannedStage& stage : plan.stages) {
      for (const PlannedStep& step : stage.steps) take(step);
      for (const Instruction& instruction : file.stages[stage.number].instructions) {
        take(instruction);
      }
    }
    const Stage& target = file.stages[plan.stages.back().number];
    name_ = target.from.name.empty() ? "default" : target.from.name;
    description_ = description_of(target.from.written_name, target.comments);
  }

  std::string show() const {
    std::string out = cat("TARGET:      ", name_, "\n");
    if (!description_.empty()) out += cat("DESCRIPTION: ", description_, "\n");
    add(out, {"BUILD ARG", "VALUE", "DESCRIPTION"}, args_);
    add(out, {"SECRET", "REQUIRED"}, secrets_);
    add(out, {"SSH", "REQUIRED"}, agents_);
    add(out, {"CACHE"}, caches_);
    return out;
  }

  json::Value data() const {
    json::Value out = json::object({{"name", name_}});
    if (!description_.empty()) out.set("description", description_);
    set_list(out, "args", args_, [](const Row& row) {
      return json::object({{"name", row[0]}, {"value", row[1]}, {"description", row[2]}});
    });
    const auto mount = [](const Row& row) {
      return json::object({{"name", row[0]}, {"required", row[1] == "true"}});
    };
    set_list(out, "secrets", secrets_, mount);
    set_list(out, "ssh", agents_, mount);
    set_list(out, "cache", caches_, [](const Row& row) { return json::object({{"ID", row[0]}}); });
    return out;
  }

 private:
  template <typename Describe>
  static void set_list(json::Value& out, std::string_view key,
                       const std::map<std::string, Row>& rows, const Describe& describe) {
    if (rows.empty()) return;
    json::Array list;
    for (const auto& [name, row] : rows) list.push_back(describe(row));
    out.set(key, std::move(list));
  }

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

  std::string name_;
  std::string description_;
  std::map<std::string, Row> args_;
  std::map<std::string, Row> secrets_;
  std::map<std::string, Row> agents_;
  std::map<std::string, Row> caches_;
};

json::Value location_of(LineSpan span) {
  const json::Value range = json::object({{"start", json::object({{"line", span.first}})},
                                          {"end", json::object({{"line", span.last}})}});
  return json::object({{"ranges", json::array({range})}});
}

std::string data_of(const Dockerfile& file) {
  return base64_encode(join(file.source->lines(), "\n"));
}

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

json::Value findings_data(const Dockerfile& file, const std::vector<Finding>& findings) {
  json::Array warnings;
  for (const Finding& finding : findings) {
    const RuleText& rule = text_of(finding.rule);
    warnings.push_back(json::object({{"ruleName", rule.name},
                                     {"description", rule.description},
                                     {"url", cat(kPages, rule.page, "/")},
                                     {"detail", finding.message},
                                     {"location", location_of(finding.span)}}));
  }
  const json::Value source = json::object(
      {{"filename", file.source->name()}, {"language", "Dockerfile"}, {"data", data_of(file)}});
  return json::object({{"warnings", std::move(warnings)}, {"sources", json::array({source})}});
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

json::Value targets_data(const Dockerfile& file) {
  json::Array targets;
  for (const Stage& stage : file.stages) {
    const bool last = &stage == &file.stages.back();
    if (stage.from.name.empty() && !last) continue;
    json::Value target = json::object({{"base", stage.from.image}});
    if (!stage.from.name.empty()) target.set("name", stage.from.name);
    if (last) target.set("default", true);
    const std::string about = description_of(stage.from.written_name, stage.comments);
    if (!about.empty()) target.set("description", about);
    targets.push_back(std::move(target));
  }
  return json::object(
      {{"targets", std::move(targets)}, {"sources", json::array({json::Value(data_of(file))})}});
}

std::string show_outline(const Dockerfile& file, const Plan& plan) {
  return Outline(file, plan).show();
}

json::Value outline_data(const Dockerfile& file, const Plan& plan) {
  json::Value out = Outline(file, plan).data();
  out.set("sources", json::array({json::Value(data_of(file))}));
  return out;
}

}  // namespace skiff::dockerfile
