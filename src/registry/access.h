// Who may do what with a registry: the seam between its endpoints and what knows the users.
//
//   Viewer viewer = TRY(authorizer.identify(request));             // who asks
//   Need need{.action = Action::kPull, .repository = "acme/web"};  // the endpoint's table says it
//   switch (TRY(authorizer.may(viewer, need))) { ... }
//
// The router asks once for each request, before the handler; a handler asks only for what the path
// does not name: the repository to mount from, and the names of a catalogue.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "access/roles.h"
#include "access/visible_names.h"
#include "base/clock.h"
#include "net/http_server.h"

namespace skiff::registry {

enum class Action {
  kEnter,    // GET /v2/: a client asks whether it may come in, and as whom
  kCatalog,  // the list of repositories
  kPull,
  kPush,
  kDelete,
  kManage,  // say who may what there, and what rules hold there
};

struct Need {
  Action action = Action::kEnter;
  // Of kPull, kPush and kDelete; of kManage any place. "": any repository at all, the server.
  std::string repository;
  // The tags that would be read, set or deleted, where the request names them.
  std::vector<std::string> tags;
  // More tags than those may be concerned: a manifest is deleted with all that name it.
  bool any_tag = false;
};

enum class Decision {
  kYes,
  kLogin,      // not so, but other credentials may help: 401 with a challenge
  kHidden,     // the viewer may not even know whether it exists: as if it did not
  kForbidden,  // seen, but not allowed: 403
};

// What a short-lived token speaks for, of all that its account may.
struct Scope {
  std::string repository;  // "": the catalogue, with none of the below
  bool pull = false;
  bool push = false;
  bool remove = false;
};

struct Viewer {
  enum class Kind { kAnonymous, kUser, kRobot };
  Kind kind = Kind::kAnonymous;
  std::string name;                          // "" for anonymous
  std::string address;                       // without the port; "" for a Unix socket
  int64_t account = 0;                       // of a directory of accounts
  std::string token;                         // id of the token it came with, if any
  std::optional<std::vector<Scope>> scopes;  // nullopt: all that the account may
};

// What a client asks a token server for, and gets (Docker's registry protocol, token
// authentication).
struct TokenRequest {
  std::string name;           // with `secret`: as for Basic; "": nobody in particular
  std::string secret;         // with or without a name, a token of the account
  std::string address;        // of the client
  std::vector<Scope> scopes;  // what is wanted
  const net::PeerCertificate* certificate = nullptr;  // shown instead of a secret
  bool refreshes = false;                             // `secret` may be a refresh token
  bool offline = false;  // a refresh token is wanted, too, in place of the password
  std::string client;    // what the program calls itself
};
struct IssuedToken {
  std::string token;
  TimePoint issued;
  std::chrono::seconds life{0};
  std::vector<Scope> scopes;  // what is granted, none wider than what was wanted
  std::string refresh;        // the refresh token, where one was wanted
};

// Thread-safe; each call is cheap but for the check of a password.
class Authorizer {
 public:
  virtual ~Authorizer() = default;
  // kUnauthenticated where credentials were shown and are wrong, never where there are none;
  // kUnavailable where too many passwords are being checked; kResourceExhausted, with words for the
  // client, where it guessed too often.
  virtual Result<Viewer> identify(const net::Request& request) = 0;
  // Whether identify() judges such credentials without the time of a password's hash: there are
  // none, or they were right before and are still, or are no password.
  virtual bool knows(const std::string& authorization);
  virtual Result<Decision> may(const Viewer& viewer, const Need& need) = 0;
  // The repositories from which it may pull, for lists of their names.
  virtual Result<access::VisibleNames> visible(const Viewer& /*viewer*/) {
    return access::VisibleNames();
  }
  // The role that a decision of yes was by: what rules of tags go by.
  virtual Result<access::Role> role(const Viewer& /*viewer*/, const Need& /*need*/) {
    return access::Role::kOwn;
  }
  // Writes down what may be written late; called from time to time.
  virtual Result<> save_uses() { return {}; }
  // The WWW-Authenticate field of a 401. `wrong`: credentials were shown and are wrong.
  virtual std::string challenge(const net::Request& request, const Need& need, bool wrong) = 0;
  // kUnauthenticated as above; nullopt where there is no token server.
  virtual Result<std::optional<IssuedToken>> issue(const TokenRequest& /*request*/) {
    return std::nullopt;
  }
};

// Anybody may do anything.
std::unique_ptr<Authorizer> open_access();

// Where tokens are issued.
inline constexpr std::string_view kTokenPath = "/auth/token";

// The address of a request's client, without its port.
std::string client_address(const net::Request& request);

}  // namespace skiff::registry
