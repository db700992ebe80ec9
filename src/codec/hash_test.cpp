#include "codec/hash.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/random.h"
#include "codec/test_programs.h"

namespace skiff {
namespace {

TEST(Hash, TheVectorsOfTheStandard) {
  // FIPS 180-4.
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha512_hex("abc"),
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

TEST(Hash, AHasherMayGoOnAfterItWasAsked) {
  Hasher hasher;
  hasher.update("hello ");
  EXPECT_EQ(hasher.hex(), sha256_hex("hello "));
  hasher.update("world");
  EXPECT_EQ(hasher.hex(), sha256_hex("hello world"));
  EXPECT_EQ(hasher.hex(), sha256_hex("hello world"));
  Hasher moved = std::move(hasher);
  moved.update("!");
  EXPECT_EQ(moved.hex(), sha256_hex("hello world!"));
}

TEST(Hash, ASourceIsHashedOnItsWay) {
  StringSource source("hello");
  Hasher hasher(HashAlgorithm::kSha512);
  HashingSource hashed(source, hasher);
  EXPECT_EQ(*read_all(hashed, 100), "hello");
  EXPECT_EQ(hasher.hex(), sha512_hex("hello"));
}

RC_GTEST_PROP(Hash, PiecesHashLikeTheWhole, (const std::vector<std::string>& pieces)) {
  Hasher hasher;
  for (const std::string& piece : pieces) hasher.update(piece);
  RC_ASSERT(hasher.hex() == sha256_hex(join(pieces, "")));
}

RC_GTEST_PROP(Hash, ASavedHashGoesOn, (const std::string& first, const std::string& second)) {
  for (const HashAlgorithm algorithm : {HashAlgorithm::kSha256, HashAlgorithm::kSha512}) {
    Hasher hasher(algorithm);
    hasher.update(first);
    auto restored = Hasher::restore(hasher.save());
    RC_ASSERT(restored.has_value());
    RC_ASSERT(restored->save() == hasher.save());
    hasher.update(second);
    restored->update(second);
    RC_ASSERT(restored->hex() == hasher.hex());
  }
}

TEST(Hash, ASavedHashOfEachLengthGoesOn) {
  const std::string bytes = random_bytes(300);
  for (size_t n = 0; n <= bytes.size(); ++n) {
    for (const HashAlgorithm algorithm : {HashAlgorithm::kSha256, HashAlgorithm::kSha512}) {
      Hasher hasher(algorithm);
      hasher.update(std::string_view(bytes).substr(0, n));
      auto restored = Hasher::restore(hasher.save());
      ASSERT_TRUE(restored) << n;
      restored->update(std::string_view(bytes).substr(n));
      const bool is_sha256 = algorithm == HashAlgorithm::kSha256;
      EXPECT_EQ(restored->hex(), is_sha256 ? sha256_hex(bytes) : sha512_hex(bytes)) << n;
    }
  }
}

// What is on disks already must be read for ever.
TEST(Hash, TheSavedFormIsFixed) {
  Hasher hasher;
  hasher.update("abc");
  EXPECT_EQ(to_hex(hasher.save()),
            "01326a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19"
            "0000000000000018616263");
}

TEST(Hash, WhatWasNotSavedIsRefused) {
  Hasher hasher;
  hasher.update("abc");
  const std::string saved = hasher.save();
  for (size_t n = 0; n < saved.size(); ++n) EXPECT_FALSE(Hasher::restore(saved.substr(0, n))) << n;
  EXPECT_FALSE(Hasher::restore(saved + "d"));
  for (const size_t changed : {0, 1, 41}) {
    std::string other = saved;
    ++other[changed];
    EXPECT_FALSE(Hasher::restore(other)) << changed;
  }
}

class HashPrograms : public ProgramTest {};

TEST_F(HashPrograms, HashTheSame) {
  const std::string bytes = random_bytes(1'000'003);
  put("bytes", bytes);
  EXPECT_EQ(in_dir("sha256sum < bytes | cut -d' ' -f1"), cat(sha256_hex(bytes), "\n"));
  EXPECT_EQ(in_dir("sha512sum < bytes | cut -d' ' -f1"), cat(sha512_hex(bytes), "\n"));
}

}  // namespace
}  // namespace skiff
