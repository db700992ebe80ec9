#include <algorithm>

#include "base/strings.h"
#include "remote/answers.h"
#include "remote/blob_transfer.h"

namespace skiff::remote {

namespace {

class Download {
 public:
  Download(Transport& transport, const Repository& repository, const oci::Descriptor& blob,
           content::Ingest& ingest, const Progress& progress, const CancelToken& cancel)
      : transport_(transport),
        repository_(repository),
        blob_(blob),
        ingest_(ingest),
        progress_(progress),
        cancel_(cancel) {}

  Result<> run() {
    if (ingest_.offset() > blob_.size) TRY(ingest_.reset());
    for (;;) {
      Result<> fetched = fetch();
      if (fetched || is_over_ || cancel_.cancelled() || !TRY(go_elsewhere())) return fetched;
    }
  }

 private:
  // From one place, as long as that gives hope.
  Result<> fetch() {
    Backoff backoff = transport_.backoff(cancel_);
    uint64_t furthest = ingest_.offset();
    while (ingest_.offset() < blob_.size) {
      Result<net::WebResponse> answer = transport_.send_once(make_call());
      if (local_failure_) return end(*std::move(local_failure_));
      if (ingest_.offset() == blob_.size) break;
      if (ingest_.offset() > furthest) backoff.progressed();
      furthest = std::max(furthest, ingest_.offset());
      if (answer && answer->status == 416) TRY(ingest_.reset());
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
    call.scope = repository_.pull_scope();
    call.request.cancel = cancel_;
    const uint64_t from = ingest_.offset();
    if (from > 0) call.request.headers.set("Range", cat("bytes=", from, "-"));
    call.request.on_head = [this, from](const net::WebResponse& head) {
      return keep(check_start(head, from));
    };
    call.request.on_body = [this](std::string_view bytes) { return keep(take(bytes)); };
    return call;
  }

  // Where the server sends other bytes than those asked for, the blob starts again.
  Result<> check_start(const net::WebResponse& head, uint64_t from) {
    if (head.status == 206 &&
        head.headers.get("Content-Range").starts_with(cat("bytes ", from, "-"))) {
      return {};
    }
    if (head.status != 200) {
      return Error(Code::kDataLoss,
                   cat("download ", blob_.digest.str(), ": asked for bytes from ", from, ", got ",
                       skiff::quoted(head.headers.get("Content-Range"))));
    }
    if (from > 0) TRY(ingest_.reset());
    return {};
  }

  Result<> take(std::string_view bytes) {
    if (bytes.size() > blob_.size - ingest_.offset()) {
      return Error(Code::kDataLoss, cat("download ", blob_.digest.str(),
                                        ": the server sends more than its ", blob_.size, " bytes"));
    }
    TRY(ingest_.write(bytes));
    if (progress_) progress_(ingest_.offset(), blob_.size);
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
    return Error(Code::kUnavailable, cat(what, ": the server ended after ", ingest_.offset(),
                                         " of ", blob_.size, " bytes"));
  }

  Transport& transport_;
  const Repository& repository_;
  const oci::Descriptor& blob_;
  content::Ingest& ingest_;
  const Progress& progress_;
  const CancelToken& cancel_;
  std::optional<net::Url> elsewhere_;  // instead of the repository
  size_t next_url_ = 0;
  bool is_over_ = false;  // no other place can help
  std::optional<Error> local_failure_;
};

}  // namespace

Result<> download_blob(Transport& transport, const Repository& repository,
                       const oci::Descriptor& blob, content::Ingest& ingest,
                       const Progress& progress, const CancelToken& cancel) {
  return Download(transport, repository, blob, ingest, progress, cancel).run();
}

}  // namespace skiff::remote
