// What is made for a cache that is given away, and what is told of it.
#include "builder/cache_image_fixture.h"
#include "remote/test_registry.h"

namespace skiff::builder {
namespace {

TEST_F(CacheImage, AFailureIsAWarningWhereItMayBe) {
  BuildRequest wanted = request(kDockerfile);
  wanted.cache_to = {{.directory = root() / "missing" / "there"}};
  EXPECT_NE(error_of(wanted).find("export build cache"), std::string::npos);
  wanted.cache_to[0].ignore_error = true;
  built(wanted);
  ASSERT_EQ(told_.warnings.size(), 1);
  EXPECT_NE(told_.warnings[0].find("export build cache"), std::string::npos) << told_.warnings[0];
}

TEST_F(CacheImage, LayersAreCompressedAsAskedAndAnewByForce) {
  const std::string lines = "FROM scratch\nCOPY a /\nCOPY b /";
  std::string types;
  const auto read_types = [&](PortableCache& cache) {
    types.clear();
    for (const NewRecord& record : cache.records) {
      if (record.result.layer) types += cat(record.result.layer->blob.media_type, " ");
    }
  };
  const std::string gzip = cat(oci::kMediaTypeLayerGzip, " ", oci::kMediaTypeLayerGzip, " ");
  built(exporting(lines));
  change_records(read_types);
  EXPECT_EQ(types, gzip);
  BuildRequest zstd = exporting(lines);
  zstd.cache_to[0].compression = CompressForm{.compression = Compression::kZstd};
  built(zstd);
  change_records(read_types);
  EXPECT_EQ(types, gzip) << "it has them";
  zstd.cache_to[0].force_compression = true;
  const images::Image image = built(zstd);
  change_records(read_types);
  EXPECT_EQ(types, replace_all(gzip, "gzip", "zstd"));
  forget();
  EXPECT_EQ(built(importing(lines)).id, image.id);
  EXPECT_EQ(told_.cached, (std::vector<int>{2, 3}));
}

// Not even by force: of what is there no level is known.
TEST_F(CacheImage, ALayerThatHasTheFormStaysAsItIs) {
  std::string words;
  for (int i = 0; i < 20'000; ++i) words += cat(i * 7919 % 20'011, " ");
  write("a", words);
  std::string blob;
  const auto read_blob = [&](PortableCache& cache) {
    blob = cache.records.at(0).result.layer->blob.digest.str();
  };
  BuildRequest small = exporting("FROM scratch\nCOPY a /");
  small.cache_to[0].compression = CompressForm{.compression = Compression::kZstd, .level = 19};
  built(small);
  change_records(read_blob);
  const std::string first = blob;
  forget();
  BuildRequest again = importing("FROM scratch\nCOPY a /");
  again.cache_to = small.cache_to;
  again.cache_to[0].compression = CompressForm{.compression = Compression::kZstd, .level = {}};
  again.cache_to[0].force_compression = true;
  built(again);
  change_records(read_blob);
  EXPECT_EQ(blob, first);
}

// Where nothing is new nothing is compressed, by force or not: the layers' blobs are not looked at.
TEST_F(CacheImage, WhatIsThereIsNotMadeAgain) {
  for (const bool force : {false, true}) {
    for (const auto compression : {Compression::kGzip, Compression::kZstd}) {
      const std::string name = cat(force ? "forced " : "", static_cast<int>(compression));
      write("a", name);
      BuildRequest wanted = exporting("FROM scratch\nCOPY a /");
      CachePlace& place = wanted.cache_to[0];
      place.directory = exported() / name;
      std::filesystem::create_directories(place.directory);
      place.compression = CompressForm{.compression = compression, .level = {}};
      place.force_compression = force;
      const images::Image image = built(wanted);
      const std::string before = *read_file(place.directory / "index.json");
      const std::string blob = image.manifest_doc.layers.at(0).digest.hex();
      int emptied = 0;
      for (const auto& file : std::filesystem::recursive_directory_iterator(root() / "content")) {
        if (file.path().filename() != blob) continue;
        std::filesystem::resize_file(file.path(), 0);
        ++emptied;
      }
      EXPECT_EQ(emptied, 1);
      built(wanted);
      EXPECT_EQ(told_.cached, std::vector<int>{2}) << name;
      EXPECT_EQ(*read_file(place.directory / "index.json"), before) << name;
    }
  }
}

TEST_F(CacheImage, WhatBecomesOfCachesIsTold) {
  built(importing("FROM scratch\nCOPY a /"));
  EXPECT_EQ(join(told_.caches, ";"),
            "importing cache manifest from directory, latest: failed to configure cache importer: "
            "directory, latest: not found");
  EXPECT_EQ(join(told_.warnings, ";"), "import build cache from directory, latest: there is none");
  built(exporting("FROM scratch\nCOPY a /"));
  EXPECT_EQ(join(told_.caches, ";"), "exporting cache to client directory");
}

// What a registry says goes to terminals.
TEST_F(CacheImage, FailuresAreToldWithoutControls) {
  remote::TestRegistry registry;
  options_.client = remote::quick_options();
  open_builder_again();
  registry.instead = [](net::Request&, net::ResponseWriter& w) {
    EXPECT_TRUE(w.send(403, "application/json",
                       R"({"errors":[{"code":"DENIED","message":"no\u001b[2J"}]})"));
    return true;
  };
  BuildRequest wanted = request("FROM scratch\nCOPY a /");
  wanted.cache_from = {{.reference = registry.ref("cache:1")}};
  wanted.cache_to = {{.reference = registry.ref("cache:1"), .ignore_error = true}};
  built(wanted);
  ASSERT_EQ(told_.warnings.size(), 2U);
  ASSERT_EQ(told_.caches.size(), 2U);
  for (const auto& texts : {told_.warnings, told_.caches}) {
    for (const std::string& text : texts) {
      EXPECT_NE(text.find("no\\x1b[2J"), std::string::npos) << text;
      EXPECT_EQ(text.find('\x1b'), std::string::npos) << text;
    }
  }
}

}  // namespace
}  // namespace skiff::builder
