// Where bytes are, in the words of the store that keeps them: what the metadata notes of a blob and
// of an upload, and hands back. It reads nothing of it.
#pragma once

#include <cstdint>
#include <string>

#include "content/ingest_state.h"

namespace skiff::registry {

struct BlobPlace {
  uint64_t size = 0;
  // "" where the digest says it all. Else no two writers ever choose the same one: whatever becomes
  // of a place says nothing of the same content at another.
  std::string place;
};

// How far an upload has come for good.
struct UploadState {
  content::IngestState bytes;
  std::string place;  // "" for none yet, and where the upload's id says it all
};

}  // namespace skiff::registry
