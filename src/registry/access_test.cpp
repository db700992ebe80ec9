// How the router and the handlers honour what an authorizer says: a fake one, in which a
// repository's first letters tell what anybody may.
#include "base/strings.h"
#include "registry/test_registry.h"

namespace skiff::registry {
namespace {

// hidden/..., read/..., and all else; "Authorization: wrong" is wrong, "anonymous" has no name.
class FakeAccess : public Authorizer {
 public:
  Result<Viewer> identify(const net::Request& request) override {
    const std::string shown = request.headers.get("Authorization");
    if (shown == "wrong") return Error(Code::kUnauthenticated, "wrong");
    if (shown == "busy") return Error(Code::kUnavailable, "busy");
    Viewer viewer{.address = client_address(request)};
    if (shown != "anonymous") viewer.kind = Viewer::Kind::kUser;
    return viewer;
  }
  Result<Decision> may(const Viewer& viewer, const Need& need) override {
    asked.push_back(need);
    if (viewer.kind == Viewer::Kind::kAnonymous) return Decision::kLogin;
    if (all) return Decision::kYes;
    const bool on_one = need.action != Action::kEnter && need.action != Action::kCatalog;
    if (on_one && need.repository.empty()) return Decision::kHidden;
    if (need.repository.starts_with("hidden/")) return Decision::kHidden;
    const bool reads = need.action != Action::kPush && need.action != Action::kDelete;
    if (need.repository.starts_with("read/") && !reads) return Decision::kForbidden;
    return Decision::kYes;
  }
  Result<access::VisibleNames> visible(const Viewer& /*viewer*/) override {
    if (all) return access::VisibleNames();
    return access::VisibleNames(std::vector<access::NameRange>{{"", "hidden/"}, {"hidden0", "~"}});
  }
  std::string challenge(const net::Request& /*request*/, const Need& need, bool wrong) override {
    return cat("Fake ", need.repository, wrong ? " wrong" : "");
  }

  std::vector<Need> asked;  // one client at a time asks
  bool all = false;
};

class Access : public RegistryTest {
 protected:
  Access() { options_.access = access_; }

  // Pushed while everything is allowed.
  void push(const std::string& repository, const std::string& layer) {
    access_->all = true;
    push_image(repository, "1", "config", {layer});
    access_->all = false;
  }
  std::shared_ptr<FakeAccess> access_ = std::make_shared<FakeAccess>();
};

std::string without(std::string text, const std::string& name) {
  return replace_all(text, name, "NAME");
}

TEST_F(Access, AHiddenRepositoryAnswersAsAMissingOne) {
  push("hidden/box", "layer");
  const std::string blob = oci::Digest::of("layer").str();
  const std::string manifest = oci::Digest::of(image_of("config", {"layer"})).str();
  const struct {
    const char* method;
    std::string path;
  } kRequests[] = {
      {"GET", "/manifests/1"},
      {"HEAD", "/manifests/1"},
      {"GET", "/manifests/" + manifest},
      {"GET", "/manifests/sha256:0"},
      {"DELETE", "/manifests/1"},
      {"DELETE", "/manifests/" + manifest},
      {"GET", "/blobs/" + blob},
      {"HEAD", "/blobs/" + blob},
      {"GET", "/blobs/sha256:0"},
      {"DELETE", "/blobs/" + blob},
      {"GET", "/tags/list"},
      {"HEAD", "/tags/list"},
      {"GET", "/tags/list?n=1"},
      {"GET", "/referrers/" + manifest},
      {"GET", "/referrers/x"},
      {"GET", "/referrers/" + manifest + "?artifactType=a"},
  };
  for (const auto& [method, path] : kRequests) {
    const Reply hidden = client().call(method, cat("/v2/hidden/box", path));
    const Reply missing = client().call(method, cat("/v2/shown/box", path));
    SCOPED_TRACE(cat(method, " ", path));
    EXPECT_EQ(hidden.status, missing.status);
    EXPECT_EQ(without(hidden.body, "hidden/box"), without(missing.body, "shown/box"));
    for (const auto& [name, value] : missing.headers) {
      if (name == "Date" || name == "Content-Length" || name == "X-Request-Id") continue;
      EXPECT_EQ(hidden.header(name), value) << name;
    }
  }
  // For who may not push there, a hidden repository is a missing one that cannot be made.
  const Reply push = client().call("POST", "/v2/hidden/box/blobs/uploads/");
  EXPECT_EQ(push.status, 404);
  EXPECT_EQ(push.error(), "NAME_UNKNOWN");
  EXPECT_EQ(without(push.body, "hidden/box"),
            without(client().call("POST", "/v2/hidden/no/blobs/uploads/").body, "hidden/no"));
}

TEST_F(Access, WhatIsSeenAndNotAllowedIsDenied) {
  push("read/box", "layer");
  EXPECT_EQ(client().get("/v2/read/box/manifests/1").status, 200);
  const Reply denied = client().remove("/v2/read/box/manifests/1");
  EXPECT_EQ(denied.status, 403);
  EXPECT_EQ(denied.error(), "DENIED");
  EXPECT_EQ(client().call("POST", "/v2/read/box/blobs/uploads/").status, 403);
  EXPECT_EQ(client().put_manifest("read/box", "2", image_of("config", {"layer"})).status, 403);
}

TEST_F(Access, StrangersAreChallenged) {
  const Fields anonymous{{"Authorization", "anonymous"}};
  const Reply asked = client().get("/v2/a/b/tags/list", anonymous);
  EXPECT_EQ(asked.status, 401);
  EXPECT_EQ(asked.header("WWW-Authenticate"), "Fake a/b");
  // Nor are they told what has a form that would be served.
  EXPECT_EQ(client().get("/v2/a/b/nothing", anonymous).status, 401);
  const Reply method = client().call("POST", "/v2/a/b/manifests/1", "", anonymous);
  EXPECT_EQ(method.status, 401);
  EXPECT_EQ(method.header("Allow"), "");

  const Reply wrong = client().get("/v2/a/b/tags/list", {{"Authorization", "wrong"}});
  EXPECT_EQ(wrong.status, 401);
  EXPECT_EQ(wrong.header("WWW-Authenticate"), "Fake a/b wrong");
  EXPECT_EQ(client().get("/v2/", {{"Authorization", "busy"}}).status, 503);
}

TEST_F(Access, TheNeedNamesTheTags) {
  const std::string digest = oci::Digest::of("x").str();
  const auto need_of = [&](const char* method, const std::string& path) {
    access_->asked.clear();
    client().call(method, path);
    return access_->asked.front();
  };
  EXPECT_EQ(need_of("GET", "/v2/a/b/manifests/1").tags, std::vector<std::string>{"1"});
  EXPECT_TRUE(need_of("GET", cat("/v2/a/b/manifests/", digest)).tags.empty());
  EXPECT_EQ(need_of("PUT", cat("/v2/a/b/manifests/", digest, "?tag=x&tag=y")).tags,
            (std::vector<std::string>{"x", "y"}));
  EXPECT_TRUE(need_of("DELETE", cat("/v2/a/b/manifests/", digest)).any_tag);
  EXPECT_TRUE(need_of("DELETE", cat("/v2/a/b/blobs/", digest)).any_tag);
  EXPECT_FALSE(need_of("DELETE", "/v2/a/b/manifests/1").any_tag);
  EXPECT_EQ(need_of("GET", "/v2/_catalog").action, Action::kCatalog);
  EXPECT_EQ(need_of("GET", "/v2/a/b/_skiff/history/1").tags, std::vector<std::string>{"1"});
  EXPECT_FALSE(need_of("GET", "/v2/a/b/_skiff/history/1").any_tag);
  EXPECT_TRUE(need_of("GET", "/v2/a/b/_skiff/history").any_tag);
  EXPECT_TRUE(need_of("GET", "/v2/a/b/_skiff/trash").any_tag);
  EXPECT_TRUE(need_of("POST", "/v2/a/b/_skiff/restore/1").any_tag);
  EXPECT_TRUE(need_of("POST", cat("/v2/a/b/_skiff/restore/", digest)).any_tag);
}

TEST_F(Access, MountsComeOnlyFromWhatTheViewerMayPull) {
  push("hidden/box", "secret");
  const std::string digest = oci::Digest::of("secret").str();
  const auto mount = [&](const std::string& from) {
    return client().call("POST", cat("/v2/a/b/blobs/uploads/?mount=", digest, from)).status;
  };
  EXPECT_EQ(mount("&from=hidden/box"), 202);
  EXPECT_EQ(mount("&from=hidden/no"), 202);
  EXPECT_EQ(mount(""), 202);
  push("read/box", "secret");
  EXPECT_EQ(mount(""), 201);
  EXPECT_EQ(mount("&from=read/box"), 201);
}

TEST_F(Access, TheCatalogueShowsWhatTheViewerMaySee) {
  for (const char* name : {"a/1", "hidden/1", "hidden/2", "read/1", "z/1"}) push(name, "layer");
  const auto names = [](const Reply& reply) { return reply.json().strings("repositories"); };
  EXPECT_EQ(names(client().get("/v2/_catalog")),
            (std::vector<std::string>{"a/1", "read/1", "z/1"}));
  const Reply first = client().get("/v2/_catalog?n=1");
  EXPECT_EQ(names(first), std::vector<std::string>{"a/1"});
  const Reply second = client().get("/v2/_catalog?n=1&last=a/1");
  EXPECT_EQ(names(second), std::vector<std::string>{"read/1"});
  EXPECT_EQ(second.header("Link"), "</v2/_catalog?n=1&last=read%2F1>; rel=\"next\"");
  EXPECT_EQ(client().get("/v2/_catalog?n=1&last=read/1").header("Link"), "");
  EXPECT_EQ(names(client().get("/v2/_catalog?n=0")), std::vector<std::string>{});
}

}  // namespace
}  // namespace skiff::registry
