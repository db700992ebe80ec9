// The words of BuildKit's clients for how layers are to be compressed, of outputs and of caches:
// "compression=zstd", "compression-level=3", "force-compression=true".
#pragma once

#include <map>
#include <optional>
#include <string>

#include "codec/compress.h"

namespace skiff {

bool is_compress_word(const std::string& name);

struct CompressWords {
  std::optional<CompressForm> form;  // nullopt: nothing is asked for
  bool force = false;                // also what is compressed otherwise already
};
// Of `attributes` the three above; others are not its. kInvalidArgument names the word:
// "compression=estargz: it is gzip, zstd or uncompressed".
Result<CompressWords> read_compress_words(const std::map<std::string, std::string>& attributes);

}  // namespace skiff
