#include "s3/capabilities.h"

#include "base/random.h"
#include "base/scope_exit.h"
#include "base/strings.h"

namespace skiff::s3 {

namespace {

constexpr size_t kPartSize = size_t{5} << 20U;  // the least that all but the last may have

Error wrong(std::string_view what) {
  return {Code::kFailedPrecondition, cat("this S3 store cannot keep a registry's blobs: ", what)};
}

class Trial {
 public:
  Trial(const Bucket& bucket, const std::string& prefix)
      : bucket_(bucket), key_(cat(prefix, "trial-", random_hex(16))) {}

  Result<> run() {
    const ScopeExit clean([&] { (void)bucket_.remove(key_); });
    TRY(whole_object());
    TRY(condition());
    TRY(parts());
    return removal();
  }

 private:
  Result<> expect(std::string_view bytes, Range range, std::string_view otherwise) {
    std::string got;
    TRY(bucket_.read(key_, range, [&](std::string_view piece) -> Result<> {
      got += piece;
      return {};
    }));
    if (got != bytes.substr(range.offset, range.size)) return wrong(otherwise);
    return {};
  }

  Result<> whole_object() {
    TRY(bucket_.put(key_, "first"));
    TRY(bucket_.put(key_, "0123456789"));
    if (TRY(bucket_.size_of(key_)) != 10)
      return wrong("an object that was replaced is the old one");
    return expect("0123456789", {3, 4}, "a range of an object is not that of its bytes");
  }

  Result<> condition() {
    const auto again = bucket_.put(key_, "other", IfThere::kRefuse);
    if (again) return wrong("If-None-Match is ignored");
    if (again.error().code() != Code::kFailedPrecondition) return again.error();
    return expect("0123456789", {0, 10}, "a refused object was stored");
  }

  Result<> parts() {
    const std::string first(kPartSize, 'a');
    const std::string id = TRY(bucket_.begin_upload(key_));
    const ScopeExit clean([&] { (void)bucket_.abort_upload(key_, id); });
    const std::string last = "the end";
    // The last one first: a store must go by numbers.
    const std::string last_tag = TRY(bucket_.put_part(key_, id, 2, last));
    const std::string first_tag = TRY(bucket_.put_part(key_, id, 1, first));
    TRY(expect("0123456789", {0, 10}, "an upload is seen before it is finished"));
    const Part order[] = {{1, first_tag}, {2, last_tag}};
    TRY(bucket_.finish_upload(key_, id, order));
    const std::string whole = first + last;
    if (TRY(bucket_.size_of(key_)) != whole.size()) return wrong("parts of an upload are missing");
    return expect(whole, {0, whole.size()}, "parts of an upload are put together in wrong order");
  }

  Result<> removal() {
    if (TRY(bucket_.list(key_)).objects.size() != 1) return wrong("an object is not listed");
    const std::string keys[] = {key_, key_ + "-never-there"};
    for (const auto& stays : TRY(bucket_.remove_all(keys))) {
      return wrong(cat("an object is not removed: ", stays.why));
    }
    const auto size = bucket_.size_of(key_);
    if (size) return wrong("an object that was removed is still there");
    if (size.error().code() != Code::kNotFound) return size.error();
    return {};
  }

  const Bucket& bucket_;
  const std::string key_;
};

}  // namespace

Result<> check_capabilities(const Bucket& bucket, const std::string& prefix) {
  return Trial(bucket, prefix).run().context("test of the S3 store");
}

}  // namespace skiff::s3
