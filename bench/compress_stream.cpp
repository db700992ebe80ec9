// compress_stream gzip|zstd LEVEL THREADS: standard input, compressed as layers are for a push.
// LEVEL 0 is the one without a wish.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "codec/compress.h"

int main(int argc, char** argv) {
  using namespace skiff;
  if (argc != 4) return 2;
  const std::string_view format = argv[1];
  const int level = std::atoi(argv[2]);
  CompressForm form{.compression = format == "zstd" ? Compression::kZstd : Compression::kGzip,
                    .level = {}};
  if (level > 0) form.level = level;
  FdSource in(STDIN_FILENO);
  FdSink out(STDOUT_FILENO);
  const auto packed = make_compressing_sink(out, form, static_cast<size_t>(std::atoi(argv[3])));
  auto done = copy(in, *packed);
  if (done && packed->finish()) return 0;
  fputs("compress_stream: failed\n", stderr);
  return 1;
}
