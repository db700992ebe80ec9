#include "registry/access.h"
#include "upstream/test_upstream.h"

namespace skiff::upstream {
namespace {

using registry::blob_path;
using registry::manifest_path;

class PullThroughTest : public UpstreamTest {
 protected:
  PullThroughTest() { digest_ = push_upstream("a/b", "1", "config", {layer_}); }

  const std::string layer_ = test_bytes(300'000);
  const std::string layer_digest_ = oci::Digest::of(layer_).str();
  std::string digest_;
};

TEST_F(PullThroughTest, AnImageIsFetchedOnce) {
  for (int i = 0; i < 3; ++i) pull("up/a/b", "1", {"config", layer_});
  EXPECT_EQ(origin_.asked("GET", "/manifests/"), 1);
  EXPECT_EQ(origin_.asked("HEAD", "/manifests/"), 0);
  EXPECT_EQ(origin_.asked("GET", "/blobs/"), 2);
  EXPECT_EQ(client().get(manifest_path("up/a/b", "1")).header("Docker-Content-Digest"), digest_);
}

TEST_F(PullThroughTest, WhatWasFetchedOutlivesTheUpstream) {
  pull("up/a/b", "1", {"config", layer_});
  origin_.stop();
  restart();
  pull("up/a/b", "1", {"config", layer_});
  EXPECT_EQ(client().get(manifest_path("up/a/b", digest_)).status, 200);
}

TEST_F(PullThroughTest, ATagIsAskedForAgainByHead) {
  client().get(manifest_path("up/a/b", "1"));
  clock_.advance(std::chrono::minutes(4));
  client().head(manifest_path("up/a/b", "1"));
  EXPECT_EQ(origin_.asked("HEAD", "/manifests/1"), 0);
  clock_.advance(std::chrono::minutes(2));
  client().get(manifest_path("up/a/b", "1"));
  client().get(manifest_path("up/a/b", "1"));
  EXPECT_EQ(origin_.asked("HEAD", "/manifests/1"), 1);
  EXPECT_EQ(origin_.asked("GET", "/manifests/"), 1);
}

TEST_F(PullThroughTest, ATagThatMovedIsFollowed) {
  client().get(manifest_path("up/a/b", "1"));
  const std::string newer = push_upstream("a/b", "1", "config 2", {layer_});
  EXPECT_EQ(client().get(manifest_path("up/a/b", "1")).header("Docker-Content-Digest"), digest_);
  clock_.advance(std::chrono::minutes(6));
  EXPECT_EQ(client().get(manifest_path("up/a/b", "1")).header("Docker-Content-Digest"), newer);
  EXPECT_EQ(origin_.asked("GET", cat("/manifests/", newer)), 1);
  // By digest it is never asked for again.
  origin_.forget();
  clock_.advance(std::chrono::hours(1000));
  EXPECT_EQ(client().get(manifest_path("up/a/b", digest_)).status, 200);
  EXPECT_EQ(origin_.asked("", ""), 0);
}

TEST_F(PullThroughTest, ADeadUpstreamsTagsAreServedStale) {
  client().get(manifest_path("up/a/b", "1"));
  origin_.stop();
  clock_.advance(std::chrono::minutes(6));
  const Reply stale = client().get(manifest_path("up/a/b", "1"));
  EXPECT_EQ(stale.status, 200);
  EXPECT_EQ(stale.header("Warning"), "110 - \"Response is Stale\"");
  const Reply other = client().get(manifest_path("up/a/b", "2"));
  EXPECT_EQ(other.status, 502);
  EXPECT_EQ(other.error(), "UNAVAILABLE");
}

TEST_F(PullThroughTest, ATagOfAnUpstreamThatHangsIsServedStale) {
  origin_options_.patience = std::chrono::milliseconds(1000);
  options_.upstreams = pull_through({.origins = {origin_options_}, .spool = dir_.path()});
  restart();
  client().get(manifest_path("up/a/b", "1"));
  client().get("/v2/up/a/b/tags/list");
  clock_.advance(std::chrono::minutes(6));
  origin_.instead([this](net::Request&, net::ResponseWriter&) {
    gate_.pass();
    return false;
  });
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([this] {
      const Reply stale = Client(port()).get(manifest_path("up/a/b", "1"));
      EXPECT_EQ(stale.status, 200);
      EXPECT_EQ(stale.header("Warning"), "110 - \"Response is Stale\"");
    });
  }
  for (std::thread& each : clients) each.join();
  EXPECT_EQ(origin_.asked("HEAD", "/manifests/1"), 1);
  const Reply tags = client().get("/v2/up/a/b/tags/list");
  EXPECT_EQ(tags.json().strings("tags"), std::vector<std::string>{"1"});
  EXPECT_NE(tags.header("Warning"), "");
  gate_.open();
}

TEST_F(PullThroughTest, ABusyUpstreamIsLeftAlone) {
  client().get(manifest_path("up/a/b", "1"));
  origin_.forget();
  std::atomic<int> status = 429;
  origin_.instead([&](net::Request&, net::ResponseWriter& w) {
    EXPECT_TRUE(w.send(status, "text/plain", ""));
    return true;
  });
  for (const int each : {429, 500, 503}) {
    status = each;
    clock_.advance(std::chrono::minutes(6));
    EXPECT_EQ(client().get(manifest_path("up/a/b", "1")).status, 200) << each;
    EXPECT_NE(client().get(manifest_path("up/a/b", "1")).header("Warning"), "") << each;
  }
  // Each time two attempts, and none while it was known to be busy.
  EXPECT_EQ(origin_.asked("HEAD", "/manifests/1"), 6);
  EXPECT_EQ(client().get(manifest_path("up/a/b", "2")).status, 502);
  status = 429;
  EXPECT_EQ(client().get(manifest_path("up/a/b", "2")).error(), "TOOMANYREQUESTS");
}

TEST_F(PullThroughTest, WhatIsGoneUpstreamGoes) {
  client().get(manifest_path("up/a/b", "1"));
  EXPECT_EQ(upstream().remove(manifest_path("a/b", "1")).status, 202);
  EXPECT_EQ(client().get(manifest_path("up/a/b", "1")).status, 200);
  clock_.advance(std::chrono::minutes(6));
  EXPECT_EQ(client().get(manifest_path("up/a/b", "1")).error(), "MANIFEST_UNKNOWN");
  // That is believed for a while.
  push_upstream("a/b", "1", "config", {layer_});
  EXPECT_EQ(client().get(manifest_path("up/a/b", "1")).status, 404);
  clock_.advance(std::chrono::minutes(2));
  EXPECT_EQ(client().get(manifest_path("up/a/b", "1")).status, 200);
}

TEST_F(PullThroughTest, WhatTheUpstreamDoesNotGiveIsNotThere) {
  for (const int status : {401, 403}) {
    origin_.instead([status](net::Request&, net::ResponseWriter& w) {
      EXPECT_TRUE(w.send(status, "text/plain", ""));
      return true;
    });
    EXPECT_EQ(client().get(manifest_path("up/a/b", cat(status))).error(), "MANIFEST_UNKNOWN");
  }
  EXPECT_EQ(client().get(blob_path("up/a/b", layer_digest_)).error(), "BLOB_UNKNOWN");
}

TEST_F(PullThroughTest, NamesOfTheUpstreamByNs) {
  EXPECT_EQ(client().get(cat("/v2/a/b/manifests/1?ns=127.0.0.1:", origin_.port())).status, 200);
  EXPECT_EQ(client().get(cat("/v2/a/b/blobs/", layer_digest_, "?ns=up")).body, layer_);
  EXPECT_EQ(client().get("/v2/a/b/manifests/1?ns=other.example").error(), "NAME_UNKNOWN");
  EXPECT_EQ(client().get("/v2/a/b/manifests/1").status, 404);
  // Answers call it as the client does.
  push_upstream("a/b", "2", "config", {});
  const Reply tags = client().get("/v2/a/b/tags/list?ns=up&n=1");
  EXPECT_EQ(tags.json().string("name"), "a/b");
  EXPECT_EQ(tags.header("Link"), "</v2/a/b/tags/list?n=1&last=1&ns=up>; rel=\"next\"");
  const Reply none = client().get("/v2/a/b/manifests/none?ns=up");
  EXPECT_EQ(none.body.find("up/a/b"), std::string::npos) << none.body;
}

TEST_F(PullThroughTest, NothingIsPushedThere) {
  const Reply put = client().put_manifest("up/a/b", "1", "{}");
  EXPECT_EQ(put.status, 405);
  EXPECT_EQ(put.error(), "UNSUPPORTED");
  EXPECT_EQ(client().call("POST", "/v2/up/a/b/blobs/uploads/").status, 405);
  EXPECT_EQ(client().call("POST", "/v2/a/b/blobs/uploads/?ns=up").status, 405);
  EXPECT_EQ(client().call("POST", "/v2/up/blobs/uploads/").status, 202);
}

TEST_F(PullThroughTest, ACopyIsDeletedAndComesBack) {
  pull("up/a/b", "1", {layer_});
  EXPECT_EQ(client().remove(manifest_path("up/a/b", digest_)).status, 202);
  pull("up/a/b", "1", {layer_});
  EXPECT_EQ(origin_.asked("GET", "/manifests/1"), 2);
}

TEST_F(PullThroughTest, TagsAreTheUpstreams) {
  push_upstream("a/b", "B", "config", {});
  push_upstream("a/b", "c", "config", {});
  const auto tags = [&](const std::string& query) {
    return client().get(cat("/v2/up/a/b/tags/list", query)).json().strings("tags");
  };
  EXPECT_EQ(tags(""), (std::vector<std::string>{"1", "B", "c"}));
  EXPECT_EQ(tags("?n=1&last=1"), (std::vector<std::string>{"B"}));
  EXPECT_EQ(tags("?n=0"), std::vector<std::string>{});
  EXPECT_EQ(client().get("/v2/up/a/b/tags/list?n=1").header("Link"),
            "</v2/up/a/b/tags/list?n=1&last=1>; rel=\"next\"");
  EXPECT_EQ(origin_.asked("GET", "/tags/list"), 1);
  EXPECT_EQ(client().get("/v2/up/a/c/tags/list").error(), "NAME_UNKNOWN");
  origin_.stop();
  clock_.advance(std::chrono::minutes(2));
  EXPECT_EQ(tags(""), (std::vector<std::string>{"1", "B", "c"}));
}

TEST_F(PullThroughTest, ReferrersAreTheUpstreams) {
  const std::string signature =
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"a/signature","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[],"subject":{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":")" +
      digest_ + R"(","size":1}})";
  Client up = upstream();
  up.push_blob("a/b", "{}");
  ASSERT_EQ(up.put_manifest("a/b", oci::Digest::of(signature).str(), signature).status, 201);
  const std::string target = cat("/v2/up/a/b/referrers/", digest_);
  const auto found = client().get(target).json().array("manifests");
  ASSERT_EQ(found.size(), 1);
  EXPECT_EQ(found[0].string("digest"), oci::Digest::of(signature).str());
  EXPECT_EQ(found[0].string("artifactType"), "a/signature");
  EXPECT_EQ(client().get(cat(target, "?artifactType=x")).json().array("manifests").size(), 0);
  EXPECT_EQ(origin_.asked("GET", "/referrers/"), 1);
  EXPECT_EQ(client().get(manifest_path("up/a/b", found[0].string("digest"))).body, signature);
}

// Of two accounts, ann alone may pull.
class OnlyAnn : public registry::Authorizer {
 public:
  Result<registry::Viewer> identify(const net::Request& request) override {
    return registry::Viewer{.name = request.headers.get("Authorization")};
  }
  Result<registry::Decision> may(const registry::Viewer& viewer,
                                 const registry::Need& need) override {
    const bool is_hers = need.repository.empty() || need.repository == "up/a/b";
    return viewer.name == "ann" && is_hers ? registry::Decision::kYes : registry::Decision::kHidden;
  }
  std::string challenge(const net::Request&, const registry::Need&, bool) override { return ""; }
};

TEST_F(PullThroughTest, WhoMayNotPullIsToldNothing) {
  options_.access = std::make_shared<OnlyAnn>();
  restart();
  origin_.forget();
  for (const std::string target :
       {"/v2/up/a/b/manifests/1", "/v2/a/b/manifests/1?ns=up", "/v2/up/a/b/tags/list"}) {
    EXPECT_EQ(client().get(target, {{"Authorization", "bob"}}).status, 404) << target;
  }
  EXPECT_EQ(origin_.asked("", ""), 0);
}

TEST_F(PullThroughTest, ADefaultHasTheNamesThatAreNotHere) {
  origin_options_.is_default = true;
  options_.upstreams = pull_through({.origins = {origin_options_}, .spool = dir_.path()});
  restart();
  pull("a/b", "1", {layer_});
  push_image("c/d", "1", "mine", {});
  push_upstream("c/d", "2", "theirs", {});
  EXPECT_EQ(client().get(manifest_path("c/d", "1")).status, 200);
  EXPECT_EQ(client().get(manifest_path("c/d", "2")).status, 404);
}

TEST_F(PullThroughTest, ACheckDoesNotMissWhatWasNotFetched) {
  client().get(manifest_path("up/a/b", "1"));
  std::vector<std::string> problems;
  ASSERT_TRUE(registry_->check({}, [&](const Problem& p) { problems.push_back(p.what); }, {}));
  EXPECT_EQ(problems, std::vector<std::string>{});
}

}  // namespace
}  // namespace skiff::upstream
