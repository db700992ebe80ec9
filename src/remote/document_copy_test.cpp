#include "remote/document_copy.h"

#include <gtest/gtest.h>

#include "remote/test_registry.h"

namespace skiff::remote {
namespace {

class Copy : public testing::Test {
 protected:
  Copy() {
    oci::Descriptor config = TestStore::descriptor(config_);
    config.media_type = oci::kMediaTypeConfig;
    manifest_ =
        oci::Manifest::make(oci::kMediaTypeManifest, config, {TestStore::descriptor(layer_)});
    registry_.blobs["from"][config.digest.str()] = config_;
    registry_.blobs["from"][TestStore::descriptor(layer_).digest.str()] = layer_;
    registry_.manifests["from"]["1"] = manifest_.raw;
    registry_.manifests["from"][manifest_.descriptor().digest.str()] = manifest_.raw;
    index_ = oci::Index::make(oci::kMediaTypeIndex, {manifest_.descriptor()});
  }

  Result<oci::Digest> place(const oci::Reference& to, const oci::Reference& from) {
    const auto lease = store_->lease().value();
    DocumentCopy copy([&](const std::string&) -> RegistryClient& { return client_; }, *store_,
                      *lease, {});
    return copy.place(index_.raw, index_.media_type, to,
                      {{manifest_.descriptor().digest.str(), from}});
  }
  std::string stored_layer(TestRegistry& registry) {
    return registry.blobs["to"][TestStore::descriptor(layer_).digest.str()];
  }

  std::string config_ = R"({"os": "linux", "architecture": "arm64"})";
  std::string layer_ = test_bytes(100'000);
  oci::Manifest manifest_;
  oci::Index index_;
  TestRegistry registry_;
  TestStore store_;
  RegistryClient client_{quick_options()};
};

TEST_F(Copy, WithinARegistryBlobsAreMounted) {
  ASSERT_EQ(place(registry_.ref("to:1"), registry_.ref("from:1")).value(),
            index_.descriptor().digest);
  EXPECT_EQ(registry_.manifests["to"]["1"], index_.raw);
  EXPECT_EQ(registry_.manifests["to"][manifest_.descriptor().digest.str()], manifest_.raw);
  EXPECT_EQ(stored_layer(registry_), layer_);
  for (const std::string& line : registry_.asked()) {
    EXPECT_FALSE(line.starts_with("GET /v2/from/blobs/")) << line;
  }
}

TEST_F(Copy, WhereAMountIsRefusedTheBytesGoThroughTheStore) {
  registry_.instead = [](net::Request& request, net::ResponseWriter& w) {
    if (request.query.get("mount").empty()) return false;
    w.headers().set("Location", "/v2/to/blobs/uploads/session?state=x");
    return w.send(202, "", "").has_value();
  };
  ASSERT_TRUE(place(registry_.ref("to:1"), registry_.ref("from:1")));
  EXPECT_EQ(stored_layer(registry_), layer_);
}

TEST_F(Copy, BetweenRegistriesTheBytesGoThroughTheStore) {
  TestRegistry other;
  ASSERT_TRUE(place(other.ref("to:1"), registry_.ref("from:1")));
  EXPECT_EQ(stored_layer(other), layer_);
  EXPECT_EQ(other.manifests["to"]["1"], index_.raw);
}

TEST_F(Copy, WhatTheTargetHasIsNotAskedOfTheSource) {
  registry_.manifests["to"][manifest_.descriptor().digest.str()] = manifest_.raw;
  ASSERT_TRUE(place(registry_.ref("to:1"), registry_.ref("from:1")));
  for (const std::string& line : registry_.asked()) {
    EXPECT_EQ(line.find("/v2/from/"), std::string::npos) << line;
  }
}

TEST_F(Copy, AMissingPartIsAnError) {
  registry_.manifests["from"].clear();
  EXPECT_EQ(place(registry_.ref("to:1"), registry_.ref("from:1")).error().code(), Code::kNotFound);
  EXPECT_FALSE(registry_.manifests["to"].contains("1"));
}

TEST_F(Copy, AnImageIsDescribedWithItsPlatform) {
  const auto found = fetch_described(client_, registry_.ref("from:1"), {});
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->descriptor.digest, manifest_.descriptor().digest);
  EXPECT_EQ(found->descriptor.platform->str(), "linux/arm64");
  EXPECT_EQ(found->config, config_);
  registry_.blobs["from"][manifest_.config.digest.str()] = R"({"os": "plan9"})";
  EXPECT_EQ(fetch_described(client_, registry_.ref("from:1"), {}).error().code(), Code::kDataLoss);
}

}  // namespace
}  // namespace skiff::remote
