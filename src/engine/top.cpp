#include "engine/top.h"

#include <algorithm>

#include "base/strings.h"
#include "engine/stopping.h"
#include "sys/cgroup.h"
#include "sys/namespaces.h"
#include "sys/process.h"

namespace skiff::engine {

namespace {

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> out = split(replace_all(line, "\t", " "), ' ');
  std::erase(out, "");
  return out;
}

// Words as columns; what is beyond the last title belongs to the last column.
std::vector<std::string> columns(std::string_view line, size_t count) {
  std::vector<std::string> out;
  while (out.size() + 1 < count) {
    line = trim(line);
    size_t end = std::min(line.find_first_of(" \t"), line.size());
    out.emplace_back(line.substr(0, end));
    line.remove_prefix(end);
  }
  out.emplace_back(trim(line));
  return out;
}

// The column of process numbers must keep its name, or the container's cannot be told apart.
Result<> check_arguments(const std::vector<std::string>& arguments) {
  for (const std::string& argument : arguments) {
    size_t at = argument.find("pid=");
    if (at != std::string::npos) {
      return Error(Code::kInvalidArgument,
                   cat("specifying \"", argument, "\" is not allowed: it renames the PID column"));
    }
  }
  return {};
}

}  // namespace

Result<TopResult> parse_ps(std::string_view output, const std::vector<pid_t>& pids) {
  std::vector<std::string> lines = split(output, '\n');
  TopResult out;
  if (!lines.empty()) out.titles = words_of(lines[0]);
  auto title = std::find(out.titles.begin(), out.titles.end(), "PID");
  if (title == out.titles.end()) {
    return Error(Code::kInvalidArgument, "Couldn't find PID field in ps output");
  }
  auto pid_column = static_cast<size_t>(title - out.titles.begin());
  for (size_t i = 1; i < lines.size(); ++i) {
    if (trim(lines[i]).empty()) continue;
    std::vector<std::string> row = columns(lines[i], out.titles.size());
    auto pid = parse_int(row[pid_column]);
    if (pid && std::find(pids.begin(), pids.end(), *pid) != pids.end()) {
      out.processes.push_back(std::move(row));
    }
  }
  return out;
}

namespace {

Result<std::vector<pid_t>> processes_of(Core& core, const ContainerInfo& info) {
  auto group = TRY(sys::Cgroup::open(core.cgroup_of(info)));
  return group.members().empty() ? sys::processes_beside(info.state.pid) : group.processes();
}

}  // namespace

Result<TopResult> list_processes(Core& core, const Container& container,
                                 const std::string& ps_arguments) {
  TRY(check_has_process(container));
  std::vector<std::string> arguments = words_of(ps_arguments.empty() ? "-ef" : ps_arguments);
  TRY(check_arguments(arguments));
  sys::ProcessOptions ps;
  ps.args = {"ps"};
  ps.args.insert(ps.args.end(), arguments.begin(), arguments.end());
  auto pids = TRY(processes_of(core, container.info()));
  auto listed = TRY_CONTEXT(sys::run_captured(ps), "list processes");
  if (listed.code != 0) {
    return Error(Code::kInvalidArgument, cat("ps ", join(arguments, " "), ": ", trim(listed.err)));
  }
  return parse_ps(listed.out, pids);
}

}  // namespace skiff::engine
