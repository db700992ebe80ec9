// What the client asks of the registry of its own process.
#include "remote/near_registry.h"

#include "oci/distribution.h"
#include "remote/test_registry.h"

namespace skiff::remote {
namespace {

class Near : public testing::Test {
 protected:
  Near() {
    registry_.instead = [this](net::Request& r, net::ResponseWriter& w) { return link(r, w); };
  }

  // A registry that redeems tickets: its content is `theirs_`.
  bool link(net::Request& request, net::ResponseWriter& w) {
    const std::string word = request.headers.get(oci::kTicketField);
    if (!word.empty()) ++shown_;
    if (word.empty() || !redeems_) return false;
    content::ContentStore* store = tickets_.redeem(word, blob_.digest);
    EXPECT_EQ(store, &*store_);
    if (request.method == "HEAD") {
      EXPECT_EQ(store->link_from(*theirs_, blob_.digest).has_value(), links_);
      return false;
    }
    if (!links_) return false;
    EXPECT_TRUE(theirs_->link_from(*store, blob_.digest));
    EXPECT_TRUE(w.send(201, "", ""));
    return true;
  }
  RegistryClient client(const std::string& address) {
    ClientOptions options = quick_options();
    options.near = NearRegistry{.address = address, .tickets = &tickets_};
    return RegistryClient(options);
  }
  Result<PushOutcome> push(const std::string& mount_from = "") {
    return client(registry_.host()).push_blob(registry_.ref("app"), blob_, *store_, mount_from, {});
  }

  content::BlobTickets tickets_;
  TestStore store_;
  TestStore theirs_;
  std::string bytes_ = test_bytes(300'000);
  oci::Descriptor blob_ = TestStore::descriptor(bytes_);
  bool redeems_ = true;
  bool links_ = true;
  std::atomic<int> shown_ = 0;
  TestRegistry registry_;  // last: its handler uses the rest
};

TEST_F(Near, IsWhereTheReferenceNamesItsAddress) {
  const auto is_at = [](const char* address, const char* host) {
    return NearRegistry{.address = address}.is_at(host);
  };
  EXPECT_TRUE(is_at("127.0.0.1:5000", "127.0.0.1:5000"));
  EXPECT_TRUE(is_at("127.0.0.1:5000", "localhost:5000"));
  EXPECT_TRUE(is_at("[::1]:5000", "localhost:5000"));
  EXPECT_TRUE(is_at("0.0.0.0:5000", "localhost:5000"));
  EXPECT_TRUE(is_at("10.0.0.1:5000", "10.0.0.1:5000"));
  EXPECT_FALSE(is_at("127.0.0.1:5000", "127.0.0.1:5001"));
  EXPECT_FALSE(is_at("127.0.0.1:5000", "localhost"));
  EXPECT_FALSE(is_at("10.0.0.1:5000", "localhost:5000"));
  EXPECT_FALSE(is_at("0.0.0.0:5000", "registry.example:5000"));
}

TEST_F(Near, APushLinks) {
  store_.add(bytes_);
  EXPECT_EQ(push().value(), PushOutcome::kLinked);
  EXPECT_EQ(
      registry_.asked(),
      (Lines{cat("HEAD /v2/app/blobs/", blob_.digest.str()),
             cat("POST /v2/app/blobs/uploads/?mount=", net::url_encode(blob_.digest.str()))}));
  EXPECT_EQ(*content::read_blob(*theirs_, blob_.digest), bytes_);
}

TEST_F(Near, APushMountsWhatAnotherRepositoryHas) {
  store_.add(bytes_);
  redeems_ = false;
  registry_.blobs["other"][blob_.digest.str()] = bytes_;
  EXPECT_EQ(push("other").value(), PushOutcome::kMounted);
}

TEST_F(Near, APushUploadsWhatIsNotLinked) {
  store_.add(bytes_);
  links_ = false;
  EXPECT_EQ(push().value(), PushOutcome::kUploaded);
  EXPECT_EQ(registry_.blobs["app"][blob_.digest.str()], bytes_);
}

TEST_F(Near, APullLinks) {
  theirs_.add(bytes_);
  registry_.blobs["app"][blob_.digest.str()] = bytes_;
  EXPECT_TRUE(client(registry_.host()).link_blob(registry_.ref("app"), blob_, *store_));
  EXPECT_EQ(registry_.asked(), (Lines{cat("HEAD /v2/app/blobs/", blob_.digest.str())}));
  EXPECT_EQ(*content::read_blob(*store_, blob_.digest), bytes_);
}

TEST_F(Near, APullHearsThatNothingWasLinked) {
  registry_.blobs["app"][blob_.digest.str()] = bytes_;
  links_ = false;
  EXPECT_FALSE(client(registry_.host()).link_blob(registry_.ref("app"), blob_, *store_));
  redeems_ = false;
  EXPECT_FALSE(client(registry_.host()).link_blob(registry_.ref("app"), blob_, *store_));
}

TEST_F(Near, OthersAreShownNoTicket) {
  store_.add(bytes_);
  RegistryClient elsewhere = client("127.0.0.1:1");
  EXPECT_FALSE(elsewhere.link_blob(registry_.ref("app"), blob_, *store_));
  EXPECT_EQ(elsewhere.push_blob(registry_.ref("app"), blob_, *store_, "", {}).value(),
            PushOutcome::kUploaded);
  EXPECT_EQ(shown_, 0);
}

}  // namespace
}  // namespace skiff::remote
