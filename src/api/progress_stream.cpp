#include "api/progress_stream.h"

#include "base/log.h"
#include "base/strings.h"

namespace skiff::api {

void ProgressStream::send(const json::Value& object) {
  std::lock_guard lock(mutex_);
  if (broken_) return;
  if (!begun_) {
    call_.writer.headers().set("Content-Type", "application/json");
    begun_ = true;
    broken_ = !call_.writer.begin(200);
  }
  if (!broken_) broken_ = !call_.writer.write(object.dump(json::Html::kEscaped) + "\r\n");
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
    if (!begun_) return outcome;
    log_warn(cat(call_.request.method, " ", call_.request.path, ": ", outcome.error().message()));
    json::Value detail = json::object({{"message", outcome.error().message()}});
    if (exit_code != 0) detail.set("code", exit_code);
    send(json::object({{"errorDetail", detail}, {"error", outcome.error().message()}}));
  } else if (!begun_) {
    call_.writer.headers().set("Content-Type", "application/json");
    TRY(call_.writer.begin(200));
  }
  if (broken_) return {};
  return call_.writer.finish();
}

}  // namespace skiff::api
