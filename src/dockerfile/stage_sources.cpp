#include "dockerfile/stage_sources.h"

#include <set>

#include "base/strings.h"
#include "dockerfile/run_mount.h"

namespace skiff::dockerfile {

namespace {

class CircleSearch {
 public:
  explicit CircleSearch(const Dockerfile& file) : file_(file) {}

  // Whether the stage is one of those that lead here.
  Result<bool> leads_back(size_t index) {
    if (open_.contains(index)) return true;
    if (!seen_.insert(index).second) return false;
    open_.insert(index);
    for (const Instruction& instruction : file_.stages[index].instructions) {
      for (const TakenFrom& from : sources_of(instruction)) {
        const auto found = named_stage(file_, from);
        if (!found) return file_.source->at(instruction.span, found.error());
        if (*found == kNoStage || !TRY(leads_back(*found))) continue;
        const std::string message =
            cat("circular dependency detected on stage: ", label_of(file_, index));
        return file_.source->at(instruction.span, Error(Code::kInvalidArgument, message));
      }
    }
    open_.erase(index);
    return false;
  }

 private:
  const Dockerfile& file_;
  std::set<size_t> seen_;
  std::set<size_t> open_;
};

}  // namespace

std::vector<TakenFrom> sources_of(const Instruction& instruction) {
  std::vector<TakenFrom> out;
  if (const auto* copy = std::get_if<CopyInstruction>(&instruction.body)) {
    out.push_back({copy->from, std::nullopt});
  }
  if (const auto* run = std::get_if<RunInstruction>(&instruction.body)) {
    for (const std::string& mount : run->mounts) {
      if (auto from = from_of_mount(mount)) out.push_back({*from, target_of_mount(mount)});
    }
  }
  std::erase_if(out, [](const TakenFrom& one) { return one.name.empty(); });
  return out;
}

size_t find_stage(const Dockerfile& file, const std::string& name, size_t before) {
  for (size_t i = before; i-- > 0;) {
    if (!name.empty() && file.stages[i].from.name == name) return i;
  }
  return kNoStage;
}

Result<size_t> named_stage(const Dockerfile& file, const TakenFrom& from) {
  const size_t found = find_stage(file, to_lower(from.name), file.stages.size());
  const auto number = from.mount ? std::nullopt : parse_uint(from.name);
  if (found != kNoStage || !number) return found;
  if (*number >= file.stages.size()) {
    return Error(Code::kInvalidArgument, cat("invalid stage index ", from.name));
  }
  return static_cast<size_t>(*number);
}

std::string label_of(const Dockerfile& file, size_t index) {
  const std::string& name = file.stages[index].from.name;
  return name.empty() ? cat("stage-", index) : name;
}

Result<> check_circles(const Dockerfile& file) {
  CircleSearch search(file);
  for (size_t i = 0; i < file.stages.size(); ++i) TRY(search.leads_back(i));
  return {};
}

size_t stages_shown(const Dockerfile& file) {
  size_t count = file.stages.size();
  for (const Stage& stage : file.stages) {
    for (const Instruction& instruction : stage.instructions) {
      const auto* run = std::get_if<RunInstruction>(&instruction.body);
      if (run != nullptr) count += run->mounts.size();
      for (const TakenFrom& from : sources_of(instruction)) {
        const auto found = named_stage(file, from);
        if (run == nullptr && found && *found == kNoStage) ++count;
      }
    }
  }
  return count;
}

}  // namespace skiff::dockerfile
