// What an index says of its entries, and the keys of documents that others would read differently.
#include "registry/test_registry.h"

namespace skiff::registry {
namespace {

class ManifestApiEntries : public RegistryTest {
 protected:
  Reply put(const std::string& bytes, std::string_view type) {
    return client().put_manifest("a", oci::Digest::of(bytes).str(), bytes, type);
  }
  Reply put_index(const std::string& bytes) { return put(bytes, oci::kMediaTypeIndex); }
  void expect_invalid(const Reply& reply, const std::string& words) {
    EXPECT_EQ(reply.status, 400);
    EXPECT_EQ(reply.error(), "MANIFEST_INVALID");
    EXPECT_NE(reply.body.find(words), std::string::npos) << reply.body;
  }
};

TEST_F(ManifestApiEntries, AreWhatTheIndexSaysOfThem) {
  push_image("a", "1", "{}", {});
  const std::string image = image_of("{}", {});
  const std::string index = index_of({image});
  const std::string size = cat("\"size\":", image.size());
  expect_invalid(put_index(replace_all(index, size, "\"size\":3")),
                 cat("manifests[0]: ", oci::Digest::of(image).str(), " is of type ",
                     oci::kMediaTypeManifest, " and has ", image.size(), " bytes"));
  const std::string entry_type = cat("\"mediaType\":\"", oci::kMediaTypeManifest, "\"");
  ASSERT_NE(index.find(entry_type), std::string::npos);
  expect_invalid(put_index(replace_all(index, entry_type,
                                       cat("\"mediaType\":\"", oci::kMediaTypeIndex, "\""))),
                 "manifests[0]");
  EXPECT_EQ(put_index(index).status, 201);
  // As a stock client that flattens images does.
  const std::string other_format = replace_all(
      index, entry_type, "\"mediaType\":\"application/vnd.docker.distribution.manifest.v2+json\"");
  EXPECT_EQ(put_index(other_format).status, 201);
}

TEST_F(ManifestApiEntries, KeysThatAreReadDifferentlyAreRefused) {
  client().push_blob("a", "{}");
  const std::string image = image_of("{}", {}, {{"Name", "x"}, {"name", "y"}});
  const auto with = [&](const std::string& key) {
    return put(cat("{", key, ":[],", image.substr(1)), oci::kMediaTypeManifest);
  };
  for (const char* key : {"Layers", "Config", "MANIFESTS", "mediatype", "layer\u017f"}) {
    expect_invalid(with(cat("\"", key, "\"")), key);
  }
  expect_invalid(with("\"x\":1,\"x\""), "stands twice");
  expect_invalid(
      put(replace_all(image, "\"digest\"", "\"Digest\":\"\",\"digest\""), oci::kMediaTypeManifest),
      "Digest");
  // Others are anybody's.
  EXPECT_EQ(with("\"more\"").status, 201);
  EXPECT_EQ(put(image, oci::kMediaTypeManifest).status, 201);
}

}  // namespace
}  // namespace skiff::registry
