#include "registry/quick.h"

#include "registry/test_accounts.h"

namespace skiff::registry {
namespace {

bool quick(const std::string& method, const std::string& path, const std::string& who = "") {
  net::Request request{.method = method, .path = path};
  if (!who.empty()) request.headers.set("Authorization", who);
  return is_quick(request, *open_access());
}

TEST(QuickRequests, AreManifestsAndTheBase) {
  EXPECT_TRUE(quick("GET", "/v2/"));
  EXPECT_TRUE(quick("GET", "/healthz"));
  EXPECT_FALSE(quick("GET", "/readyz"));
  EXPECT_FALSE(quick("GET", "/metrics"));
  EXPECT_TRUE(quick("GET", "/v2/a/manifests/1"));
  EXPECT_TRUE(quick("HEAD", "/v2/a/b/manifests/sha256:0"));
  EXPECT_TRUE(quick("GET", "/v2/a/manifests/b/manifests/1", "Bearer x"));
  EXPECT_FALSE(quick("GET", "/v2/a/manifests/1", "basic YTpi"));
  EXPECT_FALSE(quick("PUT", "/v2/a/manifests/1"));
  EXPECT_FALSE(quick("GET", "/v2/a/blobs/sha256:0"));
  EXPECT_FALSE(quick("GET", "/v2/a/manifests/b/blobs/sha256:0"));
  EXPECT_FALSE(quick("GET", "/v2/a/manifests/b/tags/list"));
  EXPECT_FALSE(quick("GET", "/v2/a/manifests/b/_skiff/history/1"));
}

class QuickPasswords : public AccountsTest {
 protected:
  bool quick(const Fields& who) {
    net::Request request{.method = "GET", .path = "/v2/a/manifests/1"};
    request.headers.set("Authorization", who.front().second);
    return registry_->is_quick(request);
  }
};

// One whose hash was made before, and is that of the account still.
TEST_F(QuickPasswords, AreThoseThatWereRight) {
  add_user("ann");
  EXPECT_FALSE(quick(as("ann")));
  EXPECT_EQ(status("GET", "/v2/", as("ann")), 200);
  EXPECT_TRUE(quick(as("ann")));
  EXPECT_EQ(status("GET", "/v2/", as("ann")), 200);
  EXPECT_FALSE(quick(basic("ann", "other")));
  EXPECT_FALSE(quick(basic("bob", "secret-1")));
  EXPECT_TRUE(quick(basic("ann", cat(access::kSecretPrefix, "x"))));  // no password
  access::Store store = commands();
  ASSERT_TRUE(access::set_password(store, "ann", *access::hash_password("other-one")));
  EXPECT_FALSE(quick(as("ann")));
  EXPECT_EQ(status("GET", "/v2/", as("ann")), 401);
}

TEST_F(QuickPasswords, OfAFileToo) {
  options_.htpasswd = dir_.path() / "users";
  ASSERT_TRUE(write_file(options_.htpasswd, cat("ann:", *access::hash_password("secret-1"), "\n")));
  restart();
  EXPECT_FALSE(quick(as("ann")));
  EXPECT_EQ(status("GET", "/v2/", as("ann")), 200);
  EXPECT_TRUE(quick(as("ann")));
  EXPECT_FALSE(quick(basic("ann", "other")));
}

// Repositories may be called as endpoints are.
TEST_F(RegistryTest, EveryNameIsServedWhole) {
  for (const std::string name : {"k8s/manifests/app", "a/blobs/b", "tags/list", "v2/v2"}) {
    const std::string manifest = push_image(name, "1", "{}", {"layer"});
    // The first request of a connection is the loop's.
    const auto status = [&](const std::string& method, const std::string& path) {
      return Client(port()).call(method, path).status;
    };
    const std::string blob = blob_path(name, oci::Digest::of("layer").str());
    EXPECT_EQ(status("GET", manifest_path(name, "1")), 200) << name;
    EXPECT_EQ(status("GET", blob), 200) << name;
    EXPECT_EQ(status("HEAD", blob), 200) << name;
    EXPECT_EQ(status("GET", cat("/v2/", name, "/tags/list")), 200) << name;
    EXPECT_EQ(status("GET", cat("/v2/", name, "/referrers/", manifest)), 200) << name;
  }
}

}  // namespace
}  // namespace skiff::registry
