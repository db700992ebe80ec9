#include "content/layout.h"
#include "registry/byte_range.h"
#include "registry/test_registry.h"

namespace skiff::registry {
namespace {

class BlobHandlers : public RegistryTest {};

TEST_F(BlobHandlers, ComeBackAsTheyWerePushed) {
  std::string bytes(300'000, 'x');
  std::string digest = client().push_blob("a/b", bytes);
  Reply got = client().get(blob_path("a/b", digest));
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.body, bytes);
  EXPECT_EQ(got.header("Docker-Content-Digest"), digest);
  EXPECT_EQ(got.header("Content-Type"), "application/octet-stream");
  EXPECT_EQ(got.header("Content-Length"), "300000");
  Reply head = client().head(blob_path("a/b", digest));
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.body, "");
  EXPECT_EQ(head.header("Content-Length"), "300000");
}

TEST_F(BlobHandlers, TheEmptyBlobIsABlob) {
  std::string digest = client().push_blob("a", "");
  Reply got = client().get(blob_path("a", digest));
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.body, "");
  EXPECT_EQ(client().head(blob_path("a", digest)).header("Content-Length"), "0");
}

TEST_F(BlobHandlers, WhatWasLostIsPushedAgain) {
  const std::string digest = client().push_blob("a", "hello");
  std::filesystem::remove(
      content::Layout(options_.root / "content").blob(*oci::Digest::parse(digest)));
  EXPECT_EQ(client().head(blob_path("a", digest)).status, 404);
  EXPECT_EQ(client().get(blob_path("a", digest)).error(), "BLOB_UNKNOWN");
  const std::string mount = cat("/v2/b/blobs/uploads/?mount=", digest, "&from=a");
  EXPECT_EQ(client().call("POST", mount).status, 202);
  client().push_blob("a", "hello");
  EXPECT_EQ(client().get(blob_path("a", digest)).body, "hello");
  EXPECT_EQ(client().call("POST", mount).status, 201);
}

TEST_F(BlobHandlers, BelongToTheirRepository) {
  std::string digest = client().push_blob("a", "secret");
  for (const std::string& path : {blob_path("b", digest), blob_path("a/b", digest)}) {
    EXPECT_EQ(client().head(path).status, 404);
    Reply got = client().get(path);
    EXPECT_EQ(got.status, 404);
    EXPECT_EQ(got.error(), "BLOB_UNKNOWN");
  }
}

TEST_F(BlobHandlers, RangesAreServed) {
  std::string digest = client().push_blob("a", "0123456789");
  struct Case {
    std::string range;
    int status;
    std::string body;
    std::string content_range;
  };
  for (const Case& c : std::vector<Case>{{"bytes=2-4", 206, "234", "bytes 2-4/10"},
                                         {"bytes=7-", 206, "789", "bytes 7-9/10"},
                                         {"bytes=-3", 206, "789", "bytes 7-9/10"},
                                         {"bytes=-30", 206, "0123456789", "bytes 0-9/10"},
                                         {"bytes=8-100", 206, "89", "bytes 8-9/10"},
                                         {"lines=1-2", 200, "0123456789", ""},
                                         {"bytes=1-2,4-5", 200, "0123456789", ""},
                                         {"bytes=x", 200, "0123456789", ""}}) {
    Reply got = client().get(blob_path("a", digest), {{"Range", c.range}});
    EXPECT_EQ(got.status, c.status) << c.range;
    EXPECT_EQ(got.body, c.body) << c.range;
    EXPECT_EQ(got.header("Content-Range"), c.content_range) << c.range;
  }
  for (const char* range : {"bytes=10-", "bytes=5-3", "bytes=-0"}) {
    Reply got = client().get(blob_path("a", digest), {{"Range", range}});
    EXPECT_EQ(got.status, 416) << range;
    EXPECT_EQ(got.header("Content-Range"), "bytes */10");
  }
}

TEST_F(BlobHandlers, IfRangeAndIfNoneMatchAreHeeded) {
  std::string digest = client().push_blob("a", "0123456789");
  std::string etag = client().head(blob_path("a", digest)).header("ETag");
  EXPECT_EQ(etag, cat("\"", digest, "\""));
  EXPECT_EQ(client().get(blob_path("a", digest), {{"If-None-Match", etag}}).status, 304);
  EXPECT_EQ(client().get(blob_path("a", digest), {{"If-None-Match", "\"x\""}}).status, 200);
  Fields same{{"Range", "bytes=0-1"}, {"If-Range", etag}};
  EXPECT_EQ(client().get(blob_path("a", digest), same).body, "01");
  Fields other{{"Range", "bytes=0-1"}, {"If-Range", "\"other\""}};
  EXPECT_EQ(client().get(blob_path("a", digest), other).body, "0123456789");
}

TEST_F(BlobHandlers, MalformedDigestsAndNamesAreRefusedByName) {
  for (const char* digest : {"sha256:xyz", "md5:d41d8cd98f00b204e9800998ecf8427e", "nodigest"}) {
    Reply got = client().get(blob_path("a", digest));
    EXPECT_EQ(got.status, 400) << digest;
    EXPECT_EQ(got.error(), "DIGEST_INVALID") << digest;
  }
  std::string digest = oci::Digest::of("x").str();
  for (const char* name : {"UPPER", "a//b", "-a", "a..b"}) {
    Reply got = client().get(blob_path(name, digest));
    EXPECT_EQ(got.status, 400) << name;
    EXPECT_EQ(got.error(), "NAME_INVALID") << name;
  }
}

TEST_F(BlobHandlers, AreDeletedOnce) {
  std::string digest = client().push_blob("a", "bytes");
  EXPECT_EQ(client().remove(blob_path("a", digest)).status, 202);
  EXPECT_EQ(client().head(blob_path("a", digest)).status, 404);
  EXPECT_EQ(client().remove(blob_path("a", digest)).error(), "BLOB_UNKNOWN");
  client().push_blob("a", "bytes");
  EXPECT_EQ(client().get(blob_path("a", digest)).body, "bytes");
}

// What one repository knows of a blob is not told by another's reads.
TEST_F(BlobHandlers, StayDeletedWhileAnotherRepositoryIsRead) {
  const std::string digest = client().push_blob("a", "bytes");
  client().push_blob("b", "bytes");
  const auto statuses = [&](const std::string& repository) {
    return std::pair(client().head(blob_path(repository, digest)).status,
                     client().get(blob_path(repository, digest)).status);
  };
  const std::pair there(200, 200);
  const std::pair gone(404, 404);
  EXPECT_EQ(statuses("a"), there);
  EXPECT_EQ(statuses("b"), there);
  EXPECT_EQ(client().remove(blob_path("a", digest)).status, 202);
  EXPECT_EQ(statuses("a"), gone);
  EXPECT_EQ(statuses("b"), there);
  EXPECT_EQ(statuses("a"), gone) << "another's read brought it back";
  // Nor may it be mounted from where it no longer is.
  EXPECT_EQ(client().call("POST", cat("/v2/c/blobs/uploads/?mount=", digest, "&from=a")).status,
            202);
  EXPECT_EQ(statuses("c"), gone);
}

// The same of a manifest, which the server's own thread answers from memory.
TEST_F(BlobHandlers, OfADeletedManifestIsNoWord) {
  const std::string digest = push_image("a", "1", "{}", {"layer"});
  push_image("b", "1", "{}", {"layer"});
  EXPECT_EQ(client().get(manifest_path("a", digest)).status, 200);
  EXPECT_EQ(client().remove(manifest_path("a", digest)).status, 202);
  EXPECT_EQ(client().get(manifest_path("b", digest)).status, 200);
  EXPECT_EQ(client().get(manifest_path("a", digest)).status, 404);
  EXPECT_EQ(client().get(manifest_path("a", "1")).status, 404);
}

TEST_F(BlobHandlers, OfAManifestAreNotDeleted) {
  push_image("a", "1", "{}", {"layer"});
  Reply refused = client().remove(blob_path("a", oci::Digest::of("layer").str()));
  EXPECT_EQ(refused.status, 405);
  EXPECT_EQ(refused.error(), "DENIED");
  EXPECT_NE(refused.body.find(oci::Digest::of(image_of("{}", {"layer"})).str()), std::string::npos);
}

TEST_F(BlobHandlers, Sha512) {
  oci::Digest digest = oci::Digest::of("bytes", HashAlgorithm::kSha512);
  Reply pushed = client().call("POST", cat("/v2/a/blobs/uploads/?digest=", digest.str()), "bytes");
  EXPECT_EQ(pushed.status, 201);
  EXPECT_EQ(pushed.header("Docker-Content-Digest"), digest.str());
  Reply got = client().get(blob_path("a", digest.str()));
  EXPECT_EQ(got.body, "bytes");
  EXPECT_EQ(got.header("Docker-Content-Digest"), digest.str());
  EXPECT_EQ(client().head(blob_path("a", oci::Digest::of("bytes").str())).status, 404);
}

TEST(ChunkRange, IsReadWithAndWithoutItsUnit) {
  for (const char* text : {"5-9", "bytes 5-9/10", "bytes=5-9"}) {
    auto range = chunk_range(text);
    ASSERT_TRUE(range) << text;
    EXPECT_EQ(range->first, 5u);
    EXPECT_EQ(range->size(), 5u);
  }
  for (const char* text : {"", "9-5", "5", "a-b", "-5", "5-", "0-18446744073709551615"}) {
    EXPECT_FALSE(chunk_range(text)) << text;
  }
}

}  // namespace
}  // namespace skiff::registry
