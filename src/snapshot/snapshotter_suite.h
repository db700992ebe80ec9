// What every Snapshotter does, as tests. A back end includes this in one _test.cpp and writes
//
//   INSTANTIATE_TEST_SUITE_P(Overlay, SnapshotterSuite, testing::Values(&open_overlay));
//
// Needs root: mounts, owners and device nodes are real.
#pragma once

#include <signal.h>
#include <sys/wait.h>

#include "snapshot/snapshotter.h"
#include "snapshot/suite_support.h"

namespace skiff::snapshot {

using OpenSnapshotter = Result<std::unique_ptr<Snapshotter>> (*)(const Path& root,
                                                                 const Clock& clock);

class SnapshotterSuite : public testing::TestWithParam<OpenSnapshotter> {
 protected:
  void SetUp() override { reopen(); }

  void reopen() {
    store_.reset();
    auto opened = GetParam()(root_, clock_);
    ASSERT_TRUE(opened) << opened.error().message();
    store_ = std::move(*opened);
  }
  Result<> unpack(const std::string& name, const std::string& parent, std::string_view tar) {
    StringSource source(tar);
    return store_->unpack(name, parent, source);
  }
  void must_unpack(const std::string& name, const std::string& parent, std::string_view tar) {
    auto done = unpack(name, parent, tar);
    ASSERT_TRUE(done) << done.error().message();
  }
  MountedSnapshot mount(const std::string& key) {
    Path target = dir_.path() / cat("mnt-", key, "-", mounts_++);
    EXPECT_TRUE(make_directories(target));
    auto what = store_->mount_of(key);
    EXPECT_TRUE(what) << what.error().message();
    auto mounted = MountedSnapshot::mount(*what, target);
    EXPECT_TRUE(mounted) << mounted.error().message();
    return std::move(*mounted);
  }
  MountedSnapshot mount_view(const std::string& parent) {
    std::string key = cat("view-", mounts_);
    EXPECT_TRUE(store_->view(key, parent));
    return mount(key);
  }
  Listing listing_of(const std::string& name, RootShown root_shown = RootShown::kNo) {
    return list_tree(mount_view(name).path(), root_shown);
  }
  std::string diff_of(const std::string& key) {
    StringSink tar;
    auto done = store_->diff(key, tar);
    EXPECT_TRUE(done) << done.error().message();
    return tar.take();
  }
  std::vector<std::string> changes_of(const std::string& key) {
    auto changes = store_->changes(key);
    EXPECT_TRUE(changes) << changes.error().message();
    std::vector<std::string> lines;
    for (const Change& change : *changes) {
      lines.push_back(cat("CAD"[static_cast<int>(change.kind)], " ", change.path));
    }
    return lines;
  }
  std::vector<std::string> names() {
    std::vector<std::string> found;
    EXPECT_TRUE(store_->walk([&](const Info& info) -> Result<> {
      found.push_back(info.name);
      return {};
    }));
    return found;
  }
  // How many files the store keeps: what a failure must not change.
  int64_t files_on_disk() {
    if (store_) store_->settle();
    return std::distance(std::filesystem::recursive_directory_iterator(root_), {});
  }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-snapshot-");
  Path root_ = dir_.path() / "store";
  ManualClock clock_{Clock::system().now()};
  std::unique_ptr<Snapshotter> store_;
  int mounts_ = 0;
};

using Lines = std::vector<std::string>;

TEST_P(SnapshotterSuite, TheLifeOfALayerAndAContainer) {
  must_unpack("base", "", LayerTar().directory("etc").file("etc/host", "a").take());
  must_unpack("top", "base", LayerTar().directory("etc").file("etc/more", "b").take());
  ASSERT_TRUE(store_->prepare("box", "top"));
  {
    MountedSnapshot box = mount("box");
    EXPECT_EQ(*read_file(box.path() / "etc/host"), "a");
    EXPECT_EQ(*read_file(box.path() / "etc/more"), "b");
    ASSERT_TRUE(write_file(box.path() / "etc/host", "changed"));
  }
  EXPECT_EQ(changes_of("box"), (Lines{"C /etc", "C /etc/host"}));
  ASSERT_TRUE(store_->commit("sealed", "box"));
  EXPECT_EQ(*read_file(mount_view("sealed").path() / "etc/host"), "changed");
  EXPECT_EQ(*read_file(mount_view("top").path() / "etc/host"), "a");
}

TEST_P(SnapshotterSuite, StatWalkAndUsage) {
  clock_.advance(std::chrono::seconds(5));
  must_unpack("base", "", LayerTar().file("f", std::string(100'000, 'x')).take());
  ASSERT_TRUE(store_->prepare("box", "base"));
  ASSERT_TRUE(store_->view("look", "base"));
  auto info = store_->stat("box");
  ASSERT_TRUE(info);
  EXPECT_EQ(info->parent, "base");
  EXPECT_EQ(info->kind, Kind::kActive);
  EXPECT_EQ(info->created, clock_.now());
  EXPECT_EQ(store_->stat("base")->kind, Kind::kCommitted);
  EXPECT_EQ(store_->stat("look")->kind, Kind::kView);
  EXPECT_EQ(store_->stat("no").error().code(), Code::kNotFound);
  EXPECT_EQ(names(), (Lines{"base", "box", "look"}));
  auto usage = store_->usage("base");
  EXPECT_GE(usage->bytes, 100'000u);
  EXPECT_LE(usage->inodes, 3u);
  EXPECT_EQ(store_->usage("base")->bytes, usage->bytes);
  {
    ASSERT_TRUE(write_file(mount("box").path() / "new", std::string(50'000, 'y')));
  }
  EXPECT_GE(store_->usage("box")->bytes, 50'000u);
  EXPECT_LT(store_->usage("box")->bytes, 100'000u);
}

TEST_P(SnapshotterSuite, NamesAndParentsAreChecked) {
  must_unpack("base", "", LayerTar().take());
  EXPECT_EQ(unpack("base", "", LayerTar().take()).error().code(), Code::kAlreadyExists);
  EXPECT_EQ(unpack("x", "no", LayerTar().take()).error().code(), Code::kNotFound);
  EXPECT_EQ(store_->prepare("x", "no").error().code(), Code::kNotFound);
  EXPECT_EQ(store_->prepare("base", "").error().code(), Code::kAlreadyExists);
  EXPECT_EQ(store_->prepare("", "").error().code(), Code::kInvalidArgument);
  ASSERT_TRUE(store_->prepare("box", "base"));
  EXPECT_EQ(store_->prepare("y", "box").error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(store_->remove("base").error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(store_->commit("base", "box").error().code(), Code::kAlreadyExists);
  EXPECT_EQ(store_->commit("z", "base").error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(store_->mount_of("base").error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(store_->mount_of("no").error().code(), Code::kNotFound);
  EXPECT_EQ(store_->remove("no").error().code(), Code::kNotFound);
  ASSERT_TRUE(store_->remove("box"));
  ASSERT_TRUE(store_->remove("base"));
  EXPECT_TRUE(names().empty());
}

TEST_P(SnapshotterSuite, RemovingGivesTheRoomBack) {
  int64_t before = files_on_disk();
  must_unpack("base", "", LayerTar().directory("d").file("d/f", "x").take());
  ASSERT_TRUE(store_->prepare("box", "base"));
  {
    ASSERT_TRUE(write_file(mount("box").path() / "d/g", "y"));
  }
  ASSERT_TRUE(store_->remove("box"));
  ASSERT_TRUE(store_->remove("base"));
  EXPECT_EQ(files_on_disk(), before);
}

TEST_P(SnapshotterSuite, SnapshotsOfNothing) {
  ASSERT_TRUE(store_->prepare("box", ""));
  {
    MountedSnapshot box = mount("box");
    ASSERT_TRUE(write_file(box.path() / "f", "x"));
  }
  EXPECT_EQ(changes_of("box"), (Lines{"A /f"}));
  ASSERT_TRUE(store_->view("empty", ""));
  EXPECT_TRUE(list_tree(mount("empty").path()).empty());
  ASSERT_TRUE(store_->commit("base", "box"));
  EXPECT_EQ(listing_of("base").size(), 1u);
}

TEST_P(SnapshotterSuite, AViewIsReadOnly) {
  must_unpack("one", "", LayerTar().file("f", "x").take());
  must_unpack("two", "one", LayerTar().file("g", "x").take());
  for (const char* parent : {"one", "two"}) {
    MountedSnapshot view = mount_view(parent);
    auto written = write_file(view.path() / "f", "y");
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().sys_errno(), EROFS);
  }
  ASSERT_TRUE(store_->view("look", "one"));
  StringSink tar;
  EXPECT_EQ(store_->diff("look", tar).error().code(), Code::kFailedPrecondition);
}

TEST_P(SnapshotterSuite, AnUnmountedSnapshotIsGoneFromTheTree) {
  must_unpack("base", "", LayerTar().file("f", "x").take());
  Path target;
  {
    MountedSnapshot view = mount_view("base");
    target = view.path();
    EXPECT_TRUE(std::filesystem::exists(target / "f"));
  }
  EXPECT_FALSE(std::filesystem::exists(target / "f"));
  UniqueFd held;
  {
    MountedSnapshot view = mount_view("base");
    target = view.path();
    held = *open_file(target / "f", O_RDONLY);  // busy: detached instead
  }
  EXPECT_FALSE(std::filesystem::exists(target / "f"));
}

TEST_P(SnapshotterSuite, HundredsOfLayersMountAtOnce) {
  std::string parent;
  for (int i = 0; i < 300; ++i) {
    std::string name = cat("layer-", i);
    must_unpack(name, parent, LayerTar().file(cat("f", i), "x").file("last", cat(i)).take());
    parent = name;
  }
  MountedSnapshot view = mount_view(parent);
  EXPECT_EQ(list_tree(view.path()).size(), 301u);
  EXPECT_EQ(*read_file(view.path() / "last"), "299");
}

TEST_P(SnapshotterSuite, TheRootOfATreeComesFromItsLayers) {
  must_unpack("base", "", LayerTar().directory("./", 0711).take());
  must_unpack("top", "base", LayerTar().file("f").take());
  ASSERT_TRUE(store_->prepare("box", "top"));
  for (const std::string& key : {std::string("box")}) {
    struct stat st{};
    MountedSnapshot mounted = mount(key);
    ASSERT_EQ(::stat(mounted.path().c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 07777, 0711u);
  }
}

// Layers: how archives become trees.

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
      {"absolute", [&](LayerTar& t) { t.file(outside + "/evil"); }},
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

// Crashes.

// Says on `ready` when it was read to its end, then never returns.
class HangingSource : public Source {
 public:
  HangingSource(std::string_view text, int ready) : text_(text), ready_(ready) {}
  Result<size_t> read(std::span<char> buffer) override {
    size_t n = TRY(text_.read(buffer.first(std::min<size_t>(buffer.size(), 512))));
    if (n > 0) return n;
    if (::write(ready_, "x", 1) != 1) _exit(1);
    for (;;) ::pause();
  }

 private:
  StringSource text_;
  int ready_;
};

TEST_P(SnapshotterSuite, KilledInTheMiddleOfAnUnpackItLeavesNothing) {
  must_unpack("base", "", LayerTar().file("f", "x").take());
  reopen();
  int64_t files = files_on_disk();
  store_.reset();
  LayerTar layer;
  for (int i = 0; i < 50; ++i) layer.file(cat("d", i, "/f"), std::string(1000, 'x'));
  std::string tar = layer.take();
  std::string half = tar.substr(0, tar.size() / 2);
  sys::Pipe pipe = *sys::make_pipe();
  pid_t child = ::fork();
  if (child == 0) {
    auto store = GetParam()(root_, clock_);
    HangingSource source(half, pipe.write.get());
    if (store) [[maybe_unused]]
      auto ignored = (*store)->unpack("half", "base", source);
    _exit(1);
  }
  pipe.write.reset();
  char byte = 0;
  ASSERT_EQ(::read(pipe.read.get(), &byte, 1), 1);
  ::kill(child, SIGKILL);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_GT(files_on_disk(), files);
  reopen();
  EXPECT_EQ(names(), Lines{"base"});
  EXPECT_EQ(files_on_disk(), files);
  EXPECT_EQ(listing_of("base").size(), 1u);
}

TEST_P(SnapshotterSuite, KilledAtRandomItKeepsAllThatWasAcknowledged) {
  int acknowledged = 0;
  for (int round = 0; round < 8; ++round) {
    store_.reset();
    sys::Pipe pipe = *sys::make_pipe();
    pid_t child = ::fork();
    if (child == 0) {
      auto store = GetParam()(root_, clock_);
      if (!store) _exit(1);
      for (int i = acknowledged;; ++i) {
        std::string tar = LayerTar().directory("d").file("d/f", cat(i)).file("g", cat(i)).take();
        StringSource source(tar);
        auto done = (*store)->unpack(cat("layer-", i), i == 0 ? "" : cat("layer-", i - 1), source);
        // The one before the kill may have been committed without having been acknowledged.
        if (!done && done.error().code() != Code::kAlreadyExists) _exit(1);
        if (::write(pipe.write.get(), "x", 1) != 1) _exit(1);
      }
    }
    pipe.write.reset();
    ::usleep(20'000 + static_cast<useconds_t>(round) * 3'000);
    ::kill(child, SIGKILL);
    FdSource source(pipe.read.get());
    acknowledged += static_cast<int>(read_all(source, 1 << 20U)->size());
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    reopen();
    int present = static_cast<int>(names().size());
    EXPECT_GE(present, acknowledged);
    EXPECT_LE(present, acknowledged + 1);
    if (present == 0) continue;
    std::string last = cat(present - 1);
    EXPECT_EQ(*read_file(mount_view(cat("layer-", last)).path() / "d/f"), last);
    for (const std::string& name : names()) {
      if (!name.starts_with("view-")) continue;
      EXPECT_TRUE(store_->remove(name));
    }
  }
  EXPECT_GT(acknowledged, 0);
}

}  // namespace skiff::snapshot
