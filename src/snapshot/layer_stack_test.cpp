// Layers in other forms than the one they were stored in: chains of more than overlayfs takes, and
// indexed layers on a kernel that cannot mount them.
#include "snapshot/layer_stack_test_support.h"

namespace skiff::snapshot {
namespace {

class LongChainTest : public LayerStackTest, public testing::WithParamInterface<Backend> {
 protected:
  void SetUp() override { open({.backend = GetParam()}); }

  void add_up_to(int number) {
    while (count_ < number && !HasFatalFailure()) {
      const std::string text = std::to_string(count_ + 1);
      add(LayerTar().file(cat("f", count_ % 7), text).file("last", text).take());
    }
  }
  // Layers above hide what layers on the other side of a border hold.
  void add_what_is_hidden() {
    add(LayerTar()
            .directory("./", 0711)
            .directory("opaque")
            .file("opaque/below", "1")
            .file("removed", "1")
            .file("replaced/below", "1")
            .add({.name = "kept", .mode = 04755, .uid = 7, .gid = 8, .mtime = LayerTar::kTime}, "x")
            .hard_link("kept too", "kept")
            .symlink("link", "kept")
            .add({.name = "null",
                  .type = TarType::kCharDevice,
                  .mode = 0666,
                  .mtime = LayerTar::kTime,
                  .dev_major = 1,
                  .dev_minor = 3})
            .take());
  }
  void add_what_hides() {
    add(LayerTar()
            .directory("opaque")
            .file("opaque/.wh..wh..opq")
            .file("opaque/above", "2")
            .file(".wh.removed")
            .file("replaced", "2")
            .take());
  }
  // Of the flat form on which the chain stands.
  void expect_changed_forms_are_made_anew() {
    int id = 0;
    for (const auto& each : std::filesystem::directory_iterator(root_ / "snapshots")) {
      if (is_present(each.path() / kFlatName)) id = std::max(id, std::stoi(each.path().filename()));
    }
    const Path flat = directory_of(id) / kFlatName;
    const Path file = is_indexed(flat) ? flat / kTarName : flat / kTreeName / "f1";
    std::string bytes = *read_file(file);
    bytes[bytes.size() / 2] ^= 1;
    ASSERT_TRUE(write_file(file, bytes));
    std::vector<Problem> problems;
    const auto note = [&](const Problem& problem) { problems.push_back(problem); };
    ASSERT_TRUE(store_->scrub({.unread_since = clock_.now() + std::chrono::seconds(1)},
                              [](const Error&) {}, {}));
    const auto refused = mount("box");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::kDataLoss);
    ASSERT_TRUE(store_->check({.deep = true, .repair = true}, note));
    ASSERT_EQ(problems.size(), 1u);
    EXPECT_EQ(problems[0].what, "layer layer-800 is damaged: its form flat was changed");
    EXPECT_TRUE(problems[0].mended);
    EXPECT_FALSE(is_present(flat));
    const auto box = mount("box");
    ASSERT_TRUE(box) << box.error().message();
    EXPECT_EQ(*read_file(box->path() / "f3"), "1047");
    EXPECT_TRUE(is_present(flat));
  }
  static void expect_hidden(const Path& tree) {
    EXPECT_FALSE(is_present(tree / "opaque/below"));
    EXPECT_TRUE(is_present(tree / "opaque/above"));
    EXPECT_FALSE(is_present(tree / "removed"));
    EXPECT_EQ(*read_file(tree / "replaced"), "2");
    EXPECT_EQ(*read_file(tree / "kept too"), "x");
  }
};

TEST_P(LongChainTest, AThousandLayersAreSeenAndWrittenTo) {
  const int64_t before = files_on_disk();
  add_up_to(50);
  add_what_is_hidden();
  add_up_to(400);
  add_what_hides();
  add_up_to(500);
  const Listing plain = listing_of(500, RootShown::kYes);
  const uint64_t usage = usage_of(400);

  add(LayerTar().take());
  files_.refused = kFlatName;
  EXPECT_FALSE(mount_view(501));
  EXPECT_EQ(flattened(), 0);
  EXPECT_TRUE(std::filesystem::is_empty(root_ / "new"));
  EXPECT_EQ(usage_of(400), usage);
  files_.refused.clear();
  EXPECT_EQ(difference(plain, listing_of(501, RootShown::kYes)), "");
  EXPECT_EQ(flattened(), 1);
  EXPECT_GT(usage_of(400), usage);

  add_what_is_hidden();
  open({.backend = GetParam()});
  add_up_to(799);
  const Listing half = listing_of(799, RootShown::kYes);
  add(LayerTar().take());
  // It stands on nothing but what is flattened.
  EXPECT_EQ(difference(half, listing_of(800, RootShown::kYes)), "");
  EXPECT_EQ(flattened(), 2);
  add_what_hides();
  add_up_to(1050);
  ASSERT_TRUE(store_->prepare("box", layer(1050)));
  {
    const auto box = mount("box");
    ASSERT_TRUE(box) << box.error().message();
    expect_hidden(box->path());
    EXPECT_EQ(*read_file(box->path() / "last"), "1050");
    EXPECT_EQ(*read_file(box->path() / "f3"), "1047");
    ASSERT_TRUE(write_file(box->path() / "new", "1"));
    std::filesystem::remove(box->path() / "last");
  }
  expect_changed_forms_are_made_anew();
  std::vector<std::string> changes;
  for (const Change& change : *store_->changes("box")) changes.push_back(change.path);
  EXPECT_EQ(changes, (std::vector<std::string>{"/last", "/new"}));
  EXPECT_TRUE(store_->check({.deep = true}, [](const Problem& p) { ADD_FAILURE() << p.what; }));
  remove_all();
  EXPECT_EQ(files_on_disk(), before);
}

INSTANTIATE_TEST_SUITE_P(BackEnds, LongChainTest,
                         testing::Values(Backend::kOverlay, Backend::kErofs),
                         [](const auto& backend) { return std::string(name_of(backend.param)); });

TEST_F(LayerStackTest, IndexedLayersAreUnpackedWhereTheyCannotBeMounted) {
  open({.backend = Backend::kErofs});
  const int64_t before = files_on_disk();
  add(LayerTar().directory("./", 0711).directory("d", 0700).file("d/below", "1").take());
  add(LayerTar().file("d/.wh.below").file("d/above", "2").hard_link("twin", "d/above").take());
  add(LayerTar().file("d/.wh..wh..opq").file("d/top", "3").take());
  std::vector<Listing> mounted;
  for (int number : {1, 2, 3}) mounted.push_back(listing_of(number));
  const uint64_t usage = usage_of(2);

  open(kWithoutErofs);
  files_.refused = kUnpackedName;
  EXPECT_FALSE(mount_view(1));
  EXPECT_TRUE(std::filesystem::is_empty(root_ / "new"));
  files_.refused.clear();
  for (int number : {3, 2, 1}) {
    EXPECT_EQ(difference(mounted[static_cast<size_t>(number) - 1], listing_of(number)), "");
  }
  EXPECT_TRUE(is_present(directory_of(2) / kUnpackedName / kTreeName / "twin"));
  EXPECT_GT(usage_of(2), usage);
  StringSink own;
  EXPECT_TRUE(store_->diff(layer(2), own));
  EXPECT_NE(own.text().find("d/.wh.below"), std::string::npos);
  // New layers stand on them, and what they hide is known.
  add(LayerTar().file("d/.wh.top").take());
  EXPECT_FALSE(is_present(mount_view(4)->path() / "d/top"));
  const auto tell = [](const Problem& p) { ADD_FAILURE() << p.what; };
  EXPECT_TRUE(store_->check({.deep = true}, tell));
  // One that was changed is seen as it was by a view that is mounted, and anew by the next.
  const auto before_change = mount_view(3);
  std::filesystem::remove(directory_of(2) / kUnpackedName / kTreeName / "twin");
  size_t told = 0;
  EXPECT_TRUE(store_->check({.deep = true, .repair = true}, [&](const Problem& p) {
    EXPECT_EQ(p.what, "layer layer-2 is damaged: its form unpacked was changed");
    ++told;
  }));
  EXPECT_EQ(told, 1u);
  EXPECT_TRUE(is_present(before_change->path() / "d/top"));
  EXPECT_EQ(difference(mounted[1], listing_of(2)), "");
  EXPECT_TRUE(store_->check({.deep = true}, tell));

  // Where they can be mounted, they are.
  open({.backend = Backend::kOverlay});
  EXPECT_EQ(difference(mounted[2], listing_of(3)), "");
  EXPECT_TRUE(is_present(root_ / "mounts/3/d/top"));
  remove_all();
  EXPECT_EQ(files_on_disk(), before);
}

}  // namespace
}  // namespace skiff::snapshot
