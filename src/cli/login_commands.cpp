// login, logout.
#include <termios.h>
#include <unistd.h>

#include <cstdio>

#include "base/scope_exit.h"
#include "base/strings.h"
#include "cli/session.h"
#include "cli/terminal.h"

namespace skiff::cli {

namespace {

using enum FlagKind;

constexpr FlagSpec kLoginFlags[] = {
    {"password", 'p', kString, "Password or access token"},
    {"password-stdin", 0, kBool, "Read the password or access token from stdin"},
    {"username", 'u', kString, "User name"},
};

// "https://host:port/v1/" and "host:port" name the same registry.
std::string host_of(std::string_view server) {
  for (std::string_view scheme : {"https://", "http://"}) {
    if (server.starts_with(scheme)) server.remove_prefix(scheme.size());
  }
  std::string host(server.substr(0, server.find('/')));
  return host.empty() || host == "index.docker.io" ? "docker.io" : host;
}

std::string read_line() {
  std::string line;
  for (int c = fgetc(stdin); c != EOF && c != '\n'; c = fgetc(stdin)) {
    line.push_back(static_cast<char>(c));
  }
  return line;
}

std::string ask(std::string_view question) {
  print(question);
  fflush(stdout);
  return read_line();
}

// The answer is not shown.
std::string ask_secret(std::string_view question) {
  termios settings{};
  if (::tcgetattr(STDIN_FILENO, &settings) != 0) return ask(question);
  termios silent = settings;
  silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  ScopeExit restore([&] { ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings); });
  std::string answer = ask(question);
  print("\n");
  return answer;
}

struct Login {
  std::string username;
  std::string password;
};

Result<Login> read_login(const Session& session, const Flags& flags, const std::string& host) {
  Login login{flags.get("username"), flags.get("password")};
  if (flags.on("password-stdin")) {
    if (flags.has("password")) {
      return Error(Code::kInvalidArgument,
                   "conflicting options: cannot specify both --password and --password-stdin");
    }
    if (login.username.empty()) {
      return Error(Code::kInvalidArgument,
                   "the --password-stdin option requires --username to be set");
    }
    constexpr size_t kMaxPassword = size_t{64} << 10U;
    FdSource input(STDIN_FILENO);
    login.password = trim(TRY(read_all(input, kMaxPassword)));
    return login;
  }
  if (flags.has("password")) {
    print_error("WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n");
  }
  if (!login.username.empty() && !login.password.empty()) return login;
  if (!is_terminal(STDIN_FILENO)) {
    return Error(Code::kInvalidArgument,
                 "Error: Cannot perform an interactive login from a non TTY device");
  }
  if (login.username.empty()) {
    std::string known = session.config.username(host);
    login.username = ask(known.empty() ? "Username: " : cat("Username (", known, "): "));
    if (login.username.empty()) login.username = known;
  }
  if (login.password.empty()) login.password = ask_secret("Password: ");
  if (login.username.empty() || login.password.empty()) {
    return Error(Code::kInvalidArgument, "username and password are required");
  }
  return login;
}

Outcome login(Session& session, Flags& flags) {
  std::string host = host_of(flags.args.empty() ? "" : flags.args[0]);
  Login login = TRY(read_login(session, flags, host));
  json::Value answer = TRY(session.api.post(
      "/auth", json::object({{"username", login.username},
                             {"password", login.password},
                             {"serveraddress",
                              host == "docker.io" ? "https://index.docker.io/v1/" : host}})));
  TRY(session.config.save_login(host, login.username, login.password,
                                answer.string("IdentityToken")));
  std::string status = answer.string("Status");
  print(cat(status.empty() ? "Login Succeeded" : status, "\n"));
  return 0;
}

Outcome logout(Session& session, Flags& flags) {
  std::string host = host_of(flags.args.empty() ? "" : flags.args[0]);
  std::string shown = host == "docker.io" ? "https://index.docker.io/v1/" : host;
  print(cat("Removing login credentials for ", shown, "\n"));
  TRY(session.config.remove_login(host));
  return 0;
}

constexpr Command kLoginCommands[] = {
    {.name = "login",
     .usage = "[SERVER]",
     .summary = "Authenticate to a registry",
     .flags = kLoginFlags,
     .run = login,
     .max_args = 1},
    {.name = "logout",
     .usage = "[SERVER]",
     .summary = "Log out from a registry",
     .run = logout,
     .max_args = 1},
};

}  // namespace

std::span<const Command> login_commands() { return kLoginCommands; }

}  // namespace skiff::cli
