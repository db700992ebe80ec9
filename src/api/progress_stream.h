// ProgressStream: an answer that is a stream of JSON objects, one a line (engine-api.md
// 2.4, point 19). The status line is sent with the first object, so that a failure before
// it still gets a status of its own. Thread-safe.
//
// To a client that accepts Docker's frames (hijack.h) bytes can be sent beside the objects, each
// kind under a stream number of its own.
#pragma once

#include <deque>
#include <mutex>

#include "api/router.h"

namespace skiff::api {

class ProgressStream {
 public:
  enum class Framing { kLines, kFrames };
  explicit ProgressStream(const Call& call, Framing framing = Framing::kLines)
      : call_(call), framing_(framing) {}

  void send(const json::Value& object);
  void send(const images::ProgressEvent& event);
  // {"stream": text}
  void text(std::string_view text);
  // One frame, also an empty one. Fails once the client is gone.
  Result<> bytes(int stream, std::string_view payload);
  images::ProgressSink sink() {
    return [this](const images::ProgressEvent& event) { send(event); };
  }
  // From now on objects wait, the last MiB of them, to be told only with a failure: who asked for
  // silence wants to know then what led to it.
  void hold() { holds_ = true; }
  // Of those that wait none is told, and those that follow at once.
  void release();
  // Ends the answer. After the first object an error becomes the last one,
  // {"errorDetail": ..., "error": ...}; before it, it is returned.
  Result<> finish(Result<> outcome, int exit_code = 0);

 private:
  void write(std::string_view bytes);
  void write_line(const std::string& line);
  const Call& call_;
  const Framing framing_;
  std::mutex mutex_;
  bool begun_ = false;
  bool broken_ = false;  // the client is gone: the rest is not sent
  bool holds_ = false;
  std::deque<std::string> held_;
  size_t held_bytes_ = 0;
};

}  // namespace skiff::api
