#include "oci/digest.h"

#include <gtest/gtest.h>

#include <unordered_set>

#include "base/strings.h"

namespace skiff::oci {
namespace {

// FIPS 180-4's examples of the empty text and of "abc".
constexpr std::string_view kEmptySha256 =
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr std::string_view kAbcSha512 =
    "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c"
    "23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";

TEST(Digest, NamesBytesInBothAlgorithms) {
  EXPECT_EQ(Digest::of("").str(), kEmptySha256);
  EXPECT_EQ(Digest::of("abc", HashAlgorithm::kSha512).str(), kAbcSha512);
}

TEST(Digest, ParsesWhatItPrints) {
  for (std::string_view text : {kEmptySha256, kAbcSha512}) {
    auto digest = Digest::parse(text);
    ASSERT_TRUE(digest) << digest.error().message();
    EXPECT_EQ(digest->str(), text);
    EXPECT_EQ(cat(digest->algorithm_name(), ":", digest->hex()), text);
    EXPECT_EQ(Digest::from_hex(digest->algorithm(), digest->hex()), *digest);
  }
  EXPECT_EQ(Digest::parse(kEmptySha256)->short_hex(), "e3b0c44298fc");
}

TEST(Digest, RefusesOtherTextsWithTheReason) {
  const std::string hex(64, 'a');
  const std::pair<std::string, std::string_view> cases[] = {
      {"", "must be algorithm:hex"},
      {hex, "must be algorithm:hex"},
      {cat(":", hex), "unsupported algorithm"},
      {cat("md5:", std::string(32, 'a')), "unsupported algorithm"},
      {cat("SHA256:", hex), "unsupported algorithm"},
      {"sha256:", "must have 64 digits"},
      {cat("sha256:", hex, "a"), "must have 64 digits"},
      {cat("sha512:", hex), "must have 128 digits"},
      {cat("sha256:", to_upper(hex)), "must be lower-case hexadecimal"},
      {cat("sha256:g", hex.substr(1)), "must be lower-case hexadecimal"},
      {cat("sha256:/../", hex.substr(4)), "must be lower-case hexadecimal"},
      {cat("sha256:", std::string(64, '\0')), "must be lower-case hexadecimal"},
  };
  for (const auto& [text, reason] : cases) {
    auto digest = Digest::parse(text);
    ASSERT_FALSE(digest) << text;
    EXPECT_EQ(digest.error().code(), Code::kInvalidArgument);
    EXPECT_TRUE(digest.error().message().ends_with(reason)) << digest.error().message();
  }
}

TEST(Digest, OrdersAndHashesAsAValue) {
  const Digest a = Digest::of("a");
  const Digest b = Digest::of("b");
  EXPECT_NE(a, b);
  EXPECT_EQ(a, Digest::of("a"));
  EXPECT_NE(a, Digest::of("a", HashAlgorithm::kSha512));
  EXPECT_EQ((std::unordered_set<Digest>{a, b, a}).size(), 2U);
}

}  // namespace
}  // namespace skiff::oci
