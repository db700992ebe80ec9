#include "buildkit/fetched_source.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "net/test_server.h"

namespace skiff::buildkit {
namespace {

TEST(FetchedSource, AFileHasTheDigestThatIsAskedFor) {
  net::TestServer server(
      [](net::Request&, net::ResponseWriter& w) { return w.send(200, "text/plain", "text"); });
  const auto scratch = *TempDir::make("/tmp", "skiff-fetched-source-test-");
  RemoteSource source{.url = server.url("/a"), .file_name = "f"};
  source.checksum = oci::Digest::of("text");
  const auto fetched = FetchedSource::fetch(source, {}, scratch.path(), {});
  ASSERT_TRUE(fetched) << fetched.error().message();
  EXPECT_EQ(*(*fetched)->read("f", 0, 0), "text");
  source.checksum = oci::Digest::of("other");
  const auto other = FetchedSource::fetch(source, {}, scratch.path(), {});
  ASSERT_FALSE(other);
  EXPECT_TRUE(other.error().message().starts_with(server.url("/a"))) << other.error().message();
  EXPECT_NE(other.error().message().find("digest mismatch"), std::string::npos);
}

}  // namespace
}  // namespace skiff::buildkit
