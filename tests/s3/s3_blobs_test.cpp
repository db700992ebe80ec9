// A registry's blobs in an S3 store that runs (test_store.h), by several nodes.
#include "registry/s3_blobs.h"

#include "registry/blobs_suite.h"
#include "test_store.h"

namespace skiff::registry {
namespace {

// Each opens the same part of the bucket, as another node does.
class Node : public BlobsUnderTest {
 public:
  explicit Node(std::string prefix = cat("nodes/", random_hex(8), "/"), bool redirect = false)
      : prefix_(std::move(prefix)),
        blobs_(
            *open_s3_blobs({.bucket = s3::store_options(), .prefix = prefix_, .redirect = redirect},
                           dir_.path())) {}
  Blobs& blobs() override { return *blobs_; }
  const std::string& prefix() const { return prefix_; }

 private:
  TempDir dir_ = *TempDir::make("/tmp", "skiff-s3-blobs-");
  std::string prefix_;
  std::unique_ptr<Blobs> blobs_;
};

INSTANTIATE_TEST_SUITE_P(S3, BlobsSuite, testing::Values([]() -> std::unique_ptr<BlobsUnderTest> {
                           return std::make_unique<Node>();
                         }));

class S3Blobs : public testing::Test {
 protected:
  static std::unique_ptr<UploadWriter> resume(Node& node, UploadNotes& notes) {
    auto writer = node.blobs().resume(kId, HashAlgorithm::kSha256, notes.state, notes.keeper());
    EXPECT_TRUE(writer) << writer.error().message();
    return *std::move(writer);
  }
  static void settle(UploadWriter& writer, UploadNotes& notes) {
    const auto state = writer.settle();
    ASSERT_TRUE(state) << state.error().message();
    notes.state = *state;
    ++notes.version;
  }
  size_t objects() const {
    return s3::Bucket::open(s3::store_options())->list(here_.prefix())->objects.size();
  }
  void discard(const std::vector<std::string>& places) {
    for (const Result<>& outcome : here_.blobs().discard(places)) {
      EXPECT_TRUE(outcome) << outcome.error().message();
    }
  }
  BlobPlace push(const std::string& id, const std::string& bytes, UploadNotes& notes) {
    auto writer = *here_.blobs().resume(id, HashAlgorithm::kSha256, {}, notes.keeper());
    EXPECT_TRUE(writer->write(bytes));
    return *here_.blobs().finish(*writer, oci::Digest::of(bytes));
  }

  static constexpr const char* kId = "0123456789abcdef0123456789abcdef";
  Node here_;
  Node there_{here_.prefix()};
};

// The node dies in the middle of a chunk: what it had told is what another goes on behind.
TEST_F(S3Blobs, GoOnOnAnotherNode) {
  const std::string bytes = random_bytes(30 * kMiB);
  const std::string_view all = bytes;
  UploadNotes notes;
  auto dead = resume(here_, notes);
  ASSERT_TRUE(dead->write(all.substr(0, 9 * kMiB)));
  settle(*dead, notes);
  dead = resume(here_, notes);
  ASSERT_TRUE(dead->write(all.substr(9 * kMiB, 12 * kMiB)));
  const UploadNotes seen = notes;
  EXPECT_GE(seen.state.bytes.offset, 9 * kMiB);

  auto alive = resume(there_, notes);
  ASSERT_EQ(alive->offset(), notes.state.bytes.offset);
  ASSERT_TRUE(alive->write(all.substr(alive->offset())));
  settle(*alive, notes);
  alive = resume(there_, notes);
  const oci::Digest digest = oci::Digest::of(bytes);
  const auto at = there_.blobs().finish(*alive, digest);
  ASSERT_TRUE(at) << at.error().message();
  EXPECT_TRUE(here_.blobs().verify(digest, *at, {.always = true}));
}

// It did not die, it is slow: what it still sends is refused, and changes nothing.
TEST_F(S3Blobs, AreNotChangedByWhoWasOvertaken) {
  const std::string bytes = random_bytes(17 * kMiB);
  UploadNotes notes;
  auto slow = resume(here_, notes);
  ASSERT_TRUE(slow->write(std::string(7 * kMiB, 'x')));
  auto quick = resume(there_, notes);
  ASSERT_TRUE(quick->write(bytes));
  const auto late = slow->write(std::string(10 * kMiB, 'x'));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), Code::kAborted) << late.error().message();
  const oci::Digest digest = oci::Digest::of(bytes);
  const auto at = there_.blobs().finish(*quick, digest);
  ASSERT_TRUE(at) << at.error().message();
  EXPECT_TRUE(here_.blobs().verify(digest, *at, {.always = true}));
}

// Between the object and its row: the next request finds that it was done.
TEST_F(S3Blobs, AreFinishedAgainWhereNobodyHeardOfIt) {
  const std::string bytes = random_bytes(9 * kMiB);
  const oci::Digest digest = oci::Digest::of(bytes);
  UploadNotes notes;
  auto dead = resume(here_, notes);
  ASSERT_TRUE(dead->write(bytes));
  const auto first = here_.blobs().finish(*dead, digest);
  ASSERT_TRUE(first) << first.error().message();
  auto alive = resume(there_, notes);
  EXPECT_EQ(alive->offset(), bytes.size());
  const auto again = there_.blobs().finish(*alive, digest);
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(again->place, first->place);
  EXPECT_TRUE(there_.blobs().verify(digest, *again, {.always = true}));
}

TEST_F(S3Blobs, OfOneDigestAreApart) {
  const std::string bytes = random_bytes(kMiB);
  const oci::Digest digest = oci::Digest::of(bytes);
  UploadNotes first_notes;
  UploadNotes second_notes;
  const BlobPlace first = push(random_hex(32), bytes, first_notes);
  const BlobPlace second = push(random_hex(32), bytes, second_notes);
  EXPECT_NE(first.place, second.place);
  discard({first.place});
  EXPECT_EQ(here_.blobs().verify(digest, first).error().code(), Code::kDataLoss);
  EXPECT_TRUE(here_.blobs().verify(digest, second, {.always = true}));
}

TEST_F(S3Blobs, LeaveNothingOfWhatWasAbandoned) {
  for (const bool is_finished : {false, true}) {
    UploadNotes notes;
    const std::string bytes = random_bytes(9 * kMiB);
    auto writer = resume(here_, notes);
    ASSERT_TRUE(writer->write(bytes.substr(0, 100)));
    settle(*writer, notes);
    writer = resume(here_, notes);
    ASSERT_TRUE(writer->write(bytes.substr(100)));
    settle(*writer, notes);
    writer = resume(here_, notes);
    if (is_finished) {
      EXPECT_TRUE(here_.blobs().finish(*writer, oci::Digest::of(bytes)));
    }
    EXPECT_GT(objects(), 0U);
    const auto left = here_.blobs().abandon(kId, notes.state);
    ASSERT_TRUE(left);
    discard(*left);
    discard(*left);  // by another node, too
    EXPECT_EQ(objects(), 0U);
    // Nobody makes a blob of it any more.
    EXPECT_FALSE(here_.blobs().finish(*writer, oci::Digest::of(bytes)));
  }
}

TEST_F(S3Blobs, LeaveNothingBesideTheBlob) {
  UploadNotes notes;
  const std::string bytes = random_bytes(12 * kMiB);
  for (size_t done = 0; done < bytes.size(); done += 3 * kMiB) {
    auto writer = resume(here_, notes);
    ASSERT_TRUE(writer->write(bytes.substr(done, 3 * kMiB)));
    settle(*writer, notes);
  }
  auto writer = resume(here_, notes);
  const auto at = here_.blobs().finish(*writer, oci::Digest::of(bytes));
  ASSERT_TRUE(at) << at.error().message();
  discard(here_.blobs().leftovers(kId, notes.state, *at));
  EXPECT_EQ(objects(), 1U);
  EXPECT_TRUE(here_.blobs().verify(oci::Digest::of(bytes), *at, {.always = true}));
}

TEST_F(S3Blobs, AreLinkedToWhereThatIsWanted) {
  UploadNotes notes;
  const std::string bytes = random_bytes(kMiB);
  const BlobPlace at = push(kId, bytes, notes);
  const oci::Digest digest = oci::Digest::of(bytes);
  EXPECT_EQ((*here_.blobs().open(digest, at))->link(), "");
  Node linking(here_.prefix(), true);
  const std::string link = (*linking.blobs().open(digest, at))->link();
  const auto answer = net::WebClient().send({.url = link});
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_TRUE(answer->body == bytes);
  EXPECT_EQ((*linking.blobs().open(digest, {.size = 100, .place = at.place}))->link(), "");
}

}  // namespace
}  // namespace skiff::registry
