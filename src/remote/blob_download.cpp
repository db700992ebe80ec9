#include <algorithm>

#include "base/strings.h"
#include "remote/answers.h"
#include "remote/blob_transfer.h"

namespace skiff::remote {

namespace {

// Of a blob known by its digest alone, until its registry tells.
constexpr uint64_t kUnknownSize = UINT64_MAX;

class Download {
 public:
  Download(Transport& transport, const Repository& repository, const oci::Descriptor& blob,
           BlobReceiver& receiver, const Progress& progress, const CancelToken& cancel)
      : transport_(transport),
        repository_(repository),
        blob_(blob),
        size_(blob.size),
        receiver_(receiver),
        progress_(progress),
        cancel_(cancel) {}

  Result<> run() {
    if (receiver_.offset() > size_) TRY(receiver_.reset());
    for (;;) {
      Result<> fetched = fetch();
      if (fetched || is_over_ || cancel_.cancelled() || !TRY(go_elsewhere())) return fetched;
    }
  }

 private:
  // From one place, as long as that gives hope.
  Result<> fetch() {
    Backoff backoff = transport_.backoff(cancel_);
    uint64_t furthest = receiver_.offset();
    while (receiver_.offset() < size_) {
      Result<net::WebResponse> answer = transport_.send_once(make_call());
      if (local_failure_) return end(*std::move(local_failure_));
      if (receiver_.offset() == size_) break;
      if (receiver_.offset() > furthest) backoff.progressed();
      furthest = std::max(furthest, receiver_.offset());
      if (answer && answer->status == 416) TRY(receiver_.reset());
      if (!may_go_on(answer)) return failure(answer);
      const auto wish = answer ? retry_after(*answer) : std::nullopt;
      if (!TRY(backoff.again(wish))) return failure(answer);
    }
    return {};
  }

  Error end(Error error) {
    is_over_ = true;
    return error;
  }

  // A foreign layer that the registry does not give is asked for at its own places.
  Result<bool> go_elsewhere() {
    if (!oci::is_nondistributable_type(blob_.media_type)) return false;
    if (next_url_ == blob_.urls.size()) return false;
    const std::string& url = blob_.urls[next_url_++];
    const std::string what = cat("layer ", blob_.digest.str(), " comes from ", url);
    elsewhere_ = TRY_CONTEXT(net::Url::parse(url), what);
    if (transport_.may_follow(repository_.host, *elsewhere_)) return true;
    return Error(Code::kPermissionDenied,
                 cat(what,
                     ": only HTTPS, and no address of this machine, is asked for what an image "
                     "names"));
  }

  Call make_call() {
    Call call;
    call.host = repository_.host;
    call.target = repository_.blob_target(blob_.digest);
    if (elsewhere_) call.target = *elsewhere_;
    call.named_by_image = elsewhere_.has_value();
    call.scope = repository_.pull_scope();
    call.request.cancel = cancel_;
    const uint64_t from = receiver_.offset();
    if (from > 0) call.request.headers.set("Range", cat("bytes=", from, "-"));
    call.request.on_head = [this, from](const net::WebResponse& head) {
      return keep(check_start(head, from));
    };
    call.request.on_body = [this](std::string_view bytes) { return keep(take(bytes)); };
    return call;
  }

  // Where the server sends other bytes than those asked for, the blob starts again.
  Result<> check_start(const net::WebResponse& head, uint64_t from) {
    if (size_ == kUnknownSize) TRY(learn_size(head));
    if (head.status == 206 &&
        head.headers.get("Content-Range").starts_with(cat("bytes ", from, "-"))) {
      return {};
    }
    if (head.status != 200) {
      return Error(Code::kDataLoss,
                   cat("download ", blob_.digest.str(), ": asked for bytes from ", from, ", got ",
                       skiff::quoted(head.headers.get("Content-Range"))));
    }
    if (from > 0) TRY(receiver_.reset());
    return {};
  }

  Result<> learn_size(const net::WebResponse& head) {
    const auto length = parse_uint(head.headers.get("Content-Length"));
    const std::string range = head.headers.get("Content-Range");
    const auto total = parse_uint(std::string_view(range).substr(range.rfind('/') + 1));
    if (head.status == 206 ? !total : !length) {
      return Error(Code::kUnimplemented, cat("download ", blob_.digest.str(),
                                             ": the server does not say how long it is"));
    }
    size_ = head.status == 206 ? *total : *length;
    return receiver_.expect(size_);
  }

  Result<> take(std::string_view bytes) {
    if (bytes.size() > size_ - receiver_.offset()) {
      return Error(Code::kDataLoss, cat("download ", blob_.digest.str(),
                                        ": the server sends more than its ", size_, " bytes"));
    }
    TRY(receiver_.write(bytes));
    if (progress_) progress_(receiver_.offset(), size_);
    return {};
  }

  // Failures of our own (a full disk, wrong bytes) end the download; those of the way do not.
  Result<> keep(Result<> result) {
    if (!result) local_failure_ = result.error();
    return result;
  }

  bool may_go_on(const Result<net::WebResponse>& answer) const {
    if (!answer) return is_transient(answer.error());
    return answer->status / 100 == 2 || answer->status == 416 || is_transient(answer->status);
  }

  Error failure(const Result<net::WebResponse>& answer) const {
    const std::string what = cat("download ", blob_.digest.str());
    if (!answer) return Error(answer.error()).with_context(what);
    if (answer->status / 100 != 2) return answer_error(*answer, what);
    return Error(Code::kUnavailable, cat(what, ": the server ended after ", receiver_.offset(),
                                         " of ", size_, " bytes"));
  }

  Transport& transport_;
  const Repository& repository_;
  const oci::Descriptor& blob_;
  uint64_t size_;
  BlobReceiver& receiver_;
  const Progress& progress_;
  const CancelToken& cancel_;
  std::optional<net::Url> elsewhere_;  // instead of the repository
  size_t next_url_ = 0;
  bool is_over_ = false;  // no other place can help
  std::optional<Error> local_failure_;
};

// A blob of known size, on its way into a content store.
class IngestReceiver : public BlobReceiver {
 public:
  explicit IngestReceiver(content::Ingest& ingest) : ingest_(ingest) {}
  Result<> expect(uint64_t /*size*/) override { return {}; }
  uint64_t offset() const override { return ingest_.offset(); }
  Result<> write(std::string_view bytes) override { return ingest_.write(bytes); }
  Result<> reset() override { return ingest_.reset(); }

 private:
  content::Ingest& ingest_;
};

}  // namespace

Result<> download_blob(Transport& transport, const Repository& repository,
                       const oci::Descriptor& blob, content::Ingest& ingest,
                       const Progress& progress, const CancelToken& cancel) {
  IngestReceiver receiver(ingest);
  return Download(transport, repository, blob, receiver, progress, cancel).run();
}

Result<> receive_blob(Transport& transport, const Repository& repository, const oci::Digest& blob,
                      BlobReceiver& receiver, const CancelToken& cancel) {
  oci::Descriptor unknown;
  unknown.digest = blob;
  unknown.size = kUnknownSize;
  return Download(transport, repository, unknown, receiver, {}, cancel).run();
}

Result<uint64_t> blob_size(Transport& transport, const Repository& repository,
                           const oci::Digest& blob, const CancelToken& cancel) {
  Call call;
  call.host = repository.host;
  call.target = repository.blob_target(blob);
  call.scope = repository.pull_scope();
  call.request.method = "HEAD";
  call.request.cancel = cancel;
  const net::WebResponse answer = TRY(transport.send(call));
  const std::string what = cat("blob ", blob.str());
  if (answer.status != 200) return answer_error(answer, what);
  const auto size = parse_uint(answer.headers.get("Content-Length"));
  if (size) return *size;
  return Error(Code::kUnimplemented, cat(what, ": the server does not say how long it is"));
}

}  // namespace skiff::remote
