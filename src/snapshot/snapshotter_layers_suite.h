// More of what every Snapshotter does: how archives become trees, and which are refused.
#pragma once

#include "snapshot/snapshotter_suite.h"

namespace skiff::snapshot {

TEST_P(SnapshotterSuite, WhiteoutsDeleteWhatLiesBelow) {
  must_unpack("base", "",
              LayerTar()
                  .directory("d")
                  .file("d/a", "1")
                  .file("d/b", "1")
                  .directory("e")
                  .file("e/c", "1")
                  .file("f", "1")
                  .take());
  must_unpack("top", "base",
              LayerTar()
                  .directory("d")
                  .file("d/.wh.a")
                  .file(".wh.e")
                  .file(".wh.never-there")
                  .file(".wh..wh.plnk")
                  .take());
  Listing listing = listing_of("top");
  EXPECT_EQ(listing.size(), 3u);
  EXPECT_TRUE(listing.contains("d/b") && listing.contains("f"));
}

TEST_P(SnapshotterSuite, OpaqueDirectoriesHideOnlyWhatLiesBelow) {
  must_unpack("base", "", LayerTar().directory("d").file("d/old").directory("d/sub").take());
  must_unpack("first", "base",
              LayerTar().directory("d").file("d/.wh..wh..opq").file("d/new").take());
  must_unpack("last", "base",
              LayerTar().directory("d").file("d/new").file("d/.wh..wh..opq").take());
  for (const char* name : {"first", "last"}) {
    Listing listing = listing_of(name);
    EXPECT_EQ(listing.size(), 2u) << name;
    EXPECT_TRUE(listing.contains("d/new")) << name;
  }
  must_unpack("root", "base", LayerTar().file(".wh..wh..opq").file("only").take());
  EXPECT_EQ(listing_of("root").size(), 1u);
}

TEST_P(SnapshotterSuite, AWhiteoutNeverDeletesWhatItsOwnLayerHolds) {
  must_unpack("base", "", LayerTar().directory("d").file("d/old").file("f", "old").take());
  std::string before =
      LayerTar().file(".wh.d").directory("d").file("d/new").file(".wh.f").file("f", "new").take();
  std::string after =
      LayerTar().directory("d").file("d/new").file(".wh.d").file("f", "new").file(".wh.f").take();
  std::string implied = LayerTar().file(".wh.d").file("d/new").file("f", "new").take();
  int n = 0;
  for (const std::string& tar : {before, after, implied}) {
    std::string name = cat("top-", n++);
    must_unpack(name, "base", tar);
    MountedSnapshot view = mount_view(name);
    EXPECT_EQ(list_tree(view.path()).size(), 3u) << name;
    EXPECT_TRUE(std::filesystem::exists(view.path() / "d/new")) << name;
    EXPECT_EQ(*read_file(view.path() / "f"), "new") << name;
  }
}

TEST_P(SnapshotterSuite, WhiteoutsAtTheBottomMeanNothing) {
  must_unpack("base", "", LayerTar().directory("d").file("d/.wh..wh..opq").file(".wh.x").take());
  EXPECT_EQ(listing_of("base").size(), 1u);
}

TEST_P(SnapshotterSuite, TheLastOfADuplicateWins) {
  must_unpack("base", "",
              LayerTar()
                  .file("f", "first")
                  .file("./f", "second")
                  .directory("was-dir")
                  .file("was-dir/x/y", "1")
                  .file("was-dir", "now a file")
                  .file("was-file")
                  .directory("was-file")
                  .file("was-file/x")
                  .symlink("was-link", "f")
                  .file("was-link", "now a file")
                  .directory("d", 0700)
                  .directory("d", 0751)
                  .take());
  MountedSnapshot view = mount_view("base");
  EXPECT_EQ(*read_file(view.path() / "f"), "second");
  EXPECT_EQ(*read_file(view.path() / "was-dir"), "now a file");
  EXPECT_TRUE(std::filesystem::exists(view.path() / "was-file/x"));
  EXPECT_EQ(*read_file(view.path() / "was-link"), "now a file");
  EXPECT_NE(list_tree(view.path()).at("d").find(cat("/", 0751, " ")), std::string::npos);
}

TEST_P(SnapshotterSuite, EntriesMayComeBeforeTheirDirectory) {
  must_unpack("base", "", LayerTar().file("a/b/f", "x").directory("a", 0700).take());
  Listing listing = listing_of("base");
  EXPECT_EQ(listing.size(), 3u);
  EXPECT_NE(listing.at("a").find(cat("/", 0700, " ")), std::string::npos);
  EXPECT_NE(listing.at("a").find("1000000000000000000"), std::string::npos);
  EXPECT_NE(listing.at("a/b").find(cat("/", 0755, " ")), std::string::npos);
}

TEST_P(SnapshotterSuite, AnImpliedDirectoryStaysAsItIsBelow) {
  LayerTar base;
  base.directory("tmp", 01777);
  base.add({.name = "tmp/mine",
            .type = TarType::kDirectory,
            .mode = 0700,
            .uid = 7,
            .gid = 8,
            .mtime = LayerTar::kTime,
            .xattrs = {{"user.color", "red"}}});
  must_unpack("base", "", base.take());
  must_unpack("top", "base", LayerTar().file("tmp/mine/f", "x").take());
  Listing before = listing_of("base");
  Listing after = listing_of("top");
  EXPECT_EQ(after.erase("tmp/mine/f"), 1u);
  EXPECT_EQ(difference(before, after), "");
}

TEST_P(SnapshotterSuite, AFileMayTakeADirectorysPlaceAndTheReverse) {
  must_unpack("base", "", LayerTar().directory("d").file("d/x").file("f").take());
  must_unpack("top", "base", LayerTar().file("d", "file").directory("f").file("f/y").take());
  Listing listing = listing_of("top");
  EXPECT_EQ(listing.size(), 3u);
  EXPECT_TRUE(listing.contains("f/y"));
}

TEST_P(SnapshotterSuite, SymlinksAreFollowedOnlyInsideTheLayer) {
  must_unpack("base", "",
              LayerTar()
                  .directory("usr")
                  .directory("usr/lib")
                  .symlink("lib", "usr/lib")
                  .symlink("usr/up", "../usr/lib")
                  .file("lib/x", "1")
                  .file("usr/up/y", "2")
                  .take());
  MountedSnapshot view = mount_view("base");
  EXPECT_EQ(*read_file(view.path() / "usr/lib/x"), "1");
  EXPECT_EQ(*read_file(view.path() / "usr/lib/y"), "2");
  EXPECT_TRUE(std::filesystem::is_symlink(view.path() / "lib"));
}

TEST_P(SnapshotterSuite, BytesAfterTheEndMarkAreReadToo) {
  std::string tar = LayerTar().file("f", "x").take() + std::string(20'000, '\0');
  StringSource source(tar);
  ASSERT_TRUE(store_->unpack("base", "", source));
  char byte = 0;
  EXPECT_EQ(*source.read({&byte, 1}), 0u);
}

// Bad archives: one clear error, nothing left.

struct HostileEntry {
  const char* what;
  std::function<void(LayerTar&)> add;
};

TEST_P(SnapshotterSuite, ArchivesThatLeaveTheLayerAreRefused) {
  const std::string outside = dir_.path() / "outside";
  ASSERT_TRUE(make_directories(outside) && write_file(Path(outside) / "secret", "s"));
  const std::string up = "../../../../../../../../../.." + outside;
  const HostileEntry kEntries[] = {
      {"dot-dot", [&](LayerTar& t) { t.file("../evil"); }},
      {"dot-dot", [&](LayerTar& t) { t.file("a/../../evil"); }},
      {"dot-dot", [&](LayerTar& t) { t.directory(".."); }},
      {"too long",
       [&](LayerTar& t) {
         std::string name = "f";
         for (int i = 0; i < 100'000; ++i) name.insert(0, "d/");
         t.file(name, "evil");
       }},
      {"link up", [&](LayerTar& t) { t.symlink("evil", up).file("evil/f"); }},
      {"link to root", [&](LayerTar& t) { t.symlink("evil", outside).file("evil/f"); }},
      {"link in two steps",
       [&](LayerTar& t) { t.symlink("a", "..").symlink("evil", "a/..").file("evil/f"); }},
      {"magic link", [&](LayerTar& t) { t.symlink("evil", "/proc/self/cwd").file("evil/f"); }},
      {"link loop", [&](LayerTar& t) { t.symlink("evil", "evil").file("evil/f"); }},
      {"dangling", [&](LayerTar& t) { t.symlink("evil", "nowhere").file("evil/f"); }},
      {"hard link up", [&](LayerTar& t) { t.hard_link("evil", up + "/secret"); }},
      {"hard link", [&](LayerTar& t) { t.hard_link("evil", outside + "/secret"); }},
      {"hard link", [&](LayerTar& t) { t.symlink("l", outside).hard_link("evil", "l/secret"); }},
      {"hard link to nothing", [&](LayerTar& t) { t.hard_link("evil", "not-here"); }},
      {"hard link to a directory", [&](LayerTar& t) { t.directory("d").hard_link("evil", "d"); }},
      {"below a file", [&](LayerTar& t) { t.file("evil").file("evil/f"); }},
      {"whiteout of ..", [&](LayerTar& t) { t.file(".wh..."); }},
      {"whiteout of nothing", [&](LayerTar& t) { t.file("evil/.wh."); }},
      {"whiteout up", [&](LayerTar& t) { t.file("../.wh.evil"); }},
      {"whiteout as directory", [&](LayerTar& t) { t.file(".wh.evil/f"); }},
      {"opaque through a link",
       [&](LayerTar& t) { t.symlink("evil", outside).file("evil/.wh..wh..opq"); }},
      {"whiteout device",
       [&](LayerTar& t) { t.add({.name = "evil", .type = TarType::kCharDevice}); }},
      {"owner out of range", [&](LayerTar& t) { t.add({.name = "evil", .uid = 1ULL << 40U}); }},
      {"long name", [&](LayerTar& t) { t.file(std::string(300, 'e')); }},
      {"root as a file", [&](LayerTar& t) { t.file("."); }},
  };
  must_unpack("base", "", LayerTar().file("below").take());
  int64_t files = files_on_disk();
  Listing before = list_tree(outside);
  for (const HostileEntry& entry : kEntries) {
    LayerTar tar;
    tar.directory("innocent").file("innocent/f", "x");
    entry.add(tar);
    auto refused = unpack("evil", "base", tar.take());
    ASSERT_FALSE(refused) << entry.what;
    EXPECT_EQ(refused.error().code(), Code::kInvalidArgument)
        << entry.what << ": " << refused.error().message();
    EXPECT_NE(refused.error().message().find("layer entry"), std::string::npos)
        << entry.what << ": " << refused.error().message();
    EXPECT_EQ(names(), Lines{"base"}) << entry.what;
    EXPECT_EQ(files_on_disk(), files) << entry.what;
    EXPECT_EQ(difference(before, list_tree(outside)), "") << entry.what;
  }
}

TEST_P(SnapshotterSuite, OverlaysOwnAttributesAreNotTakenFromAnArchive) {
  must_unpack("base", "", LayerTar().directory("secret").file("secret/f", "s").take());
  LayerTar tar;
  tar.add({.name = "evil",
           .type = TarType::kDirectory,
           .mode = 0755,
           .xattrs = {{"trusted.overlay.redirect", "/secret"}, {"trusted.overlay.opaque", "y"}}});
  must_unpack("top", "base", tar.take());
  MountedSnapshot view = mount_view("top");
  EXPECT_FALSE(std::filesystem::exists(view.path() / "evil/f"));
}

TEST_P(SnapshotterSuite, ATruncatedArchiveLeavesNothing) {
  std::string tar = LayerTar().directory("d").file("d/f", std::string(10'000, 'x')).take();
  int64_t files = files_on_disk();
  for (size_t size : {tar.size() / 3, tar.size() / 2, size_t{100}}) {
    EXPECT_FALSE(unpack("cut", "", std::string_view(tar).substr(0, size))) << size;
    EXPECT_TRUE(names().empty());
    EXPECT_EQ(files_on_disk(), files);
  }
}

// Cancels at its first read.
class CancellingSource : public Source {
 public:
  CancellingSource(std::string_view text, CancelSource& cancel) : text_(text), cancel_(cancel) {}
  Result<size_t> read(std::span<char> buffer) override {
    cancel_.cancel();
    return text_.read(buffer);
  }

 private:
  StringSource text_;
  CancelSource& cancel_;
};

TEST_P(SnapshotterSuite, ACancelledUnpackLeavesNothing) {
  int64_t files = files_on_disk();
  CancelSource cancel;
  std::string tar = LayerTar().file("f", "x").file("g", "y").take();
  CancellingSource source(tar, cancel);
  EXPECT_EQ(store_->unpack("base", "", source, cancel.token()).error().code(), Code::kCancelled);
  EXPECT_TRUE(names().empty());
  EXPECT_EQ(files_on_disk(), files);
}

}  // namespace skiff::snapshot
