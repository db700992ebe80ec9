#include "content/ingest_state.h"

#include "base/file.h"
#include "base/strings.h"

namespace skiff::content {

const std::string& current_boot() {
  static const std::string id =
      std::string(trim(read_file("/proc/sys/kernel/random/boot_id").value_or("")));
  return id;
}

}  // namespace skiff::content
