// Blobs that a registry and an engine of one process share, by tickets.
#include <crypt.h>
#include <sys/stat.h>

#include "codec/base64.h"
#include "content/layout.h"
#include "content/test_links.h"
#include "oci/distribution.h"
#include "registry/test_registry.h"

namespace skiff::registry {
namespace {

class Tickets : public RegistryTest {
 protected:
  void SetUp() override {
    options_.tickets = &tickets_;
    engine_ = *content::open_content_store(dir_.path() / "engine");
    start();
  }

  oci::Digest in_engine(const std::string& bytes) { return *content::write_blob(*engine_, bytes); }
  // What a push of the engine asks first.
  Reply mount(const std::string& repository, const oci::Digest& digest, const std::string& ticket,
              Fields fields = {}) {
    fields.emplace_back(oci::kTicketField, ticket);
    return client().call("POST", cat("/v2/", repository, "/blobs/uploads/?mount=", digest.str()),
                         "", fields);
  }
  // What a pull of the engine asks first.
  Reply ask(const std::string& repository, const std::string& digest, const std::string& ticket) {
    return client().call("HEAD", blob_path(repository, digest), "",
                         {{std::string(oci::kTicketField), ticket}});
  }
  ino_t inode(const Path& store, const oci::Digest& digest) {
    struct stat st{};
    EXPECT_EQ(::stat(content::Layout(dir_.path() / store).blob(digest).c_str(), &st), 0);
    return st.st_ino;
  }

  content::BlobTickets tickets_;
  std::unique_ptr<content::ContentStore> engine_;
};

TEST_F(Tickets, APushWithOneSharesTheFile) {
  const oci::Digest digest = in_engine("bytes");
  const auto ticket = tickets_.issue(*engine_, digest);
  const Reply mounted = mount("a", digest, ticket.word());
  EXPECT_EQ(mounted.status, 201);
  EXPECT_EQ(mounted.header("Location"), blob_path("a", digest.str()));
  EXPECT_EQ(mounted.header("Docker-Content-Digest"), digest.str());
  EXPECT_TRUE(ticket.is_redeemed());
  EXPECT_EQ(client().get(blob_path("a", digest.str())).body, "bytes");
  EXPECT_EQ(inode("engine", digest), inode("registry/content", digest));
  EXPECT_EQ(client().get(blob_path("b", digest.str())).status, 404) << "only that repository";
}

// Of a file that can have no more names each side gets one of its own.
TEST_F(Tickets, WhatCannotBeLinkedIsSent) {
  const oci::Digest digest = in_engine("bytes");
  {
    const content::AllLinksTaken links(content::Layout(dir_.path() / "engine").blob(digest));
    if (!links.all_taken()) GTEST_SKIP() << "files may have more than 70,000 links here";
    EXPECT_EQ(mount("a", digest, tickets_.issue(*engine_, digest).word()).status, 202);
    client().push_blob("a", "bytes");
    EXPECT_EQ(client().get(blob_path("a", digest.str())).body, "bytes");
    EXPECT_NE(inode("engine", digest), inode("registry/content", digest));
  }
  // The other way.
  const oci::Digest other = oci::Digest::parse(client().push_blob("a", "other")).value();
  const content::AllLinksTaken links(content::Layout(options_.root / "content").blob(other));
  EXPECT_EQ(ask("a", other.str(), tickets_.issue(*engine_, other).word()).status, 200);
  EXPECT_EQ(engine_->info(other).error().code(), Code::kNotFound);
  EXPECT_EQ(client().get(blob_path("a", other.str())).body, "other");
}

TEST_F(Tickets, WithoutOneADigestIsNotEnough) {
  const oci::Digest digest = in_engine("bytes");
  EXPECT_EQ(mount("a", digest, "").status, 202);
  EXPECT_EQ(mount("a", digest, "0123456789abcdef0123456789abcdef").status, 202);
  EXPECT_EQ(client().head(blob_path("a", digest.str())).status, 404);
}

TEST_F(Tickets, OneServesOnceAndForItsBlob) {
  const oci::Digest digest = in_engine("bytes");
  const oci::Digest other = in_engine("other bytes");
  const auto ticket = tickets_.issue(*engine_, digest);
  EXPECT_EQ(mount("a", digest, ticket.word()).status, 201);
  ASSERT_EQ(client().remove(blob_path("a", digest.str())).status, 202);
  EXPECT_EQ(mount("a", digest, ticket.word()).status, 202);
  const auto wrong = tickets_.issue(*engine_, digest);
  EXPECT_EQ(mount("a", other, wrong.word()).status, 202);
  EXPECT_EQ(mount("a", digest, wrong.word()).status, 202);
}

TEST_F(Tickets, WhatTheEngineHasNotGotWholeIsUploaded) {
  const oci::Digest lost = in_engine("lost");
  std::filesystem::remove(content::Layout(dir_.path() / "engine").blob(lost));
  const oci::Digest never = oci::Digest::of("never there");
  for (const oci::Digest& digest : {lost, never}) {
    const auto ticket = tickets_.issue(*engine_, digest);
    EXPECT_EQ(mount("a", digest, ticket.word()).status, 202);
    EXPECT_EQ(client().head(blob_path("a", digest.str())).status, 404);
  }
  client().push_blob("a", "lost");
  EXPECT_EQ(client().get(blob_path("a", lost.str())).body, "lost");
}

TEST_F(Tickets, ADamagedBlobOfOursIsReplacedByTheEngines) {
  const oci::Digest digest = in_engine("bytes");
  client().push_blob("a", "bytes");
  const Path file = content::Layout(dir_.path() / "registry/content").blob(digest);
  ASSERT_EQ(::truncate(file.c_str(), 2), 0);
  EXPECT_EQ(client().head(blob_path("a", digest.str())).status, 404);
  const auto ticket = tickets_.issue(*engine_, digest);
  EXPECT_EQ(mount("a", digest, ticket.word()).status, 201);
  EXPECT_EQ(client().get(blob_path("a", digest.str())).body, "bytes");
}

TEST_F(Tickets, ALinkedBlobThatNothingNamesIsCollectedHereAlone) {
  const oci::Digest digest = in_engine("bytes");
  const auto ticket = tickets_.issue(*engine_, digest);
  ASSERT_EQ(mount("a", digest, ticket.word()).status, 201);
  clock_.advance(2 * options_.metadata.grace);
  EXPECT_EQ(*registry_->collect_garbage(), 1u);
  EXPECT_EQ(client().head(blob_path("a", digest.str())).status, 404);
  EXPECT_EQ(*content::read_blob(*engine_, digest), "bytes");
}

TEST_F(Tickets, APullWithOneSharesTheFile) {
  const oci::Digest digest = oci::Digest::of("bytes");
  client().push_blob("a", "bytes");
  const auto ticket = tickets_.issue(*engine_, digest);
  const Reply asked = ask("a", digest.str(), ticket.word());
  EXPECT_EQ(asked.status, 200);
  EXPECT_EQ(asked.header("Content-Length"), "5");
  EXPECT_TRUE(ticket.is_redeemed());
  EXPECT_EQ(*content::read_blob(*engine_, digest), "bytes");
  EXPECT_EQ(inode("engine", digest), inode("registry/content", digest));
}

TEST_F(Tickets, ARepositoryGivesOnlyWhatItHas) {
  const oci::Digest digest = oci::Digest::of("bytes");
  client().push_blob("a", "bytes");
  const auto ticket = tickets_.issue(*engine_, digest);
  EXPECT_EQ(ask("b", digest.str(), ticket.word()).status, 404);
  EXPECT_FALSE(engine_->info(digest));
  EXPECT_FALSE(ticket.is_redeemed());
}

TEST_F(Tickets, AUserWithoutRightsIsRefusedWithOneToo) {
  options_.htpasswd = dir_.path() / "htpasswd";
  crypt_data data{};
  const char* hash = ::crypt_r("secret", "$2b$04$abcdefghijklmnopqrstuu", &data);
  ASSERT_TRUE(write_file(options_.htpasswd, cat("ann:", hash, "\n")));
  restart();
  const oci::Digest digest = in_engine("bytes");
  const auto ticket = tickets_.issue(*engine_, digest);
  EXPECT_EQ(mount("a", digest, ticket.word()).status, 401);
  const auto as = [](const char* user_and_password) {
    return Fields{{"Authorization", cat("Basic ", base64_encode(user_and_password))}};
  };
  EXPECT_EQ(mount("a", digest, ticket.word(), as("ann:wrong")).status, 401);
  EXPECT_EQ(ask("a", digest.str(), ticket.word()).status, 401);
  EXPECT_FALSE(ticket.is_redeemed());
  EXPECT_EQ(mount("a", digest, ticket.word(), as("ann:secret")).status, 201);
}

TEST_F(Tickets, ARegistryWithoutAnEngineKnowsNone) {
  options_.tickets = nullptr;
  restart();
  const oci::Digest digest = in_engine("bytes");
  const auto ticket = tickets_.issue(*engine_, digest);
  EXPECT_EQ(mount("a", digest, ticket.word()).status, 202);
}

}  // namespace
}  // namespace skiff::registry
