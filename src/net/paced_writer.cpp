#include "net/paced_writer.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <algorithm>

namespace skiff::net {

uint64_t PacedWriter::acknowledged(int socket) {
  int left = 0;
  if (::ioctl(socket, SIOCOUTQ, &left) != 0) return 0;
  const int before = unacknowledged_.value_or(left);
  unacknowledged_ = left;
  return static_cast<uint64_t>(std::max(0, before - left));
}

}  // namespace skiff::net
