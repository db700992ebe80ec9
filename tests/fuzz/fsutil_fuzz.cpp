// Any bytes as packets of a sender of files, each behind two bytes of its size: files below one
// directory or an error.
#include <algorithm>

#include "buildkit/fsutil_receiver.h"

namespace {

constexpr size_t kHeader = 2;
constexpr size_t kByte = 256;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const char* data, size_t size) {
  auto directory = skiff::TempDir::make("/tmp", "skiff-fuzz-");
  if (!directory) return 0;
  auto root = skiff::sys::RootDir::open(directory->path());
  if (!root) return 0;
  skiff::buildkit::FsutilReceiver receiver(*root,
                                           [](std::string_view) -> skiff::Result<> { return {}; });
  std::string_view rest(data, size);
  while (rest.size() > kHeader) {
    const size_t length =
        static_cast<unsigned char>(rest[0]) * kByte + static_cast<unsigned char>(rest[1]);
    rest.remove_prefix(kHeader);
    auto taken = receiver.take(rest.substr(0, length));
    if (!taken || *taken) return 0;
    rest.remove_prefix(std::min(length, rest.size()));
  }
  return 0;
}
