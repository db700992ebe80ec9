#include "buildkit/client_caches.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace skiff::buildkit {
namespace {

class ClientCachesTest : public testing::Test {
 protected:
  auto add(const BuildOrder& order) { return add_caches(order, nullptr, *store_, {}, request_); }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-client-caches-");
  std::unique_ptr<content::ContentStore> store_ = *content::open_content_store(dir_.path());
  builder::BuildRequest request_;
};

TEST_F(ClientCachesTest, ThoseOfRegistriesAreTheBuilders) {
  const auto added =
      add({.cache_exports = {{"registry", {{"ref", "r.example/a/cache"}, {"mode", "max"}}}},
           .cache_imports = {{"registry", {{"ref", "r.example/a/other:1"}}}}});
  ASSERT_TRUE(added) << added.error().message();
  ASSERT_EQ(request_.cache_to.size(), 1U);
  EXPECT_EQ(request_.cache_to[0].reference->str(), "r.example/a/cache:latest");
  ASSERT_EQ(request_.cache_from.size(), 1U);
  EXPECT_EQ(request_.cache_from[0].reference->str(), "r.example/a/other:1");
  EXPECT_TRUE(added->empty());
}

TEST_F(ClientCachesTest, WhatIsExportedAndWhetherItMayFailIsTheClients) {
  ASSERT_TRUE(add(
      {.cache_exports = {{"registry", {{"ref", "r/c"}, {"mode", "min"}, {"ignore-error", "true"}}},
                         {"local", {{"dest", "out"}, {"mode", "max"}}}}}));
  ASSERT_EQ(request_.cache_to.size(), 2U);
  EXPECT_TRUE(request_.cache_to[0].of_result);
  EXPECT_TRUE(request_.cache_to[0].ignore_error);
  EXPECT_FALSE(request_.cache_to[1].of_result);
  EXPECT_FALSE(request_.cache_to[1].ignore_error);
  EXPECT_FALSE(add({.cache_exports = {{"local", {{"dest", "out"}, {"mode", "mid"}}}}}));
  EXPECT_FALSE(add({.cache_exports = {{"local", {{"dest", "out"}, {"ignore-error", "maybe"}}}}}));
}

TEST_F(ClientCachesTest, LayersAreCompressedAsAsked) {
  ASSERT_TRUE(add({.cache_exports = {{"local",
                                      {{"dest", "out"},
                                       {"compression", "zstd"},
                                       {"compression-level", "5"},
                                       {"force-compression", "true"}}},
                                     {"local", {{"dest", "other"}}}}}));
  EXPECT_EQ(request_.cache_to[0].compression,
            (CompressForm{.compression = Compression::kZstd, .level = 5}));
  EXPECT_TRUE(request_.cache_to[0].force_compression);
  EXPECT_FALSE(request_.cache_to[1].compression);
  for (const char* word : {"estargz", "rar"}) {
    const auto added =
        add({.cache_exports = {{"local", {{"dest", "out"}, {"compression", word}}}}});
    ASSERT_FALSE(added);
    EXPECT_EQ(added.error().message(),
              cat("cache: compression=", word, ": it is gzip, zstd or uncompressed"));
  }
  EXPECT_FALSE(add({.cache_exports = {{"local", {{"dest", "o"}, {"compression-level", "99"}}}}}));
  EXPECT_FALSE(add({.cache_exports = {{"local", {{"dest", "o"}, {"force-compression", "ja"}}}}}));
}

TEST_F(ClientCachesTest, ImagesAreLookedForHereFirst) {
  ASSERT_TRUE(add({.cache_images = {"a/b", "sha256:0123"}}));
  ASSERT_EQ(request_.cache_from.size(), 2U);
  EXPECT_EQ(request_.cache_from[0].image, "a/b");
  EXPECT_EQ(request_.cache_from[0].reference->str(), "docker.io/a/b:latest");
  EXPECT_EQ(request_.cache_from[1].image, "sha256:0123");
  EXPECT_FALSE(request_.inline_cache);
}

TEST_F(ClientCachesTest, ThoseOfDirectoriesAreTheClients) {
  const auto added = add({.cache_exports = {{"local", {{"dest", "out"}}}},
                          .cache_imports = {{"local", {{"src", "in"}}}}});
  ASSERT_TRUE(added) << added.error().message();
  ASSERT_EQ(request_.cache_from.size(), 1U);
  // Without a digest the client has nothing there.
  EXPECT_EQ(*request_.cache_from[0].shelf->manifest(), std::nullopt);
  ASSERT_EQ(added->size(), 1U);
  EXPECT_EQ(request_.cache_to[0].shelf, added->front());
  EXPECT_FALSE(added->front()->written());
}

TEST_F(ClientCachesTest, AnImageIsToTellOfItsOwnSteps) {
  const auto added = add({.cache_exports = {{"inline", {}}}});
  ASSERT_TRUE(added) << added.error().message();
  EXPECT_TRUE(added->empty());
  EXPECT_TRUE(request_.cache_to.empty());
  EXPECT_TRUE(request_.inline_cache);
}

TEST_F(ClientCachesTest, OthersAreRefusedByName) {
  const auto inside = add({.cache_exports = {{"gha", {}}}});
  ASSERT_FALSE(inside);
  EXPECT_EQ(inside.error().code(), Code::kUnimplemented);
  EXPECT_NE(inside.error().message().find("\"gha\""), std::string::npos);
  for (const char* type : {"registry", "local"}) {
    const auto nameless = add({.cache_imports = {{type, {}}}});
    ASSERT_FALSE(nameless);
    EXPECT_EQ(nameless.error().code(), Code::kInvalidArgument);
  }
  EXPECT_TRUE(request_.cache_to.empty());
}

}  // namespace
}  // namespace skiff::buildkit
