// Many clients at once on the same images: none gets an error that some order of them, one
// after the other, would not give; and in the end all that is named is whole.
#include <random>

#include "base/scope_exit.h"
#include "images/test_publish.h"

namespace skiff::images {
namespace {

constexpr unsigned kThreads = 32;
constexpr int kRounds = 16;
constexpr unsigned kImages = 4;

class Concurrency : public testing::Test {
 protected:
  Concurrency() {
    registry_.instead = nullptr;
    for (unsigned i = 0; i < kImages; ++i) {
      const Image image = from_.make(
          cat("img", i), {{{"base", "shared"}}, {{"two", cat(i % 2)}}, {{"own", cat(i)}}});
      archived_.push_back(cat("img", i));
      publish(registry_, from_, image.target, cat("img", i), "1");
    }
    archive_ = from_.save(archived_);
    // One that nobody removes: with it nothing may ever fail.
    const Image kept = from_.make("kept", {{{"base", "shared"}}, {{"kept", "1"}}});
    publish(registry_, from_, kept.target, "kept", "1");
    pull("kept:1");
  }

  void pull(const std::string& name) {
    const PullOptions options{.client = remote::quick_options()};
    const auto pulled = to_->pull(registry_.ref(name), options, {}, {});
    EXPECT_TRUE(pulled) << "pull: " << message_of(pulled);
  }
  void list() {
    const auto images = to_->list();
    EXPECT_TRUE(images) << "list: " << message_of(images);
  }
  void prune() {
    const auto freed = to_->collect_garbage();
    EXPECT_TRUE(freed) << "prune: " << message_of(freed);
  }
  // All that has no claim, as `image prune -a` does.
  void prune_all() {
    const auto images = to_->list();
    ASSERT_TRUE(images) << message_of(images);
    for (const Image& image : *images) {
      const auto is_kept = [](const oci::Reference& name) { return name.path() == "kept"; };
      if (std::ranges::any_of(image.names, is_kept)) continue;
      const auto removed =
          to_->remove_unused(std::vector{image.target.digest}, ImageStore::Named::kToo, nobody);
      EXPECT_TRUE(removed) << "prune -a: " << message_of(removed);
    }
    prune();
  }
  void load() {
    const auto loaded = to_.load(archive_);
    EXPECT_TRUE(loaded) << "load: " << message_of(loaded);
  }
  void check() {
    const auto tell = [](const Problem& problem) { ADD_FAILURE() << problem.what; };
    const auto checked = to_->check({}, tell, {});
    EXPECT_TRUE(checked) << "check: " << message_of(checked);
  }

  // What may fail where the image was removed just before: in those words and no other way.
  Result<> tag(const std::string& name, const std::string& as) {
    return to_->tag(TRY(to_->find(name)), registry_.ref(as));
  }
  Result<> remove(const std::string& name) {
    TRY(to_->remove(name, true, true, nobody));
    return {};
  }
  Result<> run(const std::string& name, const std::string& key) {
    const auto lease = TRY(to_->lease());
    const Image image = TRY(to_->find_held(name, {}, *lease));
    const std::string top = TRY(to_->unpack(image, {}, {}));
    TRY(to_->snapshots().prepare(key, top));
    ScopeExit drop([&] { EXPECT_TRUE(to_->snapshots().remove(key)) << key; });
    const snapshot::Mount mount = TRY(to_->snapshots().mount_of(key));
    // A container's layers stay under it, whatever is removed.
    for (const Path& lower : mount.lowers) EXPECT_TRUE(std::filesystem::exists(lower)) << lower;
    return {};
  }
  Result<> save(const std::string& name) {
    StringSink tar;
    return to_->save({name}, tar, {});
  }
  Result<> push(const std::string& name) {
    const PushOptions options{.client = remote::quick_options()};
    TRY(to_->push(registry_.ref(name), options, {}, {}));
    return {};
  }

  std::optional<oci::Reference> new_name(unsigned thread) {
    return thread % 2 == 0 ? std::nullopt : std::optional(registry_.ref(cat("other", thread % 4)));
  }
  // An image of its own from the first byte on, as `import` makes one: nothing of it may get lost.
  Result<> make(unsigned thread, const std::string& key) {
    const auto lease = TRY(to_->lease());
    const auto manifest = to_.write({{{"base", "shared"}}, {{"made", key}}}, *lease);
    const Image image = TRY(to_->platforms_of(manifest)).at(0);
    TRY(lease->hold_image(image));
    TRY(to_->unpack(image, {}, {}));
    return to_->put(manifest, new_name(thread));
  }
  // One more layer on an image, as `commit` makes one. Many make the same at the same time.
  Result<> commit(const std::string& name, unsigned thread) {
    const auto lease = TRY(to_->lease());
    return extend(TRY(to_->find_held(name, {}, *lease)), thread, *lease);
  }
  // The same on one that is pulled for it, with a step that stands on its files, as a build does.
  Result<> build(const std::string& from, unsigned thread, const std::string& key) {
    const auto lease = TRY(to_->lease());
    const PullOptions options{.lease = lease.get(), .client = remote::quick_options()};
    const Image base = TRY(to_->pull(registry_.ref(from), options, {}, {}));
    const std::string below = TRY(to_->unpack(base, {}, {}));
    std::string step = TRY(run_step(below, key, *lease));
    TRY(run_step(step, cat(key, "-next"), *lease));
    return extend(base, thread, *lease);
  }
  // Changes nothing: all steps on the same layer give the same snapshot.
  Result<std::string> run_step(const std::string& parent, const std::string& key,
                               ImageLease& lease) {
    auto& snapshots = to_->snapshots();
    TRY(snapshots.prepare(key, parent));
    ScopeExit drop([&] { EXPECT_TRUE(snapshots.remove(key)) << key; });
    std::string made;
    const auto store = [&](Source& tar) -> Result<std::string> {
      const NewLayer layer = TRY(to_->add_layer(tar, lease, CompressForm{}));
      made = oci::Digest::of(cat(parent, " ", layer.diff_id.str())).str();
      TRY(lease.hold_snapshots({made}));
      return made;
    };
    const auto sealed = snapshots.seal(key, store, {}, {});
    if (sealed) drop.dismiss();
    if (!sealed && sealed.error().code() != Code::kAlreadyExists) return sealed.error();
    TRY(snapshots.stat(made));
    return made;
  }
  Result<> extend(const Image& base, unsigned thread, ImageLease& lease) {
    const std::string tar = layer_tar({{"more", cat(thread % 4)}});
    StringSource source(tar);
    const NewLayer layer = TRY(to_->add_layer(source, lease, CompressForm{}));
    oci::ImageConfig config = base.config;
    config.diff_ids.push_back(layer.diff_id);
    std::vector<oci::Descriptor> layers = base.manifest_doc.layers;
    layers.push_back(layer.descriptor);
    return to_->put(TRY(to_->write_image(config, layers, lease)), new_name(thread), base.id.str());
  }

  static void expect_fine_or_gone(const std::string& what, const Result<>& done) {
    const auto is_said = [&](std::string_view words) { return message_of(done).contains(words); };
    EXPECT_TRUE(done || std::ranges::any_of(kGone, is_said)) << what << ": " << message_of(done);
  }

  void work(unsigned thread) {
    // Others with each repetition of a shuffled run.
    const int seed = testing::UnitTest::GetInstance()->random_seed();
    std::mt19937 random(thread + kThreads * static_cast<unsigned>(seed));
    const auto below = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
    for (int round = 0; round < kRounds; ++round) {
      const std::string name = cat(registry_.host(), "/img", below(kImages), ":1");
      const std::string kept = cat(registry_.host(), "/kept:1");
      const std::string other = cat("other", below(kImages), ":1");
      const std::string key = cat("box-", thread, "-", round);
      switch (below(18)) {
        case 0:
        case 1:
        case 2:
          pull(cat("img", below(kImages), ":1"));
          break;
        case 3:
          expect_fine_or_gone("tag", tag(name, other));
          break;
        case 4:
          expect_fine_or_gone("remove", remove(name));
          break;
        case 5:
          expect_fine_or_gone("remove", remove(cat(registry_.host(), "/", other)));
          break;
        case 6:
          prune();
          break;
        case 7:
          expect_fine_or_gone("run", run(name, key));
          break;
        case 8: {
          const auto ran = run(kept, key);
          EXPECT_TRUE(ran) << "run of what is kept: " << message_of(ran);
          const auto saved = save(kept);
          EXPECT_TRUE(saved) << "save of what is kept: " << message_of(saved);
          break;
        }
        case 9:
          check();
          break;
        case 10:
          prune_all();
          break;
        case 11:
          load();
          break;
        case 12: {
          const auto made = make(thread, key);
          EXPECT_TRUE(made) << "import: " << message_of(made);
          break;
        }
        case 13: {
          const auto committed = commit(kept, thread);
          EXPECT_TRUE(committed) << "commit on what is kept: " << message_of(committed);
          break;
        }
        case 14:
          expect_fine_or_gone("commit", commit(name, thread));
          break;
        case 15: {
          const auto built = build(cat("img", below(kImages), ":1"), thread, key);
          EXPECT_TRUE(built) << "build: " << message_of(built);
          break;
        }
        case 16: {
          const auto pushed = push("kept:1");
          EXPECT_TRUE(pushed) << "push of what is kept: " << message_of(pushed);
          expect_fine_or_gone("push", push(cat("img", below(kImages), ":1")));
          break;
        }
        default:
          list();
          expect_fine_or_gone("save", save(name));
          break;
      }
    }
  }

  static constexpr std::string_view kGone[] = {"No such image", "does not exist locally"};
  // Children before those that they were made from.
  void remove_all() {
    for (auto images = *to_->list(); !images.empty(); images = *to_->list()) {
      size_t removed = 0;
      for (const Image& image : images) removed += to_.remove(image.id.str(), true) ? 1 : 0;
      ASSERT_GT(removed, 0u);
    }
  }

  TestImages from_;
  TestImages to_;
  remote::TestRegistry registry_;
  Lines archived_;
  std::string archive_;
};

TEST_F(Concurrency, ThirtyTwoClientsOnTheSameImages) {
  std::vector<std::thread> clients;
  for (unsigned i = 0; i < kThreads; ++i) clients.emplace_back([this, i] { work(i); });
  for (std::thread& client : clients) client.join();
  const auto tell = [](const Problem& problem) { ADD_FAILURE() << problem.what; };
  EXPECT_TRUE(to_->check({.deep = true}, tell, {}));
  // Some may have lost their last name to another tag.
  const auto left = to_->list();
  ASSERT_TRUE(left) << message_of(left);
  for (const Image& image : *left) EXPECT_FALSE(to_.file_in(image, "base").empty());
  remove_all();
  prune();
  to_.expect_empty();
}

}  // namespace
}  // namespace skiff::images
