#include "registry/test_uploads.h"

namespace skiff::registry {
namespace {

class Uploads : public UploadsTest {};

TEST_F(Uploads, PostThenPut) {
  std::string location = client().start("a/b");
  Reply put = client().call("PUT", with_digest(location, "bytes"), "bytes");
  EXPECT_EQ(put.status, 201);
  EXPECT_EQ(put.header("Location"), blob_path("a/b", oci::Digest::of("bytes").str()));
  EXPECT_EQ(put.header("Docker-Content-Digest"), oci::Digest::of("bytes").str());
  EXPECT_TRUE(has("a/b", "bytes"));
  EXPECT_EQ(client().get(location).error(), "BLOB_UPLOAD_UNKNOWN");
  EXPECT_EQ(files("ingests"), 0);
}

TEST_F(Uploads, InChunksInOrder) {
  std::string location = client().start("a");
  EXPECT_EQ(client().get(location).header("Range"), "0-0");
  Reply first = client().call("PATCH", location, "hello ", {{"Content-Range", "0-5"}});
  EXPECT_EQ(first.status, 202);
  EXPECT_EQ(first.header("Range"), "0-5");
  Reply gap = client().call("PATCH", location, "x", {{"Content-Range", "7-7"}});
  EXPECT_EQ(gap.status, 416);
  EXPECT_EQ(gap.error(), "BLOB_UPLOAD_INVALID");
  EXPECT_EQ(gap.header("Range"), "0-5");
  EXPECT_EQ(client().call("PATCH", location, "hello ", {{"Content-Range", "0-5"}}).status, 416);
  Reply state = client().get(location);
  EXPECT_EQ(state.status, 204);
  EXPECT_EQ(state.header("Range"), "0-5");
  EXPECT_EQ(client().call("PATCH", location, "wor").header("Range"), "0-8");
  Reply bad_end =
      client().call("PUT", with_digest(location, "hello world"), "ld", {{"Content-Range", "0-1"}});
  EXPECT_EQ(bad_end.status, 416);
  Reply put =
      client().call("PUT", with_digest(location, "hello world"), "ld", {{"Content-Range", "9-10"}});
  EXPECT_EQ(put.status, 201);
  EXPECT_TRUE(has("a", "hello world"));
}

TEST_F(Uploads, AChunkMustBeAsLongAsItSays) {
  std::string location = client().start("a");
  Reply wrong = client().call("PATCH", location, "hello", {{"Content-Range", "0-2"}});
  EXPECT_EQ(wrong.status, 400);
  EXPECT_EQ(wrong.error(), "SIZE_INVALID");
  Reply malformed = client().call("PATCH", location, "hello", {{"Content-Range", "x-2"}});
  EXPECT_EQ(malformed.error(), "BLOB_UPLOAD_INVALID");
  EXPECT_EQ(client().get(location).header("Range"), "0-0");
}

TEST_F(Uploads, AChunkOfUnknownLengthMustBeAsLongAsItSays) {
  const auto chunked = [&](const std::string& method, const std::string& target,
                           const std::string& bytes, const std::string& range) {
    net::HttpClient http(net::make_plain_stream(*net::connect_tcp("127.0.0.1", port())));
    StringSource body(bytes);
    net::ClientRequest request{.method = method, .target = target, .stream = &body};
    request.headers.set("Host", "127.0.0.1");
    request.headers.set("Content-Range", range);
    return http.send(request)->status;
  };
  const std::string location = client().start("a");
  EXPECT_EQ(chunked("PATCH", location, "hello", "0-2"), 400);
  EXPECT_EQ(client().get(location).header("Range"), "0-0");  // nothing of what was too much
  EXPECT_EQ(chunked("PATCH", location, "hello", "0-4"), 202);
  EXPECT_EQ(chunked("PATCH", location, "wor", "5-9"), 400);
  const std::string end = with_digest(location, "hellowor");
  EXPECT_EQ(chunked("PUT", end, "", "8-9"), 400);
  EXPECT_FALSE(has("a", "hellowor"));
  EXPECT_EQ(chunked("PUT", end, "x", "8-8"), 400);  // as long as it says, and other bytes
}

TEST_F(Uploads, AWrongDigestLeavesNothing) {
  std::string location = client().start("a");
  Reply put = client().call("PUT", with_digest(location, "expected"), "something else");
  EXPECT_EQ(put.status, 400);
  EXPECT_EQ(put.error(), "DIGEST_INVALID");
  EXPECT_FALSE(has("a", "expected"));
  EXPECT_FALSE(has("a", "something else"));
  EXPECT_EQ(client().get(location).status, 404);
  Reply at_once =
      client().call("POST", with_digest("/v2/a/blobs/uploads/", "expected"), "something else");
  EXPECT_EQ(at_once.error(), "DIGEST_INVALID");
  EXPECT_EQ(files("ingests"), 0);
  EXPECT_EQ(files("blobs"), 0);
}

TEST_F(Uploads, ABadDigestParameterKeepsTheUpload) {
  std::string location = client().start("a");
  EXPECT_EQ(client().call("PUT", location, "x").error(), "DIGEST_INVALID");
  EXPECT_EQ(client().call("PUT", location + "?digest=sha256:zz", "x").error(), "DIGEST_INVALID");
  EXPECT_EQ(client().call("PUT", with_digest(location, "x"), "x").status, 201);
}

TEST_F(Uploads, AreCancelled) {
  std::string location = client().start("a");
  client().call("PATCH", location, "hello");
  EXPECT_EQ(client().remove(location).status, 204);
  EXPECT_EQ(client().get(location).status, 404);
  EXPECT_EQ(client().call("PATCH", location, "x").status, 404);
  EXPECT_EQ(client().remove(location).error(), "BLOB_UPLOAD_UNKNOWN");
  EXPECT_EQ(files("ingests"), 0);
}

TEST_F(Uploads, BelongToTheirRepository) {
  std::string location = client().start("a");
  std::string elsewhere = replace_all(location, "/v2/a/", "/v2/b/");
  EXPECT_EQ(client().call("PATCH", elsewhere, "x").status, 404);
  EXPECT_EQ(client().get("/v2/a/blobs/uploads/no-such-id").error(), "BLOB_UPLOAD_UNKNOWN");
}

TEST_F(Uploads, GoOnWhereAClientDied) {
  std::string location = client().start("a");
  die_in_the_middle(port(), location);
  EXPECT_EQ(client().get(location).header("Range"), "0-9");
  EXPECT_EQ(client().call("PATCH", location, "abc", {{"Content-Range", "10-12"}}).status, 202);
  EXPECT_EQ(client().call("PUT", with_digest(location, "0123456789abc")).status, 201);
}

TEST_F(Uploads, GoOnAfterARestart) {
  std::string location = client().start("a");
  client().call("PATCH", location, "0123456789");
  restart();
  EXPECT_EQ(client().get(location).header("Range"), "0-9");
  EXPECT_EQ(client().call("PUT", with_digest(location, "0123456789abc"), "abc").status, 201);
  EXPECT_TRUE(has("a", "0123456789abc"));
}

TEST_F(Uploads, SecondWriterIsToldToWait) {
  std::string location = client().start("a");
  auto stream = net::make_plain_stream(*net::connect_tcp("127.0.0.1", port()));
  ASSERT_TRUE(stream->write(
      cat("PATCH ", location, " HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab")));
  // The state can be asked for meanwhile, and tells when the first bytes are there.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  for (Reply state; state.header("Range") != "0-1"; state = client().get(location)) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline)
        << state.status << ", range " << state.header("Range");
    std::this_thread::yield();
  }
  Reply second = client().call("PATCH", location, "zz");
  EXPECT_EQ(second.status, 409);
  ASSERT_TRUE(stream->write("cd"));
  ASSERT_TRUE(stream->shutdown_write());
  EXPECT_TRUE(read_all(*stream, 100'000)->starts_with("HTTP/1.1 202"));
  EXPECT_EQ(client().call("PUT", with_digest(location, "abcd")).status, 201);
}

TEST_F(Uploads, MountFromAnotherRepository) {
  client().push_blob("from", "layer");
  std::string digest = oci::Digest::of("layer").str();
  Reply mounted = client().call("POST", cat("/v2/to/blobs/uploads/?mount=", digest, "&from=from"));
  EXPECT_EQ(mounted.status, 201);
  EXPECT_EQ(mounted.header("Location"), blob_path("to", digest));
  EXPECT_TRUE(has("to", "layer"));
  Reply anonymous = client().call("POST", cat("/v2/third/blobs/uploads/?mount=", digest));
  EXPECT_EQ(anonymous.status, 201);
  EXPECT_TRUE(has("third", "layer"));
}

TEST_F(Uploads, AMountThatCannotBeBecomesAnUpload) {
  client().push_blob("other", "layer");
  std::string digest = oci::Digest::of("layer").str();
  Reply reply = client().call("POST", cat("/v2/to/blobs/uploads/?mount=", digest, "&from=empty"));
  EXPECT_EQ(reply.status, 202);
  EXPECT_EQ(client().call("PUT", cat(reply.header("Location"), "?digest=", digest), "layer").status,
            201);
  EXPECT_EQ(client().call("POST", "/v2/to/blobs/uploads/?mount=sha256:x&from=a").error(),
            "DIGEST_INVALID");
  EXPECT_EQ(client().call("POST", cat("/v2/to/blobs/uploads/?mount=", digest, "&from=A")).error(),
            "NAME_INVALID");
}

TEST_F(Uploads, AbandonedOnesAreDropped) {
  std::string location = client().start("a");
  client().call("PATCH", location, "hello");
  std::string young = client().start("a");
  clock_.advance(options_.upload_age / 2);
  client().get(young);
  clock_.advance(options_.upload_age / 2 + std::chrono::minutes(10));
  ASSERT_TRUE(registry_->collect_garbage());
  EXPECT_EQ(client().get(location).status, 404);
  EXPECT_EQ(client().get(young).status, 204);
  EXPECT_EQ(files("ingests"), 1);
}

TEST_F(Uploads, ManyClientsPushTheSameAndOtherBlobs) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      Client mine(port());
      for (int i = 0; i < 10; ++i) {
        mine.push_blob("shared", cat("shared ", i));
        mine.push_blob(cat("own", t), cat("own ", t, " ", i));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(has("shared", cat("shared ", i)));
    for (int t = 0; t < 8; ++t) EXPECT_TRUE(has(cat("own", t), cat("own ", t, " ", i)));
  }
  EXPECT_EQ(files("blobs"), 90);
  EXPECT_EQ(files("ingests"), 0);
}

}  // namespace
}  // namespace skiff::registry
