// Files that a program of ours changes while others read them, and that need not outlive the
// machine.
#pragma once

#include "base/file.h"

namespace skiff::runtime {

// Writes FILE.new (0600) and renames it to `file`.
Result<> replace_file(const Path& file, std::string_view bytes);

}  // namespace skiff::runtime
