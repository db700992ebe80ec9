// The writers behind make_compressing_sink().
#pragma once

#include "codec/compress.h"

namespace skiff {

std::unique_ptr<CompressingSink> make_gzip_writer(Sink& to, int level, size_t threads);
std::unique_ptr<CompressingSink> make_zstd_writer(Sink& to, int level, size_t threads);

}  // namespace skiff
