#include "api/image_json.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace skiff::api {
namespace {

using Names = std::vector<std::string>;

images::Image image(std::string_view id, std::string_view target, const char* name) {
  images::Image out;
  out.id = oci::Digest::of(id);
  out.target.digest = oci::Digest::of(target);
  out.names = {*oci::Reference::parse(name)};
  out.config.platform = oci::Platform::host();
  return out;
}

std::string digest_name(std::string_view repository, std::string_view target) {
  return cat(repository, "@", oci::Digest::of(target).str());
}

TEST(ImageRows, NamesOfAnIndexAreKeptFromThoseOfItsManifest) {
  images::Image other = image("other", "index", "app:2");
  other.config.platform.architecture = "s390x";
  const auto rows =
      image_rows({image("id", "manifest", "app:1"), other, image("id", "index", "app:2")});
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].tags, Names{"app:1"});
  EXPECT_EQ(rows[0].digests, Names{digest_name("app", "manifest")});
  EXPECT_EQ(rows[1].tags, Names{"app:2"});
  EXPECT_EQ(rows[1].digests, Names{digest_name("app", "index")});
  EXPECT_EQ(rows[1].image.id, oci::Digest::of("id"));
  EXPECT_EQ(rows[1].image.target.digest, oci::Digest::of("index"));
}

TEST(ImageRows, AnImageIsCountedOnce) {
  const auto rows =
      one_row_an_id(image_rows({image("id", "manifest", "app:1"), image("id", "index", "app:2"),
                                image("other", "third", "app:3")}));
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].tags, (Names{"app:1", "app:2"}));
  EXPECT_EQ(rows[0].digests.size(), 2U);
  EXPECT_EQ(rows[1].tags, Names{"app:3"});
}

}  // namespace
}  // namespace skiff::api
