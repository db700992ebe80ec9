// Passwords as people give them: never as an argument, which others on the machine can read.
#include <termios.h>
#include <unistd.h>

#include <cstdio>

#include "base/io.h"
#include "base/scope_exit.h"
#include "base/strings.h"
#include "main/registry_commands.h"

namespace skiff {

namespace {

constexpr size_t kLongestPassword = 4096;

// The first line of standard input.
Result<std::string> read_line() {
  std::string line;
  for (int c = fgetc(stdin); c != EOF && c != '\n'; c = fgetc(stdin)) {
    line.push_back(static_cast<char>(c));
    if (line.size() > kLongestPassword)
      return Error(Code::kInvalidArgument, "the password is too long");
  }
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

Result<std::string> ask(std::string_view prompt) {
  fputs(std::string(prompt).c_str(), stderr);
  termios before{};
  if (::tcgetattr(STDIN_FILENO, &before) != 0) return Error::from_errno(errno, "read a password");
  termios silent = before;
  silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  const ScopeExit restore([&] {
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    fputs("\n", stderr);
  });
  return read_line();
}

}  // namespace

Result<std::string> new_password(const Invocation& invocation) {
  if (invocation.password_stdin) return read_line();
  if (::isatty(STDIN_FILENO) == 0) {
    return Error(Code::kInvalidArgument,
                 "no terminal to ask for a password: give it with --password-stdin");
  }
  std::string password = TRY(ask("Password: "));
  if (TRY(ask("Again: ")) == password) return password;
  return Error(Code::kInvalidArgument, "the two passwords differ");
}

}  // namespace skiff
