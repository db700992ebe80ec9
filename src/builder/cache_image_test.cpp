// Caches given to other engines: in a directory, and in a registry.
#include <thread>

#include "builder/cache_image_fixture.h"
#include "builder/run_fixture.h"

namespace skiff::builder {
namespace {

TEST_F(CacheImage, AnotherEngineHasEveryStepCached) {
  const images::Image image = built(exporting(kDockerfile));
  forget();
  EXPECT_EQ(built(importing(kDockerfile)).id, image.id);
  EXPECT_EQ(told_.cached, (std::vector<int>{2, 4, 5, 6, 7, 8}));
  EXPECT_EQ(told_.missed.size(), 0);
  EXPECT_EQ(text_in(*images_->find("test:1"), "lib/b"), "B");
  // They are its own now.
  built(kDockerfile);
  EXPECT_EQ(told_.cached.size(), 6);
}

TEST_F(CacheImage, OfTheResultAloneIsWhatWasAskedFor) {
  const std::string dockerfile =
      "FROM scratch AS lib\nCOPY b /other/\nFROM scratch\nCOPY a /\nCOPY --from=lib /other /lib\n";
  BuildRequest wanted = exporting(dockerfile);
  wanted.cache_to[0].of_result = true;
  built(wanted);
  forget();
  built(importing(dockerfile));
  EXPECT_EQ(told_.cached, (std::vector<int>{4, 5}));  // 2 is of a stage before the last
}

TEST_F(CacheImage, MissesAfterAnImportAreExplained) {
  built(exporting(kDockerfile));
  forget();
  write("a", "A2");
  open_builder_again();
  built(importing(kDockerfile));
  EXPECT_EQ(told_.missed[5], "a changed");
}

TEST_F(CacheImage, WritersAreUnited) {
  built(exporting("FROM scratch\nCOPY a /"));
  built(exporting("FROM scratch\nCOPY b /"));
  forget();
  built(importing("FROM scratch\nCOPY a /"));
  EXPECT_EQ(told_.cached, std::vector<int>{2});
  built(importing("FROM scratch\nCOPY b /"));
  EXPECT_EQ(told_.cached, std::vector<int>{2});
}

TEST_F(CacheImage, WritersAtTheSameTimeAreUnited) {
  constexpr int kWriters = 4;
  for (int i = 0; i < kWriters; ++i) write(cat("f", i), cat(i));
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kWriters; ++i) {
      threads.emplace_back([&, i] {
        auto result = builder_->build(exporting(cat("FROM scratch\nCOPY f", i, " /")), {}, {});
        EXPECT_TRUE(result) << result.error().message();
      });
    }
  }
  forget();
  for (int i = 0; i < kWriters; ++i) {
    built(importing(cat("FROM scratch\nCOPY f", i, " /")));
    EXPECT_EQ(told_.cached, std::vector<int>{2}) << i;
  }
}

class CacheImageOfRuns : public RunFixture {};

TEST_F(CacheImageOfRuns, CacheMountsTravelOnRequest) {
  const Path place = root() / "exported";
  std::filesystem::create_directories(place);
  BuildRequest wanted = request("FROM base:1\nRUN --mount=type=cache,target=/c echo kept > /c/f");
  wanted.cache_to = {{.directory = place, .mounts = true}};
  built(wanted);
  ASSERT_TRUE(builder_->prune({}));
  wanted.cache_to.clear();
  wanted.dockerfile_text = "FROM base:1\nRUN --mount=type=cache,target=/c cat /c/f; true";
  wanted.cache_from = {{.directory = place}};
  built(wanted);
  EXPECT_EQ(told_.output.find("kept"), std::string::npos);
  ASSERT_TRUE(builder_->prune({}));
  wanted.cache_from[0].mounts = true;
  built(wanted);
  EXPECT_EQ(told_.output, "kept\n");
}

// A cache image whose record of one step has the key of another one, too: who imports it for the
// first step has not the second one built from it.
TEST_F(CacheImage, ARecordStandsForNoStepButTheOneThatAskedForIt) {
  const std::string first = "FROM scratch\nCOPY a /f";
  const std::string second = "FROM scratch\nCOPY b /f";
  built(exporting(first));
  built(exporting(second));
  forget();
  change_records([](PortableCache& cache) {
    ASSERT_EQ(cache.records.size(), 2);
    const bool a_first = cache.records[0].identity.text == "COPY a /f";
    NewRecord own = cache.records[a_first ? 0 : 1];
    const NewRecord& other = cache.records[a_first ? 1 : 0];
    own.keys.insert(own.keys.end(), other.keys.begin(), other.keys.end());
    cache.records = {own};
  });
  EXPECT_EQ(text_in(built(importing(first)), "f"), "A");
  EXPECT_EQ(told_.cached, std::vector<int>{2});
  EXPECT_EQ(text_in(built(second), "f"), "B");
  EXPECT_TRUE(told_.cached.empty());
}

// Nor for one that stands on something else than the record says.
TEST_F(CacheImage, ARecordOfAnotherGroundIsNotTaken) {
  const std::string lines = "FROM scratch\nCOPY a /x\nCOPY b /y";
  built(exporting(lines));
  forget();
  change_records([](PortableCache& cache) {
    for (NewRecord& record : cache.records) {
      if (record.parent.empty()) continue;
      // Files without what they stood on.
      record.parent.clear();
      record.result.layer->snapshot = record.result.layer->diff_id.str();
      record.result.id = record.result.layer->snapshot;
    }
  });
  EXPECT_EQ(tree(built(importing(lines)), "%P"), "x\ny");
  EXPECT_EQ(told_.cached, std::vector<int>{2});
}

TEST_F(CacheImage, AnImageTellsOfItsOwnStepsWhereAskedTo) {
  const images::Image plain = built(kDockerfile);
  BuildRequest wanted = request(kDockerfile);
  wanted.build_args["BUILDKIT_INLINE_CACHE"] = "1";
  const images::Image image = built(wanted);
  EXPECT_EQ(told_.cached.size(), 6);
  EXPECT_TRUE(told_.warnings.empty());
  EXPECT_NE(image.id, plain.id);
  EXPECT_EQ(image.config.serialize(), plain.config.serialize());
  EXPECT_EQ(plain.config_bytes.find(kInlineMember), std::string::npos);
  wanted.build_args.clear();
  wanted.inline_cache = true;
  EXPECT_EQ(built(wanted).id, image.id);
  // All are of the image's layers; the stage's COPY has made the same one as that from the stage.
  const json::Value told = *json::parse(image.config_bytes)->find(kInlineMember);
  const auto records = decode_inline(told, image.config.diff_ids, image.manifest_doc.layers);
  ASSERT_TRUE(records) << records.error().message();
  EXPECT_EQ(
      std::ranges::count_if(*records, [](const auto& r) { return r.result.layer.has_value(); }), 6);
  // And what another image stands on is none of its business.
  EXPECT_EQ(built("FROM test:1\nLABEL z=1").config_bytes.find(kInlineMember), std::string::npos);
}

TEST_F(CacheImage, AnotherEngineUsesWhatAnImageTells) {
  const std::string lines = "FROM scratch\nLABEL x=y\nCOPY a /\nCOPY --link b /linked\nWORKDIR /w";
  UniqueFd file(::open((root() / "image.tar").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  FdSink sink(file.get());
  BuildRequest wanted = request(lines);
  wanted.inline_cache = true;
  wanted.outputs = {{.type = OutputType::kImage}, {.type = OutputType::kOci, .file = &sink}};
  const images::Image image = built(wanted);
  ASSERT_TRUE(sys::run_captured(
      {.args = {"tar", "-C", exported().native(), "-xf", (root() / "image.tar").native()}}));
  forget();
  wanted = importing(lines);
  wanted.inline_cache = true;
  wanted.cache_from[0].tag = "1";
  EXPECT_EQ(built(wanted).id, image.id);
  EXPECT_TRUE(told_.warnings.empty());
  EXPECT_EQ(told_.cached, (std::vector<int>{2, 3, 4, 5}));
  // What is known of the steps by now explains the next miss.
  write("a", "A2");
  open_builder_again();
  built(lines);
  EXPECT_EQ(told_.missed[3], "a changed");
}

TEST_F(CacheImage, AnImageThatIsHereTellsToo) {
  const std::string lines = "FROM scratch\nCOPY a /\nCOPY b /";
  BuildRequest wanted = request(lines);
  wanted.inline_cache = true;
  const images::Image image = built(wanted);
  ASSERT_TRUE(builder_->prune({.all = true}));
  ASSERT_TRUE(builder_->disk_usage()->empty());
  wanted.cache_from = {{.image = "test:1"}};
  EXPECT_EQ(built(wanted).id, image.id);
  EXPECT_TRUE(told_.warnings.empty());
  EXPECT_EQ(told_.cached, (std::vector<int>{2, 3}));
  // By its id, and before anybody asks the registry of its name.
  for (const CachePlace& place :
       {CachePlace{.image = image.id.str()},
        CachePlace{.reference = *oci::Reference::parse("127.0.0.1:1/a"), .image = "test"}}) {
    ASSERT_TRUE(images_->tag(image, *oci::Reference::parse("test:latest")));
    ASSERT_TRUE(builder_->prune({.all = true}));
    wanted.cache_from = {place};
    built(wanted);
    EXPECT_TRUE(told_.warnings.empty());
    EXPECT_EQ(told_.cached, (std::vector<int>{2, 3}));
  }
}

TEST_F(CacheImage, AnImageThatIsNotHereIsAWarning) {
  BuildRequest wanted = request("FROM scratch\nCOPY a /");
  wanted.cache_from = {{.image = "none:1"}};
  built(wanted);
  ASSERT_EQ(told_.warnings.size(), 1U);
  EXPECT_EQ(told_.warnings[0], "import build cache from none:1: No such image: none:1");
}

TEST_F(CacheImage, WhatImagesTellIsJudged) {
  const oci::Digest layer = oci::Digest::of("layer");
  const oci::Descriptor blob{.media_type = std::string(oci::kMediaTypeLayer), .digest = layer};
  NewRecord record{.keys = {std::string(64, 'a')}};
  record.result.layer = Layer{.diff_id = layer};
  record.result.id = layer.str();
  const auto told = encode_inline({record}, {layer}, std::nullopt);
  ASSERT_TRUE(told);
  const auto decode = [&](const json::Value& value, size_t blobs = 1) {
    return decode_inline(value, {layer}, std::vector<oci::Descriptor>(blobs, blob));
  };
  ASSERT_TRUE(decode(*told));
  EXPECT_EQ(decode(*told)->at(0).result.layer->blob.digest, layer);
  EXPECT_FALSE(decode(*told, 2));
  EXPECT_FALSE(decode_inline(*told, {oci::Digest::of("other")}, {blob}));
  EXPECT_FALSE(encode_inline({record}, {oci::Digest::of("other")}, std::nullopt));
  for (const char* text :
       {"null", "[]", "1", R"({"version":2})", R"({"version":1,"records":[1]})"}) {
    EXPECT_FALSE(decode(*json::parse(text))) << text;
  }
  // Each character of it another one: never more than what the image has.
  const std::string text = told->dump();
  for (size_t i = 0; i < text.size(); ++i) {
    for (const char c : {'"', '0', '}', '\0', 'z'}) {
      std::string changed = text;
      changed[i] = c;
      const auto value = json::parse(changed);
      const auto records = value ? decode(*value) : Result<std::vector<NewRecord>>(value.error());
      for (const NewRecord& one : records ? *records : std::vector<NewRecord>()) {
        ASSERT_EQ(one.keys.size(), 1) << changed;
        EXPECT_EQ(one.result.layer ? one.result.id : "", one.result.layer ? layer.str() : "");
      }
    }
  }
}

TEST_F(CacheImage, NothingThereIsAWarning) {
  built(importing("FROM scratch\nCOPY a /"));
  ASSERT_EQ(told_.warnings.size(), 1U);
  EXPECT_EQ(told_.warnings[0], "import build cache from directory, latest: there is none");
  EXPECT_TRUE(told_.cached.empty());
}

TEST_F(CacheImage, WhatIsNoCacheOrDamagedIsAWarning) {
  built(exporting("FROM scratch\nCOPY a /"));
  forget();
  // A layer that is another one.
  Path damaged;
  for (const auto& entry : std::filesystem::directory_iterator(exported() / "blobs/sha256")) {
    auto text = *read_file(entry.path());
    if (text.starts_with('{')) continue;
    text[text.size() / 2] ^= 1;
    ASSERT_TRUE(write_file(entry.path(), text));
    damaged = entry.path();
  }
  built(importing("FROM scratch\nCOPY a /"));
  EXPECT_TRUE(told_.cached.empty());
  // Or none at all: nobody waits for who writes into a pipe.
  ASSERT_FALSE(damaged.empty());
  std::filesystem::remove(damaged);
  ASSERT_EQ(::mkfifo(damaged.c_str(), 0600), 0);
  forget();
  built(importing("FROM scratch\nCOPY a /"));
  EXPECT_TRUE(told_.cached.empty());
  ASSERT_TRUE(write_file(exported() / "index.json", "{"));
  built(importing("FROM scratch\nCOPY b /"));
  ASSERT_EQ(told_.warnings.size(), 1);
  EXPECT_TRUE(told_.warnings[0].starts_with("import build cache from directory, latest: "))
      << told_.warnings[0];
}

TEST_F(CacheImage, RecordsThatContradictThemselvesAreRefused) {
  NewRecord record{.keys = {std::string(64, 'a')}, .parent = oci::Digest::of("p").str()};
  record.result.id = record.parent;
  EXPECT_TRUE(decode_cache(encode_cache({.records = {record}})));
  record.result.id = oci::Digest::of("other").str();
  EXPECT_FALSE(decode_cache(encode_cache({.records = {record}})));
  record.result.layer = Layer{.diff_id = oci::Digest::of("x")};
  EXPECT_FALSE(decode_cache(encode_cache({.records = {record}})));
  record.keys = {"a"};
  EXPECT_FALSE(decode_cache(encode_cache({.records = {record}})));
  for (const char* text : {"", "[]", "{}", R"({"version":2,"records":[]})"}) {
    EXPECT_FALSE(decode_cache(text)) << text;
  }
}

}  // namespace
}  // namespace skiff::builder
