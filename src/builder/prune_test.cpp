// What pruning takes of the cache, by filters and sizes.
#include "builder/build_fixture.h"

namespace skiff::builder {
namespace {

class Pruned : public BuildFixture {
 protected:
  // The steps' results, and no image that shares their layers.
  void cache(const std::string& dockerfile) {
    BuildRequest wanted = request(dockerfile);
    wanted.outputs = {{.type = OutputType::kNone}};
    ASSERT_TRUE(build(wanted));
  }
};

TEST_F(Pruned, KeepsTheNewestAndWhatImagesShare) {
  write("a", "A");
  write("b", "B");
  cache("FROM scratch\nCOPY a /");
  cache("FROM scratch\nCOPY b /");
  const auto records = builder_->disk_usage();
  const auto kept = builder_->prune({.max_used_bytes = (*records)[1].size});
  ASSERT_EQ(kept->removed, std::vector<std::string>{(*records)[0].id});
  EXPECT_TRUE(builder_->prune({.until = std::chrono::hours(1)})->removed.empty());
  built("FROM scratch\nCOPY b /");
  EXPECT_TRUE(builder_->prune({.all = false})->removed.empty());
}

TEST_F(Pruned, TakesWhatTheFilterNamesAndTheDiskNeeds) {
  write("a", "A");
  write("b", "B");
  cache("FROM scratch\nCOPY a /");
  cache("FROM scratch\nCOPY b /");
  const auto records = builder_->disk_usage();
  const auto named = [](const char* text) { return *RecordFilter::parse({text}); };
  EXPECT_TRUE(builder_->prune({.filter = named("type==exec.cachemount")})->removed.empty());
  EXPECT_TRUE(builder_->prune({.min_free_bytes = 1})->removed.empty());
  const auto chosen = builder_->prune({.filter = named("description~=COPY b")});
  EXPECT_EQ(chosen->removed, std::vector<std::string>{(*records)[1].id});
  EXPECT_EQ(builder_->prune({.min_free_bytes = uint64_t{1} << 62U})->removed.size(), 1);
}

}  // namespace
}  // namespace skiff::builder
