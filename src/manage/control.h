// Control: how commands reach the server that runs on a root, one process a root being the rule.
// The server listens at ROOT/control.sock (0660): who may open it may run every operation.
//
//   auto control = TRY(ControlServer::start(*registry, root));              // in the server
//   json::Value result = TRY(operate(root, "check", arguments, tell));      // in a command
//
// POST /NAME with the arguments as its body is answered by lines of JSON: {"event": ...} for what
// the operation tells, at last {"result": ...} or {"error": {"code", "message"}}. An operation ends
// with its connection.
#pragma once

#include <memory>
#include <optional>
#include <thread>

#include "content/root_lock.h"
#include "manage/operations.h"
#include "net/http_client.h"
#include "net/http_server.h"

namespace skiff::manage {

inline constexpr const char* kSocketName = "control.sock";

class ControlServer {
 public:
  // Serves in a thread of its own, until destroyed; before the registry is.
  static Result<std::unique_ptr<ControlServer>> start(registry::Registry& registry,
                                                      const Path& root);
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;
  ~ControlServer();

 private:
  ControlServer(registry::Registry& registry, Path socket);

  Path socket_;
  net::HttpServer server_;
  std::thread thread_;
};

// A connection to the server of a root, for one operation.
class Control {
 public:
  // nullopt where no server runs on it.
  static Result<std::optional<Control>> connect(const Path& root);

  // Runs the operation to its end.
  Result<json::Value> run(std::string_view operation, const json::Value& arguments,
                          const Tell& tell);
  // Runs it until it tells of something: that goes on as long as this lives.
  Result<json::Value> begin(std::string_view operation, const json::Value& arguments);
  // kUnavailable where what was begun has ended by itself.
  Result<> still_goes_on() const;

 private:
  Control(net::HttpClient http, int socket) : http_(std::move(http)), socket_(socket) {}
  Result<> send(std::string_view operation, const json::Value& arguments);
  // The next line; an error that it tells is returned as one.
  Result<json::Value> next();

  net::HttpClient http_;
  int socket_;  // of http_
  Source* body_ = nullptr;
  std::string rest_;  // read, behind the last line
};

// Keeps the blobs of a root where they are, as long as it lives: by a hold of the server that runs
// on it, else by keeping every server from opening it.
class Hold {
 public:
  static Result<Hold> take(const Path& root);
  // An error where it did not last until now.
  Result<> check() const { return server_ ? server_->still_goes_on() : Result<>(); }

 private:
  std::optional<Control> server_;
  std::optional<content::RootLock> lock_;
};

enum class NoRegistry { kRefused, kMade };

// By the server that runs on `root`, else by opening the registry here, as long as it takes:
// kNotFound where there is none and none is to be made, kUnavailable where another process has it,
// kFailedPrecondition where its database is lost.
Result<json::Value> operate(const Path& root, std::string_view operation,
                            const json::Value& arguments, const Tell& tell,
                            NoRegistry where_none = NoRegistry::kRefused);

}  // namespace skiff::manage
