#include "snapshot/layer_mounts.h"

#include <sys/mman.h>

#include "snapshot/layer_index_test_support.h"

namespace skiff::snapshot {
namespace {

// Pages of a file that are in memory.
ptrdiff_t cached_pages(const Path& path) {
  const UniqueFd file = *open_file(path, O_RDONLY);
  const size_t size = std::filesystem::file_size(path);
  void* const at = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
  EXPECT_NE(at, MAP_FAILED);
  std::vector<unsigned char> pages(size / 4096 + 1);
  EXPECT_EQ(::mincore(at, size, pages.data()), 0);
  ::munmap(at, size);
  return std::ranges::count_if(pages, [](unsigned char page) { return (page & 1U) != 0; });
}

// As where the kernel cannot read it otherwise.
TEST(LayerMounts, NoTarStaysCachedThatNobodyUses) {
  const TempDir dir = *TempDir::make("/var/tmp", "skiff-mounts-");
  const Path layer = dir.path() / "layers/1";
  const Path place = dir.path() / "mounts";
  ASSERT_TRUE(make_directories(layer) && make_directories(place));
  const std::string tar = LayerTar().file("f", std::string(1'000'000, 'x')).take();
  ASSERT_TRUE(write_file(layer / kTarName, tar));
  ASSERT_TRUE(write_file(layer / kIndexName, *index_of_layer(tar, Position::kLowest)));
  for (const char* name : {kTarName, kIndexName}) {
    ASSERT_EQ(::fsync(open_file(layer / name, O_RDONLY)->get()), 0);
  }
  LayerMounts mounts(dir.path() / "layers", place);
  auto first = mounts.hold({layer});
  ASSERT_TRUE(first) << first.error().message();
  auto second = mounts.hold({layer});
  EXPECT_EQ(read_file(mounts.tree_of(layer) / "f")->size(), 1'000'000u);
  ASSERT_EQ(read_file(layer / kTarName)->size(), tar.size());
  EXPECT_GT(cached_pages(layer / kTarName), 200);
  *first = {};
  EXPECT_GT(cached_pages(layer / kTarName), 200);
  *second = {};
  EXPECT_EQ(cached_pages(layer / kTarName), 0);
  EXPECT_GT(cached_pages(mounts.tree_of(layer) / "f"), 200);
}

}  // namespace
}  // namespace skiff::snapshot
