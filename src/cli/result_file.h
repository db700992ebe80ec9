// A file with what came out of a command (--iidfile, --metadata-file): asked for before the work is
// begun, written after it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace skiff::cli {

// Fails where the file could not be written; what an earlier command left there is gone, so that
// one that fails leaves nothing that looks like its result. Nothing for "".
Result<> clear_result_file(const std::string& file);
// Nothing for "".
Result<> write_result_file(const std::string& file, std::string_view text);

}  // namespace skiff::cli
