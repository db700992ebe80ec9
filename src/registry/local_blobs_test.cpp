#include "registry/local_blobs.h"

#include "registry/blobs_suite.h"

namespace skiff::registry {
namespace {

class Files : public BlobsUnderTest {
 public:
  Blobs& blobs() override { return blobs_; }

 private:
  TempDir dir_ = *TempDir::make("/tmp", "skiff-blobs-");
  LocalBlobs blobs_{*content::open_recorded_store(dir_.path())};
};

INSTANTIATE_TEST_SUITE_P(Local, BlobsSuite,
                         testing::Values([]() -> std::unique_ptr<BlobsUnderTest> {
                           return std::make_unique<Files>();
                         }));

TEST(LocalBlobs, HaveNoPlacesToDiscard) {
  Files files;
  const std::string place = "blobs/ab/ab";
  EXPECT_EQ(files.blobs().discard({&place, 1}).front().error().code(), Code::kFailedPrecondition);
}

}  // namespace
}  // namespace skiff::registry
