// systemd's journal as journalctl exports it: what a container wrote stands in it.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/journal_export.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  skiff::engine::JournalExport entries;
  const size_t half = size / 2;
  for (std::string_view part :
       {std::string_view(reinterpret_cast<const char*>(data), half),
        std::string_view(reinterpret_cast<const char*>(data), size).substr(half)}) {
    entries.add(part);
    for (;;) {
      auto fields = entries.next();
      if (!fields) return 0;
      if (!*fields) break;
      // An entry without a field is none.
      if ((*fields)->empty()) __builtin_trap();
    }
  }
  return 0;
}
