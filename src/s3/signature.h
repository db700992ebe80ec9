// Signature Version 4 as S3 asks for it: of a request's head, or of a link that anybody may follow
// for a time (Amazon S3 API Reference, "Authenticating Requests").
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace skiff::s3 {

struct Credentials {
  std::string access_key;
  std::string secret_key;
  std::string session_token;  // of lent ones, else ""
};

struct Signer {
  Credentials credentials;
  std::string region;
};

// What of a request is signed. Nothing in it is encoded yet.
struct Canonical {
  std::string method;
  std::string path;                           // "/bucket/key"
  std::map<std::string, std::string> query;   // no name twice
  std::map<std::string, std::string> fields;  // by lower-case name; "host" must be there
};

// The path and the query as they are signed and must be sent.
std::string encoded_path(std::string_view path);
std::string encoded_query(const std::map<std::string, std::string>& query);

// Adds the fields that S3 wants of a signed request, "authorization" among them. `payload` is the
// SHA-256 of its body in hex.
void sign(const Signer& signer, Canonical& request, const std::string& payload, TimePoint now);

// Adds to the query what makes the link good until `now` + `lifetime` (whole seconds, at most seven
// days): its path and query are the link. The body is not signed.
void presign(const Signer& signer, Canonical& request, std::chrono::seconds lifetime,
             TimePoint now);

}  // namespace skiff::s3
