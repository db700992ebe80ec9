#include "registry/refusal.h"

#include "base/strings.h"
#include "registry/policy.h"

namespace skiff::registry {

namespace {

// Some quote what the client sent.
constexpr size_t kMaxMessage = 2'000;
// Of one that is busy: what it waits for is a matter of moments.
constexpr std::chrono::seconds kSoon{2};

const ErrorKind& kind_of(Code code) {
  switch (code) {
    case Code::kUnavailable:
    case Code::kAborted:
    case Code::kCancelled:
    case Code::kDeadlineExceeded:
      return kUnavailable;
    case Code::kResourceExhausted:
      return kDiskFull;
    default:
      return kInternal;
  }
}

std::string_view text_of(const ErrorKind& kind) {
  if (kind.status == kUnavailable.status) return "the registry is busy: try again";
  if (kind.status == kDiskFull.status) return "the registry has no space left";
  return "the registry failed; its log says why";
}

}  // namespace

Refusal::Refusal(const Error& error)
    : kind(kind_of(error.code())), message(text_of(kind)), cause(error.message()) {
  if (kind.status == kUnavailable.status) retry_after = kSoon;
  if (!is_policy_refusal(error)) return;
  kind = kDenied;
  message = error.message();
  cause.clear();
}

Refusal broken_off(const ErrorKind& kind, const Error& error) {
  return {error.code() == Code::kDeadlineExceeded ? kTooSlow : kind,
          cat("the body broke off: ", error.message())};
}

std::string error_body(const Refusal& refusal, const std::string& request_id) {
  std::string message = refusal.message;
  if (message.size() > kMaxMessage) message = cat(message.substr(0, kMaxMessage), "…");
  json::Value error =
      json::object({{"code", std::string(refusal.kind.code)}, {"message", std::move(message)}});
  if (!refusal.detail.is_null()) {
    error.set("detail", refusal.detail);
  } else if (!refusal.cause.empty()) {
    error.set("detail", json::object({{"requestId", request_id}}));
  }
  return json::object({{"errors", json::array({std::move(error)})}}).dump() + "\n";
}

}  // namespace skiff::registry
