#include "builder/remote_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <ctime>

#include "base/io.h"
#include "base/strings.h"
#include "codec/hash.h"
#include "net/web_client.h"

namespace skiff::builder {

namespace {

// "Wed, 21 Oct 2015 07:28:00 GMT"; 0 for anything else.
time_t parse_http_date(const std::string& text) {
  tm parts{};
  const char* end = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S", &parts);
  return end == nullptr ? 0 : ::timegm(&parts);
}

std::string name_of(const std::string& url) {
  std::string path = url.substr(0, url.find_first_of("?#"));
  size_t host = path.find("://") + 3;
  size_t slash = path.rfind('/');
  std::string name = slash == std::string::npos || slash < host ? "" : path.substr(slash + 1);
  return name.empty() || name == "." || name == ".." ? "__unnamed__" : name;
}

}  // namespace

Result<std::string> download(const std::string& url, const std::optional<oci::Digest>& checksum,
                             const Path& directory, const CancelToken& cancel) {
  std::string name = name_of(url);
  UniqueFd file = TRY(open_file(directory / name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  FdSink sink(file.get());
  net::WebClient client;
  net::WebRequest request{.url = url, .cancel = cancel};
  Hasher hasher(checksum ? checksum->algorithm() : HashAlgorithm::kSha256);
  request.on_body = [&](std::string_view bytes) -> Result<> {
    hasher.update(bytes);
    return sink.write(bytes);
  };
  auto response = TRY_CONTEXT(client.send(request), cat("ADD ", url));
  if (response.status / 100 != 2) {
    return Error(Code::kNotFound, cat("ADD ", url, ": the server answered ", response.status));
  }
  if (checksum) {
    const auto actual = oci::Digest::from_hex(checksum->algorithm(), hasher.hex());
    if (actual != *checksum) {
      return Error(Code::kFailedPrecondition, cat("ADD ", url, ": digest mismatch: it is ",
                                                  actual.str(), ", expected ", checksum->str()));
    }
  }
  time_t modified = parse_http_date(std::string(response.headers.get("Last-Modified")));
  const timespec times[2] = {{0, UTIME_OMIT}, {modified, 0}};
  ::futimens(file.get(), times);
  return name;
}

}  // namespace skiff::builder
