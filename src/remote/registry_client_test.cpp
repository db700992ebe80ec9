// Manifests, tags, and the way to the registry.
#include "remote/registry_client.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "remote/test_registry.h"

namespace skiff::remote {
namespace {

class Manifests : public testing::Test {
 protected:
  Manifests() { registry_.manifests["app"]["1"] = bytes_; }

  // Answers manifests with these fields, body and status instead.
  void answer(int status, std::string type, std::string digest, std::string body) {
    registry_.instead = [=](net::Request&, net::ResponseWriter& w) {
      if (!digest.empty()) w.headers().set("Docker-Content-Digest", digest);
      EXPECT_TRUE(w.send(status, type, body));
      return true;
    };
  }
  Result<FetchedManifest> fetch(std::string_view rest = "app:1") {
    return client_.fetch_manifest(registry_.ref(rest));
  }

  std::string bytes_ = oci::Manifest::make(oci::kMediaTypeManifest, {}, {}).raw;
  oci::Digest digest_ = oci::Digest::of(bytes_);
  TestRegistry registry_;
  RegistryClient client_{quick_options()};
};

TEST_F(Manifests, AreFetchedAsTheyAre) {
  auto fetched = fetch();
  ASSERT_TRUE(fetched) << message_of(fetched);
  EXPECT_EQ(fetched->bytes, bytes_);
  EXPECT_EQ(fetched->digest, digest_);
  EXPECT_EQ(fetched->media_type, oci::kMediaTypeManifest);
  EXPECT_EQ(registry_.asked().back(), "GET /v2/app/manifests/1");
}

TEST_F(Manifests, ADigestIsAskedForByItself) {
  registry_.manifests["app"][digest_.str()] = bytes_;
  ASSERT_TRUE(fetch(cat("app:1@", digest_.str())));
  EXPECT_EQ(registry_.asked().back(), cat("GET /v2/app/manifests/", digest_.str()));
}

TEST_F(Manifests, NeitherTagNorDigestIsLatest) {
  registry_.manifests["app"]["latest"] = bytes_;
  ASSERT_TRUE(fetch("app"));
  EXPECT_EQ(registry_.asked().back(), "GET /v2/app/manifests/latest");
}

TEST_F(Manifests, BytesOfAnotherDigestAreRefused) {
  const std::string wanted = oci::Digest::of("other").str();
  registry_.manifests["app"][wanted] = bytes_;
  auto refused = fetch(cat("app@", wanted));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kDataLoss);
  EXPECT_TRUE(refused.error().message().ends_with(
      cat("wanted ", wanted, ", got bytes of ", digest_.str())));
  answer(200, std::string(oci::kMediaTypeManifest), wanted, bytes_);
  EXPECT_EQ(fetch().error().code(), Code::kDataLoss);
}

TEST_F(Manifests, ATypeThatSaysNothingIsReadFromTheBytes) {
  answer(200, "application/json; charset=utf-8", "", bytes_);
  EXPECT_EQ(fetch()->media_type, oci::kMediaTypeManifest);
  answer(200, "text/html", "", "<html>");
  EXPECT_EQ(fetch().error().code(), Code::kUnimplemented);
}

TEST_F(Manifests, ATooLargeOneIsRefused) {
  answer(200, std::string(oci::kMediaTypeManifest), "", std::string((4U << 20U) + 1, ' '));
  EXPECT_EQ(fetch().error().code(), Code::kResourceExhausted);
}

TEST_F(Manifests, AMissingOneReadsAsDockers) {
  const std::string name = registry_.ref("app:none").familiar();
  EXPECT_EQ(message_of(fetch("app:none")),
            cat("manifest for ", name, " not found: manifest unknown: manifest unknown"));
  EXPECT_EQ(message_of(client_.resolve(registry_.ref("app:none"))),
            cat("manifest for ", name, " not found: manifest unknown"));
}

TEST_F(Manifests, ResolveAsksForTheHeadOnly) {
  auto found = client_.resolve(registry_.ref("app:1"));
  ASSERT_TRUE(found) << message_of(found);
  EXPECT_EQ(found->digest, digest_);
  EXPECT_EQ(found->size, bytes_.size());
  EXPECT_EQ(registry_.asked(), (Lines{"HEAD /v2/app/manifests/1"}));
}

TEST_F(Manifests, ResolveReadsTheBytesWhereTheHeadIsNotEnough) {
  answer(200, std::string(oci::kMediaTypeManifest), "", bytes_);
  EXPECT_EQ(client_.resolve(registry_.ref("app:1"))->digest, digest_);
  registry_.instead = [](net::Request& r, net::ResponseWriter& w) {
    if (r.method == "GET") return false;
    EXPECT_TRUE(w.send(405, "", ""));
    return true;
  };
  EXPECT_EQ(client_.resolve(registry_.ref("app:1"))->digest, digest_);
}

TEST_F(Manifests, FailuresForTheMomentAreTriedAgainOthersAreNot) {
  int failures = 0;
  registry_.instead = [&](net::Request&, net::ResponseWriter& w) {
    if (failures == 3) return false;
    ++failures;
    EXPECT_TRUE(w.send(500, "", ""));
    return true;
  };
  ASSERT_TRUE(fetch());
  answer(400, "", "", "");
  registry_.forget_asked();
  EXPECT_EQ(fetch().error().code(), Code::kInvalidArgument);
  EXPECT_EQ(registry_.asked().size(), 1U);
  answer(500, "", "", "");
  registry_.forget_asked();
  EXPECT_EQ(fetch().error().code(), Code::kUnavailable);
  EXPECT_EQ(registry_.asked().size(), 4U);
}

TEST_F(Manifests, ArePushedUnderTagOrDigest) {
  EXPECT_EQ(client_.push_manifest(registry_.ref("app:2"), bytes_, oci::kMediaTypeManifest).value(),
            digest_);
  EXPECT_EQ(registry_.manifests["app"]["2"], bytes_);
  const auto other = oci::Digest::of("other");
  EXPECT_EQ(
      client_
          .push_manifest(registry_.ref("app").with_digest(other), bytes_, oci::kMediaTypeManifest)
          .error()
          .code(),
      Code::kInvalidArgument);
  answer(201, "", other.str(), "");
  EXPECT_EQ(
      client_.push_manifest(registry_.ref("app:2"), bytes_, oci::kMediaTypeManifest).error().code(),
      Code::kDataLoss);
}

TEST_F(Manifests, TagsAreReadPageByPage) {
  registry_.instead = [](net::Request& r, net::ResponseWriter& w) {
    const bool second = r.query.get("last") == "b";
    if (!second) w.headers().set("Link", R"(</v2/app/tags/list?last=b&n=2>; rel="next")");
    EXPECT_TRUE(
        w.send(200, "application/json", second ? R"({"tags":["c"]})" : R"({"tags":["a","b"]})"));
    return true;
  };
  EXPECT_EQ(client_.tags(registry_.ref("app")).value(), (Lines{"a", "b", "c"}));
}

TEST_F(Manifests, ATagListWithoutEndIsGivenUp) {
  registry_.instead = [](net::Request&, net::ResponseWriter& w) {
    w.headers().set("Link", R"(</v2/app/tags/list?last=b>; rel="next")");
    EXPECT_TRUE(w.send(200, "application/json", R"({"tags":["b"]})"));
    return true;
  };
  EXPECT_EQ(client_.tags(registry_.ref("app")).error().code(), Code::kResourceExhausted);
}

TEST_F(Manifests, RepositoriesAreReadPageByPage) {
  registry_.instead = [](net::Request& r, net::ResponseWriter& w) {
    const bool second = r.query.get("last") == "a";
    if (!second) w.headers().set("Link", R"(</v2/_catalog?last=a>; rel="next")");
    EXPECT_TRUE(w.send(200, "application/json",
                       second ? R"({"repositories":["b"]})" : R"({"repositories":["a"]})"));
    return true;
  };
  EXPECT_EQ(client_.repositories(registry_.host()).value(), (Lines{"a", "b"}));
}

TEST_F(Manifests, ReferrersComeFromATagWhereThereIsNoEndpoint) {
  const oci::Digest subject = oci::Digest::of("subject");
  EXPECT_TRUE(client_.referrers(registry_.ref("app"), subject)->empty());
  oci::Descriptor referrer;
  referrer.media_type = oci::kMediaTypeManifest;
  referrer.artifact_type = "a/b";
  const std::string index = oci::Index::make(oci::kMediaTypeIndex, {referrer}).raw;
  registry_.manifests["app"][cat("sha256-", subject.hex())] = index;
  registry_.manifest_type = oci::kMediaTypeIndex;
  const auto found = client_.referrers(registry_.ref("app"), subject);
  ASSERT_TRUE(found) << message_of(found);
  ASSERT_EQ(found->size(), 1);
  EXPECT_EQ(found->front().artifact_type, "a/b");
}

// Plain HTTP is for the loopback and for hosts named insecure. The mapped address reaches the
// loopback without being named so.
TEST(PlainHttp, IsNeverTriedWithAHostOfTheOutside) {
  TestRegistry registry;
  registry.manifests["app"]["1"] = oci::Manifest::make(oci::kMediaTypeManifest, {}, {}).raw;
  const std::string host = cat("0.0.0.0:", registry.port());  // leads here, and is no loopback
  const auto ref = oci::Reference::parse(cat(host, "/app:1")).value();
  ClientOptions options = quick_options();
  EXPECT_EQ(RegistryClient(options).resolve(ref).error().code(), Code::kUnavailable);
  EXPECT_EQ(registry.asked(), Lines{});
  options.insecure_hosts = {host};
  EXPECT_TRUE(RegistryClient(options).resolve(ref));
}

// A certificate of its own authority for 127.0.0.1.
net::TlsFiles make_certificate(const Path& dir) {
  const std::string command =
      cat("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "
          "/CN=test -addext subjectAltName=IP:127.0.0.1 -keyout ",
          dir.string(), "/key.pem -out ", dir.string(), "/cert.pem 2>", dir.string(), "/log");
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
  return {.certificate = dir / "cert.pem", .key = dir / "key.pem", .client_ca = {}};
}

TEST(Https, IsSpokenWithTheGivenAuthority) {
  const TempDir dir = *TempDir::make("/tmp", "skiff-tls-");
  const net::TlsFiles files = make_certificate(dir.path());
  net::ServerOptions server;
  server.tls = files;
  TestRegistry registry(server);
  registry.manifests["app"]["1"] = oci::Manifest::make(oci::kMediaTypeManifest, {}, {}).raw;
  ClientOptions options = quick_options();
  options.ca_file = files.certificate;
  auto found = RegistryClient(options).resolve(registry.ref("app:1"));
  EXPECT_TRUE(found) << message_of(found);
}

TEST(Https, ACertificateOfAnotherAuthorityIsRefused) {
  const TempDir dir = *TempDir::make("/tmp", "skiff-tls-");
  const TempDir other = *TempDir::make("/tmp", "skiff-tls-");
  net::ServerOptions server;
  server.tls = make_certificate(dir.path());
  TestRegistry registry(server);
  ClientOptions options = quick_options();
  options.attempts = 1;
  options.ca_file = make_certificate(other.path()).certificate;
  EXPECT_FALSE(RegistryClient(options).resolve(registry.ref("app:1")));
  EXPECT_EQ(registry.asked(), Lines{});
}

TEST(Https, OnTheLoopbackAnyCertificateWillDo) {
  const TempDir dir = *TempDir::make("/tmp", "skiff-tls-");
  net::ServerOptions server;
  server.tls = make_certificate(dir.path());
  TestRegistry registry(server);
  registry.manifests["app"]["1"] = oci::Manifest::make(oci::kMediaTypeManifest, {}, {}).raw;
  EXPECT_TRUE(RegistryClient(quick_options()).resolve(registry.ref("app:1")));
}

}  // namespace
}  // namespace skiff::remote
