#include "cli/key_agent.h"

#include <fcntl.h>

#include <array>

#include "base/io.h"
#include "base/strings.h"

namespace skiff::cli {

namespace {

constexpr size_t kMostKey = size_t{100} << 10U;

// Ours, with this agent, and without anybody to be asked for a passphrase.
std::vector<std::string> environment_for(const Path& socket) {
  std::vector<std::string> out;
  for (char** one = environ; *one != nullptr; ++one) {
    const std::string_view text = *one;
    if (!text.starts_with("SSH_AUTH_SOCK=") && !text.starts_with("SSH_ASKPASS")) {
      out.emplace_back(text);
    }
  }
  out.push_back(cat("SSH_AUTH_SOCK=", socket.native()));
  out.emplace_back("SSH_ASKPASS_REQUIRE=never");
  return out;
}

}  // namespace

Result<KeyAgent> KeyAgent::run() {
  TempDir directory = TRY(TempDir::make(std::filesystem::temp_directory_path(), "skiff-ssh-"));
  sys::Pipe in = TRY(sys::make_pipe());
  sys::Pipe out = TRY(sys::make_pipe());
  // The agent listens before it becomes `cat`'s, and lasts as long as `cat` does: until the pipe
  // is closed. What `cat` gives back tells that it listens.
  const std::string socket = (directory.path() / "agent").native();
  sys::Process process =
      TRY_CONTEXT(sys::Process::spawn({.args = {"ssh-agent", "-a", socket, "cat"},
                                       .fds = {{in.read.get(), 0}, {out.write.get(), 1}},
                                       .new_session = true}),
                  "keys of files are held by the program ssh-agent");
  in.read.reset();
  out.write.reset();
  TRY(FdSink(in.write.get()).write("\n"));
  std::array<char, 1> answer;
  if (TRY(FdSource(out.read.get()).read(answer)) == 0) {
    return Error(Code::kUnavailable, "ssh-agent has not started");
  }
  return KeyAgent(std::move(directory), std::move(in.write), std::move(process));
}

// Given as its input: of a file ssh-add judges the mode, too, which mounted ones cannot help.
Result<> KeyAgent::add(const Path& key) const {
  const UniqueFd file = TRY(open_file(key, O_RDONLY | O_CLOEXEC));
  FdSource source(file.get());
  const std::string text = TRY_CONTEXT(read_all(source, kMostKey), key.native());
  const sys::Captured done = TRY(sys::run_captured(
      {.args = {"ssh-add", "-q", "-"}, .env = environment_for(socket()), .new_session = true},
      text));
  if (done.code == 0) return {};
  if (done.err.contains("passphrase")) {
    return Error(Code::kInvalidArgument,
                 cat(key.native(),
                     " is protected by a passphrase: give it to an agent, with "
                     "ssh-add, and that agent to the build"));
  }
  return Error(Code::kInvalidArgument, cat(key.native(), " is no private key: ", trim(done.err)));
}

Result<KeyAgent> KeyAgent::start(const std::vector<Path>& keys) {
  KeyAgent agent = TRY(run());
  for (const Path& key : keys) TRY(agent.add(key));
  return agent;
}

}  // namespace skiff::cli
