#include "remote/answers.h"

#include <algorithm>
#include <ctime>

#include "base/clock.h"
#include "base/strings.h"
#include "codec/json.h"

namespace skiff::remote {

namespace {

Code code_of_status(int status) {
  switch (status) {
    case 400:
      return Code::kInvalidArgument;
    case 401:
      return Code::kUnauthenticated;
    case 403:
      return Code::kPermissionDenied;
    case 404:
      return Code::kNotFound;
    case 412:
      return Code::kFailedPrecondition;
    case 405:
      return Code::kUnimplemented;
    case 416:
      return Code::kOutOfRange;
    case 429:
      return Code::kResourceExhausted;
    default:
      return status >= 500 ? Code::kUnavailable : Code::kUnknown;
  }
}

// "MANIFEST_UNKNOWN" and its message, as Docker prints them.
std::string error_text(const json::Value& error) {
  const std::string code = to_lower(replace_all(error.string("code"), "_", " "));
  const std::string message = error.string("message");
  if (code.empty() || message.empty()) return code + message;
  return cat(code, ": ", message);
}

}  // namespace

Error answer_error(const net::WebResponse& answer, std::string_view what) {
  std::vector<std::string> texts;
  if (auto body = json::parse(answer.body)) {
    for (const json::Value& error : body->array("errors")) texts.push_back(error_text(error));
    // Token servers answer {"details": ...} or {"message": ...}.
    if (texts.empty() && body->has("details")) texts.push_back(body->string("details"));
    if (texts.empty() && body->has("message")) texts.push_back(body->string("message"));
  }
  std::erase(texts, "");
  if (texts.empty()) {
    texts.push_back(
        cat("the server answered ", answer.status, " ", net::reason_phrase(answer.status)));
  }
  return Error(code_of_status(answer.status), cat(what, ": ", join(texts, "; ")));
}

std::string answer_code(const net::WebResponse& answer) {
  auto body = json::parse(answer.body);
  if (!body) return "";
  const json::Array& errors = body->array("errors");
  return errors.empty() ? "" : errors.front().string("code");
}

bool is_transient(int status) {
  return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 ||
         status == 504;
}

bool is_transient(const Error& error) {
  return error.code() == Code::kUnavailable || error.code() == Code::kDeadlineExceeded;
}

std::optional<std::chrono::milliseconds> retry_after(const net::WebResponse& answer) {
  const std::string text = answer.headers.get("Retry-After");
  if (auto seconds = parse_uint(text)) {
    return std::chrono::seconds(std::min<uint64_t>(*seconds, 24 * 3600));
  }
  tm date{};
  if (text.empty() || ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date) == nullptr) {
    return std::nullopt;
  }
  const int64_t wait = ::timegm(&date) - unix_seconds(Clock::system().now());
  return std::chrono::seconds(std::clamp<int64_t>(wait, 0, 24 * 3600));
}

}  // namespace skiff::remote
