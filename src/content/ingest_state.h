// How far an ingest has come for good, in the words of its owner's record.
#pragma once

#include <cstdint>
#include <string>

namespace skiff::content {

struct IngestState {
  uint64_t offset = 0;
  std::string hash;  // Hasher::save() of the first `offset` bytes; "" for none
  // The boot of the system it was written in. Within the same one what was written behind `offset`
  // is as it was written; after another nothing is known of it. "" where nobody noted it: then
  // all that is in the file counts.
  std::string boot;
};

// Of the running system (random/boot_id of proc(5)); "" where it does not tell.
const std::string& current_boot();

}  // namespace skiff::content
