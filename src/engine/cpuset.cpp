#include "engine/cpuset.h"

#include <algorithm>

#include "base/file.h"
#include "base/strings.h"
#include "sys/cgroup.h"

namespace skiff::engine {

namespace {

constexpr uint64_t kMostNumber = 8192;  // the kernel's largest NR_CPUS; more nodes it has not

// The list in `file` of the topmost cpuset; "" where the kernel does not tell.
Result<std::string> available(const char* file) {
  for (const sys::CgroupHierarchy& hierarchy : TRY(sys::cgroup_hierarchies())) {
    const auto& has = hierarchy.controllers;
    if (std::find(has.begin(), has.end(), "cpuset") == has.end()) continue;
    const std::string name = hierarchy.unified ? cat(file, ".effective") : file;
    return std::string(trim(read_file(hierarchy.mount / name).value_or("")));
  }
  return std::string();
}

struct Wish {
  const char* file;
  std::string_view what, requested;
};

Result<> check(const Wish& wish, const std::string& wanted) {
  if (wanted.empty()) return {};
  const auto asked = parse_number_list(wanted);
  if (!asked) {
    return Error(Code::kInvalidArgument, cat("Invalid value ", wanted, " for ", wish.what));
  }
  const std::string have = TRY(available(wish.file));
  const auto numbers = parse_number_list(have);
  if (have.empty() || !numbers ||
      std::includes(numbers->begin(), numbers->end(), asked->begin(), asked->end())) {
    return {};
  }
  return Error(Code::kInvalidArgument, cat(wish.requested, " are not available - requested ",
                                           wanted, ", available: ", have));
}

}  // namespace

std::optional<std::set<uint64_t>> parse_number_list(std::string_view text) {
  std::set<uint64_t> out;
  for (const std::string& part : split(text, ',')) {
    const auto ends = split_once(part, '-');
    const auto first = parse_uint(ends ? ends->first : std::string_view(part));
    const auto last = ends ? parse_uint(ends->second) : first;
    if (!first || !last || *first > *last || *last >= kMostNumber) return std::nullopt;
    for (uint64_t number = *first; number <= *last; ++number) out.insert(number);
  }
  return out;
}

Result<> check_cpuset(const Resources& resources) {
  TRY(check({"cpuset.cpus", "cpuset cpus", "Requested CPUs"}, resources.cpuset_cpus));
  return check({"cpuset.mems", "cpuset mems", "Requested memory nodes"}, resources.cpuset_mems);
}

}  // namespace skiff::engine
