#include "doctor/doctor.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "base/default_places.h"
#include "base/flags.h"
#include "base/io.h"
#include "base/strings.h"
#include "codec/json.h"
#include "doctor/machine_checks.h"
#include "doctor/user_checks.h"
#include "rootless/session.h"
#include "sys/namespaces.h"
#include "sys/process.h"

namespace skiff::doctor {

namespace {

constexpr size_t kLongestReport = size_t{1} << 20U;

std::string_view word_of(State state) {
  switch (state) {
    case State::kOk:
      return "ok";
    case State::kMissing:
      return "missing";
    case State::kLacking:
      break;
  }
  return "lacking";
}

json::Value to_json(const Findings& findings) {
  json::Array list;
  for (const Finding& f : findings) {
    list.push_back(json::object({{"Name", f.name},
                                 {"State", word_of(f.state)},
                                 {"Detail", f.detail},
                                 {"Command", f.command}}));
  }
  return json::Value(std::move(list));
}

Findings from_json(const json::Value& list) {
  Findings findings;
  for (const json::Value& v : list.as_array()) {
    const std::string state = v.string("State");
    findings.push_back({v.string("Name"),
                        state == "ok"        ? State::kOk
                        : state == "missing" ? State::kMissing
                                             : State::kLacking,
                        v.string("Detail"), v.string("Command")});
  }
  return findings;
}

bool is_whole(const Findings& findings) {
  return std::ranges::none_of(findings,
                              [](const Finding& f) { return f.state == State::kMissing; });
}

// The nearest directory that is there: the root is made by the daemon.
Path existing_part(Path path) {
  while (path.has_relative_path() && ::access(path.c_str(), F_OK) != 0) path = path.parent_path();
  return path;
}

void try_inside(const Path& root, bool rootless, Findings& findings) {
  check_storage(root, rootless, findings);
  check_packet_rules(findings);
}

// In the namespaces as a rootless daemon makes them, uplink and all; gone again afterwards.
Findings try_rootless(const Path& root, const Path& scratch) {
  Findings findings;
  auto session = rootless::Session::enter(scratch);
  if (!session) {
    return {missing("rootless namespaces", session.error().message(), "")};
  }
  findings.push_back(ok("rootless namespaces", "made and entered"));
  const Result<> uplink = (*session)->ensure_uplink();
  findings.push_back(uplink ? ok("way out", "the uplink works")
                            : lacking("way out", uplink.error().message(), ""));
  try_inside(root, true, findings);
  [[maybe_unused]] auto ended = (*session)->end();
  return findings;
}

// Whoever enters does not come back: a child does.
Result<Findings> in_child(const Path& root, const Path& scratch) {
  sys::Pipe pipe = TRY(sys::make_pipe());
  const sys::Child child = TRY(sys::clone_process({}, [&] {
    FdSink sink(pipe.write.get());
    return sink.write(to_json(try_rootless(root, scratch)).dump()) ? 0 : 1;
  }));
  pipe.write.reset();
  FdSource source(pipe.read.get());
  Result<std::string> text = read_all(source, kLongestReport);
  while (::waitpid(child.pid, nullptr, 0) < 0 && errno == EINTR) continue;
  return from_json(TRY(json::parse(TRY(std::move(text)))));
}

void examine_user(const Path& root, Findings& findings) {
  check_user_namespaces(findings);
  check_subordinate_ids(findings);
  check_id_programs(findings);
  check_uplink(findings);
  check_runtime_directory(findings);
  check_delegation(findings);
  if (!is_whole(findings)) return;  // it would fail for what is told already
  const auto scratch = TempDir::make(default_places()->run_dir.parent_path(), "skiff-doctor-");
  Result<Findings> tried = scratch ? in_child(root, scratch->path()) : scratch.error();
  if (!tried) tried = Findings{missing("rootless namespaces", tried.error().message(), "")};
  findings.insert(findings.end(), tried->begin(), tried->end());
}

Findings examine(const Path& root) {
  Findings findings;
  check_kernel(findings);
  check_programs(findings);
  const Path place = existing_part(std::filesystem::absolute(root));
  if (::geteuid() != 0) {
    examine_user(place, findings);
  } else {
    check_cgroups(findings);
    try_inside(place, false, findings);
  }
  return findings;
}

std::string to_text(const Findings& findings) {
  size_t width = 0;
  for (const Finding& f : findings) width = std::max(width, f.name.size());
  std::string text;
  for (const Finding& f : findings) {
    std::string name = f.name;
    name.resize(width, ' ');
    std::string state(word_of(f.state));
    state.resize(8, ' ');
    text += cat(state, name, "  ", f.detail, "\n");
    if (!f.command.empty()) text += cat(std::string(8, ' '), "-> ", f.command, "\n");
  }
  return text + (is_whole(findings) ? "All that is needed is there.\n"
                                    : "Something that is needed is missing.\n");
}

}  // namespace

int run(std::span<char* const> arguments) {
  std::string format = "text";
  std::string root;
  bool help = false;
  if (const auto places = default_places()) root = places->root.native();
  const Flag flags[] = {{"format", "FORMAT", "text or json", &format},
                        {"root", "DIR", "where a daemon is to keep its data", &root},
                        {"help", "", "print this text", nullptr, &help}};
  const std::string usage =
      "Usage: skiff doctor [flags]\n\nTells what a daemon of yours would lack on this machine, and "
      "the command that supplies it.\n\n" +
      flags_help(flags);
  Result<> parsed = parse_flags(arguments, flags);
  if (parsed && format != "text" && format != "json") {
    parsed = Error(Code::kInvalidArgument, cat("--format ", quoted(format), ": text or json"));
  }
  if (!parsed) {
    fprintf(stderr, "skiff doctor: %s\nSee 'skiff doctor --help'.\n",
            parsed.error().message().c_str());
    return 2;
  }
  if (help) {
    fputs(usage.c_str(), stdout);
    return 0;
  }
  const Findings findings = examine(root.empty() ? Path("/") : Path(root));
  fputs(format == "json" ? (to_json(findings).pretty(2) + "\n").c_str() : to_text(findings).c_str(),
        stdout);
  return is_whole(findings) ? 0 : 1;
}

}  // namespace skiff::doctor
