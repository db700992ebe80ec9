// What every store of a registry's blobs must do. Instantiated by the tests of each.
#pragma once

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/strings.h"
#include "registry/blobs.h"

namespace skiff::registry {

// A store, and whatever it needs to be there.
class BlobsUnderTest {
 public:
  virtual ~BlobsUnderTest() = default;
  virtual Blobs& blobs() = 0;
};

// The row of an upload, as the metadata keeps it.
struct UploadNotes {
  UploadState state;
  int64_t version = 0;

  // For one writer: as UploadSessions gives it.
  Blobs::Keep keeper() {
    return [this, seen = version](const UploadState& next) mutable -> Result<> {
      if (seen != version) return Error(Code::kAborted, "somebody else goes on with it");
      state = next;
      seen = ++version;
      return {};
    };
  }
};

inline Result<std::string> read_blob(Blobs& blobs, const oci::Digest& digest, const BlobPlace& at,
                                     uint64_t offset, uint64_t size) {
  const auto source = TRY(blobs.open(digest, at));
  EXPECT_EQ(source->size(), at.size);
  std::string got;
  TRY(source->read(offset, size, [&](std::string_view bytes) -> Result<> {
    got += bytes;
    return {};
  }));
  return got;
}

class BlobsSuite : public testing::TestWithParam<std::unique_ptr<BlobsUnderTest> (*)()> {
 protected:
  Blobs& blobs() { return under_test_->blobs(); }
  static std::string new_upload() { return random_hex(32); }
  std::unique_ptr<UploadWriter> resume(const std::string& id, UploadNotes& notes,
                                       HashAlgorithm algorithm = HashAlgorithm::kSha256) {
    if (notes.version == 0) notes.state = blobs().first_state();
    auto writer = blobs().resume(id, algorithm, notes.state, notes.keeper());
    EXPECT_TRUE(writer) << writer.error().message();
    return writer ? *std::move(writer) : nullptr;
  }
  // As a request that ends with its state told.
  void settle(UploadWriter& writer, UploadNotes& notes) {
    const auto state = writer.settle();
    ASSERT_TRUE(state) << state.error().message();
    notes.state = *state;
    ++notes.version;
  }
  void expect_whole(const std::string& bytes, const oci::Digest& digest, const BlobPlace& at) {
    EXPECT_EQ(at.size, bytes.size());
    EXPECT_TRUE(blobs().verify(digest, at, {.always = true}));
    if (bytes.empty()) return;
    EXPECT_TRUE(*read_blob(blobs(), digest, at, 0, bytes.size()) == bytes);
    const uint64_t middle = bytes.size() / 2;
    EXPECT_EQ(*read_blob(blobs(), digest, at, middle, 1), bytes.substr(middle, 1));
  }

  std::unique_ptr<BlobsUnderTest> under_test_ = GetParam()();
};

constexpr size_t kMiB = size_t{1} << 20U;

TEST_P(BlobsSuite, WhatWasWrittenIsRead) {
  for (const size_t size : {size_t{0}, size_t{1}, 8 * kMiB, 17 * kMiB + 3}) {
    const std::string bytes = random_bytes(size);
    const std::string id = new_upload();
    UploadNotes notes;
    auto writer = resume(id, notes);
    ASSERT_TRUE(writer->write(bytes));
    EXPECT_EQ(writer->offset(), size);
    const oci::Digest digest = oci::Digest::of(bytes);
    const auto at = blobs().finish(*writer, digest);
    ASSERT_TRUE(at) << at.error().message();
    expect_whole(bytes, digest, *at);
  }
}

TEST_P(BlobsSuite, OtherBytesAreRefused) {
  const std::string id = new_upload();
  UploadNotes notes;
  auto writer = resume(id, notes);
  ASSERT_TRUE(writer->write("bytes"));
  const auto at = blobs().finish(*writer, oci::Digest::of("others"));
  ASSERT_FALSE(at);
  EXPECT_EQ(at.error().code(), Code::kDataLoss);
  EXPECT_EQ(at.error().sys_errno(), 0);
  writer.reset();
  EXPECT_TRUE(blobs().abandon(id, notes.state));
}

TEST_P(BlobsSuite, AnUploadGoesOnBehindWhatWasTold) {
  for (const size_t chunk : {700 * size_t{1024}, 6 * kMiB, 10 * kMiB}) {
    const std::string bytes = random_bytes(20 * kMiB + 1);
    const std::string id = new_upload();
    UploadNotes notes;
    for (size_t done = 0; done < bytes.size();) {
      auto writer = resume(id, notes);
      ASSERT_EQ(writer->offset(), done);
      const std::string_view some = std::string_view(bytes).substr(done, chunk);
      ASSERT_TRUE(writer->write(some));
      settle(*writer, notes);
      done += some.size();
      EXPECT_EQ(notes.state.bytes.offset, done);
    }
    auto writer = resume(id, notes);
    const oci::Digest digest = oci::Digest::of(bytes);
    const auto at = blobs().finish(*writer, digest);
    ASSERT_TRUE(at) << at.error().message();
    expect_whole(bytes, digest, *at);
  }
}

TEST_P(BlobsSuite, ADigestOfAnotherAlgorithmIsCompared) {
  for (const bool is_right : {true, false}) {
    const std::string bytes = random_bytes(9 * kMiB);
    UploadNotes notes;
    auto writer = resume(new_upload(), notes);
    ASSERT_TRUE(writer->write(bytes));
    const oci::Digest digest =
        oci::Digest::of(is_right ? bytes : std::string("other"), HashAlgorithm::kSha512);
    const auto at = blobs().finish(*writer, digest);
    ASSERT_EQ(at.has_value(), is_right);
    if (at) {
      expect_whole(bytes, digest, *at);
    } else {
      EXPECT_EQ(at.error().code(), Code::kDataLoss);
    }
  }
}

TEST_P(BlobsSuite, WhatIsNotThereIsNotWhole) {
  const BlobPlace nowhere{.size = 5, .place = ""};
  const oci::Digest digest = oci::Digest::of("never stored");
  EXPECT_EQ(blobs().verify(digest, nowhere).error().code(), Code::kNotFound);
  EXPECT_EQ(blobs().open(digest, nowhere).error().code(), Code::kNotFound);
}

}  // namespace skiff::registry
