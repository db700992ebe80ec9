#include <gtest/gtest.h>

#include "remote/test_registry.h"

namespace skiff::remote {
namespace {

class Upload : public testing::Test {
 protected:
  Result<PushOutcome> push(const std::string& mount_from = "") {
    return client_.push_blob(registry_.ref("app"), blob_, *store_, mount_from, {});
  }
  std::string stored() { return registry_.blobs["app"][blob_.digest.str()]; }
  std::string head_line() const { return cat("HEAD /v2/app/blobs/", blob_.digest.str()); }
  std::string put_line() const {
    return cat("PUT /v2/app/blobs/uploads/session?state=x&digest=",
               net::url_encode(blob_.digest.str()));
  }

  std::string bytes_ = test_bytes(300'000);
  TestRegistry registry_;
  TestStore store_;
  oci::Descriptor blob_ = store_.add(bytes_);
  RegistryClient client_{quick_options()};
};

TEST_F(Upload, TheWholeGoesInOnePut) {
  EXPECT_EQ(push().value(), PushOutcome::kUploaded);
  EXPECT_EQ(stored(), bytes_);
  EXPECT_EQ(registry_.asked(), (Lines{head_line(), "POST /v2/app/blobs/uploads/", put_line()}));
}

TEST_F(Upload, AnEmptyBlobIsUploadedToo) {
  blob_ = store_.add("");
  EXPECT_EQ(push().value(), PushOutcome::kUploaded);
  EXPECT_TRUE(registry_.blobs["app"].contains(blob_.digest.str()));
}

TEST_F(Upload, WhatIsThereIsNotSent) {
  registry_.blobs["app"][blob_.digest.str()] = bytes_;
  EXPECT_EQ(push("other").value(), PushOutcome::kExists);
  EXPECT_EQ(registry_.asked(), (Lines{head_line()}));
}

TEST_F(Upload, BytesThatAreInNoStoreGo) {
  const auto from = [this](uint64_t offset, std::span<char> buffer) -> Result<size_t> {
    return bytes_.copy(buffer.data(), std::min<size_t>(buffer.size(), 1000), offset);
  };
  EXPECT_EQ(client_.push_blob(registry_.ref("app"), blob_, from).value(), PushOutcome::kUploaded);
  EXPECT_EQ(stored(), bytes_);
  EXPECT_EQ(client_.push_blob(registry_.ref("app"), blob_, from).value(), PushOutcome::kExists);
}

TEST_F(Upload, BytesThatCannotBeReadAreTold) {
  const auto none = [](uint64_t, std::span<char>) -> Result<size_t> {
    return Error(Code::kUnavailable, "the store is away");
  };
  const auto pushed = client_.push_blob(registry_.ref("app"), blob_, none);
  ASSERT_FALSE(pushed);
  EXPECT_NE(pushed.error().message().find("the store is away"), std::string::npos);
  EXPECT_EQ(stored(), "");
}

TEST_F(Upload, WhatAnotherRepositoryHasIsMounted) {
  registry_.blobs["other/x"][blob_.digest.str()] = bytes_;
  EXPECT_EQ(push("other/x").value(), PushOutcome::kMounted);
  EXPECT_EQ(registry_.asked(),
            (Lines{head_line(), cat("POST /v2/app/blobs/uploads/?mount=",
                                    net::url_encode(blob_.digest.str()), "&from=other%2Fx")}));
  EXPECT_EQ(stored(), bytes_);
}

TEST_F(Upload, AMountThatOpensASessionGoesOnWithIt) {
  EXPECT_EQ(push("other").value(), PushOutcome::kUploaded);
  EXPECT_EQ(registry_.asked().size(), 3U);
  EXPECT_EQ(stored(), bytes_);
}

TEST_F(Upload, ARefusedMountIsNoReasonNotToUpload) {
  registry_.instead = [](net::Request& r, net::ResponseWriter& w) {
    if (r.query.get("mount").empty()) return false;
    EXPECT_TRUE(w.send(403, "", ""));
    return true;
  };
  EXPECT_EQ(push("other").value(), PushOutcome::kUploaded);
  EXPECT_EQ(stored(), bytes_);
}

TEST_F(Upload, WhatBrokeOffIsContinuedWhereTheRegistryStands) {
  bool broken = false;
  registry_.instead = [&](net::Request& r, net::ResponseWriter& w) {
    if (r.method != "PUT" || broken) return false;
    broken = true;
    std::string part(100'000, '\0');
    EXPECT_EQ(read_full(*r.body, part).value(), part.size());
    registry_.partial = part;
    EXPECT_TRUE(w.hijack(""));  // and gone
    return true;
  };
  auto outcome = push();
  ASSERT_TRUE(outcome) << message_of(outcome);
  EXPECT_EQ(*outcome, PushOutcome::kUploaded);
  EXPECT_EQ(stored(), bytes_);
  Lines methods;
  for (const std::string& line : registry_.asked()) methods.push_back(line.substr(0, 5));
  EXPECT_EQ(methods, (Lines{"HEAD ", "POST ", "PUT /", "HEAD ", "GET /", "PATCH", "PUT /"}));
  EXPECT_EQ(registry_.all_asked()[5].body.size(), 200'000U);
}

TEST_F(Upload, ALostSessionStartsAgain) {
  bool lost = false;
  registry_.instead = [&](net::Request& r, net::ResponseWriter& w) {
    if (r.method != "PUT" || std::exchange(lost, true)) return false;
    EXPECT_TRUE(w.send(404, "application/json",
                       R"({"errors":[{"code":"BLOB_UPLOAD_UNKNOWN","message":"gone"}]})"));
    return true;
  };
  EXPECT_EQ(push().value(), PushOutcome::kUploaded);
  EXPECT_EQ(stored(), bytes_);
}

TEST_F(Upload, ABlobThatArrivedAlthoughTheAnswerDidNotIsDone) {
  bool answered = false;
  registry_.instead = [&](net::Request& r, net::ResponseWriter& w) {
    if (r.method != "PUT" || std::exchange(answered, true)) return false;
    registry_.blobs["app"][blob_.digest.str()] = read_all(*r.body, bytes_.size()).value();
    EXPECT_TRUE(w.send(502, "", ""));
    return true;
  };
  EXPECT_EQ(push().value(), PushOutcome::kUploaded);
  EXPECT_EQ(registry_.asked().back(), head_line());
}

TEST_F(Upload, ARefusalCarriesTheRegistrysWords) {
  registry_.instead = [](net::Request& r, net::ResponseWriter& w) {
    if (r.method != "POST") return false;
    EXPECT_TRUE(
        w.send(403, "application/json", R"({"errors":[{"code":"DENIED","message":"not yours"}]})"));
    return true;
  };
  auto refused = push();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kPermissionDenied);
  EXPECT_EQ(refused.error().message(), cat("upload ", blob_.digest.str(), ": denied: not yours"));
}

TEST_F(Upload, ARegistryThatWantsALoginIsToldOf) {
  registry_.instead = [](net::Request&, net::ResponseWriter& w) {
    EXPECT_TRUE(w.send(401, "", ""));
    return true;
  };
  const std::string denied = cat("push access denied for ", registry_.host(),
                                 "/app, repository does not exist or may require 'docker login': ");
  const std::string answered = ": the server answered 401 Unauthorized";
  EXPECT_EQ(message_of(push()), cat(denied, "upload ", blob_.digest.str(), answered));
  EXPECT_EQ(
      message_of(client_.push_manifest(registry_.ref("app:1"), "{}", oci::kMediaTypeManifest)),
      cat(denied, "push manifest of ", registry_.host(), "/app:1", answered));
}

TEST_F(Upload, AnotherDigestInTheAnswerIsAnError) {
  registry_.instead = [](net::Request& r, net::ResponseWriter& w) {
    if (r.method != "PUT") return false;
    w.headers().set("Docker-Content-Digest", oci::Digest::of("other").str());
    EXPECT_TRUE(w.send(201, "", ""));
    return true;
  };
  auto refused = push();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kDataLoss);
}

TEST_F(Upload, ADescriptorOfAnotherSizeIsRefusedBeforeAnyRequest) {
  ++blob_.size;
  EXPECT_EQ(message_of(push()), cat("upload ", blob_.digest.str(),
                                    ": it has 300000 bytes, its descriptor says 300001"));
  EXPECT_EQ(registry_.asked(), Lines{});
}

TEST_F(Upload, SecretsDoNotFollowAnUploadToAnotherHost) {
  TestRegistry elsewhere;
  elsewhere.instead = [&](net::Request& r, net::ResponseWriter& w) {
    EXPECT_EQ(read_all(*r.body, bytes_.size()).value(), bytes_);
    EXPECT_TRUE(w.send(201, "", ""));
    return true;
  };
  registry_.instead = [&](net::Request& r, net::ResponseWriter& w) {
    if (r.headers.get("Authorization").empty()) {
      w.headers().set("WWW-Authenticate", "Basic realm=\"x\"");
      EXPECT_TRUE(w.send(401, "", ""));
      return true;
    }
    if (r.method != "POST") return false;
    w.headers().set("Location", elsewhere.url("/bucket?signature=1"));
    EXPECT_TRUE(w.send(202, "", ""));
    return true;
  };
  ClientOptions options = quick_options();
  options.credentials.username = "me";
  options.credentials.password = "secret";
  RegistryClient client(options);
  auto outcome = client.push_blob(registry_.ref("app"), blob_, *store_, "", {});
  ASSERT_TRUE(outcome) << message_of(outcome);
  const auto asked = elsewhere.all_asked();
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_TRUE(asked[0].line.starts_with("PUT /bucket?signature=1&digest=sha256"));
  EXPECT_EQ(asked[0].authorization, "");
}

}  // namespace
}  // namespace skiff::remote
