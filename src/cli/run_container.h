// Creating and starting a container with the user's streams attached: what `run`, `create`,
// `start -a` and `attach` share.
#pragma once

#include <memory>
#include <string>

#include "cli/attach_stream.h"
#include "cli/session.h"
#include "oci/reference.h"

namespace skiff::cli {

// POST /images/create with the user's login; progress goes to `fd`.
Result<> pull_image(Session& session, const oci::Reference& reference, const std::string& platform,
                    int fd, bool quiet);

// Creates the container as the flags say, pulling its image when --pull says so; the id.
Result<std::string> create_container(Session& session, const Flags& flags);

// Which streams of a container are attached, and how.
struct AttachPlan {
  bool in = false;
  bool out = false;
  bool err = false;
  bool terminal = false;
  bool proxy_signals = false;
  std::string detach_keys;
  bool any() const { return in || out || err; }
};

// A wait for the end of a container that the daemon has confirmed.
class ExitWait {
 public:
  // `condition`: "next-exit", "removed", "not-running".
  static Result<ExitWait> begin(const Session& session, std::string_view id,
                                std::string_view condition);
  // Blocks until the container has ended; its exit code.
  Outcome finish();

 private:
  explicit ExitWait(ApiClient api) : api_(std::make_unique<ApiClient>(std::move(api))) {}
  std::unique_ptr<ApiClient> api_;
  net::ClientResponse response_;
};

// Attaches, begins to wait for `condition`, calls `start`, carries the streams until they end
// and returns the container's exit code, 0 when the user detached.
Outcome attach_and_start(Session& session, const std::string& id, const AttachPlan& plan,
                         std::string_view condition, const std::function<Result<>()>& start);

// "the input device is not a TTY" when a terminal is asked for and there is none.
Result<> check_terminal(bool attach_stdin, bool tty);

// 127 for a program that is missing, 126 for one that cannot be run, else 125.
int start_error_code(std::string_view message);

}  // namespace skiff::cli
