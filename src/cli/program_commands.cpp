// registry, daemon, doctor: the other programs under skiff's name.
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "base/strings.h"
#include "cli/session.h"

namespace skiff::cli {

namespace {

// Becomes `program`: the one beside this binary, else the one in PATH.
Outcome become(const char* program, const Flags& flags) {
  fflush(stdout);
  std::string name = program;
  std::vector<char*> arguments = {name.data()};
  std::vector<std::string> words = flags.args;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::error_code ec;
  Path beside = std::filesystem::read_symlink("/proc/self/exe", ec).parent_path() / program;
  ::execv(beside.c_str(), arguments.data());
  if (errno != ENOENT) return Error::from_errno(errno, cat("start ", beside.native()));
  ::execvp(program, arguments.data());
  return Error(Code::kNotFound,
               cat(program, " is neither beside skiff (", beside.native(), ") nor in PATH"));
}

Outcome registry(Session& /*session*/, Flags& flags) { return become("skiff-registry", flags); }
Outcome daemon(Session& /*session*/, Flags& flags) { return become("skiffd", flags); }
Outcome doctor(Session& /*session*/, Flags& flags) {
  flags.args.insert(flags.args.begin(), "doctor");
  return become("skiffd", flags);
}

constexpr Command kProgramCommands[] = {
    {.name = "registry",
     .usage = "COMMAND [OPTIONS]",
     .summary = "Serve images from a registry of your own, and say who may use it (skiff-registry)",
     .run = registry,
     .passes_all = true},
    {.name = "daemon",
     .usage = "[OPTIONS]",
     .summary = "Run the engine in the foreground (skiffd)",
     .run = daemon,
     .passes_all = true},
    {.name = "doctor",
     .usage = "[OPTIONS]",
     .summary = "Tell what a daemon of yours would lack on this machine",
     .run = doctor,
     .passes_all = true},
};

}  // namespace

std::span<const Command> program_commands() { return kProgramCommands; }

}  // namespace skiff::cli
