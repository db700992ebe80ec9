// Indexes of layers, mounted: what the kernel shows is what GNU tar and libarchive unpack.
#include "snapshot/layer_index.h"

#include "codec/hash.h"
#include "snapshot/layer_index_test_support.h"
#include "snapshot/tree_samples.h"

namespace skiff::snapshot {
namespace {

TEST(LayerIndex, MountedTreesAreThoseOfTheOracles) {
  const TempDir dir = *TempDir::make("/tmp", "skiff-layer-");
  for (const SampleArchive& each : sample_archives(dir.path())) {
    SCOPED_TRACE(each.command);
    const MountedIndex mounted = mount_layer(each.tar, Position::kLowest);
    expect_judged(each.tar, list_tree(mounted.path(), each.root), each.judges, each.root);
    EXPECT_EQ(expect_agreement(each.tar, Position::kAbove), "");
  }
}

TEST(LayerIndex, RandomTreesAreThoseOfTheOracles) {
  const TempDir dir = *TempDir::make("/tmp", "skiff-layer-");
  const Path tree = dir.path() / "tree";
  ASSERT_TRUE(make_directories(tree));
  for (unsigned round = 0; round < 10; ++round) {
    Scrambler scrambler(tree, round);
    for (int i = 0; i < 80; ++i) scrambler.step();
    const std::string tar = run({"tar", "--format=pax", "-C", tree.native(), "-c", "."});
    SCOPED_TRACE(round);
    const MountedIndex mounted = mount_layer(tar, Position::kLowest);
    expect_judged(tar, list_tree(mounted.path(), RootShown::kYes), Judges::kBoth, RootShown::kYes);
  }
}

// Sparse files whose pieces begin and end anywhere, which GNU tar never writes.
TEST(LayerIndex, OddPiecesOfSparseFiles) {
  const TempDir dir = *TempDir::make("/tmp", "skiff-layer-");
  const std::string tree = (dir.path() / "tree").native();
  ASSERT_TRUE(make_directories(tree));
  run({"python3", "-c", R"(
import io, random, sys, tarfile
random.seed(7)
with tarfile.open(sys.argv[1], 'w', format=tarfile.PAX_FORMAT) as tar:
    for number in range(40):
        pieces, offset, unit = [], 0, random.choice([1, 512, 4096])
        for _ in range(random.randrange(6)):
            offset += random.randrange(9) * unit + random.choice([0, unit])
            size = random.randrange(9) * unit
            pieces.append((offset, size))
            offset += size
        offset += random.choice([0, 1, 5000])
        pieces.append((offset, 0))
        body = random.randbytes(sum(size for _, size in pieces))
        info = tarfile.TarInfo(f'file{number}')
        info.size = len(body)
        info.pax_headers = {'GNU.sparse.size': str(offset),
                            'GNU.sparse.numblocks': str(len(pieces)),
                            'GNU.sparse.map': ','.join(f'{o},{s}' for o, s in pieces)}
        tar.addfile(info, io.BytesIO(body))
)",
       tree + "/archive"});
  const std::string tar = *read_file(tree + "/archive");
  const Agreement agreed = agreement_on(tar, Position::kLowest);
  EXPECT_EQ(agreed.error, "");
  // GNU tar loses its place behind pieces that end within a block.
  expect_judged(tar, agreed.tree, Judges::kLibarchive, RootShown::kYes);
}

TEST(LayerIndex, ImpliedDirectoriesAreTheLowerOnes) {
  const std::string tar = LayerTar().file("a/b/f").directory("c").take();
  Lines asked;
  const auto lower = [&](const std::string& path) -> Result<std::optional<ErofsAttributes>> {
    asked.push_back(path);
    if (path == "a/b") return std::nullopt;
    return ErofsAttributes{.mode = 01777, .uid = 7, .xattrs = {{"user.color", "red"}}};
  };
  const MountedIndex mounted = mount_layer(tar, Position::kAbove, lower);
  EXPECT_EQ(asked, (Lines{"", "a", "a/b"}));
  const Listing listing = list_tree(mounted.path(), RootShown::kYes);
  EXPECT_NE(listing.at("a").find(cat("/", 01777, " owner 7:0")), std::string::npos);
  EXPECT_NE(listing.at("a").find("user.color="), std::string::npos);
  EXPECT_NE(listing.at("").find(cat("/", 01777, " owner 7:0")), std::string::npos);
  EXPECT_NE(listing.at("a/b").find(cat("/", 0755, " owner 0:0 mtime 1000000000000000000")),
            std::string::npos);
}

TEST(LayerIndex, WhiteoutsAndOpaqueDirectoriesThroughOverlayfs) {
  const std::string base = LayerTar()
                               .directory("d")
                               .file("d/old")
                               .directory("keep")
                               .file("keep/a", "1")
                               .file("keep/b", "1")
                               .directory("e")
                               .file("e/x")
                               .file("f", "1")
                               .directory("r")
                               .file("r/old")
                               .take();
  const std::string top = LayerTar()
                              .directory("d")
                              .file("d/.wh..wh..opq")
                              .file("d/new")
                              .directory("keep")
                              .file("keep/.wh.a")
                              .file(".wh.e")
                              .file(".wh.f")
                              .file(".wh.never")
                              .file(".wh.r")
                              .file("r/new", "x")
                              .take();
  const MountedIndex lower = mount_layer(base, Position::kLowest);
  const MountedIndex upper = mount_layer(top, Position::kAbove);
  const UniqueFd overlay = overlay_of({upper.path(), lower.path()});
  Lines names;
  for (const auto& [path, line] : list_tree(sys::fd_path(overlay.get()))) names.push_back(path);
  EXPECT_EQ(names, (Lines{"d", "d/new", "keep", "keep/b", "r", "r/new"}));
}

TEST(LayerIndex, TwentyThousandFiles) {
  LayerTar tar;
  std::string last;
  for (int i = 0; i < 20'000; ++i) {
    last = cat("usr/lib/d", i % 100, "/file-", i);
    tar.file(last, i % 3 == 0 ? "" : cat("body ", i));
  }
  const std::string bytes = tar.take();
  const MountedIndex mounted = mount_layer(bytes, Position::kLowest);
  size_t count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(mounted.path())) {
    count += entry.is_regular_file() ? 1 : 0;
  }
  EXPECT_EQ(count, 20'000u);
  EXPECT_EQ(*read_file(mounted.path() / last), "body 19999");
}

// What a layer shows while its archive reads as zeros: the files that are in the index.
Listing shown_by_index_alone(const std::string& tar) {
  const auto index = index_of_layer(tar, Position::kLowest);
  EXPECT_TRUE(index) << index.error().message();
  const MountedIndex mounted(*index, std::string(tar.size(), '\0'));
  return list_tree(mounted.path(), RootShown::kNo);
}

TEST(LayerIndex, ManySmallFilesAreInIt) {
  const std::string sizes[] = {"x", std::string(300, 'y'), std::string(400, 'z')};
  LayerTar tar;
  for (int i = 0; i < 1100; ++i) tar.file(cat("f", i), sizes[i % 3]);
  tar.file("large", std::string(401, 'l')).file("empty", "");
  tar.file("replaced", "old").file("replaced", "new").hard_link("again", "f1");
  const std::string layer = tar.take();
  Listing alone = shown_by_index_alone(layer);
  EXPECT_NE(alone.at("large").find(sha256_hex(std::string(401, '\0'))), std::string::npos);
  EXPECT_NE(alone.at("replaced").find(sha256_hex("new")), std::string::npos);
  Listing whole = list_tree(mount_layer(layer, Position::kLowest).path(), RootShown::kNo);
  EXPECT_NE(whole.at("large").find(sha256_hex(std::string(401, 'l'))), std::string::npos);
  alone.erase("large");
  whole.erase("large");
  EXPECT_EQ(difference(whole, alone), "");
  expect_judged(layer, list_tree(mount_layer(layer, Position::kLowest).path(), RootShown::kNo),
                Judges::kBoth, RootShown::kNo);
}

TEST(LayerIndex, AFewSmallFilesAreNotNorAreThoseAmongLargerOnes) {
  LayerTar few;
  for (int i = 0; i < 1000; ++i) few.file(cat("f", i), "x");
  const std::string zero = sha256_hex(std::string(1, '\0'));
  EXPECT_NE(shown_by_index_alone(few.take()).at("f1").find(zero), std::string::npos);
  LayerTar among;
  for (int i = 0; i < 1100; ++i) {
    among.file(cat("f", i), "x").file(cat("g", i), std::string(500, 'x'));
  }
  among.file("h", std::string(500, 'x'));
  EXPECT_NE(shown_by_index_alone(among.take()).at("f1").find(zero), std::string::npos);
}

TEST(LayerIndex, TheArchiveIsReadToItsEndAndMayBeStopped) {
  const std::string tar = LayerTar().file("f", "x").take() + std::string(20'000, '\0');
  ASSERT_TRUE(index_of_layer(tar, Position::kLowest));  // checks archive_bytes
  CancelSource cancel;
  cancel.cancel();
  StringSource source(tar);
  EXPECT_EQ(LayerIndexer({}).read(source, cancel.token()).error().code(), Code::kCancelled);
  StringSource cut(std::string_view(tar).substr(0, 600));
  EXPECT_FALSE(LayerIndexer({}).read(cut, {}));
}

}  // namespace
}  // namespace skiff::snapshot
