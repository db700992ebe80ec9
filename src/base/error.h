// Error: what went wrong, as a value.
//
// An Error is born where a call fails ("open /x: No such file or directory"),
// gathers context while it travels up ("load image config: open /x: ..."), and
// is mapped once, at an edge, to an HTTP status, an exit code or a log line.
//
//   return Error(Code::kNotFound, cat("No such image: ", name));
//   return Error::from_errno(errno, cat("open ", path));
//
// The codes are the canonical set that gRPC uses, so that an edge can map them
// without knowing who made the error. Thread-safety: a value; no shared state.
#pragma once

#include <string>
#include <string_view>

namespace skiff {

enum class Code {
  kCancelled,
  kUnknown,
  kInvalidArgument,
  kDeadlineExceeded,
  kNotFound,
  kAlreadyExists,
  kPermissionDenied,
  kResourceExhausted,
  kFailedPrecondition,
  kAborted,
  kOutOfRange,
  kUnimplemented,
  kInternal,
  kUnavailable,
  kDataLoss,
  kUnauthenticated,
};

std::string_view code_name(Code code);

class Error {
 public:
  Error(Code code, std::string message) : code_(code), message_(std::move(message)) {}

  // "what: strerror(err)", with the code that fits `err` (ENOENT -> kNotFound, ...).
  static Error from_errno(int err, std::string_view what);

  Code code() const { return code_; }
  // The errno that caused the error, or 0.
  int sys_errno() const { return errno_; }
  // The whole text, outermost context first, parts joined by ": ".
  const std::string& message() const { return message_; }

  // Returns the error with "what: " in front.
  Error&& with_context(std::string_view what) &&;

 private:
  Code code_;
  int errno_ = 0;
  std::string message_;
};

// What the caller gave cannot be used.
inline Error invalid_argument(std::string message) {
  return {Code::kInvalidArgument, std::move(message)};
}

}  // namespace skiff
