#include "s3/signature.h"

#include <gtest/gtest.h>

#include "codec/hash.h"

namespace skiff::s3 {
namespace {

// The examples of the API reference ("Examples: Signature Calculations", "Query Parameters").
const Signer kSigner{{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""},
                     "us-east-1"};
const TimePoint kNow = *parse_rfc3339("2013-05-24T00:00:00Z");
const std::string kEmpty = sha256_hex("");

Canonical example(const std::string& method, const std::string& path) {
  return {method, path, {}, {{"host", "examplebucket.s3.amazonaws.com"}}};
}

std::string signed_by(Canonical request, const std::string& payload = kEmpty) {
  sign(kSigner, request, payload, kNow);
  const std::string& text = request.fields.at("authorization");
  return text.substr(text.rfind('=') + 1);
}

TEST(Signature, IsThatOfTheReference) {
  Canonical get = example("GET", "/test.txt");
  get.fields["range"] = "bytes=0-9";
  EXPECT_EQ(signed_by(get), "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");

  Canonical put = example("PUT", "/test$file.text");
  put.fields["date"] = "Fri, 24 May 2013 00:00:00 GMT";
  put.fields["x-amz-storage-class"] = "REDUCED_REDUNDANCY";
  EXPECT_EQ(signed_by(put, sha256_hex("Welcome to Amazon S3.")),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");

  Canonical lifecycle = example("GET", "/");
  lifecycle.query["lifecycle"] = "";
  EXPECT_EQ(signed_by(lifecycle),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");

  Canonical list = example("GET", "/");
  list.query = {{"max-keys", "2"}, {"prefix", "J"}};
  EXPECT_EQ(signed_by(list), "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST(Signature, ALinkIsThatOfTheReference) {
  Canonical link = example("GET", "/test.txt");
  presign(kSigner, link, std::chrono::hours(24), kNow);
  EXPECT_EQ(link.query.at("X-Amz-Signature"),
            "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
  EXPECT_EQ(link.query.at("X-Amz-Expires"), "86400");
}

TEST(Signature, LentCredentialsAreNamed) {
  Signer lent = kSigner;
  lent.credentials.session_token = "token";
  Canonical get = example("GET", "/test.txt");
  sign(lent, get, kEmpty, kNow);
  EXPECT_EQ(get.fields.at("x-amz-security-token"), "token");
  EXPECT_NE(get.fields.at("authorization").find("x-amz-security-token"), std::string::npos);
}

TEST(Signature, PathsAndQueriesAreEncodedOnce) {
  EXPECT_EQ(encoded_path("/b/a b/\xc3\xa4+~%"), "/b/a%20b/%C3%A4%2B~%25");
  EXPECT_EQ(encoded_query({{"b", "x/y"}, {"a c", ""}}), "a%20c=&b=x%2Fy");
}

}  // namespace
}  // namespace skiff::s3
