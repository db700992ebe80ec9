#include "api/progress_stream.h"

#include "api/hijack.h"
#include "base/log.h"
#include "base/strings.h"

namespace skiff::api {

namespace {

constexpr std::string_view kLinesType = "application/json";
constexpr std::string_view kFramesType = "application/vnd.docker.multiplexed-stream";

}  // namespace

void ProgressStream::write(std::string_view bytes) {
  if (broken_) return;
  if (!begun_) {
    call_.writer.headers().set(
        "Content-Type", std::string(framing_ == Framing::kFrames ? kFramesType : kLinesType));
    begun_ = true;
    broken_ = !call_.writer.begin(200);
  }
  if (!broken_) broken_ = !call_.writer.write(bytes);
}

void ProgressStream::send(const json::Value& object) {
  const std::string line = object.dump(json::Html::kEscaped) + "\r\n";
  const std::scoped_lock lock(mutex_);
  if (!holds_) return write_line(line);
  constexpr size_t kMostHeld = size_t{1} << 20U;
  held_bytes_ += line.size();
  held_.push_back(line);
  for (; held_bytes_ > kMostHeld; held_.pop_front()) held_bytes_ -= held_.front().size();
}

void ProgressStream::write_line(const std::string& line) {
  write(framing_ == Framing::kFrames ? frame(kStdoutStream, line) : line);
}

void ProgressStream::release() {
  const std::scoped_lock lock(mutex_);
  holds_ = false;
  held_.clear();
}

Result<> ProgressStream::bytes(int stream, std::string_view payload) {
  const std::scoped_lock lock(mutex_);
  write(frame(stream, payload));
  return broken_ ? Result<>(Error(Code::kCancelled, "the client is gone")) : Result<>();
}

void ProgressStream::send(const images::ProgressEvent& event) {
  json::Object object;
  object.set("status", event.status);
  if (event.total > 0 || event.current > 0) {
    json::Value detail = json::object({{"current", event.current}});
    if (event.total > 0) detail.set("total", event.total);
    object.set("progressDetail", detail);
  } else if (!event.id.empty()) {
    object.set("progressDetail", json::object());
  }
  if (!event.id.empty()) object.set("id", event.id);
  send(json::Value(std::move(object)));
}

void ProgressStream::text(std::string_view text) { send(json::object({{"stream", text}})); }

Result<> ProgressStream::finish(Result<> outcome, int exit_code) {
  if (!outcome) {
    holds_ = false;
    for (const std::string& line : std::exchange(held_, {})) write_line(line);
    if (!begun_) return outcome;
    log_warn(cat(call_.request.method, " ", call_.request.path, ": ", outcome.error().message()));
    json::Value detail = json::object({{"message", outcome.error().message()}});
    if (exit_code != 0) detail.set("code", exit_code);
    send(json::object({{"errorDetail", detail}, {"error", outcome.error().message()}}));
  } else if (!begun_) {
    const std::scoped_lock lock(mutex_);
    write("");
  }
  if (broken_) return {};
  return call_.writer.finish();
}

}  // namespace skiff::api
