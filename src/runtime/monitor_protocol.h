// The words between a monitor and its clients (docs/formats/monitor.md): JSON lines, and the
// values in them.
#pragma once

#include "base/cancellation.h"
#include "codec/json.h"
#include "runtime/container_spec.h"
#include "runtime/monitor_client.h"

namespace skiff::runtime {

// Longest request: an exec with its whole environment.
inline constexpr size_t kLongestLine = size_t{4} << 20U;
inline constexpr const char* kMonitorSocket = "monitor.sock";
// Where a new monitor or bundle runner finds its parent's socket.
inline constexpr int kParentSocket = 3;
// Of the argument in which a monitor shows whose it is: a container's id.
inline constexpr size_t kMonitorNameLength = 64;
// What one shows there that is to wait for a container, with a network namespace.
inline constexpr std::string_view kSpareName = "spare";

// Blocking, for the sides that may.
Result<> send_line(int socket, const json::Value& value);
// Reads one line and not a byte of what follows it. kUnavailable at the end of the stream.
Result<json::Value> receive_line(int socket, const CancelToken& cancel = {});
// receive_line() of an answer; an answer that tells an error becomes that Error.
Result<json::Value> receive_answer(int socket, const CancelToken& cancel = {});

json::Value error_answer(const Error& error);

json::Value to_json(const MonitorOptions& options);
MonitorOptions monitor_options_from(const json::Value& value);
json::Value to_json(const ResolvedUser& user);
ResolvedUser resolved_user_from(const json::Value& value);
json::Value to_json(const ExecSpec& spec);
ExecSpec exec_spec_from(const json::Value& value);
json::Value to_json(const RestartPolicy& policy);
RestartPolicy restart_policy_from(const json::Value& value);

}  // namespace skiff::runtime
