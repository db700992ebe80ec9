#include "s3/signature.h"

#include <algorithm>
#include <vector>

#include "base/strings.h"
#include "codec/hash.h"
#include "codec/hmac.h"
#include "net/http.h"

namespace skiff::s3 {

namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

// "20130524T000000Z"
std::string stamp_of(TimePoint now) {
  std::string stamp;
  for (const char c : format_rfc3339(std::chrono::floor<std::chrono::seconds>(now))) {
    if (c != '-' && c != ':') stamp += c;
  }
  return stamp;
}

std::string scope_of(const Signer& signer, const std::string& stamp) {
  return cat(stamp.substr(0, 8), "/", signer.region, "/s3/aws4_request");
}

std::string names_of(const std::map<std::string, std::string>& fields) {
  std::vector<std::string> names;
  for (const auto& [name, value] : fields) names.push_back(name);
  return join(names, ";");
}

std::string canonical_text(const Canonical& request, const std::string& payload) {
  std::string fields;
  for (const auto& [name, value] : request.fields) fields += cat(name, ":", trim(value), "\n");
  return cat(request.method, "\n", encoded_path(request.path), "\n", encoded_query(request.query),
             "\n", fields, "\n", names_of(request.fields), "\n", payload);
}

std::string signature_of(const Signer& signer, const Canonical& request, const std::string& payload,
                         const std::string& stamp) {
  std::string key = cat("AWS4", signer.credentials.secret_key);
  for (const std::string_view part :
       {std::string_view(stamp).substr(0, 8), std::string_view(signer.region),
        std::string_view("s3"), std::string_view("aws4_request")}) {
    key = hmac_sha256(key, part);
  }
  const std::string text = cat(kAlgorithm, "\n", stamp, "\n", scope_of(signer, stamp), "\n",
                               sha256_hex(canonical_text(request, payload)));
  return to_hex(hmac_sha256(key, text));
}

}  // namespace

std::string encoded_path(std::string_view path) {
  return replace_all(net::url_encode(path), "%2F", "/");
}

std::string encoded_query(const std::map<std::string, std::string>& query) {
  // In the order of the encoded names, which no name of S3's own changes.
  std::vector<std::string> items;
  for (const auto& [name, value] : query) {
    items.push_back(cat(net::url_encode(name), "=", net::url_encode(value)));
  }
  return join(items, "&");
}

void sign(const Signer& signer, Canonical& request, const std::string& payload, TimePoint now) {
  const std::string stamp = stamp_of(now);
  request.fields["x-amz-date"] = stamp;
  request.fields["x-amz-content-sha256"] = payload;
  if (const std::string& token = signer.credentials.session_token; !token.empty()) {
    request.fields["x-amz-security-token"] = token;
  }
  const std::string signature = signature_of(signer, request, payload, stamp);
  const std::string names = names_of(request.fields);
  request.fields["authorization"] =
      cat(kAlgorithm, " Credential=", signer.credentials.access_key, "/", scope_of(signer, stamp),
          ",SignedHeaders=", names, ",Signature=", signature);
}

void presign(const Signer& signer, Canonical& request, std::chrono::seconds lifetime,
             TimePoint now) {
  const std::string stamp = stamp_of(now);
  request.query["X-Amz-Algorithm"] = kAlgorithm;
  request.query["X-Amz-Credential"] =
      cat(signer.credentials.access_key, "/", scope_of(signer, stamp));
  request.query["X-Amz-Date"] = stamp;
  request.query["X-Amz-Expires"] = std::to_string(lifetime.count());
  request.query["X-Amz-SignedHeaders"] = names_of(request.fields);
  if (const std::string& token = signer.credentials.session_token; !token.empty()) {
    request.query["X-Amz-Security-Token"] = token;
  }
  request.query["X-Amz-Signature"] = signature_of(signer, request, "UNSIGNED-PAYLOAD", stamp);
}

}  // namespace skiff::s3
