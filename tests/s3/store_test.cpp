// A bucket of a store that runs (test_store.h).
#include <gtest/gtest.h>

#include <thread>

#include "base/random.h"
#include "base/strings.h"
#include "s3/bucket.h"
#include "s3/capabilities.h"
#include "test_store.h"

namespace skiff::s3 {
namespace {

constexpr size_t kPartSize = size_t{5} << 20U;

class Store : public testing::Test {
 protected:
  Result<std::string> read(const std::string& key, Range range) const {
    std::string got;
    TRY(bucket_.read(key, range, [&](std::string_view bytes) -> Result<> {
      got += bytes;
      return {};
    }));
    return got;
  }
  // Names that have to be encoded in paths, queries and XML.
  std::string key(std::string_view name) const { return cat(prefix_, name); }

  const Bucket bucket_ = *Bucket::open(store_options());
  const std::string prefix_ = cat("test/", random_hex(8), "/");
};

TEST_F(Store, KeepsWhatARegistryCountsOn) {
  const auto tested = check_capabilities(bucket_, prefix_);
  EXPECT_TRUE(tested) << tested.error().message();
  EXPECT_TRUE(bucket_.list(prefix_)->objects.empty());
}

TEST_F(Store, KeysOfAllCharactersNameOneObjectEverywhere) {
  const std::string odd = key("a b+c&d=<e>\"'~%2F\xc3\xa4/f");
  ASSERT_TRUE(bucket_.put(odd, "bytes"));
  EXPECT_EQ(*bucket_.size_of(odd), 5U);
  EXPECT_EQ(*read(odd, {1, 3}), "yte");
  ASSERT_EQ(bucket_.list(prefix_)->objects.size(), 1U);
  EXPECT_EQ(bucket_.list(prefix_)->objects[0].key, odd);
  const auto stay = bucket_.remove_all(std::vector{odd});
  ASSERT_TRUE(stay) << stay.error().message();
  EXPECT_TRUE(stay->empty());
  EXPECT_EQ(bucket_.size_of(odd).error().code(), Code::kNotFound);
}

TEST_F(Store, PagesGoOnBehindTheLast) {
  std::vector<std::string> keys;
  for (int i = 0; i < 1005; ++i) keys.push_back(key(cat("n/", 10'000 + i)));
  for (const std::string& each : keys) ASSERT_TRUE(bucket_.put(each, ""));
  const auto first = bucket_.list(key("n/"));
  ASSERT_TRUE(first) << first.error().message();
  ASSERT_EQ(first->objects.size(), 1000U);
  EXPECT_TRUE(first->is_cut);
  const auto rest = bucket_.list(key("n/"), first->objects.back().key);
  ASSERT_EQ(rest->objects.size(), 5U);
  EXPECT_EQ(rest->objects.front().key, keys[1000]);
  EXPECT_FALSE(rest->is_cut);
  EXPECT_TRUE(bucket_.remove_all(keys)->empty());
  EXPECT_TRUE(bucket_.list(key("n/"))->objects.empty());
}

TEST_F(Store, OneOfManyWhoMakeAnObjectMakesIt) {
  const std::string contested = key("contested");
  std::atomic<int> made = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      const auto put = bucket_.put(contested, "x", IfThere::kRefuse);
      const Code code = put ? Code::kFailedPrecondition : put.error().code();
      EXPECT_EQ(code, Code::kFailedPrecondition) << put.error().message();
      if (put) ++made;
    });
  }
  threads.clear();
  EXPECT_EQ(made, 1);
  EXPECT_TRUE(bucket_.remove(contested));
}

TEST_F(Store, AnUploadIsNothingUntilItIsFinished) {
  const std::string large = key("large");
  const std::string first = random_bytes(kPartSize);
  const std::string id = *bucket_.begin_upload(large);
  const auto tag = bucket_.put_part(large, id, 1, first);
  ASSERT_TRUE(tag) << tag.error().message();
  EXPECT_EQ(bucket_.size_of(large).error().code(), Code::kNotFound);
  // A part that is sent again replaces the one before.
  ASSERT_TRUE(bucket_.put_part(large, id, 2, "wrong"));
  const std::string last = *bucket_.put_part(large, id, 2, "last");
  const auto done = bucket_.finish_upload(large, id, std::array{Part{1, *tag}, Part{2, last}});
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_EQ(*bucket_.size_of(large), first.size() + 4);
  EXPECT_EQ(*read(large, {first.size() - 2, 6}), first.substr(first.size() - 2) + "last");
  EXPECT_TRUE(bucket_.remove(large));
}

TEST_F(Store, AnUploadIsAbortedOnce) {
  const std::string id = *bucket_.begin_upload(key("aborted"));
  ASSERT_TRUE(bucket_.put_part(key("aborted"), id, 1, "x"));
  EXPECT_TRUE(bucket_.abort_upload(key("aborted"), id));
  EXPECT_TRUE(bucket_.abort_upload(key("aborted"), id));
  EXPECT_FALSE(bucket_.put_part(key("aborted"), id, 2, "y"));
}

TEST_F(Store, ALinkIsReadByAnybody) {
  ASSERT_TRUE(bucket_.put(key("linked to"), "bytes"));
  net::WebClient anybody;
  const auto answer =
      anybody.send({.url = bucket_.link_to(key("linked to"), std::chrono::minutes(1))});
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->status, 200) << answer->body;
  EXPECT_EQ(answer->body, "bytes");
  EXPECT_TRUE(bucket_.remove(key("linked to")));
}

}  // namespace
}  // namespace skiff::s3
