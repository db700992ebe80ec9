#include "buildkit/client_caches.h"

#include <gtest/gtest.h>

namespace skiff::buildkit {
namespace {

TEST(ClientCaches, ThoseOfRegistriesAreTheBuilders) {
  builder::BuildRequest request;
  const auto added =
      add_caches({.cache_exports = {{"registry", {{"ref", "r.example/a/cache"}, {"mode", "max"}}}},
                  .cache_imports = {{"registry", {{"ref", "r.example/a/other:1"}}}}},
                 request);
  ASSERT_TRUE(added) << added.error().message();
  ASSERT_EQ(request.cache_to.size(), 1U);
  EXPECT_EQ(request.cache_to[0].reference->str(), "r.example/a/cache:latest");
  ASSERT_EQ(request.cache_from.size(), 1U);
  EXPECT_EQ(request.cache_from[0].reference->str(), "r.example/a/other:1");
}

TEST(ClientCaches, OthersAreRefusedByName) {
  builder::BuildRequest request;
  const auto local = add_caches({.cache_exports = {{"local", {{"dest", "x"}}}}}, request);
  ASSERT_FALSE(local);
  EXPECT_EQ(local.error().code(), Code::kUnimplemented);
  EXPECT_NE(local.error().message().find("\"local\""), std::string::npos);
  const auto nameless = add_caches({.cache_imports = {{"registry", {}}}}, request);
  ASSERT_FALSE(nameless);
  EXPECT_EQ(nameless.error().code(), Code::kInvalidArgument);
  EXPECT_TRUE(request.cache_to.empty());
}

}  // namespace
}  // namespace skiff::buildkit
