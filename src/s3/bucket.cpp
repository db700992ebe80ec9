#include "s3/bucket.h"

#include <algorithm>
#include <cstring>

#include "base/strings.h"
#include "codec/base64.h"
#include "codec/hash.h"
#include "s3/answer.h"

namespace skiff::s3 {

namespace {

constexpr size_t kRemovedAtOnce = 1000;
constexpr std::string_view kMaxListed = "1000";

using Query = std::map<std::string, std::string>;
using Fields = std::map<std::string, std::string>;

bool is_success(const net::WebResponse& answer) {
  return answer.status >= 200 && answer.status < 300;
}

std::string base64_of_hex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(parse_uint(hex.substr(i, 2), 16).value_or(0));
  }
  return base64_encode(bytes);
}

std::string range_field(const Range& range) {
  return cat("bytes=", range.offset, "-", range.offset + range.size - 1);
}

}  // namespace

// One request, before it is signed.
struct Bucket::Call {
  std::string what;  // for errors: "put KEY"
  std::string method;
  std::string key;
  Query query = {};
  Fields fields = {};
  Body body = {};
  CancelToken cancel = {};
};

Body::Body(std::string_view bytes)
    : Body(bytes.size(), sha256_hex(bytes),
           [bytes](uint64_t offset, std::span<char> buffer) -> Result<> {
             bytes.copy(buffer.data(), buffer.size(), offset);
             return {};
           }) {}

Result<Bucket> Bucket::open(BucketOptions options, const Clock& clock) {
  net::Url url = TRY_CONTEXT(net::Url::parse(options.endpoint), "S3 endpoint");
  if (url.target != "/") {
    return Error(Code::kInvalidArgument, cat("S3 endpoint: ", skiff::quoted(options.endpoint),
                                             " has a path; the bucket is named apart"));
  }
  if (options.bucket.empty() || options.bucket.find('/') != std::string::npos) {
    return Error(Code::kInvalidArgument,
                 cat("S3 bucket: ", skiff::quoted(options.bucket), " is no name of one"));
  }
  return Bucket(std::move(options), std::move(url), clock);
}

Bucket::Bucket(BucketOptions options, net::Url endpoint, const Clock& clock)
    : options_(std::move(options)),
      host_(options_.virtual_host ? cat(options_.bucket, ".", endpoint.host) : endpoint.host),
      signer_{options_.credentials, options_.region},
      clock_(&clock),
      web_(std::make_unique<net::WebClient>(options_.web)) {
  base_ = cat(endpoint.scheme, "://", host_);
}

Canonical Bucket::canonical(const Call& call) const {
  std::string path = options_.virtual_host ? "/" : cat("/", options_.bucket);
  if (!call.key.empty()) path += cat(options_.virtual_host ? "" : "/", call.key);
  Canonical request{call.method, std::move(path), call.query, call.fields};
  request.fields["host"] = host_;
  return request;
}

std::string Bucket::url_of(const Canonical& request) const {
  const std::string query = encoded_query(request.query);
  return cat(base_, encoded_path(request.path), query.empty() ? "" : "?", query);
}

net::WebRequest Bucket::request_of(const Call& call) const {
  Canonical signed_request = canonical(call);
  sign(signer_, signed_request, call.body.sha256(), clock_->now());
  net::WebRequest request{.method = call.method, .url = url_of(signed_request)};
  request.exact_url = true;
  for (const auto& [name, value] : signed_request.fields) {
    if (name != "host") request.headers.add(name, value);
  }
  // Else libcurl says that the body is a form.
  if (call.method == "POST") request.headers.add("Content-Type", "application/octet-stream");
  if (call.body.size() > 0) {
    request.upload_size = call.body.size();
    request.upload = [&body = call.body,
                      done = uint64_t{0}](std::span<char> buffer) mutable -> Result<size_t> {
      const size_t count = std::min<uint64_t>(buffer.size(), body.size() - done);
      TRY(body.read(done, buffer.first(count)));
      done += count;
      return count;
    };
  }
  request.cancel = call.cancel;
  return request;
}

// A success, else an error.
Result<net::WebResponse> Bucket::send_once(const Call& call) const {
  // Signed anew each time: a signature has a time.
  Result<net::WebResponse> answer = web_->send(request_of(call));
  if (!answer) return std::move(answer.error()).with_context(call.what);
  if (!is_success(*answer)) return refusal(*answer, call.what);
  return answer;
}

Result<net::WebResponse> Bucket::send(const Call& call) const {
  Backoff pause = backoff(call.cancel);
  while (true) {
    Result<net::WebResponse> answer = send_once(call);
    if (answer || !may_pass(answer.error()) || !TRY(pause.again())) return answer;
  }
}

Result<> Bucket::put(const std::string& key, const Body& body, IfThere there,
                     const CancelToken& cancel) const {
  Call call{.what = cat("put ", key), .method = "PUT", .key = key};
  call.body = body;
  call.cancel = cancel;
  if (there == IfThere::kRefuse) call.fields["if-none-match"] = "*";
  TRY(send(call));
  return {};
}

Result<uint64_t> Bucket::size_of(const std::string& key, const CancelToken& cancel) const {
  Call call{.what = cat("look at ", key), .method = "HEAD", .key = key};
  call.cancel = cancel;
  const net::WebResponse answer = TRY(send(call));
  const auto size = parse_uint(answer.headers.get("Content-Length"));
  if (size) return *size;
  return Error(Code::kInternal, cat(call.what, ": answered without a size"));
}

Result<> Bucket::read(const std::string& key, Range range,
                      const std::function<Result<>(std::string_view)>& take,
                      const CancelToken& cancel) const {
  std::string tag;  // the object's, once it is known: no two of them are mixed
  Backoff pause = backoff(cancel);
  while (range.size > 0) TRY(read_once(key, range, tag, pause, take, cancel));
  return {};
}

// What comes is taken off `left`.
Result<> Bucket::read_once(const std::string& key, Range& left, std::string& tag, Backoff& backoff,
                           const std::function<Result<>(std::string_view)>& take,
                           const CancelToken& cancel) const {
  Call call{.what = cat("read ", key), .method = "GET", .key = key};
  call.fields["range"] = range_field(left);
  if (!tag.empty()) call.fields["if-match"] = tag;
  call.cancel = cancel;
  net::WebRequest request = request_of(call);
  std::optional<Error> own;  // an error that no other attempt mends
  const auto stop = [&](Error error) {
    own = error;
    return error;
  };
  request.on_head = [&](const net::WebResponse& answer) -> Result<> {
    const std::string now = answer.headers.get("ETag");
    if (!tag.empty() && now != tag) {
      return stop(Error(Code::kFailedPrecondition, cat(call.what, ": the object was replaced")));
    }
    tag = now;
    const std::string place = answer.headers.get("Content-Range");
    if (answer.status == 206 ? place.starts_with(cat("bytes ", left.offset, "-"))
                             : left.offset == 0) {
      return {};
    }
    return stop(Error(Code::kInternal, cat(call.what, ": the store gives no ranges")));
  };
  request.on_body = [&](std::string_view bytes) -> Result<> {
    bytes = bytes.substr(0, left.size);
    if (bytes.empty()) return {};
    if (Result<> taken = take(bytes); !taken) return stop(taken.error());
    left.offset += bytes.size();
    left.size -= bytes.size();
    backoff.progressed();
    return {};
  };
  Result<net::WebResponse> answer = web_->send(request);
  if (own) return *own;
  if (answer && is_success(*answer)) {
    if (left.size == 0) return {};
    return Error(Code::kDataLoss, cat(call.what, ": the object ends ", left.size, " bytes early"));
  }
  Error error =
      answer ? refusal(*answer, call.what) : std::move(answer.error()).with_context(call.what);
  if (error.code() == Code::kOutOfRange) {
    return Error(Code::kDataLoss, cat(call.what, ": the object ends before ", left.offset));
  }
  if (!may_pass(error) || !TRY(backoff.again())) return error;
  return {};
}

Result<> Bucket::remove(const std::string& key) const {
  const auto answer = send({.what = cat("remove ", key), .method = "DELETE", .key = key});
  if (!answer && answer.error().code() != Code::kNotFound) return answer.error();
  return {};
}

Result<std::vector<Bucket::NotRemoved>> Bucket::remove_all(
    std::span<const std::string> keys) const {
  std::vector<NotRemoved> stay;
  while (!keys.empty()) {
    const auto some = keys.first(std::min(keys.size(), kRemovedAtOnce));
    keys = keys.subspan(some.size());
    TRY(remove_some(some, stay));
  }
  return stay;
}

Result<> Bucket::remove_some(std::span<const std::string> keys,
                             std::vector<NotRemoved>& stay) const {
  std::string body = "<Delete><Quiet>true</Quiet>";
  for (const std::string& key : keys) {
    body += cat("<Object><Key>", escape_xml(key), "</Key></Object>");
  }
  body += "</Delete>";
  Call call{.what = cat("remove ", keys.size(), " objects"), .method = "POST"};
  call.query["delete"] = "";
  call.body = body;
  call.fields["x-amz-checksum-sha256"] = base64_of_hex(call.body.sha256());
  const net::WebResponse answer = TRY(send(call));
  const Element result = TRY(document(answer, "DeleteResult", call.what));
  for (const Element* error : result.all("Error")) {
    if (error->get("Code") == "NoSuchKey") continue;
    stay.push_back({error->get("Key"), cat(error->get("Code"), ": ", error->get("Message"))});
  }
  return {};
}

Result<Listed> Bucket::list(const std::string& prefix, const std::string& after) const {
  Call call{.what = cat("list ", skiff::quoted(prefix)), .method = "GET"};
  call.query = {{"list-type", "2"}, {"max-keys", std::string(kMaxListed)}, {"prefix", prefix}};
  if (!after.empty()) call.query["start-after"] = after;
  const net::WebResponse answer = TRY(send(call));
  const Element result = TRY(document(answer, "ListBucketResult", call.what));
  Listed listed;
  listed.is_cut = result.get("IsTruncated") == "true";
  for (const Element* object : result.all("Contents")) {
    const auto size = parse_uint(object->get("Size"));
    if (!size) return Error(Code::kInternal, cat(call.what, ": an object without a size"));
    listed.objects.push_back({object->get("Key"), *size});
  }
  return listed;
}

Result<std::string> Bucket::begin_upload(const std::string& key) const {
  Call call{.what = cat("begin upload of ", key), .method = "POST", .key = key};
  call.query["uploads"] = "";
  const net::WebResponse answer = TRY(send(call));
  std::string id =
      TRY(document(answer, "InitiateMultipartUploadResult", call.what)).get("UploadId");
  if (id.empty()) return Error(Code::kInternal, cat(call.what, ": answered without an id"));
  return id;
}

Result<std::string> Bucket::put_part(const std::string& key, const std::string& upload, int number,
                                     const Body& body, const CancelToken& cancel) const {
  Call call{.what = cat("upload part ", number, " of ", key), .method = "PUT", .key = key};
  call.query = {{"partNumber", std::to_string(number)}, {"uploadId", upload}};
  call.body = body;
  call.cancel = cancel;
  const net::WebResponse answer = TRY(send(call));
  std::string tag = answer.headers.get("ETag");
  if (tag.empty()) return Error(Code::kInternal, cat(call.what, ": answered without an ETag"));
  return tag;
}

Result<> Bucket::finish_upload(const std::string& key, const std::string& upload,
                               std::span<const Part> parts) const {
  std::string body = "<CompleteMultipartUpload>";
  for (const Part& part : parts) {
    body += cat("<Part><PartNumber>", part.number, "</PartNumber><ETag>", escape_xml(part.tag),
                "</ETag></Part>");
  }
  body += "</CompleteMultipartUpload>";
  Call call{.what = cat("finish upload of ", key), .method = "POST", .key = key};
  call.query["uploadId"] = upload;
  call.body = body;
  Backoff pause = backoff({});
  bool may_be_finished = false;  // by an attempt whose answer was lost
  while (true) {
    Result<net::WebResponse> answer = send_once(call);
    // The store may say 200 before it knows.
    Result<Element> done = answer ? document(*answer, "CompleteMultipartUploadResult", call.what)
                                  : Result<Element>(answer.error());
    if (done) return {};
    if (done.error().code() == Code::kNotFound && may_be_finished) {
      TRY(size_of(key));
      return {};
    }
    if (!may_pass(done.error()) || !TRY(pause.again())) return done.error();
    may_be_finished = true;
  }
}

Result<> Bucket::abort_upload(const std::string& key, const std::string& upload) const {
  Call call{.what = cat("abort upload of ", key), .method = "DELETE", .key = key};
  call.query["uploadId"] = upload;
  const auto answer = send(call);
  if (!answer && answer.error().code() != Code::kNotFound) return answer.error();
  return {};
}

std::string Bucket::link_to(const std::string& key, std::chrono::seconds lifetime) const {
  Canonical link = canonical({.what = "", .method = "GET", .key = key});
  presign(signer_, link, lifetime, clock_->now());
  return url_of(link);
}

}  // namespace skiff::s3
