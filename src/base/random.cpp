#include "base/random.h"

#include <sys/random.h>

#include <cstdlib>

#include "base/strings.h"

namespace skiff {

std::string random_bytes(size_t count) {
  std::string bytes(count, '\0');
  size_t filled = 0;
  while (filled < count) {
    ssize_t n = ::getrandom(bytes.data() + filled, count - filled, 0);
    if (n > 0) filled += static_cast<size_t>(n);
  }
  return bytes;
}

std::string random_hex(size_t digits) {
  return to_hex(random_bytes((digits + 1) / 2)).substr(0, digits);
}

}  // namespace skiff
