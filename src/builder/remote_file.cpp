#include "builder/remote_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <ctime>

#include "base/io.h"
#include "base/strings.h"
#include "codec/hash.h"
#include "net/url.h"
#include "net/web_client.h"

namespace skiff::builder {

namespace {

// "Wed, 21 Oct 2015 07:28:00 GMT"; 0 for anything else.
time_t parse_http_date(const std::string& text) {
  tm parts{};
  const char* end = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S", &parts);
  return end == nullptr ? 0 : ::timegm(&parts);
}

Validator validator_of(const net::Headers& headers) {
  // Within a second a file may change twice; and clocks may differ by more.
  constexpr time_t kLongPast = 60;
  const std::string etag(headers.get("ETag"));
  // A weak one stays the same where bytes change.
  if (etag.starts_with('"')) return {.etag = etag, .modified = {}};
  const std::string modified(headers.get("Last-Modified"));
  const time_t told = parse_http_date(std::string(headers.get("Date")));
  const time_t changed = parse_http_date(modified);
  const bool is_sure = etag.empty() && changed != 0 && told - changed >= kLongPast;
  return {.etag = {}, .modified = is_sure ? modified : ""};
}

}  // namespace

std::string remote_name(const std::string& url) {
  std::string path = url.substr(0, url.find_first_of("?#"));
  size_t host = path.find("://") + 3;
  size_t slash = path.rfind('/');
  std::string name = slash == std::string::npos || slash < host ? "" : path.substr(slash + 1);
  return name.empty() || name == "." || name == ".." ? "__unnamed__" : name;
}

Result<RemoteFile> download(const std::string& url, const Validator& known, const Path& directory,
                            const CancelToken& cancel) {
  constexpr int kNotModified = 304;
  RemoteFile out{.name = remote_name(url)};
  net::WebClient client;
  net::WebRequest request{.url = url, .cancel = cancel};
  if (!known.etag.empty()) {
    request.headers.set("If-None-Match", known.etag);
  } else if (!known.modified.empty()) {
    request.headers.set("If-Modified-Since", known.modified);
  }
  UniqueFd file;
  request.on_head = [&](const net::WebResponse&) -> Result<> {
    file = TRY(open_file(directory / out.name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    return {};
  };
  request.on_body = [&](std::string_view bytes) { return FdSink(file.get()).write(bytes); };
  auto response = TRY_CONTEXT(client.send(request), net::shown_url(url));
  out.unchanged = response.status == kNotModified && !known.empty();
  if (out.unchanged) return out;
  if (response.status / 100 != 2) {
    return Error(Code::kNotFound,
                 cat(net::shown_url(url), ": the server answered ", response.status));
  }
  out.validator = validator_of(response.headers);
  time_t modified = parse_http_date(std::string(response.headers.get("Last-Modified")));
  const timespec times[2] = {{0, UTIME_OMIT}, {modified, 0}};
  ::futimens(file.get(), times);
  return out;
}

Result<> check_digest(const Path& path, const oci::Digest& wanted) {
  UniqueFd file = TRY(open_file(path, O_RDONLY));
  FdSource source(file.get());
  Hasher hasher(wanted.algorithm());
  TRY(copy(source, hasher));
  const auto actual = oci::Digest::from_hex(wanted.algorithm(), hasher.hex());
  if (actual == wanted) return {};
  return Error(Code::kFailedPrecondition,
               cat("digest mismatch: it is ", actual.str(), ", expected ", wanted.str()));
}

}  // namespace skiff::builder
