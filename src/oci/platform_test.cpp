#include "oci/platform.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "oci/manifest.h"

namespace skiff::oci {
namespace {

Platform platform(std::string_view text) { return Platform::parse(text).value(); }

// Which of `offered` serve `wanted`, best first.
std::vector<std::string> order(std::string_view wanted, std::vector<std::string> offered) {
  std::vector<std::pair<int, std::string>> ranked;
  for (const std::string& text : offered) {
    if (auto rank = match_rank(platform(wanted), platform(text))) ranked.emplace_back(*rank, text);
  }
  std::ranges::stable_sort(ranked, {}, &std::pair<int, std::string>::first);
  std::vector<std::string> out;
  for (auto& [rank, text] : ranked) out.push_back(std::move(text));
  return out;
}

using Names = std::vector<std::string>;
const Names kAll = {"linux/386",      "linux/amd64",  "linux/amd64/v2", "linux/amd64/v3",
                    "linux/amd64/v4", "linux/arm/v5", "linux/arm/v6",   "linux/arm/v7",
                    "linux/arm/v8",   "linux/arm64",  "linux/arm64/v9", "linux/ppc64le",
                    "linux/riscv64",  "windows/amd64"};

TEST(Platform, AMachineRunsItsOwnAndOlderVariants) {
  EXPECT_EQ(order("linux/amd64", kAll), (Names{"linux/amd64", "linux/386"}));
  EXPECT_EQ(order("linux/amd64/v3", kAll),
            (Names{"linux/amd64/v3", "linux/amd64/v2", "linux/amd64", "linux/386"}));
  EXPECT_EQ(order("linux/arm64", kAll),
            (Names{"linux/arm64", "linux/arm/v8", "linux/arm/v7", "linux/arm/v6", "linux/arm/v5"}));
  EXPECT_EQ(order("linux/arm64/v9", kAll), (Names{"linux/arm64/v9", "linux/arm64", "linux/arm/v8",
                                                  "linux/arm/v7", "linux/arm/v6", "linux/arm/v5"}));
  EXPECT_EQ(order("linux/arm/v7", kAll), (Names{"linux/arm/v7", "linux/arm/v6", "linux/arm/v5"}));
  EXPECT_EQ(order("linux/arm", kAll), order("linux/arm/v7", kAll));
  EXPECT_EQ(order("linux/arm/v6", kAll), (Names{"linux/arm/v6", "linux/arm/v5"}));
  EXPECT_EQ(order("linux/386", kAll), (Names{"linux/386"}));
  EXPECT_EQ(order("linux/riscv64", kAll), (Names{"linux/riscv64"}));
  EXPECT_EQ(order("linux/s390x", kAll), Names{});
}

TEST(Platform, SpellingsMatchTheirCanonicalNames) {
  EXPECT_EQ(match_rank(platform("linux/arm64"), Platform{"linux", "aarch64", "v8", ""}), 0);
  EXPECT_EQ(match_rank(Platform{"Linux", "x86_64", "", ""}, platform("linux/amd64")), 0);
  EXPECT_EQ(match_rank(platform("linux/arm/v7"), Platform{"linux", "arm", "", ""}), 0);
}

TEST(Platform, WhatIsMissingComesFromTheHost) {
  const Platform here = Platform::host();
  EXPECT_EQ(here.os, "linux");
  EXPECT_EQ(here, here.normalized());
  EXPECT_EQ(platform("linux"), here);
  EXPECT_EQ(platform("riscv64"), (Platform{"linux", "riscv64", "", ""}));
  EXPECT_EQ(platform("arm/v6"), (Platform{"linux", "arm", "v6", ""}));
}

TEST(Platform, JsonKeepsAllFields) {
  const Platform windows{"windows", "amd64", "v2", "10.0.20348.1"};
  EXPECT_EQ(Platform::from_json(windows.to_json()), windows);
  EXPECT_EQ(platform("linux/amd64").to_json().dump(), R"({"architecture":"amd64","os":"linux"})");
}

Descriptor entry(std::string_view digest_of, std::string_view text) {
  Descriptor d;
  d.media_type = kMediaTypeManifest;
  d.digest = Digest::of(digest_of);
  if (!text.empty()) d.platform = platform(text);
  return d;
}

TEST(IndexChoice, TheBestMatchWinsWhateverTheOrder) {
  std::vector<Descriptor> entries = {entry("386", "linux/386"), entry("v2", "linux/amd64/v2"),
                                     entry("amd64", "linux/amd64"), entry("arm", "linux/arm/v7")};
  for (size_t turn = 0; turn < entries.size(); ++turn) {
    std::ranges::rotate(entries, entries.begin() + 1);
    const Index index = Index::make(kMediaTypeIndex, entries);
    EXPECT_EQ(index.choose(platform("linux/amd64"))->digest, Digest::of("amd64"));
    EXPECT_EQ(index.choose(platform("linux/amd64/v4"))->digest, Digest::of("v2"));
    EXPECT_EQ(index.choose(platform("linux/arm64"))->digest, Digest::of("arm"));
    EXPECT_EQ(index.choose(platform("linux/riscv64")), nullptr);
  }
}

TEST(IndexChoice, OfEqualEntriesTheFirst) {
  const Index index =
      Index::make(kMediaTypeIndex, {entry("first", "linux/amd64"), entry("second", "linux/amd64")});
  EXPECT_EQ(index.choose(platform("linux/amd64"))->digest, Digest::of("first"));
}

TEST(IndexChoice, AttestationsNeverServe) {
  Descriptor attestation = entry("attestation", "linux/amd64");
  attestation.annotations["vnd.docker.reference.type"] = "attestation-manifest";
  Descriptor unknown = entry("unknown", "");
  unknown.platform = Platform{"unknown", "unknown", "", ""};
  const Index index = Index::make(kMediaTypeIndex, {attestation, unknown});
  EXPECT_EQ(index.choose(platform("linux/amd64")), nullptr);
}

TEST(IndexChoice, AnEntryWithoutPlatformIsBetterThanNone) {
  Descriptor artifact = entry("artifact", "");
  artifact.artifact_type = "application/vnd.example";
  const Index index =
      Index::make(kMediaTypeIndex, {artifact, entry("plain", ""), entry("arm", "linux/arm/v7")});
  EXPECT_EQ(index.choose(platform("linux/amd64"))->digest, Digest::of("plain"));
  EXPECT_EQ(index.choose(platform("linux/arm/v7"))->digest, Digest::of("arm"));
}

}  // namespace
}  // namespace skiff::oci
