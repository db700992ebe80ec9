// Refusal: a request that the registry does not fulfil, as the specification tells it
// (OCI distribution-spec, Error Codes); and Answer<T>, a T or a Refusal, which TRY understands.
//
//   Answer<> get(Call& call) {
//     oci::Digest digest = TRY(parse_digest(call.reference));      // an Answer
//     auto blob = TRY(metadata.find_blob(name, digest));           // a Result: its Error becomes
//     one if (!blob) return Refusal(kBlobUnknown, ...);
//   }
#pragma once

#include <chrono>
#include <expected>
#include <optional>
#include <string>

#include "base/result.h"
#include "codec/json.h"

namespace skiff::registry {

struct ErrorKind {
  std::string_view code;
  int status;
};

inline constexpr ErrorKind kBlobUnknown{"BLOB_UNKNOWN", 404};
inline constexpr ErrorKind kBlobUploadInvalid{"BLOB_UPLOAD_INVALID", 400};
inline constexpr ErrorKind kBlobUploadUnknown{"BLOB_UPLOAD_UNKNOWN", 404};
inline constexpr ErrorKind kUploadBusy{"BLOB_UPLOAD_INVALID", 409};
inline constexpr ErrorKind kRangeInvalid{"BLOB_UPLOAD_INVALID", 416};
inline constexpr ErrorKind kRangeNotSatisfiable{"RANGE_INVALID", 416};
inline constexpr ErrorKind kDigestInvalid{"DIGEST_INVALID", 400};
inline constexpr ErrorKind kManifestBlobUnknown{"MANIFEST_BLOB_UNKNOWN", 400};
inline constexpr ErrorKind kManifestInvalid{"MANIFEST_INVALID", 400};
inline constexpr ErrorKind kManifestTooLarge{"SIZE_INVALID", 413};
inline constexpr ErrorKind kManifestUnknown{"MANIFEST_UNKNOWN", 404};
inline constexpr ErrorKind kNameInvalid{"NAME_INVALID", 400};
inline constexpr ErrorKind kNameUnknown{"NAME_UNKNOWN", 404};
inline constexpr ErrorKind kNumberInvalid{"PAGINATION_NUMBER_INVALID", 400};
inline constexpr ErrorKind kPreconditionFailed{"DENIED", 412};
inline constexpr ErrorKind kConditionInvalid{"UNSUPPORTED", 400};
inline constexpr ErrorKind kReferenced{"DENIED", 405};
inline constexpr ErrorKind kManifestReferenced{"DENIED", 409};
inline constexpr ErrorKind kIncomplete{"MANIFEST_BLOB_UNKNOWN", 409};
inline constexpr ErrorKind kSizeInvalid{"SIZE_INVALID", 400};
inline constexpr ErrorKind kTooSlow{"SIZE_INVALID", 408};
inline constexpr ErrorKind kTagInvalid{"TAG_INVALID", 400};
inline constexpr ErrorKind kUnauthorized{"UNAUTHORIZED", 401};
inline constexpr ErrorKind kDenied{"DENIED", 403};
inline constexpr ErrorKind kTooManyRequests{"TOOMANYREQUESTS", 429};
inline constexpr ErrorKind kTokenRequestInvalid{"UNSUPPORTED", 400};
inline constexpr ErrorKind kUnsupported{"UNSUPPORTED", 405};
inline constexpr ErrorKind kNotFound{"NOT_FOUND", 404};
inline constexpr ErrorKind kUnavailable{"UNAVAILABLE", 503};
inline constexpr ErrorKind kDiskFull{"UNAVAILABLE", 507};
inline constexpr ErrorKind kInternal{"UNKNOWN", 500};

struct Refusal {
  Refusal(const ErrorKind& k, std::string m, json::Value d = {})
      : kind(k), message(std::move(m)), detail(std::move(d)) {}
  // A failure of the machine, not of the request.
  explicit Refusal(const Error& error);

  ErrorKind kind;
  std::string message;
  json::Value detail;
  // What exactly failed, of the machine: for the log alone, since it may hold paths.
  std::string cause;
  // When to come again.
  std::optional<std::chrono::seconds> retry_after;
};

// A body that ended before its time: of `kind`, or too slow.
Refusal broken_off(const ErrorKind& kind, const Error& error);

template <typename T = void>
class [[nodiscard]] Answer : public std::expected<T, Refusal> {
  using Base = std::expected<T, Refusal>;

 public:
  using Base::Base;
  // NOLINTBEGIN(google-explicit-constructor): `return Refusal(...)` is the idiom.
  Answer(Refusal refusal) : Base(std::unexpect, std::move(refusal)) {}
  Answer(const Error& error) : Base(std::unexpect, Refusal(error)) {}
  // NOLINTEND(google-explicit-constructor)
};

// {"errors":[{"code":...,"message":...,"detail":...}]}. Where the machine failed, the detail is the
// request's id, by which the log tells why.
std::string error_body(const Refusal& refusal, const std::string& request_id);

}  // namespace skiff::registry

namespace skiff::detail {
template <typename T>
T take(registry::Answer<T>&& a) {
  if constexpr (!std::is_void_v<T>) return std::move(*a);
}
}  // namespace skiff::detail
