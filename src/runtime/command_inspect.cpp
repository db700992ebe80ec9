// skiff-runtime state, list and ps.
#include <algorithm>

#include "base/strings.h"
#include "runtime/command_line.h"
#include "runtime/container.h"
#include "sys/namespaces.h"
#include "sys/process.h"

namespace skiff::runtime {

namespace {

// What runc's state and list print: the specification's fields and a few more.
json::Value full_state(const Container& container) {
  json::Value state = container.state_json();
  state.set("rootfs", container.state().rootfs.native());
  state.set("created", format_rfc3339(container.state().created));
  state.set("owner", container.state().owner);
  return state;
}

Result<int> state(const CommandContext& context) {
  Container container = TRY(Container::load(context.root, context.id()));
  print(full_state(container).pretty(2));
  return 0;
}

Result<> check_format(const CommandArguments& arguments) {
  std::string format = arguments.value("format");
  if (format.empty() || format == "table" || format == "json") return {};
  return Error(Code::kInvalidArgument, cat("invalid format option: ", format));
}

void print_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()), 0);
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      std::string cell = row[i];
      if (i + 1 < row.size()) cell.resize(widths[i] + 3, ' ');
      line += cell;
    }
    print(line);
  }
}

Result<int> list(const CommandContext& context) {
  TRY(check_format(context.arguments));
  std::vector<Container> containers = TRY(Container::list(context.root));
  if (context.arguments.has("quiet")) {
    for (const Container& container : containers) print(container.state().id);
    return 0;
  }
  if (context.arguments.value("format") == "json") {
    json::Array states;
    for (const Container& container : containers) states.push_back(full_state(container));
    print(json::Value(std::move(states)).dump());
    return 0;
  }
  std::vector<std::vector<std::string>> rows{{"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"}};
  for (const Container& container : containers) {
    json::Value state = full_state(container);
    rows.push_back({state.string("id"), cat(state.integer("pid")), state.string("status"),
                    state.string("bundle"), state.string("created"), state.string("owner")});
  }
  print_table(rows);
  return 0;
}

// The lines of the host's ps that are the container's.
Result<> print_ps_table(const std::vector<pid_t>& pids, std::vector<std::string> options) {
  if (options.empty()) options = {"-ef"};
  options.insert(options.begin(), "ps");
  sys::Captured out = TRY(sys::run_captured({.args = options}));
  if (out.code != 0) return Error(Code::kUnknown, cat("ps: ", trim(out.err)));
  std::vector<std::string> lines = split(out.out, '\n');
  std::vector<std::string> titles = split(lines[0], ' ');
  std::erase(titles, "");
  auto title = std::find(titles.begin(), titles.end(), "PID");
  if (title == titles.end()) {
    return Error(Code::kInvalidArgument, "couldn't find PID field in ps output");
  }
  auto column = static_cast<size_t>(title - titles.begin());
  print(lines[0]);
  for (size_t i = 1; i < lines.size(); ++i) {
    std::vector<std::string> fields = split(lines[i], ' ');
    std::erase(fields, "");
    std::optional<int64_t> pid = column < fields.size() ? parse_int(fields[column]) : std::nullopt;
    if (pid && std::find(pids.begin(), pids.end(), *pid) != pids.end()) print(lines[i]);
  }
  return {};
}

Result<int> ps(const CommandContext& context) {
  TRY(check_format(context.arguments));
  Container container = TRY(Container::load(context.root, context.id()));
  const bool has_cgroup = !container.cgroup().members().empty();
  std::vector<pid_t> pids =
      TRY(has_cgroup || container.pid() == 0 ? container.cgroup().processes()
                                             : sys::processes_beside(container.pid()));
  if (context.arguments.value("format") == "json") {
    json::Array numbers;
    for (pid_t pid : pids) numbers.emplace_back(int64_t{pid});
    print(json::Value(std::move(numbers)).dump());
    return 0;
  }
  const std::vector<std::string>& words = context.arguments.words();
  TRY(print_ps_table(pids, {words.begin() + 1, words.end()}));
  return 0;
}

std::vector<CommandFlag> format_flag() { return {{"format", "f", "FORMAT", "table or json"}}; }

}  // namespace

std::vector<Command> inspect_commands() {
  std::vector<CommandFlag> list_flags = format_flag();
  list_flags.push_back({"quiet", "q", "", "print only the ids"});
  return {{"state", "<container-id>", "print a container's state", {}, 1, 1, false, state},
          {"list", "", "list the containers", list_flags, 0, 0, false, list},
          {"ps", "<container-id> [ps options]", "list a container's processes", format_flag(), 1,
           SIZE_MAX, true, ps}};
}

}  // namespace skiff::runtime
