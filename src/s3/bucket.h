// Bucket: objects in one bucket of an S3 store (Amazon S3 API, revision 2006-03-01), signed with
// version 4. What fails for a reason that may pass (no answer, 408, 429, 5xx) is tried again; put()
// and begin_upload() say what that may leave.
//
//   const Bucket bucket = TRY(Bucket::open({.endpoint = "https://s3.example", .bucket = "b"}));
//   const std::string id = TRY(bucket.begin_upload("key"));
//   const std::string tag = TRY(bucket.put_part("key", id, 1, bytes));
//   TRY(bucket.finish_upload("key", id, std::array{Part{1, tag}}));
//
// Errors: kNotFound (no such object or upload), kPermissionDenied, kFailedPrecondition (a condition
// did not hold, or there is no bucket), kInvalidArgument (anything else that the store refuses),
// kUnavailable; the store's own code and words are in the text, the keys' secret never is.
// Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/backoff.h"
#include "base/clock.h"
#include "net/url.h"
#include "net/web_client.h"
#include "s3/signature.h"

namespace skiff::s3 {

struct BucketOptions {
  std::string endpoint;  // "https://s3.example", "http://127.0.0.1:9000"; no path
  std::string bucket;
  std::string region = "us-east-1";
  // The bucket is part of the host's name, not of the path.
  bool virtual_host = false;
  Credentials credentials;
  net::WebClientOptions web;
  int attempts = 5;
  std::chrono::milliseconds retry_delay{100};  // before the second attempt; then doubled
};

// What an object or a part is made of. Bytes in memory must outlive the call.
class Body {
 public:
  // Fills the buffer with the bytes from `offset` on; is asked again for another attempt.
  using Read = std::function<Result<>(uint64_t offset, std::span<char> buffer)>;

  Body() : Body(std::string_view()) {}
  Body(std::string_view bytes);
  Body(const std::string& bytes) : Body(std::string_view(bytes)) {}
  Body(const char* text) : Body(std::string_view(text)) {}
  // Of that SHA-256, in hex.
  Body(uint64_t size, std::string sha256, Read read)
      : size_(size), sha256_(std::move(sha256)), read_(std::move(read)) {}

  uint64_t size() const { return size_; }
  const std::string& sha256() const { return sha256_; }
  Result<> read(uint64_t offset, std::span<char> buffer) const { return read_(offset, buffer); }

 private:
  uint64_t size_;
  std::string sha256_;
  Read read_;
};

struct Range {
  uint64_t offset = 0;
  uint64_t size = 0;
};

struct Part {
  int number = 0;   // from 1, at most 10,000
  std::string tag;  // as put_part() gave it
};

struct ListedObject {
  std::string key;
  uint64_t size = 0;
};
struct Listed {
  std::vector<ListedObject> objects;  // in the order of their keys
  bool is_cut = false;                // more may come behind the last
};

enum class IfThere { kReplace, kRefuse };

class Bucket {
 public:
  static Result<Bucket> open(BucketOptions options, const Clock& clock = Clock::system());

  // A whole object; where it is there already, replaced or refused (kFailedPrecondition). A refusal
  // may be of one's own object, where the store's answer to an attempt before was lost.
  Result<> put(const std::string& key, const Body& body, IfThere there = IfThere::kReplace,
               const CancelToken& cancel = {}) const;
  Result<uint64_t> size_of(const std::string& key, const CancelToken& cancel = {}) const;
  // Each byte of the range once and in order, also over a connection that broke off. kDataLoss
  // where the object is shorter, kFailedPrecondition where it was replaced meanwhile. An error of
  // `take` ends it.
  Result<> read(const std::string& key, Range range,
                const std::function<Result<>(std::string_view)>& take,
                const CancelToken& cancel = {}) const;
  // Missing ones are success.
  Result<> remove(const std::string& key) const;
  struct NotRemoved {
    std::string key;
    std::string why;
  };
  // Any number, a thousand a request; those that stay.
  Result<std::vector<NotRemoved>> remove_all(std::span<const std::string> keys) const;
  // Up to a thousand behind `after`.
  Result<Listed> list(const std::string& prefix, const std::string& after = "") const;

  // An object in parts, which is there once it is finished. All but the last must have 5 MiB. Where
  // an answer is lost, an upload may be left that nobody knows the id of: buckets can be told to
  // drop such ones.
  Result<std::string> begin_upload(const std::string& key) const;
  Result<std::string> put_part(const std::string& key, const std::string& upload, int number,
                               const Body& body, const CancelToken& cancel = {}) const;
  Result<> finish_upload(const std::string& key, const std::string& upload,
                         std::span<const Part> parts) const;
  // A missing one is success.
  Result<> abort_upload(const std::string& key, const std::string& upload) const;

  // From which anybody may read the object until `lifetime` is over.
  std::string link_to(const std::string& key, std::chrono::seconds lifetime) const;

 private:
  struct Call;
  Bucket(BucketOptions options, net::Url endpoint, const Clock& clock);
  Canonical canonical(const Call& call) const;
  std::string url_of(const Canonical& request) const;
  net::WebRequest request_of(const Call& call) const;
  Result<net::WebResponse> send_once(const Call& call) const;
  Result<net::WebResponse> send(const Call& call) const;
  Result<> read_once(const std::string& key, Range& left, std::string& tag, Backoff& backoff,
                     const std::function<Result<>(std::string_view)>& take,
                     const CancelToken& cancel) const;
  Result<> remove_some(std::span<const std::string> keys, std::vector<NotRemoved>& stay) const;
  Backoff backoff(const CancelToken& cancel) const {
    return {options_.attempts, options_.retry_delay, cancel};
  }

  BucketOptions options_;
  std::string base_;  // "https://host", with the bucket's name where it is part of it
  std::string host_;
  Signer signer_;
  const Clock* clock_;
  std::unique_ptr<net::WebClient> web_;
};

}  // namespace skiff::s3
