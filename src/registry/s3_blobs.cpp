#include "registry/s3_blobs.h"

#include <map>

#include "base/log.h"
#include "base/strings.h"
#include "content/paced_source.h"
#include "registry/s3_upload_writer.h"
#include "s3/capabilities.h"

namespace skiff::registry {

namespace {

// Smaller blobs come faster than the answer that says where they are.
constexpr uint64_t kLeastRedirected = uint64_t{64} * 1024;

// A place that was discarded: an object, or what there is of an upload, also when it was finished.
struct Discarded {
  std::string key;
  std::string multipart;  // "" for an object
};

std::string text_of(const Discarded& place) {
  return place.multipart.empty() ? place.key : cat(place.key, " ", place.multipart);
}

Discarded discarded_in(const std::string& text) {
  const auto parts = split_once(text, ' ');
  if (!parts) return {text, ""};
  return {std::string(parts->first), std::string(parts->second)};
}

class S3Source : public BlobSource {
 public:
  S3Source(const S3Store& store, const BlobPlace& blob, std::string link)
      : store_(store), blob_(blob), link_(std::move(link)) {}

  uint64_t size() const override { return blob_.size; }
  std::string link() const override { return link_; }
  Result<> read(uint64_t offset, uint64_t size, const Take& take) override {
    return store_.bucket.read(store_.key(blob_.place), {offset, size}, take);
  }

 private:
  const S3Store& store_;
  const BlobPlace blob_;
  const std::string link_;
};

class S3Blobs : public Blobs {
 public:
  S3Blobs(s3::Bucket bucket, const S3Options& options, Path spool)
      : bucket_(std::move(bucket)),
        store_{bucket_, options.prefix},
        redirect_(options.redirect),
        link_lifetime_(options.link_lifetime),
        spool_(std::move(spool)) {}

  UploadState first_state() const override { return {}; }

  Result<std::unique_ptr<UploadWriter>> resume(const std::string& id, HashAlgorithm algorithm,
                                               const UploadState& from, Keep keep) override {
    return TRY(S3UploadWriter::open(store_, spool_, id, algorithm, from, std::move(keep)));
  }

  Result<BlobPlace> finish(UploadWriter& writer, const oci::Digest& expected) override {
    auto* ours = dynamic_cast<S3UploadWriter*>(&writer);
    if (ours == nullptr) return Error(Code::kInvalidArgument, "an upload of another store");
    return ours->finish(expected);
  }

  // What another node is sending for it at this moment is taken away, too, when it is discarded:
  // that is not sooner than the grace.
  Result<std::vector<std::string>> abandon(const std::string& id,
                                           const UploadState& state) override {
    return leftovers(id, state, {});
  }

  std::vector<std::string> leftovers(const std::string& id, const UploadState& state,
                                     const BlobPlace& blob) const override {
    const auto at = S3UploadState::parse(state.place);
    if (!at) {
      log_error(
          cat("upload ", id, ": what it left in the S3 store stays there: ", at.error().message()));
      return {};
    }
    std::vector<std::string> out;
    if (!at->multipart.empty() && s3_key(id) != blob.place) {
      out.push_back(text_of({s3_key(id), at->multipart}));
    }
    for (const int object : at->objects) {
      if (s3_key(id, object) != blob.place) out.push_back(s3_key(id, object));
    }
    return out;
  }

  // Whether it is there is found out by who reads it: its row says that it is.
  Result<std::unique_ptr<BlobSource>> open(const oci::Digest& digest,
                                           const BlobPlace& blob) override {
    if (blob.place.empty()) return not_here(digest);
    std::string link;
    if (redirect_ && blob.size >= kLeastRedirected) {
      link = bucket_.link_to(store_.key(blob.place), link_lifetime_);
    }
    return std::make_unique<S3Source>(store_, blob, std::move(link));
  }

  Result<> verify(const oci::Digest& digest, const BlobPlace& blob,
                  const content::VerifyOptions& options, const CancelToken& cancel) override {
    if (blob.place.empty()) return not_here(digest);
    const std::string key = store_.key(blob.place);
    const auto size = bucket_.size_of(key, cancel);
    if (!size && size.error().code() == Code::kNotFound)
      return damaged(digest, "its object is gone");
    if (!size) return size.error();
    if (*size != blob.size) {
      return damaged(digest, cat("its object has ", *size, " bytes, not ", blob.size));
    }
    return options.always ? read_again(digest, blob, options.bytes_per_second, cancel) : Result<>();
  }

  std::vector<Result<>> discard(std::span<const std::string> places) override;
  Result<> walk(const std::function<Result<>(const Found&)>& visit) override;

 private:
  static Error not_here(const oci::Digest& digest) {
    return {Code::kNotFound, cat("blob ", digest.str(), " is not in the S3 store")};
  }
  static Error damaged(const oci::Digest& digest, const std::string& why) {
    return {Code::kDataLoss, cat("blob ", digest.str(), " is damaged (", why, "): push it again")};
  }

  Result<> read_again(const oci::Digest& digest, const BlobPlace& blob, uint64_t bytes_per_second,
                      const CancelToken& cancel) {
    Hasher hasher(digest.algorithm());
    const content::Pace pace(bytes_per_second);
    uint64_t total = 0;
    TRY(bucket_.read(
        store_.key(blob.place), {0, blob.size},
        [&](std::string_view bytes) -> Result<> {
          hasher.update(bytes);
          total += bytes.size();
          return pace.wait(total, cancel);
        },
        cancel));
    const auto actual = oci::Digest::from_hex(digest.algorithm(), hasher.hex());
    return actual == digest ? Result<>() : damaged(digest, cat("its content is ", actual.str()));
  }

  const s3::Bucket bucket_;
  const S3Store store_;
  const bool redirect_;
  const std::chrono::seconds link_lifetime_;
  const Path spool_;
};

// An upload is aborted before its object is removed: from then on nobody finishes it, and what was
// finished before goes.
std::vector<Result<>> S3Blobs::discard(std::span<const std::string> places) {
  std::vector<Result<>> out(places.size());
  std::vector<std::string> keys;
  std::map<std::string, size_t> place_of;
  for (size_t i = 0; i < places.size(); ++i) {
    const Discarded place = discarded_in(places[i]);
    const std::string key = store_.key(place.key);
    if (!place.multipart.empty()) out[i] = bucket_.abort_upload(key, place.multipart);
    if (!out[i]) continue;
    keys.push_back(key);
    place_of[key] = i;
  }
  const auto stay = bucket_.remove_all(keys);
  if (!stay) {
    for (const auto& [key, i] : place_of) out[i] = stay.error();
    return out;
  }
  for (const s3::Bucket::NotRemoved& each : *stay) {
    const auto found = place_of.find(each.key);
    if (found == place_of.end()) continue;
    out[found->second] = Error(Code::kUnavailable, cat("remove ", each.key, ": ", each.why));
  }
  return out;
}

Result<> S3Blobs::walk(const std::function<Result<>(const Found&)>& visit) {
  const std::string prefix = store_.key("blobs/");
  std::string after;
  for (bool more = true; more;) {
    const s3::Listed page = TRY(bucket_.list(prefix, after));
    for (const s3::ListedObject& object : page.objects) {
      const std::string place = object.key.substr(store_.prefix.size());
      TRY(visit({.place = place, .upload = upload_of(place)}));
      after = object.key;
    }
    more = page.is_cut && !page.objects.empty();
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Blobs>> open_s3_blobs(const S3Options& options, const Path& spool) {
  TRY(make_directories(spool));
  s3::Bucket bucket = TRY(s3::Bucket::open(options.bucket));
  TRY(s3::check_capabilities(bucket, options.prefix + "trial/"));
  return std::make_unique<S3Blobs>(std::move(bucket), options, spool);
}

}  // namespace skiff::registry
