// Carries the user's standard streams over a hijacked connection: frames apart to stdout and
// stderr, or raw with a terminal; end of input becomes a half-close.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <thread>

#include "base/cancellation.h"
#include "base/unique_fd.h"
#include "cli/detach_keys.h"
#include "cli/session.h"
#include "net/http_server.h"

namespace skiff::cli {

struct AttachStream {
  bool with_stdin = false;
  bool terminal = false;    // raw mode, resize on SIGWINCH
  std::string resize_path;  // "/containers/ID/resize"; "" never resizes
  DetachKeys detach_keys;   // looked for in what a terminal sends
};

enum class StreamEnd {
  kEnded,     // by the daemon
  kDetached,  // by the user's keys; the process runs on
};

Result<StreamEnd> carry_streams(Session& session, net::Hijacked connection, AttachStream how);

// Docker's frames: the stream's number, three zeros, the size in four bytes, and so many bytes.
inline constexpr size_t kFrameHeader = 8;
uint32_t frame_size(std::string_view header);

// Splits Docker's frames to stdout and stderr; feed bytes as they come.
class FrameSplitter {
 public:
  Result<> feed(std::string_view bytes);

 private:
  std::string pending_;
};

// Passes the signals that end programs on to a container (POST `kill_path`) as long as it lives,
// instead of ending this program.
class SignalProxy {
 public:
  SignalProxy(const ApiClient& api, std::string kill_path);
  SignalProxy(const SignalProxy&) = delete;
  SignalProxy& operator=(const SignalProxy&) = delete;
  ~SignalProxy();

 private:
  void forward(ApiClient api, const std::string& kill_path) const;
  UniqueFd signals_;
  CancelSource stop_;
  std::thread thread_;
};

}  // namespace skiff::cli
