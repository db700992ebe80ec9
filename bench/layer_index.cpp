// layer_index parse|index|unpack TAR OUTPUT: one way of taking in a layer, and the CPU seconds of
// this process that it took. OUTPUT is the index, or the directory to unpack into.
#include "snapshot/layer_index.h"

#include <fcntl.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "base/file.h"
#include "base/io.h"
#include "codec/tar.h"
#include "snapshot/layer_apply.h"

namespace skiff {
namespace {

// What both others have to do, too.
Result<uint64_t> parse(Source& tar) {
  TarReader reader(tar);
  uint64_t entries = 0;
  while (TRY(reader.next()) != nullptr) ++entries;
  return entries;
}

Result<uint64_t> index(int tar, Source& source, const Path& output) {
  const UniqueFd file = TRY(open_file(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  FdSink sink(file.get());
  snapshot::LayerIndexer indexer({});
  TRY(indexer.read(source, {}));
  snapshot::LayerPlace place;
  place.read_archive = [tar](uint64_t offset, std::span<char> buffer) -> Result<> {
    const ssize_t n = ::pread(tar, buffer.data(), buffer.size(), static_cast<off_t>(offset));
    if (n != static_cast<ssize_t>(buffer.size())) return Error(Code::kDataLoss, "short read");
    return {};
  };
  return TRY(indexer.write(place, sink)).inodes;
}

Result<uint64_t> take_in(std::string_view way, const Path& tar, const Path& output) {
  const UniqueFd file = TRY(open_file(tar, O_RDONLY | O_CLOEXEC));
  FdSource source(file.get());
  if (way == "parse") return parse(source);
  if (way == "index") return index(file.get(), source, output);
  TRY(make_directories(output));
  TRY(snapshot::apply_layer(output, {}, source));
  return uint64_t{0};
}

// In KiB. getrusage() would count what the caller had before exec.
uint64_t peak_memory() {
  const auto status = read_file("/proc/self/status");
  const size_t at = status ? status->find("VmHWM:") : std::string::npos;
  if (at == std::string::npos) return 0;
  return std::strtoull(status->c_str() + at + 6, nullptr, 10);
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace
}  // namespace skiff

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: layer_index parse|index|unpack TAR OUTPUT\n", stderr);
    return 2;
  }
  const auto done = skiff::take_in(argv[1], argv[2], argv[3]);
  if (!done) {
    std::fprintf(stderr, "layer_index: %s\n", done.error().message().c_str());
    return 1;
  }
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  std::printf("%lu %.6f %lu\n", *done,
              skiff::seconds(used.ru_utime) + skiff::seconds(used.ru_stime), skiff::peak_memory());
  return 0;
}
