#include "net/web_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <vector>

#include "base/strings.h"
#include "net/ip_address.h"
#include "net/socket_source.h"
#include "net/url.h"

namespace skiff::net {

namespace {

constexpr long kMaxRedirects = 10;
constexpr size_t kMaxIdleSessions = 16;
constexpr int kPollMs = 1000;

struct FreeEasy {
  void operator()(CURL* handle) const { ::curl_easy_cleanup(handle); }
};
struct FreeMulti {
  void operator()(CURLM* handle) const { ::curl_multi_cleanup(handle); }
};
struct FreeList {
  void operator()(curl_slist* list) const { ::curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

// One transfer at a time; keeps its connections open between transfers.
struct Session {
  std::unique_ptr<CURLM, FreeMulti> multi{::curl_multi_init()};  // owns the connection cache
  std::unique_ptr<CURL, FreeEasy> easy{::curl_easy_init()};
};

// What the callbacks of one transfer share.
struct Transfer {
  const WebRequest& request;
  const WebClientOptions& options;
  CURL* easy;
  WebResponse response;
  bool head_told = false;
  std::optional<Error> failure;  // of the caller's own functions
  std::string kept_from;         // the last address that may not be connected to

  // The first error stops the transfer and becomes its result.
  bool keep(Result<> result) {
    if (!result && !failure) failure = std::move(result.error());
    return !failure;
  }

  bool tell_head() {
    if (head_told) return true;
    head_told = true;
    long status = 0;
    ::curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    response.status = static_cast<int>(status);
    bool wanted = status >= 200 && status < 300 && request.on_head;
    return !wanted || keep(request.on_head(response));
  }
};

size_t on_header(char* data, size_t, size_t size, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  std::string_view line = trim({data, size});
  // A status line begins the fields of the next answer: after a redirect or "100 Continue".
  if (line.starts_with("HTTP/")) {
    transfer.response.headers = {};
  } else if (auto field = split_once(line, ':')) {
    transfer.response.headers.add(trim(field->first), std::string(trim(field->second)));
  }
  return size;
}

size_t on_data(char* data, size_t, size_t size, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  if (!transfer.tell_head()) return CURL_WRITEFUNC_ERROR;
  std::string_view piece(data, size);
  int status = transfer.response.status;
  if (transfer.request.on_body && status >= 200 && status < 300) {
    return transfer.keep(transfer.request.on_body(piece)) ? size : CURL_WRITEFUNC_ERROR;
  }
  const size_t most = transfer.options.most_gathered;
  if (transfer.response.body.size() + size > most) {
    transfer.keep(Error(Code::kResourceExhausted, cat("answer is larger than ", most, " bytes")));
    return CURL_WRITEFUNC_ERROR;
  }
  transfer.response.body.append(piece);
  return size;
}

size_t on_upload(char* data, size_t, size_t size, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  Result<size_t> n = transfer.request.upload({data, size});
  if (n) return *n;
  transfer.keep(n.error());
  return CURL_READFUNC_ABORT;
}

curl_socket_t open_socket(void* user, curlsocktype /*purpose*/, curl_sockaddr* address) {
  auto& transfer = *static_cast<Transfer*>(user);
  const auto& may_connect = transfer.options.may_connect;
  if (may_connect && !may_connect(address->addr)) {
    transfer.kept_from = address_text(address->addr);
    return CURL_SOCKET_BAD;
  }
  Result<UniqueFd> made =
      make_internet_socket(address->family, address->socktype, address->protocol);
  return made ? made->release() : CURL_SOCKET_BAD;
}

Code code_of(CURLcode code) {
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return Code::kDeadlineExceeded;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_TOO_MANY_REDIRECTS:
      return Code::kInvalidArgument;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
      return Code::kFailedPrecondition;
    default:
      return Code::kUnavailable;
  }
}

}  // namespace

struct WebClient::Impl {
  explicit Impl(WebClientOptions o) : options(std::move(o)) {
    static const CURLcode initialised = ::curl_global_init(CURL_GLOBAL_DEFAULT);
    (void)initialised;
  }

  WebClientOptions options;
  std::mutex mutex;
  std::vector<std::unique_ptr<Session>> idle;

  std::unique_ptr<Session> take() {
    std::scoped_lock lock(mutex);
    if (idle.empty()) return std::make_unique<Session>();
    auto session = std::move(idle.back());
    idle.pop_back();
    return session;
  }

  void give_back(std::unique_ptr<Session> session) {
    ::curl_easy_reset(session->easy.get());
    std::scoped_lock lock(mutex);
    if (idle.size() < kMaxIdleSessions) idle.push_back(std::move(session));
  }

  void set_up(CURL* easy, Transfer& transfer, curl_slist* headers) const;
  void set_tls(CURL* easy) const;
  static void set_method(CURL* easy, Transfer& transfer);
  static Result<CURLcode> perform(Session& session, const CancelToken& cancel);
};

namespace {

HeaderList header_list(const WebRequest& request) {
  curl_slist* list = nullptr;
  for (const auto& [name, value] : request.headers) {
    std::string line = value.empty() ? cat(name, ";") : cat(name, ": ", value);
    std::erase_if(line, [](char c) { return c == '\r' || c == '\n'; });
    list = ::curl_slist_append(list, line.c_str());
  }
  // Without this libcurl waits up to a second for "100 Continue" before a large body.
  return HeaderList(::curl_slist_append(list, "Expect:"));
}

}  // namespace

void WebClient::Impl::set_up(CURL* easy, Transfer& transfer, curl_slist* headers) const {
  ::curl_easy_setopt(easy, CURLOPT_URL, transfer.request.url.c_str());
  ::curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  ::curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  ::curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
  ::curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, &transfer);
  if (options.may_connect) ::curl_easy_setopt(easy, CURLOPT_PROXY, "");
  ::curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  ::curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  ::curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 256L * 1024);
  ::curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, long{options.connect_timeout_seconds});
  ::curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
  ::curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, long{options.stall_timeout_seconds});
  ::curl_easy_setopt(easy, CURLOPT_TIMEOUT, long{options.total_timeout_seconds});
  if (!options.user_agent.empty()) {
    ::curl_easy_setopt(easy, CURLOPT_USERAGENT, options.user_agent.c_str());
  }
  ::curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  ::curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
  ::curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
  ::curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
  set_tls(easy);
  set_method(easy, transfer);
}

void WebClient::Impl::set_tls(CURL* easy) const {
  ::curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (options.insecure_tls) {
    ::curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    ::curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  // The system's directory of authorities stays in force beside the file.
  if (!options.ca_file.empty()) ::curl_easy_setopt(easy, CURLOPT_CAINFO, options.ca_file.c_str());
  if (!options.client_certificate.empty()) {
    ::curl_easy_setopt(easy, CURLOPT_SSLCERT, options.client_certificate.c_str());
    ::curl_easy_setopt(easy, CURLOPT_SSLKEY, options.client_key.c_str());
  }
}

void WebClient::Impl::set_method(CURL* easy, Transfer& transfer) {
  const WebRequest& request = transfer.request;
  bool has_body = request.upload || request.method == "PUT" || request.method == "POST" ||
                  request.method == "PATCH";
  if (request.method == "HEAD") {
    ::curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  } else if (request.upload) {
    ::curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    ::curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_upload);
    ::curl_easy_setopt(easy, CURLOPT_READDATA, &transfer);
    // A handle keeps both buffers: a hundred uploads at once are a hundred of each.
    ::curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, 64L * 1024);
    ::curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 16L * 1024);
    ::curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE,
                       static_cast<curl_off_t>(request.upload_size));
  } else if (has_body) {
    ::curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                       static_cast<curl_off_t>(request.body.size()));
    ::curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
  }
  if (request.method != "HEAD") {
    ::curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  if (request.exact_url) {
    ::curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
  } else if (request.method == "GET" || request.method == "HEAD") {
    // libcurl drops Authorization and Cookie fields where host, port or scheme change.
    ::curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
    ::curl_easy_setopt(easy, CURLOPT_MAXREDIRS, kMaxRedirects);
    ::curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  }
}

// Drives the transfer until it is done, or the token is cancelled.
Result<CURLcode> WebClient::Impl::perform(Session& session, const CancelToken& cancel) {
  CURLM* multi = session.multi.get();
  for (;;) {
    TRY(cancel.check());
    int running = 0;
    CURLMcode rc = ::curl_multi_perform(multi, &running);
    int queued = 0;
    while (const CURLMsg* message = ::curl_multi_info_read(multi, &queued)) {
      if (message->msg == CURLMSG_DONE) return message->data.result;
    }
    curl_waitfd extra{};
    extra.fd = cancel.fd();
    extra.events = CURL_WAIT_POLLIN;
    unsigned count = extra.fd >= 0 ? 1 : 0;
    if (rc == CURLM_OK) rc = ::curl_multi_poll(multi, &extra, count, kPollMs, nullptr);
    if (rc != CURLM_OK) return Error(Code::kInternal, ::curl_multi_strerror(rc));
  }
}

WebClient::WebClient(WebClientOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}
WebClient::~WebClient() = default;
WebClient::WebClient(WebClient&&) noexcept = default;

Result<WebResponse> WebClient::send(const WebRequest& request) {
  std::string what = cat(request.method, " ", shown_url(request.url));
  auto session = impl_->take();
  CURL* easy = session->easy.get();
  Transfer transfer{request, impl_->options, easy, {}, false, std::nullopt, {}};
  HeaderList headers = header_list(request);
  std::array<char, CURL_ERROR_SIZE> reason{};
  ::curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, reason.data());
  impl_->set_up(easy, transfer, headers.get());
  ::curl_multi_add_handle(session->multi.get(), easy);
  Result<CURLcode> done = Impl::perform(*session, request.cancel);
  if (done && *done == CURLE_OK) transfer.tell_head();
  ::curl_multi_remove_handle(session->multi.get(), easy);
  const char* url = nullptr;
  ::curl_easy_getinfo(easy, CURLINFO_EFFECTIVE_URL, &url);
  if (url != nullptr) transfer.response.url = url;
  impl_->give_back(std::move(session));
  if (transfer.failure) return std::move(*transfer.failure);
  if (!done) return std::move(done.error()).with_context(what);
  if (*done != CURLE_OK && !transfer.kept_from.empty()) {
    return Error(Code::kPermissionDenied,
                 cat(what, ": the address ", transfer.kept_from, " is not one to connect to"));
  }
  if (*done != CURLE_OK) {
    const char* text = reason[0] != '\0' ? reason.data() : ::curl_easy_strerror(*done);
    return Error(code_of(*done), cat(what, ": ", text));
  }
  return std::move(transfer.response);
}

}  // namespace skiff::net
