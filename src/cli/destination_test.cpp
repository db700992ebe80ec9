// Where results go: what is there already, what does not fit, and what an interruption leaves.
#include "cli/destination.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include "base/strings.h"
#include "codec/json.h"
#include "codec/tar.h"

namespace skiff::cli {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kEpoch = 1'000'000'000;

struct File {
  std::string name;
  std::string text;  // of a directory none
};

std::string tar_of(const std::vector<File>& files) {
  StringSink tar;
  TarWriter writer(tar);
  for (const File& file : files) {
    TarEntry entry{.name = file.name, .mode = 0644, .size = file.text.size()};
    entry.mtime = TimePoint(std::chrono::seconds(kEpoch));
    if (file.name.ends_with('/')) {
      entry.type = TarType::kDirectory;
      entry.mode = 0555;
    }
    EXPECT_TRUE(writer.add(entry));
    if (entry.type == TarType::kFile) {
      EXPECT_TRUE(writer.write_body(file.text));
    }
  }
  EXPECT_TRUE(writer.finish());
  return tar.take();
}

class DestinationTest : public testing::Test {
 protected:
  Path place() const { return dir_.path() / "out"; }
  void put(const std::string& path, std::string_view text) {
    fs::create_directories((dir_.path() / path).parent_path());
    ASSERT_TRUE(write_file(dir_.path() / path, text));
  }
  std::string text(const std::string& path) {
    return read_file(dir_.path() / path).value_or("none");
  }
  int64_t time_of(const std::string& path) {
    struct stat status{};
    EXPECT_EQ(::lstat((dir_.path() / path).c_str(), &status), 0) << path;
    return status.st_mtime;
  }
  Result<> give(Result<std::unique_ptr<Destination>> to, const std::string& tar) {
    if (!to) return to.error();
    TRY((*to)->write(tar));
    return (*to)->commit();
  }
  // All names below the directory, but for the directory's own.
  std::vector<std::string> names() {
    std::vector<std::string> out;
    for (const auto& entry : fs::recursive_directory_iterator(dir_.path())) {
      out.push_back(entry.path().lexically_relative(dir_.path()));
    }
    std::ranges::sort(out);
    return out;
  }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-cli-");
};

TEST_F(DestinationTest, DirectoriesHaveTheirTimesAndModes) {
  put("out/there/old", "old");
  const std::string tar =
      tar_of({{"d/", ""}, {"d/e/", ""}, {"d/e/f", "F"}, {"there/", ""}, {"there/new", "N"}});
  ASSERT_TRUE(give(to_directory(place()), tar));
  for (const char* path : {"out/d", "out/d/e", "out/d/e/f", "out/there", "out/there/new"}) {
    EXPECT_EQ(time_of(path), kEpoch) << path;
  }
  EXPECT_EQ(fs::status(place() / "d/e").permissions(), fs::perms(0555));
  EXPECT_EQ(text("out/there/old") + text("out/there/new"), "oldN");
}

TEST_F(DestinationTest, WhatDoesNotFitIsSeenBeforeAnythingIsWritten) {
  put("out/z/d", "a file");
  const auto before = names();
  auto met =
      give(to_directory(place()), tar_of({{"a", "A"}, {"z/", ""}, {"z/d/", ""}, {"z/d/f", "F"}}));
  ASSERT_FALSE(met);
  EXPECT_EQ(met.error().message(), cat("nothing is written: ", (place() / "z/d").native(),
                                       " is no directory, and is to be one"));
  EXPECT_EQ(names(), before);
  met = give(to_directory(place()), tar_of({{"a", "A"}, {"z", "Z"}}));
  ASSERT_FALSE(met);
  EXPECT_EQ(met.error().message(), cat("nothing is written: ", (place() / "z").native(),
                                       " is a directory, and is to be none"));
  EXPECT_EQ(names(), before);
  // The place itself.
  EXPECT_FALSE(to_directory(place() / "z/d"));
  EXPECT_EQ(names(), before);
}

TEST_F(DestinationTest, AnInterruptionLeavesNothing) {
  sigset_t interrupt;
  sigset_t before;
  sigemptyset(&interrupt);
  sigaddset(&interrupt, SIGINT);
  ASSERT_EQ(::pthread_sigmask(SIG_BLOCK, &interrupt, &before), 0);
  ::raise(SIGINT);
  const auto given = give(to_directory(place()), tar_of({{"a", "A"}}));
  const timespec none{};
  EXPECT_EQ(::sigtimedwait(&interrupt, nullptr, &none), SIGINT);
  ASSERT_EQ(::pthread_sigmask(SIG_SETMASK, &before, nullptr), 0);
  ASSERT_FALSE(given);
  EXPECT_EQ(given.error().code(), Code::kCancelled);
  EXPECT_TRUE(names().empty());
}

json::Value entry(const std::string& digest, const std::string& name) {
  json::Value out = json::object({{"digest", digest}});
  if (!name.empty()) {
    out.set("annotations", json::object({{"org.opencontainers.image.ref.name", name}}));
  }
  return out;
}

std::string index_of(json::Array entries) {
  return json::object({{"schemaVersion", 2}, {"manifests", json::Value(std::move(entries))}})
      .dump();
}

TEST_F(DestinationTest, ImagesOfALayoutStayBesideNewOnes) {
  const auto give_index = [&](json::Array entries) {
    return give(to_layout(place()), tar_of({{"index.json", index_of(std::move(entries))}}));
  };
  ASSERT_TRUE(give_index({entry("sha256:1", "one"), entry("sha256:2", "")}));
  ASSERT_TRUE(give_index({entry("sha256:3", "three")}));
  EXPECT_EQ(text("out/index.json"), index_of({entry("sha256:1", "one"), entry("sha256:2", ""),
                                              entry("sha256:3", "three")}));
  ASSERT_TRUE(give_index({entry("sha256:4", "one"), entry("sha256:2", "")}));
  EXPECT_EQ(text("out/index.json"), index_of({entry("sha256:3", "three"), entry("sha256:4", "one"),
                                              entry("sha256:2", "")}));
  // One that nobody understands is not thrown away.
  put("out/index.json", "{");
  EXPECT_FALSE(give_index({entry("sha256:5", "five")}));
  EXPECT_EQ(text("out/index.json"), "{");
}

TEST_F(DestinationTest, ATagOfADockerArchiveIsOfOneImage) {
  const auto archive = [](const std::string& config, const std::vector<std::string>& tags) {
    return json::object({{"Config", config}, {"RepoTags", tags}});
  };
  const auto give_archive = [&](const std::string& config, const std::vector<std::string>& tags) {
    return give(
        to_layout(place()),
        tar_of({{"manifest.json", json::Value(json::array({archive(config, tags)})).dump()}}));
  };
  ASSERT_TRUE(give_archive("one", {"a:1", "a:2"}));
  ASSERT_TRUE(give_archive("two", {"a:2"}));
  EXPECT_EQ(text("out/manifest.json"),
            json::Value(json::array({archive("one", {"a:1"}), archive("two", {"a:2"})})).dump());
}

}  // namespace
}  // namespace skiff::cli
