#include "cli/shared_directory.h"

#include <fcntl.h>

#include "base/strings.h"
#include "sys/unix_socket.h"

namespace skiff::cli {

namespace {

Result<SharedDirectory> share(Session& session, const Path& directory) {
  const UniqueFd fd = TRY(open_file(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  net::Hijacked connection = TRY(session.api.hijack("/skiff/build/directory"));
  TRY(sys::send_fd(connection.stream->fd(), fd.get(), "d"));
  std::string answer = std::move(connection.early_bytes);
  char buffer[256];
  while (!answer.ends_with('\n')) {
    const size_t n = TRY(connection.stream->read(buffer));
    if (n == 0) return Error(Code::kUnavailable, "share directory: no answer");
    answer.append(buffer, n);
  }
  if (answer.starts_with("error: "))
    return Error(Code::kPermissionDenied, std::string(trim(answer)));
  return SharedDirectory{std::string(trim(answer)), std::move(connection.stream)};
}

}  // namespace

std::optional<SharedDirectory> share_directory(Session& session, const Path& directory) {
  if (directory.empty() || !session.api.is_local()) return std::nullopt;
  auto shared = share(session, directory);
  if (!shared) return std::nullopt;
  return std::move(*shared);
}

}  // namespace skiff::cli
