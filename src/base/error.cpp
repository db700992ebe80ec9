#include "base/error.h"

#include <array>
#include <cerrno>
#include <system_error>

namespace skiff {

std::string_view code_name(Code code) {
  static constexpr std::array<std::string_view, 16> kNames = {"cancelled",
                                                              "unknown",
                                                              "invalid argument",
                                                              "deadline exceeded",
                                                              "not found",
                                                              "exists",
                                                              "permission denied",
                                                              "resource exhausted",
                                                              "failed precondition",
                                                              "aborted",
                                                              "out of range",
                                                              "unimplemented",
                                                              "internal",
                                                              "unavailable",
                                                              "data loss",
                                                              "unauthenticated"};
  return kNames.at(static_cast<size_t>(code));
}

static Code code_of_errno(int err) {
  switch (err) {
    case ENOENT:
    case ESRCH:
    case ENXIO:
    case ENODEV:
      return Code::kNotFound;
    case EEXIST:
    case ENOTEMPTY:
      return Code::kAlreadyExists;
    case EACCES:
    case EPERM:
    case EROFS:
      return Code::kPermissionDenied;
    case EINVAL:
    case ENAMETOOLONG:
    case ENOTDIR:
    case EISDIR:
    case ELOOP:
      return Code::kInvalidArgument;
    case ENOSPC:
    case EDQUOT:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
      return Code::kResourceExhausted;
    case EBUSY:
      return Code::kFailedPrecondition;
    case ETIMEDOUT:
      return Code::kDeadlineExceeded;
    case ECONNREFUSED:
    case ECONNRESET:
    case EPIPE:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EAGAIN:
      return Code::kUnavailable;
    case ECANCELED:
      return Code::kCancelled;
    case ENOSYS:
    case EOPNOTSUPP:
      return Code::kUnimplemented;
    default:
      return Code::kInternal;
  }
}

Error Error::from_errno(int err, std::string_view what) {
  std::string text(what);
  text.append(": ").append(std::generic_category().message(err));
  Error error(code_of_errno(err), std::move(text));
  error.errno_ = err;
  return error;
}

Error&& Error::with_context(std::string_view what) && {
  message_.insert(0, ": ").insert(0, what);
  return std::move(*this);
}

}  // namespace skiff
