#include "registry/test_registry.h"

namespace skiff::registry {
namespace {

class ManifestApi : public RegistryTest {};

TEST_F(ManifestApi, ComeBackByteForByteByTagAndDigest) {
  client().push_blob("a/b", "{}");
  // Formatting is part of the content.
  std::string bytes = cat("  ", image_of("{}", {}), "\n\n");
  Reply put = client().put_manifest("a/b", "v1.0", bytes);
  std::string digest = oci::Digest::of(bytes).str();
  EXPECT_EQ(put.status, 201);
  EXPECT_EQ(put.header("Location"), manifest_path("a/b", digest));
  EXPECT_EQ(put.header("Docker-Content-Digest"), digest);
  for (const std::string& reference : {std::string("v1.0"), digest}) {
    Reply got = client().get(manifest_path("a/b", reference));
    EXPECT_EQ(got.status, 200);
    EXPECT_EQ(got.body, bytes);
    EXPECT_EQ(got.header("Content-Type"), oci::kMediaTypeManifest);
    EXPECT_EQ(got.header("Docker-Content-Digest"), digest);
    Reply head = client().head(manifest_path("a/b", reference));
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.header("Content-Length"), cat(bytes.size()));
    EXPECT_EQ(head.header("Docker-Content-Digest"), digest);
  }
}

TEST_F(ManifestApi, UnknownOnesAreTold) {
  for (const std::string& reference :
       {std::string("latest"), std::string(".invalid"), oci::Digest::of("x").str()}) {
    Reply got = client().get(manifest_path("a", reference));
    EXPECT_EQ(got.status, 404);
    EXPECT_EQ(got.error(), "MANIFEST_UNKNOWN");
    EXPECT_EQ(client().head(manifest_path("a", reference)).status, 404);
    EXPECT_EQ(client().remove(manifest_path("a", reference)).status, 404);
  }
  EXPECT_EQ(client().get(manifest_path("a", "sha256:bad")).error(), "DIGEST_INVALID");
}

TEST_F(ManifestApi, NeedWhatTheyName) {
  client().push_blob("a", "{}");
  client().push_blob("other", "layer");
  Reply put = client().put_manifest("a", "1", image_of("{}", {"layer"}));
  EXPECT_EQ(put.status, 400);
  EXPECT_EQ(put.error(), "MANIFEST_BLOB_UNKNOWN");
  EXPECT_NE(put.body.find("layers[0]"), std::string::npos);
  EXPECT_EQ(client().get(manifest_path("a", "1")).status, 404);
  Reply index =
      client().put_manifest("a", "1", index_of({image_of("{}", {})}), oci::kMediaTypeIndex);
  EXPECT_EQ(index.error(), "MANIFEST_BLOB_UNKNOWN");
  EXPECT_NE(index.body.find("manifests[0]"), std::string::npos);
}

TEST_F(ManifestApi, MustKnowTheSizesOfWhatTheyName) {
  client().push_blob("a", "{}");
  std::string bytes = replace_all(image_of("{}", {}), "\"size\":2", "\"size\":3");
  Reply put = client().put_manifest("a", "1", bytes);
  EXPECT_EQ(put.error(), "MANIFEST_INVALID");
  EXPECT_NE(put.body.find("config.size"), std::string::npos);
}

TEST_F(ManifestApi, MalformedOnesAreRefused) {
  client().push_blob("a", "{}");
  std::string good = image_of("{}", {});
  struct Case {
    std::string what, bytes, type;
  };
  for (const Case& c :
       std::vector<Case>{{"no JSON", "nonsense", std::string(oci::kMediaTypeManifest)},
                         {"empty", "", std::string(oci::kMediaTypeManifest)},
                         {"an unknown type", good, "application/json"},
                         {"another type than it says", good, std::string(oci::kMediaTypeIndex)},
                         {"schema 1", R"({"schemaVersion":1})",
                          "application/vnd.docker.distribution.manifest.v1+json"},
                         {"no config", R"({"schemaVersion":2,"layers":[]})",
                          std::string(oci::kMediaTypeManifest)}}) {
    Reply put = client().put_manifest("a", "1", c.bytes, c.type);
    EXPECT_EQ(put.status, 400) << c.what;
    EXPECT_EQ(put.error(), "MANIFEST_INVALID") << c.what;
  }
  EXPECT_EQ(client().put_manifest("a", ".bad", good).error(), "TAG_INVALID");
  EXPECT_EQ(client().put_manifest("a", std::string(129, 'x'), good).error(), "TAG_INVALID");
  EXPECT_EQ(client().put_manifest("a", oci::Digest::of("x").str(), good).error(), "DIGEST_INVALID");
  EXPECT_EQ(client().put_manifest("a", "sha256:bad", good).error(), "DIGEST_INVALID");
  EXPECT_EQ(client().get("/v2/a/tags/list").json().array("tags").size(), 0u);
}

TEST_F(ManifestApi, TooLargeOnesAreRefused) {
  client().push_blob("a", "{}");
  std::string large = image_of("{}", {}, {{"k", std::string(size_t{3} << 20U, 'x')}});
  EXPECT_EQ(client().put_manifest("a", "1", large).status, 201);
  std::string larger = image_of("{}", {}, {{"k", std::string(size_t{5} << 20U, 'x')}});
  Client own(port());  // the connection may be closed before all is read
  Reply put = own.call("PUT", manifest_path("a", "2"), "",
                       {{"Content-Type", std::string(oci::kMediaTypeManifest)}});
  EXPECT_EQ(put.error(), "MANIFEST_INVALID");
  auto stream = net::make_plain_stream(*net::connect_tcp("127.0.0.1", port()));
  ASSERT_TRUE(stream->write(cat("PUT /v2/a/manifests/2 HTTP/1.1\r\nHost: x\r\nContent-Length: ",
                                larger.size(), "\r\nExpect: 100-continue\r\n\r\n")));
  std::string answer = *read_all(*stream, 100'000);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 413")) << answer;
  EXPECT_NE(answer.find("SIZE_INVALID"), std::string::npos);
}

TEST_F(ManifestApi, DockerTypesAndNestedIndexes) {
  client().push_blob("a", "{}");
  std::string image =
      oci::Manifest::make(oci::kDockerManifest, describe("{}", oci::kDockerConfig), {}).raw;
  EXPECT_EQ(
      client().put_manifest("a", oci::Digest::of(image).str(), image, oci::kDockerManifest).status,
      201);
  std::string list =
      oci::Index::make(oci::kDockerManifestList, {describe(image, oci::kDockerManifest)}).raw;
  EXPECT_EQ(client().put_manifest("a", "list", list, oci::kDockerManifestList).status, 201);
  EXPECT_EQ(client().get(manifest_path("a", "list")).header("Content-Type"),
            oci::kDockerManifestList);
  std::string outer =
      oci::Index::make(oci::kMediaTypeIndex, {describe(list, oci::kDockerManifestList)}).raw;
  EXPECT_EQ(client().put_manifest("a", "outer", outer, oci::kMediaTypeIndex).status, 201);
  std::string empty = index_of({});
  EXPECT_EQ(client().put_manifest("a", "empty", empty, oci::kMediaTypeIndex).status, 201);
}

TEST_F(ManifestApi, AcceptIsHeeded) {
  push_image("a", "1", "{}", {});
  std::string path = manifest_path("a", "1");
  EXPECT_EQ(client()
                .get(path, {{"Accept", "application/json"},
                            {"Accept", std::string(oci::kMediaTypeManifest)}})
                .status,
            200);
  EXPECT_EQ(client().get(path, {{"Accept", "text/html, */*;q=0.1"}}).status, 200);
  EXPECT_EQ(client().get(path, {{"Accept", cat("x/y,", oci::kMediaTypeManifest, ";q=0.5")}}).status,
            200);
  Reply refused = client().get(path, {{"Accept", std::string(oci::kMediaTypeIndex)}});
  EXPECT_EQ(refused.status, 404);
  EXPECT_EQ(refused.error(), "MANIFEST_UNKNOWN");
}

TEST_F(ManifestApi, IfNoneMatchAnswersNotModified) {
  std::string digest = push_image("a", "1", "{}", {});
  Reply got = client().get(manifest_path("a", "1"), {{"If-None-Match", cat("\"", digest, "\"")}});
  EXPECT_EQ(got.status, 304);
  EXPECT_EQ(got.body, "");
}

TEST_F(ManifestApi, TagsMoveUnderAConditionOnly) {
  std::string first = push_image("a", "1", "{}", {});
  client().push_blob("a", "layer");
  std::string next = image_of("{}", {"layer"});
  auto put = [&](const Fields& fields) {
    return client().put_manifest("a", "1", next, oci::kMediaTypeManifest, fields);
  };
  EXPECT_EQ(put({{"If-None-Match", "*"}}).status, 412);
  EXPECT_EQ(put({{"If-Match", cat("\"", oci::Digest::of("x").str(), "\"")}}).status, 412);
  EXPECT_EQ(client().get(manifest_path("a", "1")).header("Docker-Content-Digest"), first);
  EXPECT_EQ(put({{"If-Match", cat("\"", first, "\"")}}).status, 201);
  EXPECT_EQ(client().get(manifest_path("a", "1")).body, next);
  EXPECT_EQ(client().get(manifest_path("a", first)).status, 200);
}

class Conditions : public RegistryTest {
 protected:
  void SetUp() override {
    RegistryTest::SetUp();
    first_ = push_image("a", "1", "{}", {});
  }
  int put(const std::string& reference, const Fields& fields, const std::string& config = "{}") {
    client().push_blob("a", config);
    return client()
        .put_manifest("a", reference, image_of(config, {}), oci::kMediaTypeManifest, fields)
        .status;
  }
  int remove(const std::string& reference, const Fields& fields) {
    return client().call("DELETE", manifest_path("a", reference), "", fields).status;
  }
  static std::string quote(std::string_view text) { return cat("\"", text, "\""); }
  static std::string digest_of(const std::string& config) {
    return oci::Digest::of(image_of(config, {})).str();
  }
  std::string first_;
};

TEST_F(Conditions, OfAPutByTag) {
  EXPECT_EQ(put("new", {{"If-Match", "*"}}), 412);
  EXPECT_EQ(put("1", {{"If-Match", "*"}}), 201);
  EXPECT_EQ(put("1", {{"If-Match", cat("W/", quote(first_))}}), 412);
  EXPECT_EQ(put("1", {{"If-Match", cat("\"x\", ", quote(first_))}}, "[]"), 201);
  EXPECT_EQ(put("1", {{"If-Match", "\"x\""}, {"If-Match", quote(digest_of("[]"))}}), 201);
  EXPECT_EQ(put("1", {{"If-None-Match", quote(first_)}}), 412);
  EXPECT_EQ(put("1", {{"If-None-Match", cat("W/", quote(first_))}}), 412);
  EXPECT_EQ(put("1", {{"If-None-Match", "\"x\""}}), 201);
  EXPECT_EQ(put("2", {{"If-None-Match", quote(first_)}}), 201);
  EXPECT_EQ(put("2", {{"If-None-Match", "*"}}), 412);
}

TEST_F(Conditions, OfAPutByDigest) {
  EXPECT_EQ(put(digest_of("[]"), {{"If-Match", "*"}}, "[]"), 412);
  EXPECT_EQ(put(digest_of("[]"), {{"If-None-Match", "*"}}, "[]"), 201);
  EXPECT_EQ(put(digest_of("[]"), {{"If-None-Match", "*"}}, "[]"), 412);
  EXPECT_EQ(put(digest_of("[]"), {{"If-Match", quote(digest_of("[]"))}}, "[]"), 201);
  // Its tags, where it has some, each of them.
  EXPECT_EQ(put(cat(digest_of("[]"), "?tag=1&tag=2"), {{"If-Match", quote(first_)}}, "[]"), 412);
  EXPECT_EQ(put(cat(digest_of("[]"), "?tag=1"), {{"If-Match", quote(first_)}}, "[]"), 201);
}

TEST_F(Conditions, OfADelete) {
  EXPECT_EQ(remove("1", {{"If-Match", "\"x\""}}), 412);
  EXPECT_EQ(remove("1", {{"If-None-Match", "*"}}), 412);
  EXPECT_EQ(remove("none", {{"If-Match", "*"}}), 404);
  EXPECT_EQ(remove("1", {{"If-Match", cat("\"x\", ", quote(first_))}}), 202);
  EXPECT_EQ(remove(first_, {{"If-Match", "\"x\""}}), 412);
  EXPECT_EQ(remove(first_, {{"If-Match", quote(first_)}}), 202);
  EXPECT_EQ(remove(first_, {{"If-Match", quote(first_)}}), 404);
}

TEST_F(Conditions, ThatNobodyCanReadAreRefused) {
  EXPECT_EQ(put("1", {{"If-Match", first_}}), 400);
  EXPECT_EQ(put("1", {{"If-None-Match", ""}}), 400);
  EXPECT_EQ(remove("1", {{"If-Match", "\"x"}}), 400);
  EXPECT_EQ(client().get(manifest_path("a", "1")).status, 200);
}

// Not the condition, but what is missing, is the reason.
TEST_F(Conditions, AreNotJudgedOfWhatFailsAnyhow) {
  EXPECT_EQ(client()
                .put_manifest("a", "1", image_of("missing", {}), oci::kMediaTypeManifest,
                              {{"If-Match", "\"x\""}})
                .error(),
            "MANIFEST_BLOB_UNKNOWN");
}

TEST_F(ManifestApi, NameSoManyThingsAndNoMore) {
  client().push_blob("a", "{}");
  const std::string most = image_of("{}", std::vector<std::string>(9'999, "{}"));
  EXPECT_EQ(client().put_manifest("a", "1", most).status, 201);
  Reply put =
      client().put_manifest("a", "1", image_of("{}", std::vector<std::string>(10'000, "{}")));
  EXPECT_EQ(put.error(), "MANIFEST_INVALID");
}

TEST_F(ManifestApi, SomeOfManyFaultsAreTold) {
  client().push_blob("a", "{}");
  std::vector<std::string> layers;
  for (int i = 0; i < 5'000; ++i) layers.push_back(cat("layer ", i));
  Reply put = client().put_manifest("a", "1", image_of("{}", layers));
  EXPECT_EQ(put.error(), "MANIFEST_BLOB_UNKNOWN");
  EXPECT_EQ(put.json().array("errors").front().array("detail").size(), 10u);
  EXPECT_LT(put.body.size(), 4'000u);
  put = client().put_manifest("a", "1", "{}", cat("x/", std::string(10'000, 'y')));
  EXPECT_EQ(put.status, 400);
  EXPECT_LT(put.body.size(), 4'000u);
}

TEST_F(ManifestApi, SeveralTagsAtOnceByDigest) {
  client().push_blob("a", "{}");
  std::string bytes = image_of("{}", {});
  oci::Digest digest = oci::Digest::of(bytes, HashAlgorithm::kSha512);
  Reply put = client().put_manifest("a", cat(digest.str(), "?tag=one&tag=two"), bytes);
  EXPECT_EQ(put.status, 201);
  EXPECT_EQ(put.header("Docker-Content-Digest"), digest.str());
  EXPECT_EQ(put.headers.all("OCI-Tag"), (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(client().get(manifest_path("a", "two")).header("Docker-Content-Digest"), digest.str());
}

TEST_F(ManifestApi, ATagIsDeletedAloneAManifestWithItsTags) {
  std::string digest = push_image("a", "1", "{}", {});
  client().put_manifest("a", "2", image_of("{}", {}));
  EXPECT_EQ(client().remove(manifest_path("a", "1")).status, 202);
  EXPECT_EQ(client().get(manifest_path("a", "1")).status, 404);
  EXPECT_EQ(client().get(manifest_path("a", "2")).status, 200);
  EXPECT_EQ(client().remove(manifest_path("a", "1")).status, 404);
  EXPECT_EQ(client().remove(manifest_path("a", digest)).status, 202);
  EXPECT_EQ(client().get(manifest_path("a", "2")).status, 404);
  EXPECT_EQ(client().get(manifest_path("a", digest)).status, 404);
  EXPECT_EQ(client().remove(manifest_path("a", digest)).status, 404);
}

// Pushes the image "child", an index of it, and an index of that, tagged "multi".
class Children : public RegistryTest {
 protected:
  void push() {
    child_ = push_image("a", "child", "{}", {});
    const std::string inner = index_of({image_of("{}", {})});
    const std::string outer =
        oci::Index::make(oci::kMediaTypeIndex, {describe(inner, oci::kMediaTypeIndex)}).raw;
    inner_ = oci::Digest::of(inner).str();
    outer_ = oci::Digest::of(outer).str();
    client().put_manifest("a", inner_, inner, oci::kMediaTypeIndex);
    client().put_manifest("a", "multi", outer, oci::kMediaTypeIndex);
  }
  int remove(const std::string& reference) {
    return client().remove(manifest_path("a", reference)).status;
  }
  std::string child_;
  std::string inner_;
  std::string outer_;
};

TEST_F(Children, OfATaggedIndexAreNotDeleted) {
  push();
  Reply refused = client().remove(manifest_path("a", child_));
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.error(), "DENIED");
  const json::Value detail = refused.json().array("errors").front().object("detail");
  ASSERT_EQ(detail.array("parents").size(), 1u);
  EXPECT_EQ(detail.array("parents").front().string("digest"), inner_);
  EXPECT_EQ(detail.array("parents").front().strings("tags"), std::vector<std::string>{"multi"});
  EXPECT_EQ(client().get(manifest_path("a", child_)).status, 200);
}

TEST_F(Children, OfAnUntaggedIndexAreNotDeleted) {
  push();
  EXPECT_EQ(remove("multi"), 202);
  Reply refused = client().remove(manifest_path("a", inner_));
  EXPECT_EQ(refused.status, 409);
  EXPECT_NE(refused.body.find(outer_), std::string::npos);
  EXPECT_EQ(remove(outer_), 202);
  EXPECT_EQ(remove(child_), 409);
  EXPECT_EQ(remove(inner_), 202);
  EXPECT_EQ(remove(child_), 202);
}

TEST_F(Children, AreReplacedByTag) {
  push();
  EXPECT_EQ(remove("child"), 202);
  EXPECT_EQ(client().get(manifest_path("a", child_)).status, 200);
}

class LaxChildren : public Children {
 protected:
  LaxChildren() { options_.metadata.allow_child_deletion = true; }
};

TEST_F(LaxChildren, AreDeletedUnderTheirIndex) {
  push();
  EXPECT_EQ(remove(child_), 202);
  EXPECT_EQ(remove(inner_), 202);
  EXPECT_EQ(client().get(manifest_path("a", "multi")).status, 200);
}

TEST_F(ManifestApi, ForeignLayersNeedNotBeHere) {
  client().push_blob("a", "{}");
  oci::Descriptor foreign =
      describe("elsewhere", "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip");
  std::string bytes =
      oci::Manifest::make(oci::kDockerManifest, describe("{}", oci::kDockerConfig), {foreign}).raw;
  EXPECT_EQ(client().put_manifest("a", "1", bytes, oci::kDockerManifest).status, 201);
}

TEST_F(ManifestApi, EverythingIsThereAfterARestart) {
  std::string digest = push_image("a", "1", "{}", {"layer"});
  restart();
  EXPECT_EQ(client().get(manifest_path("a", "1")).header("Docker-Content-Digest"), digest);
  EXPECT_EQ(client().get(blob_path("a", oci::Digest::of("layer").str())).body, "layer");
}

TEST_F(ManifestApi, OfManyThreadsOneTagEndsWhole) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      Client mine(port());
      for (int i = 0; i < 10; ++i) {
        std::string config = cat("{\"n\":\"", t, "-", i, "\"}");
        mine.push_blob("a", config);
        EXPECT_EQ(mine.put_manifest("a", "latest", image_of(config, {})).status, 201);
        Reply got = mine.get(manifest_path("a", "latest"));
        EXPECT_EQ(got.header("Docker-Content-Digest"), oci::Digest::of(got.body).str());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

class SparseRegistry : public RegistryTest {
 protected:
  SparseRegistry() { options_.metadata.sparse = true; }
};

TEST_F(SparseRegistry, TakesIndexesWithoutAllTheirManifests) {
  EXPECT_EQ(
      client().put_manifest("a", "1", index_of({image_of("{}", {})}), oci::kMediaTypeIndex).status,
      201);
  EXPECT_EQ(client().put_manifest("a", "2", image_of("{}", {})).error(), "MANIFEST_BLOB_UNKNOWN");
}

TEST_F(SparseRegistry, TakesImagesWithoutAllTheirLayers) {
  const std::string image = image_of("{}", {"layer"});
  client().push_blob("a", "{}");
  EXPECT_EQ(client().put_manifest("a", "1", image).status, 201);
  EXPECT_EQ(client().get(manifest_path("a", "1")).body, image);
}

}  // namespace
}  // namespace skiff::registry
