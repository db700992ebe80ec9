#include <fcntl.h>
#include <sys/mount.h>

#include <cerrno>
#include <set>

#include "snapshot/snapshotter_check_suite.h"
#include "snapshot/snapshotter_crash_suite.h"
#include "snapshot/snapshotter_layers_suite.h"
#include "snapshot/snapshotter_mapped_suite.h"
#include "snapshot/snapshotter_trees_suite.h"

namespace skiff::snapshot {
namespace {

template <Backend backend>
Result<std::unique_ptr<Snapshotter>> open_store(const Path& root, const Clock& clock) {
  return open_snapshotter(root, {.backend = backend}, DurableFiles::system(), clock);
}

INSTANTIATE_TEST_SUITE_P(Overlay, SnapshotterSuite,
                         testing::Values(&open_store<Backend::kOverlay>));
INSTANTIATE_TEST_SUITE_P(Erofs, SnapshotterSuite, testing::Values(&open_store<Backend::kErofs>));
INSTANTIATE_TEST_SUITE_P(Overlay, MappedSnapshotterSuite,
                         testing::Values(&open_store<Backend::kOverlay>));
INSTANTIATE_TEST_SUITE_P(Erofs, MappedSnapshotterSuite,
                         testing::Values(&open_store<Backend::kErofs>));

// What is kept of an indexed layer tells itself whether it is whole.
TEST(SnapshotterCheck, ALayersTarIsWhatItsChainIdSays) {
  const TempDir dir = *TempDir::make("/tmp", "skiff-snapshot-");
  const ManualClock clock(Clock::system().now());
  auto store = *open_store<Backend::kErofs>(dir.path(), clock);
  const std::string tar = LayerTar().file("f", std::string(5000, 'x')).take();
  const std::string lower = oci::Digest::of(tar).str();
  const std::string upper = oci::Digest::of(cat(lower, " ", oci::Digest::of(tar).str())).str();
  for (const auto& [name, parent] : {std::pair(lower, std::string()), std::pair(upper, lower)}) {
    StringSource source(tar);
    ASSERT_TRUE(store->unpack(name, parent, source));
  }
  EXPECT_TRUE(check_of(*store, {.deep = true}).empty());
  const Path kept = dir.path() / "snapshots/2/layer.tar";
  std::string bytes = *read_file(kept);
  bytes[1000] ^= 1;
  ASSERT_TRUE(write_file(kept, bytes));
  EXPECT_EQ(check_of(*store).size(), 1u);
  EXPECT_EQ(check_of(*store, {.deep = true}).size(), 1u);
  expect_mended(*store, 1, true);
  EXPECT_TRUE(store->stat(lower));
  EXPECT_FALSE(store->stat(upper));
  // With a damaged tar there is nothing to make an index of.
  std::filesystem::remove(dir.path() / "snapshots/1/layer.erofs");
  ASSERT_TRUE(write_file(dir.path() / "snapshots/1/layer.tar", bytes));
  expect_mended(*store, 1, true);
  EXPECT_FALSE(store->stat(lower));
}

// Without `deep`, too; one that was touched and is as it was is no problem.
TEST(SnapshotterCheck, ATouchedLayerIsRead) {
  const TempDir dir = *TempDir::make("/tmp", "skiff-snapshot-");
  const ManualClock clock(Clock::system().now());
  auto store = *open_store<Backend::kErofs>(dir.path(), clock);
  const std::string tar = LayerTar().file("f", std::string(5000, 'x')).take();
  StringSource source(tar);
  ASSERT_TRUE(store->unpack(oci::Digest::of(tar).str(), "", source));
  const Path kept = dir.path() / "snapshots/1/layer.tar";
  for (const Path& file : {kept, dir.path() / "snapshots/1/layer.erofs"}) {
    ASSERT_TRUE(write_file(file, *read_file(file)));
    EXPECT_TRUE(check_of(*store).empty());
  }
  // The same length, and the time that it had.
  const auto time = std::filesystem::last_write_time(kept);
  std::string bytes = tar;
  bytes[1000] ^= 1;
  ASSERT_TRUE(write_file(kept, bytes));
  std::filesystem::last_write_time(kept, time);
  ASSERT_EQ(check_of(*store).size(), 1u);
  EXPECT_TRUE(store->damaged_below(oci::Digest::of(tar).str())->has_value());
  // A tar that came back is no problem any more.
  ASSERT_TRUE(write_file(kept, tar));
  EXPECT_TRUE(check_of(*store).empty());
  EXPECT_FALSE(store->damaged_below(oci::Digest::of(tar).str())->has_value());
  std::filesystem::resize_file(kept, 4096);
  EXPECT_EQ(check_of(*store).size(), 1u);
}

// Until somebody brings it again; who has it mounted goes on with what he has.
TEST(DamagedLayers, AreNotMounted) {
  const TempDir dir = *TempDir::make("/tmp", "skiff-snapshot-");
  const ManualClock clock(Clock::system().now());
  auto store = *open_store<Backend::kErofs>(dir.path(), clock);
  const std::string tar = LayerTar().file("f", std::string(5000, 'x')).file("g", "1").take();
  const std::string lower = oci::Digest::of(tar).str();
  const std::string upper = oci::Digest::of(cat(lower, " ", oci::Digest::of(tar).str())).str();
  const auto unpack = [&](const std::string& name, const std::string& parent) {
    StringSource source(tar);
    return store->unpack(name, parent, source);
  };
  ASSERT_TRUE(unpack(lower, ""));
  ASSERT_TRUE(unpack(upper, lower));
  const Path old_target = dir.path() / "old";
  const Path new_target = dir.path() / "new target";
  for (const Path& target : {old_target, new_target}) ASSERT_TRUE(make_directories(target));
  ASSERT_TRUE(store->prepare("old", upper));
  const auto old = MountedSnapshot::mount(*store->mount_of("old"), old_target);
  ASSERT_TRUE(old) << old.error().message();

  std::string bytes = tar;
  bytes[1000] ^= 1;
  ASSERT_TRUE(write_file(dir.path() / "snapshots/1/layer.tar", bytes));
  EXPECT_EQ(unpack(lower, "").error().code(), Code::kAlreadyExists);
  EXPECT_EQ(check_of(*store).size(), 1u);
  ASSERT_TRUE(store->prepare("new", upper));
  const auto refused = store->mount_of("new");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kDataLoss);
  EXPECT_TRUE(refused.error().message().starts_with(cat("layer ", lower, " is damaged on disk")));

  // As made of the damaged layer, and of this one.
  const Path flat = dir.path() / "snapshots/2/flat";
  ASSERT_TRUE(make_directories(flat / "fs"));
  ASSERT_TRUE(unpack(lower, ""));
  EXPECT_FALSE(std::filesystem::exists(flat));
  EXPECT_TRUE(check_of(*store, {.deep = true}).empty());
  const auto renewed = MountedSnapshot::mount(*store->mount_of("new"), new_target);
  ASSERT_TRUE(renewed) << renewed.error().message();
  EXPECT_EQ(*read_file(new_target / "f"), std::string(5000, 'x'));
  EXPECT_EQ(*read_file(old_target / "g"), "1");
  // What the layer showed by itself is seen through the lowest mount only.
  EXPECT_EQ(*read_file(dir.path() / "mounts/1/f"), std::string(5000, 'x'));
}

TEST(DamagedLayers, AreReplacedByThoseOfTheOtherBackEnd) {
  const TempDir dir = *TempDir::make("/tmp", "skiff-snapshot-");
  const ManualClock clock(Clock::system().now());
  auto store = *open_store<Backend::kErofs>(dir.path(), clock);
  const std::string tar = LayerTar().file("f", std::string(5000, 'x')).take();
  const std::string name = oci::Digest::of(tar).str();
  const auto unpack = [&] {
    StringSource source(tar);
    return store->unpack(name, "", source);
  };
  ASSERT_TRUE(unpack());
  ASSERT_TRUE(store->prepare("box", name));
  std::filesystem::resize_file(dir.path() / "snapshots/1/layer.tar", 1000);
  EXPECT_EQ(check_of(*store).size(), 1u);
  store.reset();
  store = *open_store<Backend::kOverlay>(dir.path(), clock);
  ASSERT_TRUE(unpack());
  std::set<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(dir.path() / "snapshots/1")) {
    files.insert(entry.path().filename());
  }
  EXPECT_EQ(files, (std::set<std::string>{"digest", "fs"}));
  const Path target = dir.path() / "target";
  ASSERT_TRUE(make_directories(target));
  const auto mounted = MountedSnapshot::mount(*store->mount_of("box"), target);
  ASSERT_TRUE(mounted) << mounted.error().message();
  EXPECT_EQ(*read_file(target / "f"), std::string(5000, 'x'));
  EXPECT_TRUE(check_of(*store, {.deep = true}).empty());
}

TEST(Backends, WhatCannotBeWrittenOnIsTold) {
  const TempDir dir = *TempDir::make("/tmp", "skiff-snapshot-");
  EXPECT_EQ(choose_backend(dir.path()).why_no_upper, "");
  for (const char* part : {"lower", "upper", "work", "root"}) {
    ASSERT_TRUE(make_directories(dir.path() / part));
  }
  const auto root = MountedSnapshot::mount({.lowers = {dir.path() / "lower"},
                                            .upper = dir.path() / "upper",
                                            .work = dir.path() / "work"},
                                           dir.path() / "root");
  ASSERT_TRUE(root) << root.error().message();
  const BackendChoice choice = choose_backend(root->path());
  EXPECT_EQ(choice.backend, Backend::kOverlay);
  EXPECT_NE(choice.why_no_upper, "") << "overlayfs on overlayfs";
  EXPECT_TRUE(std::filesystem::is_empty(root->path()));
}

// What nobody trusts after a crash need not be on the disk when it is unmounted.
TEST(MountedSnapshots, APassingOneCanBeMountedAgain) {
  const TempDir dir = *TempDir::make("/tmp", "skiff-snapshot-");
  for (const char* part : {"lower", "upper", "work", "root"}) {
    ASSERT_TRUE(make_directories(dir.path() / part));
  }
  const Mount what{.lowers = {dir.path() / "lower"},
                   .upper = dir.path() / "upper",
                   .work = dir.path() / "work",
                   .is_passing = true};
  const Path file = dir.path() / "root/f";
  for (const char* text : {"one", "two"}) {
    const auto mounted = MountedSnapshot::mount(what, dir.path() / "root");
    ASSERT_TRUE(mounted) << mounted.error().message();
    ASSERT_TRUE(write_file(file, text));
    EXPECT_EQ(::fsync(open_file(file, O_RDONLY)->get()), 0);
    const std::string mounts = *read_file("/proc/self/mountinfo");
    const size_t at = mounts.find(dir.path().native());
    EXPECT_NE(mounts.substr(at, mounts.find('\n', at) - at).find("volatile"), std::string::npos);
  }
  EXPECT_EQ(*read_file(dir.path() / "upper/f"), "two");
}

TEST(Snapshots, ALayerThatIsThereAlreadyLeavesNothing) {
  const TempDir dir = *TempDir::make("/tmp", "skiff-snapshot-");
  const ManualClock clock(Clock::system().now());
  auto store = *open_store<Backend::kErofs>(dir.path(), clock);
  const std::string tar = LayerTar().file("f", "x").take();
  for (const bool is_new : {true, false}) {
    StringSource source(tar);
    auto layer = store->receive(source, Snapshotter::Position::kFirst, {});
    ASSERT_TRUE(layer) << layer.error().message();
    const auto added = store->add("layer", "", std::move(*layer));
    EXPECT_EQ(added || added.error().code() != Code::kAlreadyExists, is_new);
    EXPECT_TRUE(std::filesystem::is_empty(dir.path() / "new"));
  }
}

// A file system of four MiB.
class FullDisk : public testing::TestWithParam<Backend> {
 protected:
  void SetUp() override {
    ASSERT_EQ(::mount("tmpfs", dir_.path().c_str(), "tmpfs", 0, "size=4m"), 0);
  }
  void TearDown() override { ::umount2(dir_.path().c_str(), MNT_DETACH); }

  // To the last page.
  static void fill(const Path& directory) {
    const UniqueFd file = *open_file(directory / "full", O_WRONLY | O_CREAT, 0600);
    const std::string page(4096, 'x');
    while (::write(file.get(), page.data(), page.size()) > 0) continue;
    EXPECT_EQ(errno, ENOSPC);
  }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-snapshot-");
};

INSTANTIATE_TEST_SUITE_P(Backends, FullDisk, testing::Values(Backend::kErofs, Backend::kOverlay));

TEST_P(FullDisk, IsEmptiedByTheSnapshotThatFillsIt) {
  auto store = *open_snapshotter(dir_.path(), {.backend = GetParam()});
  const auto room = [&] { return std::filesystem::space(dir_.path()).available; };
  ASSERT_TRUE(store->prepare("other", ""));
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(store->prepare("step", ""));
    const Mount mount = *store->mount_of("step");
    const uintmax_t before = room();
    fill(mount.upper);
    ASSERT_EQ(room(), 0U);
    const Result<> removed = store->remove("step");
    ASSERT_TRUE(removed) << removed.error().message();
    store->settle();
    EXPECT_EQ(store->stat("step").error().code(), Code::kNotFound);
    EXPECT_GT(room() + 256 * 1024, before);
  }
  EXPECT_TRUE(store->stat("other"));
  EXPECT_TRUE(check_of(*store, {.deep = true}).empty());
}

// Its directory, its tar and its index, also while it is used.
TEST(IndexedLayers, TakeThreeInodesEach) {
  const TempDir dir = *TempDir::make("/tmp", "skiff-snapshot-");
  const ManualClock clock(Clock::system().now());
  auto store = *open_store<Backend::kErofs>(dir.path(), clock);
  for (int i = 0; i < 3; ++i) {
    const std::string tar = LayerTar().file(cat("f", i), "1").file("implied/g", "2").take();
    StringSource source(tar);
    ASSERT_TRUE(store->unpack(cat(i), i == 0 ? "" : cat(i - 1), source));
  }
  ASSERT_TRUE(store->view("view", "2"));
  const Path target = dir.path() / "target";
  ASSERT_TRUE(make_directories(target));
  const auto mounted = MountedSnapshot::mount(*store->mount_of("view"), target);
  ASSERT_TRUE(mounted) << mounted.error().message();
  EXPECT_EQ(*read_file(target / "f0"), "1");
  for (int i = 0; i < 3; ++i) {
    const std::filesystem::recursive_directory_iterator all(dir.path() / "snapshots" / cat(i + 1));
    EXPECT_EQ(1 + std::distance(all, {}), 3) << i;
    EXPECT_EQ(store->usage(cat(i))->inodes, 3u);
  }
}

TEST(Usage, InPassingNothingIsKept) {
  const TempDir dir = *TempDir::make("/tmp", "skiff-snapshot-");
  const ManualClock clock(Clock::system().now());
  auto store = *open_store<Backend::kOverlay>(dir.path(), clock);
  const std::string tar = LayerTar().file("f", "1").take();
  StringSource source(tar);
  ASSERT_TRUE(store->unpack("layer", "", source));
  const auto inodes = [&](Snapshotter::Asked asked) {
    return store->usage("layer", asked)->inodes;
  };
  EXPECT_EQ(inodes(Snapshotter::Asked::kInPassing), 2u);
  ASSERT_TRUE(write_file(dir.path() / "snapshots/1/fs/more", "2"));
  EXPECT_EQ(inodes(Snapshotter::Asked::kAgain), 3u);
  ASSERT_TRUE(write_file(dir.path() / "snapshots/1/fs/still more", "3"));
  EXPECT_EQ(inodes(Snapshotter::Asked::kInPassing), 3u);
}

// Whichever hash the image's author took for each of them.
TEST(SnapshotterCheck, ALayerNamedBySha512IsWhole) {
  const TempDir dir = *TempDir::make("/tmp", "skiff-snapshot-");
  const ManualClock clock(Clock::system().now());
  auto store = *open_store<Backend::kErofs>(dir.path(), clock);
  const std::string tar = LayerTar().file("f", std::string(5000, 'x')).take();
  std::string parent;
  for (int i = 0; i < 3; ++i) {
    const auto diff_id = oci::Digest::of(tar, HashAlgorithm::kSha512);
    const std::string name =
        (parent.empty() ? diff_id : oci::Digest::of(cat(parent, " ", diff_id.str()))).str();
    StringSource source(tar);
    ASSERT_TRUE(store->unpack(name, parent, source));
    parent = name;
  }
  EXPECT_TRUE(check_of(*store, {.deep = true, .repair = true}).empty());
  EXPECT_TRUE(store->stat(parent));
  std::string bytes = *read_file(dir.path() / "snapshots/1/layer.tar");
  bytes[1000] ^= 1;
  for (const char* layer : {"1", "3"}) {
    ASSERT_TRUE(write_file(dir.path() / "snapshots" / layer / "layer.tar", bytes));
  }
  EXPECT_EQ(check_of(*store, {.deep = true}).size(), 2u);
}

// Tells in which order things are made durable.
class NotingFiles : public DurableFiles {
 public:
  std::vector<std::string> done;

  Result<> sync_file(int fd) override {
    done.push_back(cat("sync ", *read_link_at(AT_FDCWD, cat("/proc/self/fd/", fd))));
    return system().sync_file(fd);
  }
  Result<> rename(const Path& from, const Path& to) override {
    done.push_back(cat("rename ", from.native()));
    return system().rename(from, to);
  }
  Result<> sync_directory(const Path& directory) override {
    done.push_back(cat("sync ", directory.native()));
    return system().sync_directory(directory);
  }
  Result<> unlink(const Path& path) override { return system().unlink(path); }
};

TEST(Durability, ALayersFilesHaveTheirNamesBeforeTheLayerHasIts) {
  for (const Backend backend : {Backend::kErofs, Backend::kOverlay}) {
    const TempDir dir = *TempDir::make("/tmp", "skiff-snapshot-");
    NotingFiles files;
    auto store = *open_snapshotter(dir.path(), {.backend = backend}, files);
    const std::string tar = LayerTar().file("f", "1").take();
    StringSource source(tar);
    ASSERT_TRUE(store->unpack("layer", "", source));
    const auto renamed = std::ranges::find_if(
        files.done, [](const std::string& step) { return step.starts_with("rename "); });
    ASSERT_NE(renamed, files.done.end());
    const std::string made = renamed->substr(std::string_view("rename ").size());
    const auto synced = std::ranges::find(files.done, cat("sync ", made));
    EXPECT_LT(synced, renamed) << name_of(backend);
    EXPECT_NE(std::ranges::find(renamed, files.done.end(),
                                cat("sync ", (dir.path() / "snapshots").native())),
              files.done.end());
  }
}

// What a scrub finds is remembered until it is mended.
TEST(SnapshotterCheck, AScrubReadsLayersOfAnAge) {
  const TempDir dir = *TempDir::make("/tmp", "skiff-snapshot-");
  ManualClock clock(Clock::system().now());
  auto store = *open_store<Backend::kErofs>(dir.path(), clock);
  const std::string tar = LayerTar().file("f", std::string(5000, 'x')).take();
  StringSource source(tar);
  ASSERT_TRUE(store->unpack(oci::Digest::of(tar).str(), "", source));
  size_t told = 0;
  const auto scrub = [&] {
    return *store->scrub({.unread_since = clock.now()}, [&](const Error&) { ++told; }, {});
  };
  EXPECT_EQ(scrub().layers, 0u);
  clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(scrub().bytes, tar.size());
  EXPECT_EQ(scrub().layers, 0u);
  const Path index = dir.path() / "snapshots/1/layer.erofs";
  std::string bytes = *read_file(index);
  bytes[1024 + 200] ^= 1;
  ASSERT_TRUE(write_file(index, bytes));
  clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(scrub().damaged, 1u);
  EXPECT_EQ(scrub().damaged, 1u);
  EXPECT_EQ(told, 2u);
  EXPECT_EQ(check_of(*store).size(), 1u);
  expect_mended(*store, 1);
  EXPECT_EQ(scrub().damaged, 0u);
}

TEST(SnapshotterCheck, AnIndexIsMadeAgainFromItsTar) {
  const TempDir dir = *TempDir::make("/tmp", "skiff-snapshot-");
  const ManualClock clock(Clock::system().now());
  auto store = *open_store<Backend::kErofs>(dir.path(), clock);
  const std::string tar = LayerTar().file("f", "1").file("implied/g", "2").take();
  const std::string name = oci::Digest::of(tar).str();
  StringSource source(tar);
  ASSERT_TRUE(store->unpack(name, "", source));
  ASSERT_TRUE(store->prepare("box", name));
  const Path index = dir.path() / "snapshots/1/layer.erofs";
  std::string bytes = *read_file(index);
  bytes[1024 + 200] ^= 1;
  ASSERT_TRUE(write_file(index, bytes));
  const auto problems = check_of(*store);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_TRUE(problems[0].what.starts_with(cat("layer ", name, " is damaged: its index is")));
  expect_mended(*store, 1, true);
  std::filesystem::remove(index);
  EXPECT_EQ(check_of(*store).at(0).what, cat("layer ", name, " is damaged: its index is gone"));
  expect_mended(*store, 1);
  EXPECT_TRUE(std::filesystem::is_empty(dir.path() / "new"));

  const Path target = dir.path() / "mount";
  ASSERT_TRUE(make_directories(target));
  const auto mounted = MountedSnapshot::mount(*store->mount_of("box"), target);
  ASSERT_TRUE(mounted) << mounted.error().message();
  EXPECT_EQ(*read_file(target / "implied/g"), "2");
}

}  // namespace
}  // namespace skiff::snapshot
