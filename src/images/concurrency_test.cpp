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
      publish(registry_, from_, image.target, cat("img", i), "1");
    }
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
  void check() {
    const auto tell = [](const Problem& problem) { ADD_FAILURE() << problem.what; };
    const auto checked = to_->check({}, tell, {});
    EXPECT_TRUE(checked) << "check: " << message_of(checked);
  }

  // What may fail where the image was removed just before: with kNotFound and no other way.
  Result<> tag(const std::string& name, const std::string& as) {
    const Image image = TRY(to_->find(name));
    return to_->tag(image, registry_.ref(as));
  }
  Result<> remove(const std::string& name) {
    TRY(to_->remove(name, true, true, nobody));
    return {};
  }
  Result<> run(const std::string& name, const std::string& key) {
    const Image image = TRY(to_->find(name));
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
  static void expect_fine_or_gone(const std::string& what, const Result<>& done) {
    EXPECT_TRUE(done || done.error().code() == Code::kNotFound) << what << ": " << message_of(done);
  }

  void work(unsigned thread) {
    std::mt19937 random(thread);
    const auto below = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
    for (int round = 0; round < kRounds; ++round) {
      const std::string name = cat(registry_.host(), "/img", below(kImages), ":1");
      const std::string kept = cat(registry_.host(), "/kept:1");
      const std::string other = cat("other", below(kImages), ":1");
      const std::string key = cat("box-", thread, "-", round);
      switch (below(11)) {
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
        default:
          list();
          expect_fine_or_gone("save", save(name));
          break;
      }
    }
  }

  TestImages from_;
  TestImages to_;
  remote::TestRegistry registry_;
};

TEST_F(Concurrency, ThirtyTwoClientsOnTheSameImages) {
  std::vector<std::thread> clients;
  for (unsigned i = 0; i < kThreads; ++i) clients.emplace_back([this, i] { work(i); });
  for (std::thread& client : clients) client.join();
  prune();
  const auto tell = [](const Problem& problem) { ADD_FAILURE() << problem.what; };
  EXPECT_TRUE(to_->check({.deep = true}, tell, {}));
  // Some may have lost their last name to another tag.
  const auto left = to_->list();
  ASSERT_TRUE(left) << message_of(left);
  for (const Image& image : *left) EXPECT_FALSE(to_.file_in(image, "base").empty());
  for (const Image& image : *left) to_.must_remove(image.id.str(), true);
  prune();
  to_.expect_empty();
}

}  // namespace
}  // namespace skiff::images
