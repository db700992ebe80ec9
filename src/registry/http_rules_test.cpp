// What RFC 9110 asks of a server beside the distribution specification.
#include "registry/accept.h"
#include "registry/call.h"
#include "registry/test_registry.h"

namespace skiff::registry {
namespace {

TEST(Accept, TheRangeThatNamesMostCounts) {
  const std::string type = "application/vnd.x+json";
  const auto allows = [&](const std::string& field) { return accepted({field}, type); };
  EXPECT_TRUE(accepted({}, type));
  EXPECT_TRUE(allows(""));
  EXPECT_TRUE(allows("text/plain, */*;q=0.1"));
  EXPECT_TRUE(allows("application/*"));
  EXPECT_TRUE(allows("APPLICATION/VND.X+JSON;q=1"));
  EXPECT_TRUE(allows("application/vnd.x+json;q=0.001"));
  EXPECT_TRUE(allows("application/vnd.x+json, */*;q=0"));
  EXPECT_FALSE(allows("text/*"));
  EXPECT_FALSE(allows("application/vnd.x+json;q=0"));
  EXPECT_FALSE(allows("*/*, application/vnd.x+json ; q=0.0"));
  EXPECT_FALSE(accepted({"*/*", "application/*;q=0.000"}, type));
}

class HttpRules : public RegistryTest {};

TEST_F(HttpRules, ARangeIsOfAGetAlone) {
  const std::string digest = client().push_blob("a", "0123456789");
  const Reply head = client().call("HEAD", blob_path("a", digest), "", {{"Range", "bytes=0-3"}});
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("Content-Length"), "10");
  EXPECT_EQ(head.header("Content-Range"), "");
}

TEST_F(HttpRules, IfMatchIsHeededByReads) {
  const std::string blob = client().push_blob("a", "x");
  const std::string manifest = push_image("a", "1", "{}", {});
  for (const auto& [path, digest] : {std::pair(blob_path("a", blob), blob),
                                     {manifest_path("a", "1"), manifest},
                                     {manifest_path("a", manifest), manifest}}) {
    for (const char* method : {"GET", "HEAD"}) {
      const auto status = [&](const std::string& tags) {
        return client().call(method, path, "", {{"If-Match", tags}}).status;
      };
      EXPECT_EQ(status("\"sha256:other\""), 412) << method << path;
      EXPECT_EQ(status("\"x\", " + etag_of(digest)), 200) << method << path;
      EXPECT_EQ(status("*"), 200) << method << path;
    }
  }
}

TEST_F(HttpRules, TypesHaveNoCaseAndManyRepresentations) {
  client().push_blob("a", "{}");
  EXPECT_EQ(
      client()
          .put_manifest("a", "1", image_of("{}", {}), "Application/VND.OCI.image.manifest.V1+JSON")
          .status,
      201);
  const Reply got = client().get(manifest_path("a", "1"));
  EXPECT_EQ(got.header("Content-Type"), oci::kMediaTypeManifest);
  EXPECT_EQ(got.header("Vary"), "Accept");
  const std::string not_this = cat(oci::kMediaTypeManifest, ";q=0");
  EXPECT_EQ(client().get(manifest_path("a", "1"), {{"Accept", not_this}}).status, 404);
}

TEST_F(HttpRules, WhatIsGotHasAHead) {
  const std::string upload = client().start("a");
  const Reply head = client().head(upload);
  EXPECT_EQ(head.status, 204);
  EXPECT_EQ(head.header("Range"), client().get(upload).header("Range"));
  push_image("a", "1", "{}", {});
  for (const char* path :
       {"/v2/a/_skiff/history", "/v2/a/_skiff/history/1", "/v2/a/_skiff/trash"}) {
    const Reply told = client().head(path);
    EXPECT_EQ(told.status, 200) << path;
    EXPECT_EQ(told.header("Content-Length"), client().get(path).header("Content-Length")) << path;
  }
}

TEST_F(HttpRules, ATagThatIsNamedTwiceIsSetOnce) {
  client().push_blob("a", "{}");
  const std::string image = image_of("{}", {});
  const std::string target =
      cat(manifest_path("a", oci::Digest::of(image).str()), "?tag=t1&tag=t2&tag=t1");
  const Reply put =
      client().call("PUT", target, image, {{"Content-Type", std::string(oci::kMediaTypeManifest)}});
  EXPECT_EQ(put.status, 201);
  EXPECT_EQ(put.headers.all("OCI-Tag"), (std::vector<std::string>{"t1", "t2"}));
}

TEST_F(HttpRules, APlusOfAMediaTypeNeedsNoEscape) {
  const std::string subject = push_image("a", "1", "{}", {});
  const oci::Descriptor config = describe("{}", "application/vnd.conf+json");
  std::string about = oci::Manifest::make(oci::kMediaTypeManifest, config, {}, {}).raw;
  about.insert(1, cat(R"("subject":{"mediaType":")", oci::kMediaTypeManifest, R"(","digest":")",
                      subject, R"(","size":1},)"));
  ASSERT_EQ(client().put_manifest("a", oci::Digest::of(about).str(), about).status, 201);
  const auto found = [&](const std::string& type) {
    return client()
        .get(cat("/v2/a/referrers/", subject, "?artifactType=", type))
        .json()
        .array("manifests")
        .size();
  };
  EXPECT_EQ(found("application/vnd.conf%2Bjson"), 1);
  EXPECT_EQ(found("application/vnd.conf+json"), 1);
  EXPECT_EQ(found("application/vnd.other+json"), 0);
}

}  // namespace
}  // namespace skiff::registry
