// Session: a daemon's place in its user's rootless namespaces.
//
//   auto session = TRY(Session::enter(run_dir));       // first of all: the process becomes root
//   UniqueFd s = TRY(session->host_socket(AF_INET, SOCK_STREAM, 0));   // reaches what the host
//   does uint16_t port = TRY(session->take({.address = "127.0.0.1", .number = 8080}));
//   TRY(session->lead({...}, "172.17.0.2", 80));       // now it answers
//
// Ports stay taken and led when the daemon goes; the next one takes them again, and settle() frees
// those that it did not. Thread-safe.
#pragma once

#include <memory>
#include <mutex>

#include "base/file.h"
#include "rootless/host_port.h"

namespace skiff::rootless {

class Session {
 public:
  // Joins the namespaces of the keeper in `directory`, starting it where none runs. Called by the
  // ordinary user's process while it has one thread; working directory and paths below mounts are
  // looked up anew afterwards.
  static Result<std::unique_ptr<Session>> enter(const Path& directory);

  // The namespaces' way to the outside; an Error says why there is none.
  Result<> ensure_uplink();
  Result<UniqueFd> host_socket(int domain, int type, int protocol);
  // In use: EADDRINUSE; below 1024: EACCES, as a rule. The number is the chosen one for 0.
  Result<uint16_t> take(const HostPort& port);
  Result<> lead(const HostPort& port, const std::string& address, uint16_t number);
  Result<> drop(const HostPort& port);
  Result<> settle();
  // The namespaces go, with all that is in them, unless another daemon has joined them.
  Result<> end();
  // They were made for this daemon: nothing of an earlier one is in them.
  bool is_first() const { return first_; }

 private:
  Session(UniqueFd lock, UniqueFd keeper, bool first)
      : lock_(std::move(lock)), keeper_(std::move(keeper)), first_(first) {}
  Result<std::string> request(const std::string& words);

  std::mutex mutex_;
  UniqueFd lock_;
  UniqueFd keeper_;
  bool first_;
};

}  // namespace skiff::rootless
