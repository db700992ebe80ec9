// Unix sockets by (directory descriptor, name), free of the 108-byte limit on paths, and
// descriptors sent over them.
#pragma once

#include <sys/socket.h>

#include <string>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace skiff::sys {

// A listening socket (close-on-exec) at `path`, mode 0600; an old socket there is replaced.
Result<UniqueFd> listen_unix(const Path& path, int backlog = 128, int type = SOCK_STREAM);
// A connected socket; kNotFound when nothing is there, kUnavailable when nobody listens.
Result<UniqueFd> connect_unix(const Path& path, int type = SOCK_STREAM);
// A connected pair; `type` is SOCK_STREAM, SOCK_SEQPACKET...
Result<std::pair<UniqueFd, UniqueFd>> socket_pair(int type);

// Sends `fd` along with `text` (at least one byte).
Result<> send_fd(int socket, int fd, std::string_view text);
Result<UniqueFd> receive_fd(int socket);

struct FdMessage {
  std::string text;  // "" at the end of the stream
  UniqueFd fd;       // where one came along
};
// At most 4096 bytes of text.
Result<FdMessage> receive_message(int socket);

}  // namespace skiff::sys
