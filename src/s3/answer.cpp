#include "s3/answer.h"

#include "base/strings.h"

namespace skiff::s3 {

namespace {

constexpr int kRequestTimeout = 408;
constexpr int kTooManyRequests = 429;

Code code_of(int status, std::string_view name) {
  // Written by others at the same moment: the condition may hold or not the next time.
  if (name == "ConditionalRequestConflict" || name == "OperationAborted") return Code::kUnavailable;
  for (const std::string_view passing :
       {"InternalError", "SlowDown", "ServiceUnavailable", "RequestTimeout"}) {
    if (name == passing) return Code::kUnavailable;
  }
  // Else whoever removes what is not there would be content.
  if (name == "NoSuchBucket") return Code::kFailedPrecondition;
  if (name == "NoSuchUpload") return Code::kNotFound;
  switch (status) {
    case 401:
    case 403:
      return Code::kPermissionDenied;
    case 404:
      return Code::kNotFound;
    case 412:
      return Code::kFailedPrecondition;
    case 416:
      return Code::kOutOfRange;
    default:
      return status >= 500 || status == kTooManyRequests || status == kRequestTimeout
                 ? Code::kUnavailable
                 : Code::kInvalidArgument;
  }
}

Error error_of(int status, const Element& error, std::string_view what) {
  const std::string name = error.get("Code");
  return {code_of(status, name), cat(what, ": ", name, ": ", error.get("Message"))};
}

}  // namespace

Error refusal(const net::WebResponse& answer, std::string_view what) {
  const auto parsed = parse_xml(answer.body);
  if (parsed && parsed->name == "Error") return error_of(answer.status, *parsed, what);
  return {code_of(answer.status, ""),
          cat(what, ": ", answer.status, " ", net::reason_phrase(answer.status))};
}

Result<Element> document(const net::WebResponse& answer, std::string_view root,
                         std::string_view what) {
  Element parsed = TRY_CONTEXT(parse_xml(answer.body), cat(what, ": answer"));
  if (parsed.name == "Error") return error_of(answer.status, parsed, what);
  if (parsed.name == root) return parsed;
  return Error(Code::kInternal,
               cat(what, ": answered by ", skiff::quoted(parsed.name), ", not by ", root));
}

bool may_pass(const Error& error) {
  return error.code() == Code::kUnavailable || error.code() == Code::kDeadlineExceeded;
}

}  // namespace skiff::s3
