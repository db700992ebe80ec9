// The cache, end to end: what is found again, why something is not, what pruning removes.
#include "solver/cache.h"

#include <thread>

#include "builder/build_fixture.h"

namespace skiff::builder {
namespace {

class Cached : public BuildFixture {};

// A change of the context, the Dockerfile or the request, and the reason that step must give.
struct Mutation {
  const char* name;
  std::function<void(const Path& context, BuildRequest& request)> apply;
  int step;
  const char* reason;
};

constexpr const char* kDockerfile =
    "FROM scratch AS lib\n"          // 1
    "COPY lib /lib\n"                // 2
    "FROM base:1\n"                  // 3
    "ARG V=1\n"                      // 4
    "ENV MODE=fast LEVEL=$V\n"       // 5
    "COPY src/*.c src/conf /src/\n"  // 6
    "WORKDIR /work\n"                // 7
    "COPY --from=lib /lib /lib\n"    // 8
    "COPY <<EOF /etc/motd\n"         // 9
    "hello\n"
    "EOF\n"
    "LABEL x=y\n";  // 10

void put(const Path& file, std::string_view text) {
  std::filesystem::create_directories(file.parent_path());
  UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  FdSink sink(fd.get());
  ASSERT_TRUE(sink.write(text));
}

auto edit(const char* from, const char* to) {
  return [=](const Path&, BuildRequest& request) {
    std::string changed = replace_all(*request.dockerfile_text, from, to);
    ASSERT_NE(changed, *request.dockerfile_text);
    request.dockerfile_text = changed;
  };
}
auto file(const char* path, const char* text) {
  return [=](const Path& context, BuildRequest&) { put(context / path, text); };
}

const Mutation kMutations[] = {
    {"FileChanged", file("src/a.c", "A2"), 6, "src/a.c changed"},
    {"SameSizeAndTime",
     [](const Path& context, BuildRequest&) {
       struct stat st{};
       ASSERT_EQ(::stat((context / "src/b.c").c_str(), &st), 0);
       put(context / "src/b.c", "X");
       const timespec times[2] = {st.st_atim, st.st_mtim};
       ASSERT_EQ(::utimensat(AT_FDCWD, (context / "src/b.c").c_str(), times, 0), 0);
     },
     6, "src/b.c changed"},
    {"FileNew", file("src/c.c", "C"), 6, "src/c.c is new"},
    {"FileGone",
     [](const Path& context, BuildRequest&) { std::filesystem::remove(context / "src/b.c"); }, 6,
     "src/b.c is gone"},
    {"FileOfDirectory", file("src/conf", "F2"), 6, "src/conf changed"},
    {"Mode",
     [](const Path& context, BuildRequest&) { ::chmod((context / "src/a.c").c_str(), 0755); }, 6,
     "mode or owner of src/a.c: 0644 is now 0755"},
    {"DirectoryMode",
     [](const Path& context, BuildRequest&) { ::chmod((context / "lib/deep").c_str(), 0700); }, 2,
     "mode or owner of lib/deep: 0755 is now 0700"},
    {"BecomesLink",
     [](const Path& context, BuildRequest&) {
       std::filesystem::remove(context / "lib/x");
       std::filesystem::create_symlink("y", context / "lib/x");
     },
     2, "lib/x changed"},
    {"OtherStage", file("lib/x", "L2"), 8, "lib/x changed"},
    {"OtherStageItself", file("lib/x", "L3"), 2, "lib/x changed"},
    {"Ignored", file(".dockerignore", "src/a.c\n"), 6, "src/a.c is gone"},
    {"BuildArgument", [](const Path&, BuildRequest& request) { request.build_args["V"] = "2"; }, 4,
     "build argument V changed"},
    {"DefaultOfArgument", edit("V=1", "V=3"), 4, "\"ARG V=1\" is now \"ARG V=3\""},
    {"ArgumentInEnvironment",
     [](const Path&, BuildRequest& request) { request.build_args["V"] = "4"; }, 5,
     "the expanded instruction changed"},
    {"Environment", edit("MODE=fast", "MODE=slow"), 5, "the expanded instruction changed"},
    {"Workdir", edit("/work", "/other"), 7, "\"WORKDIR /work\" is now \"WORKDIR /other\""},
    {"Destination", edit("/src/", "/source/"), 6,
     "\"COPY src/*.c src/conf /src/ # buildkit\" is now "
     "\"COPY src/*.c src/conf /source/ # buildkit\""},
    {"Heredoc", edit("hello", "hallo"), 9, "heredoc EOF changed"},
    {"Label", edit("x=y", "x=z"), 10, "\"LABEL x=y\" is now \"LABEL x=z\""},
    {"BaseImage", edit("base:1", "base:2"), 4, "base image base:1 is now base image base:2"},
    {"EarlierStep", file("src/a.c", "A3"), 7, "result of COPY src/*.c src/conf /src/ changed"},
};

TEST_F(Cached, TwentyMutationsNameTheirTrueCause) {
  for (const char* path : {"base1", "base2"}) write(path, path);
  for (const char* n : {"1", "2"}) {
    BuildRequest base = request(cat("FROM scratch\nCOPY base", n, " /base\n"));
    base.tags = {*oci::Reference::parse(cat("base:", n))};
    built(base);
  }
  auto fill = [&] {
    for (const char* directory : {"src", "lib"}) std::filesystem::remove_all(context() / directory);
    std::filesystem::remove(context() / ".dockerignore");
    write("src/a.c", "A");
    write("src/b.c", "B");
    write("src/conf", "F");
    write("lib/x", "L");
    write("lib/deep/y", "L");
    ::chmod((context() / "lib/deep").c_str(), 0755);
  };
  fill();
  built(kDockerfile);
  EXPECT_EQ(told_.missed[2], "never built before");
  for (const Mutation& mutation : kMutations) {
    SCOPED_TRACE(mutation.name);
    fill();
    BuildRequest wanted = request(kDockerfile);
    images::Image before = built(wanted);  // the nearest record is the unchanged one's
    EXPECT_EQ(told_.cached.size(), 8);
    mutation.apply(context(), wanted);
    built(wanted);
    EXPECT_EQ(told_.missed[mutation.step], mutation.reason);
    EXPECT_EQ(std::ranges::count(told_.cached, mutation.step), 0);
  }
}

TEST_F(Cached, ExplainsAllDifferences) {
  write("a", "A");
  write("b", "B");
  const std::string dockerfile = "FROM scratch\nCOPY a b /x/";
  built(dockerfile);
  EXPECT_EQ(told_.differences[2], std::vector<std::string>());  // nothing to compare with
  write("a", "A2");
  std::filesystem::remove(context() / "b");
  write("c", "C");
  built("FROM scratch\nCOPY a c /x/");
  EXPECT_EQ(
      told_.differences[2],
      (std::vector<std::string>{"\"COPY a b /x/ # buildkit\" is now \"COPY a c /x/ # buildkit\"",
                                "a changed", "c is new", "b is gone"}));
  EXPECT_EQ(told_.missed[2], told_.differences[2].front());
}

TEST_F(Cached, FlagsArePartOfTheStory) {
  write("a", "A");
  BuildRequest wanted = request("FROM scratch AS one\nCOPY a /");
  built(wanted);
  wanted.no_cache = true;
  built(wanted);
  EXPECT_EQ(told_.missed[2], "--no-cache");
  wanted.no_cache = false;
  wanted.no_cache_stages = {"one"};
  built(wanted);
  EXPECT_EQ(told_.missed[2], "--no-cache-filter");
}

TEST_F(Cached, OtherPlatformIsNamed) {
  BuildRequest wanted = request("FROM scratch\nWORKDIR /w\nUSER 1");
  wanted.platforms = {*oci::Platform::parse("linux/amd64")};
  built(wanted);
  wanted.dockerfile_text = "FROM scratch\nWORKDIR /w\nCOPY a /\nUSER 1";
  write("a", "A");
  wanted.platforms = {*oci::Platform::parse("linux/riscv64")};
  built(wanted);
  EXPECT_EQ(told_.missed[3], "never built before");
  wanted.platforms = {*oci::Platform::parse("linux/s390x")};
  write("a", "A2");
  built(wanted);
  EXPECT_EQ(told_.differences[3],
            (std::vector<std::string>{"platform: \"linux/riscv64\" is now \"linux/s390x\"",
                                      "a changed"}));
}

TEST_F(Cached, WhatWasPrunedOrLostSaysSo) {
  write("a", "A");
  const std::string dockerfile = "FROM scratch\nCOPY a /";
  images::Image image = built(dockerfile);
  ASSERT_EQ(builder_->prune({})->removed.size(), 1);
  const std::string today = format_rfc3339(Clock::system().now()).substr(0, 10);
  built(dockerfile);
  EXPECT_EQ(told_.missed[2], cat("evicted (pruned on ", today, ")"));
  ASSERT_TRUE(images_->content().remove(image.manifest_doc.layers[0].digest));
  built(dockerfile);
  EXPECT_EQ(told_.missed[2], cat("evicted (its layer was gone on ", today, ")"));
  write("a", "A2");
  built(dockerfile);
  EXPECT_EQ(told_.missed[2], "a changed");
}

TEST_F(Cached, SameContentSameImageWhateverTheTimes) {
  write("a", "A");
  images::Image first = built("FROM scratch\nCOPY a /\nENV X=1");
  const timespec times[2] = {{5, 0}, {5, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (context() / "a").c_str(), times, 0), 0);
  images::Image second = built("FROM scratch\nCOPY a /\nENV X=1");
  EXPECT_EQ(told_.cached, (std::vector<int>{2, 3}));
  EXPECT_EQ(first.id, second.id);
  EXPECT_EQ(first.target.digest, second.target.digest);
}

TEST_F(Cached, CacheOutlivesTheBuilder) {
  write("a", "A");
  images::Image first = built("FROM scratch\nCOPY a /");
  open_builder_again();
  EXPECT_EQ(built("FROM scratch\nCOPY a /").id, first.id);
  EXPECT_EQ(told_.cached, std::vector<int>{2});
}

TEST_F(Cached, NoCacheExecutesAndRecordsAnew) {
  write("a", "A");
  BuildRequest wanted = request("FROM scratch\nCOPY a /\nLABEL a=b");
  built(wanted);
  wanted.no_cache = true;
  built(wanted);
  EXPECT_TRUE(told_.cached.empty());
  wanted.no_cache = false;
  built(wanted);
  EXPECT_EQ(told_.cached.size(), 2);
}

TEST_F(Cached, LabelDoesNotInvalidateWhatFollows) {
  write("a", "A");
  built("FROM scratch\nLABEL v=1\nCOPY a /");
  built("FROM scratch\nLABEL v=2\nCOPY a /");
  EXPECT_EQ(told_.cached, std::vector<int>{3});
}

TEST_F(Cached, StepsAreToldInOrderWithTheirTotal) {
  write("a", "A");
  built(
      "FROM scratch AS one\nCOPY a /1\nFROM scratch AS two\nCOPY a /2\n"
      "FROM scratch\nCOPY --from=one / /\nCOPY --from=two / /");
  std::vector<std::string> expected;
  for (int step = 1; step <= 7; ++step) {
    expected.push_back(cat("start ", step, "/7"));
    expected.push_back(cat("done ", step));
  }
  expected.emplace_back(cat("built ", oci::Platform::host().str()));
  EXPECT_EQ(told_.log, expected);
}

TEST_F(Cached, RecordsSurviveTheImageAndGoWithPrune) {
  write("a", "A");
  images::Image image = built("FROM scratch\nCOPY a /\nLABEL x=y");
  auto records = builder_->disk_usage();
  ASSERT_TRUE(records);
  ASSERT_EQ(records->size(), 1);
  EXPECT_TRUE((*records)[0].shared);
  EXPECT_FALSE((*records)[0].in_use);
  EXPECT_GT((*records)[0].size, 0);
  EXPECT_TRUE((*records)[0].description.ends_with("COPY a /"));
  auto nobody = [](const oci::Digest&) { return images::ImageUser(); };
  ASSERT_TRUE(images_->remove("test:1", true, false, nobody));
  EXPECT_FALSE((*builder_->disk_usage())[0].shared);
  ASSERT_TRUE(images_->collect_garbage());
  EXPECT_EQ(built("FROM scratch\nCOPY a /\nLABEL x=y").id, image.id);
  EXPECT_EQ(told_.cached.size(), 2);
  ASSERT_TRUE(images_->remove("test:1", true, false, nobody));
  auto pruned = builder_->prune({});
  ASSERT_TRUE(pruned) << pruned.error().message();
  EXPECT_EQ(pruned->removed.size(), 1);
  EXPECT_GT(pruned->freed_bytes, 0);
  EXPECT_TRUE(builder_->disk_usage()->empty());
  ASSERT_TRUE(images_->snapshots().walk([](const snapshot::Info& info) -> Result<> {
    ADD_FAILURE() << info.name;
    return {};
  }));
}

TEST_F(Cached, LostLayerIsMadeAgain) {
  write("a", "A");
  images::Image image = built("FROM scratch\nCOPY a /");
  ASSERT_TRUE(images_->content().remove(image.manifest_doc.layers[0].digest));
  built("FROM scratch\nCOPY a /");
  EXPECT_TRUE(told_.cached.empty());
  built("FROM scratch\nCOPY a /");
  EXPECT_EQ(told_.cached.size(), 1);
}

// Bytes of files below a directory, but for databases.
uint64_t bytes_below(const Path& directory) {
  uint64_t out = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    const bool database = entry.path().filename().native().find(".db") != std::string::npos;
    if (entry.is_regular_file() && !database) out += entry.file_size();
  }
  return out;
}

TEST_F(Cached, LimitIsKeptBeforeALayerIsWritten) {
  constexpr uint64_t kLimit = 6 << 20;
  constexpr size_t kLayer = 1 << 20;
  options_.cache_limit = kLimit;
  open_builder_again();
  auto nobody = [](const oci::Digest&) { return images::ImageUser(); };
  for (int i = 0; i < 12; ++i) {
    write("a", random_bytes(kLayer));
    BuildRequest wanted = request("FROM scratch AS one\nCOPY a /\nWORKDIR /w");
    built(wanted);
    ASSERT_TRUE(images_->remove("test:1", true, false, nobody));
    images_->content().settle();
    images_->snapshots().settle();
    uint64_t used = 0;
    for (const CacheRecord& record : *builder_->disk_usage()) used += record.size;
    EXPECT_LE(used, kLimit);
    const uint64_t on_disk =
        bytes_below(root() / "content/blobs") + bytes_below(root() / "snapshots");
    EXPECT_LE(on_disk, kLimit + kLimit / 100);
  }
  EXPECT_GE(builder_->disk_usage()->size(), 4);  // as many as there is room for
  built("FROM scratch AS one\nCOPY a /\nWORKDIR /w");
  EXPECT_EQ(told_.cached, (std::vector<int>{2, 3}));
  // More than all of it is refused, and nothing is evicted for it.
  const size_t before = builder_->disk_usage()->size();
  write("a", random_bytes(kLimit));
  EXPECT_NE(
      error_of(request("FROM scratch\nCOPY a /")).find("the limit of 7 MB for the build cache"),
      std::string::npos);
  EXPECT_EQ(builder_->disk_usage()->size(), before);
}

TEST_F(Cached, TheLimitTakesWhatWasUsedLongestAgo) {
  constexpr size_t kLayer = 1 << 20;
  options_.cache_limit = 5 * kLayer;
  open_builder_again();
  const std::string first = random_bytes(kLayer);
  write("first", first);
  write("second", random_bytes(kLayer));
  built("FROM scratch\nCOPY first /");
  built("FROM scratch\nCOPY second /");
  built("FROM scratch\nCOPY first /");  // used again
  write("third", random_bytes(kLayer));
  built("FROM scratch\nCOPY third /");
  built("FROM scratch\nCOPY first /");
  EXPECT_EQ(told_.cached, std::vector<int>{2});
  built("FROM scratch\nCOPY second /");
  const std::string today = format_rfc3339(Clock::system().now()).substr(0, 10);
  EXPECT_EQ(told_.missed[2], cat("evicted (for the cache's limit on ", today, ")"));
}

TEST_F(Cached, EqualConcurrentBuildsRunAStepOnce) {
  for (int i = 0; i < 200; ++i) write(cat("d/", i), cat(i));
  constexpr int kBuilds = 4;
  std::array<Told, kBuilds> told;
  std::array<std::string, kBuilds> ids;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kBuilds; ++i) {
      threads.emplace_back([&, i] {
        auto result = builder_->build(request("FROM scratch\nCOPY d /d\nWORKDIR /w"),
                                      [&](const BuildEvent& e) { told[i](e); }, {});
        ids[i] = result ? result->id.str() : result.error().message();
      });
    }
  }
  size_t cached = 0;
  for (const Told& one : told) cached += one.cached.size();
  EXPECT_EQ(cached, 2 * (kBuilds - 1));
  for (const std::string& id : ids) EXPECT_EQ(id, ids[0]);
}

}  // namespace
}  // namespace skiff::builder
