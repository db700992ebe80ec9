// For tests of caches that are given to other engines.
#pragma once

#include <functional>
#include <string>

#include "builder/build_fixture.h"
#include "solver/portable_records.h"

namespace skiff::builder {

class CacheImage : public BuildFixture {
 protected:
  void SetUp() override {
    BuildFixture::SetUp();
    std::filesystem::create_directories(exported());
    write("a", "A");
    write("b", "B");
  }
  Path exported() const { return root() / "exported"; }
  BuildRequest exporting(const std::string& dockerfile) {
    BuildRequest out = request(dockerfile);
    out.cache_to = {{.directory = exported()}};
    return out;
  }
  BuildRequest importing(const std::string& dockerfile) {
    BuildRequest out = request(dockerfile);
    out.cache_from = {{.directory = exported()}};
    return out;
  }
  // Another engine: nothing is known, nothing is there.
  void forget() {
    auto nobody = [](const oci::Digest&) { return images::ImageUser(); };
    ASSERT_TRUE(images_->remove("test:1", true, false, nobody));
    ASSERT_TRUE(builder_->prune({}));
    ASSERT_TRUE(builder_->disk_usage()->empty());
  }
  // Rewrites what was exported, as who may write there can.
  void change_records(const std::function<void(PortableCache&)>& change) {
    const Path blobs = exported() / "blobs";
    const auto path = [&](const oci::Digest& digest) {
      return blobs / digest.algorithm_name() / digest.hex();
    };
    const auto index = oci::Index::parse(*read_file(exported() / "index.json"));
    ASSERT_EQ(index->manifests.size(), 1);
    oci::Descriptor entry = index->manifests[0];
    const auto manifest = oci::Manifest::parse(*read_file(path(entry.digest)));
    PortableCache cache = *decode_cache(*read_file(path(manifest->config.digest)));
    change(cache);
    const std::string document = encode_cache(cache);
    oci::Descriptor config = manifest->config;
    config.digest = oci::Digest::of(document);
    config.size = document.size();
    const auto changed = oci::Manifest::make(oci::kMediaTypeManifest, config, manifest->layers);
    ASSERT_TRUE(write_file(path(config.digest), document));
    ASSERT_TRUE(write_file(path(changed.descriptor().digest), changed.raw));
    entry.digest = changed.descriptor().digest;
    entry.size = changed.raw.size();
    ASSERT_TRUE(
        write_file(exported() / "index.json", oci::Index::make(oci::kMediaTypeIndex, {entry}).raw));
  }
  static constexpr const char* kDockerfile =
      "FROM scratch AS lib\nCOPY b /lib/\nFROM scratch\nLABEL x=y\nCOPY a /\n"
      "COPY --link a /linked\nWORKDIR /w\nCOPY --from=lib /lib /lib\n";
};

}  // namespace skiff::builder
