#include "dockerfile/inspection.h"

#include <algorithm>
#include <map>
#include <ranges>
#include <vector>

#include "base/strings.h"
#include "codec/base64.h"
#include "dockerfile/run_mount.h"

namespace skiff::dockerfile {

std::string page_of(const RuleText& rule) {
  return cat("https://docs.docker.com/go/dockerfile/rule/", rule.page, "/");
}

namespace {

constexpr const char* kQuestionVersion = "1.0.0";
struct AskedFor {
  std::string_view name;
  std::string_view about;
  bool of_target = false;
  bool has_status = false;
};
constexpr AskedFor kQuestions[] = {
    {"outline", "What the target takes: arguments, secrets, agents, caches", true},
    {"targets", "The stages that can be built"},
    {"lint", "What is better not done", false, true},
    {"subrequests.describe", "What may be asked"},
};

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

// As BuildKit has it: each line is a range of its own.
json::Value location_of(LineSpan span) {
  json::Array ranges;
  for (int line = span.first; line <= std::max(span.first, span.last); ++line) {
    const json::Value place = json::object({{"line", line}});
    ranges.push_back(json::object({{"start", place}, {"end", place}}));
  }
  return json::object({{"ranges", std::move(ranges)}});
}

// In BuildKit's words; an error without a place has no ranges.
json::Value failure_data(const Dockerfile& file, const Error& failure) {
  const auto placed = take_apart(failure.message(), file.source->name());
  const json::Value nowhere = json::object({{"ranges", json::Array()}});
  return json::object({{"message", placed ? placed->text : failure.message()},
                       {"location", placed ? location_of({placed->line, placed->last}) : nowhere}});
}

std::string data_of(const Dockerfile& file) { return base64_encode(file.source->text()); }

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
    for (const Instruction& instruction : file.global_args) take(instruction, nullptr);
    for (const PlannedStage& stage : plan.stages) {
      for (const PlannedStep& step : stage.steps) take(step);
      // Behind the FROM and its triggers; of a stage that a named context replaces there are none.
      auto instruction = file.stages[stage.number].instructions.begin();
      for (const PlannedStep& step : stage.steps | std::views::drop(1)) {
        if (step.trigger == 0) take(*instruction++, &step);
      }
    }
    const Stage& target = file.stages[plan.stages.back().number];
    name_ = target.from.name;
    description_ = description_of(target.from.written_name, target.comments);
  }

  std::string show() const {
    std::string out = cat("TARGET:      ", name_.empty() ? "default" : name_, "\n");
    if (!description_.empty()) out += cat("DESCRIPTION: ", description_, "\n");
    add(out, {"BUILD ARG", "VALUE", "DESCRIPTION"}, args_);
    add(out, {"SECRET", "REQUIRED"}, secrets_);
    add(out, {"SSH", "REQUIRED"}, agents_);
    add(out, {"CACHE"}, caches_);
    return out;
  }

  json::Value data() const {
    json::Value out = json::object({});
    if (!name_.empty()) out.set("name", name_);
    if (!description_.empty()) out.set("description", description_);
    set_list(out, "args", args_, [](const Row& row) {
      json::Value one = json::object({{"name", row[0]}});
      if (!row[2].empty()) one.set("description", row[2]);
      if (!row[1].empty()) one.set("value", row[1]);
      return one;
    });
    const auto mount = [](const Row& row) {
      json::Value one = json::object({{"name", row[0]}});
      if (row[1] == "true") one.set("required", true);
      return one;
    };
    set_list(out, "secrets", secrets_, mount);
    set_list(out, "ssh", agents_, mount);
    set_list(out, "cache", caches_, [](const Row& row) { return json::object({{"ID", row[0]}}); });
    return out;
  }

 private:
  // The cells of its row, and the instruction that says it last; of an argument that no instruction
  // declares there is none.
  struct Entry {
    Row row;
    std::optional<LineSpan> span = std::nullopt;
  };
  using Entries = std::map<std::string, Entry>;

  // In the order of the file.
  static std::vector<Entry> in_order(const Entries& entries) {
    std::vector<Entry> out;
    for (const auto& [name, entry] : entries) out.push_back(entry);
    std::ranges::stable_sort(out, {},
                             [](const Entry& entry) { return entry.span ? entry.span->first : 0; });
    return out;
  }

  template <typename Describe>
  static void set_list(json::Value& out, std::string_view key, const Entries& entries,
                       const Describe& describe) {
    if (entries.empty()) return;
    json::Array list;
    for (const Entry& entry : in_order(entries)) {
      list.push_back(describe(entry.row));
      if (entry.span) list.back().set("location", location_of(*entry.span));
    }
    out.set(key, std::move(list));
  }

  static void add(std::string& out, Row head, const Entries& entries) {
    if (entries.empty()) return;
    std::vector<Row> table{std::move(head)};
    for (const Entry& entry : in_order(entries)) table.push_back(entry.row);
    out += cat("\n", show_table(table));
  }

  // `step`, where it is planned, knows the value: with none, an earlier one's is not this one's.
  void take(const Instruction& instruction, const PlannedStep* step) {
    const auto* arg = std::get_if<ArgInstruction>(&instruction.body);
    if (arg == nullptr) return;
    for (const auto& [name, fallback] : arg->args) {
      Entry& entry = args_.try_emplace(name, Entry{Row{name, "", ""}}).first->second;
      entry.span = instruction.span;
      Row& row = entry.row;
      if (step != nullptr) {
        row[1] = value_in(*step, name);
      } else if (row[1].empty()) {
        row[1] = fallback.value_or("");
      }
      const std::string about = description_of(name, instruction.comments);
      if (!about.empty()) row[2] = about;
    }
  }

  static std::string value_in(const PlannedStep& step, const std::string& name) {
    const auto* config = std::get_if<PlannedConfig>(&step.what);
    if (config == nullptr) return "";
    const auto& args = config->build_args;
    const auto found = std::ranges::find(args, name, [](const auto& arg) { return arg.first; });
    return found == args.end() ? "" : found->second;
  }

  void take(const PlannedStep& step) {
    if (const auto* config = std::get_if<PlannedConfig>(&step.what)) {
      for (const auto& [name, value] : config->build_args) {
        args_.try_emplace(name, Entry{Row{name, value, ""}});
      }
    }
    const auto* run = std::get_if<PlannedRun>(&step.what);
    if (run == nullptr) return;
    for (const PlannedMount& mount : run->mounts) {
      const bool agent = mount.kind == MountKind::kSsh;
      if (agent || mount.kind == MountKind::kSecret) {
        Entries& entries = agent ? agents_ : secrets_;
        Entry& entry = entries.try_emplace(mount.id, Entry{Row{mount.id, ""}}).first->second;
        entry.span = step.span;
        if (mount.required) entry.row[1] = "true";
      }
      if (mount.kind == MountKind::kCache) {
        caches_.insert_or_assign(mount.id, Entry{Row{mount.id}, step.span});
      }
    }
  }

  std::string name_;
  std::string description_;
  Entries args_;
  Entries secrets_;
  Entries agents_;
  Entries caches_;
};

}  // namespace

std::string show_findings(const Dockerfile& file, const std::vector<Finding>& findings) {
  std::string out;
  for (const Finding& finding : findings) {
    const RuleText& rule = text_of(finding.rule);
    out += cat("WARNING: ", rule.name, " - ", page_of(rule), "\n");
    const Error placed =
        file.source->at(finding.span, Error(Code::kInvalidArgument, finding.message));
    out += cat(placed.message(), "\n\n");
  }
  return out;
}

json::Value findings_data(const Dockerfile& file, const std::vector<Finding>& findings,
                          const std::optional<Error>& failure) {
  json::Array warnings;
  for (const Finding& finding : findings) {
    const RuleText& rule = text_of(finding.rule);
    warnings.push_back(json::object({{"ruleName", rule.name},
                                     {"description", rule.description},
                                     {"url", page_of(rule)},
                                     {"detail", finding.message},
                                     {"location", location_of(finding.span)}}));
  }
  const json::Value source = json::object(
      {{"filename", file.source->name()}, {"language", "Dockerfile"}, {"data", data_of(file)}});
  json::Value out =
      json::object({{"warnings", std::move(warnings)}, {"sources", json::array({source})}});
  if (failure) out.set("buildError", failure_data(file, *failure));
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

json::Value targets_data(const Dockerfile& file) {
  json::Array targets;
  for (const Stage& stage : file.stages) {
    json::Value target = json::object({});
    if (!stage.from.name.empty()) target.set("name", stage.from.name);
    if (&stage == &file.stages.back()) target.set("default", true);
    const std::string about = description_of(stage.from.written_name, stage.comments);
    if (!about.empty()) target.set("description", about);
    target.set("base", stage.from.image);
    if (!stage.from.platform.empty()) target.set("platform", stage.from.platform);
    target.set("location", location_of(stage.span));
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

std::string show_questions() {
  std::vector<Row> rows{{"NAME", "VERSION", "DESCRIPTION"}};
  for (const AskedFor& one : kQuestions) {
    rows.push_back({std::string(one.name), kQuestionVersion, std::string(one.about)});
  }
  return show_table(rows);
}

json::Value questions_data() {
  const auto named = [](std::string_view name, std::string_view about) {
    return json::object({{"name", std::string(name)}, {"description", std::string(about)}});
  };
  json::Array out;
  for (const AskedFor& one : kQuestions) {
    json::Array options;
    if (one.of_target) options.push_back(named("target", "The stage that is asked about"));
    json::Array results{named("result.json", ""), named("result.txt", "")};
    if (one.has_status) results.push_back(named("result.statuscode", ""));
    out.push_back(json::object({{"name", cat("frontend.", one.name)},
                                {"version", kQuestionVersion},
                                {"type", "rpc"},
                                {"description", std::string(one.about)},
                                {"opts", std::move(options)},
                                {"inputs", json::Array()},
                                {"metadata", std::move(results)},
                                {"refs", json::Array()}}));
  }
  return json::Value(std::move(out));
}

}  // namespace skiff::dockerfile
