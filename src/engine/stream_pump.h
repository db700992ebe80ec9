// StreamPump: carries bytes between a client's connection and a process's stream at its
// monitor, both ways at once, until one side ends.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "base/cancellation.h"
#include "engine/logs.h"
#include "net/stream.h"

namespace skiff::engine {

// Docker's frame: stream number, three zeros, big-endian length, payload.
std::string make_frame(StreamKind stream, std::string_view payload);

// Takes frames apart, however they are cut into pieces.
class FrameReader {
 public:
  // Calls `piece` for each part of a frame that is there: its header when that is complete,
  // then what there is of its payload.
  template <typename Piece>
  void read(std::string_view bytes, Piece piece) {
    while (!bytes.empty()) {
      bool in_header = payload_left_ == 0;
      if (in_header && header_.size() == kHeaderSize) header_.clear();
      size_t count =
          std::min(bytes.size(), in_header ? kHeaderSize - header_.size() : payload_left_);
      if (in_header) {
        if (take_header(bytes.substr(0, count))) piece(stream_, true, std::string_view(header_));
      } else {
        payload_left_ -= count;
        piece(stream_, false, bytes.substr(0, count));
      }
      bytes.remove_prefix(count);
    }
  }
  // The payloads of all streams, without headers.
  std::string payload(std::string_view bytes);

 private:
  static constexpr size_t kHeaderSize = 8;
  bool take_header(std::string_view bytes);
  std::string header_;
  size_t payload_left_ = 0;
  StreamKind stream_ = StreamKind::kStdout;
};

// Lets only the frames of wanted streams through.
class FrameFilter {
 public:
  FrameFilter(bool want_stdout, bool want_stderr)
      : want_stdout_(want_stdout), want_stderr_(want_stderr) {}
  bool wants(StreamKind stream) const {
    return stream == StreamKind::kStdout ? want_stdout_ : want_stderr_;
  }
  std::string pass(std::string_view bytes);

 private:
  bool want_stdout_;
  bool want_stderr_;
  FrameReader frames_;
};

struct PumpOptions {
  bool terminal = false;  // output is raw; otherwise frames
  bool want_stdin = false;
  bool want_stdout = true;
  bool want_stderr = true;
  std::string detach_keys;  // the bytes; "": cannot detach
};

enum class PumpEnd { kOutputEnded, kDetached, kClientGone, kCancelled };

// Returns when the process's output has ended and all of it is sent, the user typed the
// detach keys, the client is gone, or either token is cancelled. `process` is a connected
// socket; the end of the client's input shuts down its writing side only.
PumpEnd pump_streams(net::Stream& client, std::string_view early_bytes, int process,
                     const PumpOptions& options, const CancelToken& cancel,
                     const CancelToken& shutdown);

// Sends the end of output and gives the client a moment to close its side, so that input it
// still sends does not turn the end into a reset.
void end_client(net::Stream& client);

}  // namespace skiff::engine
